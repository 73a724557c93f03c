// Set-up from nothing, played through as its first administrator: a small part of Datong, then the whole of Beijing
// (its list is not committed; without it that half says so and is skipped). After it a task goes all the way.
import test, { after } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { as, look, openEmpty, PHONE, query, recount } from "./house.mjs";
import { Builder } from "./pages/forms.mjs";
import { firstSignIn, PASSWORD, SetUp } from "./pages/setup.mjs";
import { TaskWizard } from "./pages/tasks.mjs";
import { citizenNumber, csv, xlsx } from "./sheets.mjs";

const here = (name) => new URL(name, import.meta.url);
const rows = (name) => readFileSync(here(name), "utf8").trimEnd().split("\n").map((line) => line.split("\t"));
const beijing = here("../../../shared/data/beijing.tsv");

const DATONG = {
  key: "datong", name: "大同市政民互通平台", province: "山西省", city: "大同市", cityCode: "1402",
  places: () => readFileSync(here("fixtures/places.tsv")), counts: { 区县: 2, 街道乡镇: 2, 社区村: 10 },
  book: () => xlsx(rows("fixtures/address_book.tsv")), bookName: "通讯录.xlsx", units: 7, manager: "liuhui", worker: "sunxiaodong",
  communities: ["御馨花都社区", "桥北社区", "葆华里社区"], orphans: 1, root: "大同市", district: "平城区",
};
const BEIJING = {
  key: "beijing", name: "北京市政民互通平台", province: "北京市",
  places: () => readFileSync(beijing), counts: { 区县: 16 },
  book: () => Buffer.from([
    "单位\t上级单位\t条线上级\t所在地\t岗位\t姓名\t手机\t角色\t标签\t登录名",
    "北京市民政局\t\t\t北京市\t养老服务处经办\t何清\t13800000011\tmanager\tcivil_affairs\theqing",
    "东城区民政局\t\t北京市民政局\t东城区\t\t\t\t\t\t",
    "东华门街道办事处\t\t东城区民政局\t东城区/东华门街道\t\t\t\t\t\t",
    "多福巷社区居委会\t东华门街道办事处\t东华门街道办事处\t110101001001\t网格员\t安宁\t13800000012\tgrid_worker\tgrid_worker\tanning",
    "王府井社区居委会\t东华门街道办事处\t东华门街道办事处\t110101001015\t网格员\t高远\t13800000013\tgrid_worker\tgrid_worker\t",
  ].join("\n")), bookName: "addressbook.tsv", units: 5, manager: "heqing", worker: "anning",
  communities: ["多福巷社区", "王府井社区", "智德社区"], orphans: 1, root: "北京市", district: "东城区",
};

const houses = [];
after(async () => {
  for (const house of houses) await house.close();
});

for (const city of [DATONG, BEIJING]) {
  const missing = city === BEIJING && !existsSync(beijing);
  const options = { skip: missing ? "the list of Beijing's divisions is not here" : false };
  let house;
  const passwords = {};

  test(`${city.key}: the first administrator sets the installation up`, options, async () => {
    house = await openEmpty();
    houses.push(house);
    const page = await as(house, null);
    await page.goto(house.url);
    assert.match(page.url(), /\/setup$/, "everything leads to the set-up");
    const setup = new SetUp(page, house);
    await setup.fill(city);
    await look(page, `setup-${city.key}`);
    await page.fill("[name=code]", "wrong");
    await page.fill("[name=again]", "another");
    await setup.send();
    assert.equal((await page.$$(".errors li")).length, 2);
    await look(page, `setup-wrong-${city.key}`);
    assert.equal(query(house, "select count(*) from account")[0][0], 0, "nothing is half stored");
    await setup.fill(city);
    await setup.send();
    assert.match(page.url(), /\/sign-in/);
    await setup.signIn();
    assert.match(page.url(), /\/admin$/);
    await look(page, `setup-done-${city.key}`);
    assert.equal((await page.goto(`${house.url}/setup`)).status(), 404, "the set-up is closed for ever");
    await page.context().close();
  });

  test(`${city.key}: places come from one file, a look first`, options, async () => {
    const page = await as(house, "admin");
    const setup = new SetUp(page, house);
    await page.goto(`${house.url}/organizations`);
    await look(page, `organizations-empty-${city.key}`);
    await setup.upload("places", "坏.tsv", Buffer.from("999999000000\t9\t没有这一级\n"));
    assert.match(await page.textContent("#errors"), /第 1 行/);
    await look(page, `places-wrong-${city.key}`);
    await setup.upload("places", "places.tsv", city.places());
    const would = await setup.figures();
    for (const [level, count] of Object.entries(city.counts)) assert.equal(would[level], count, level);
    await look(page, `places-would-${city.key}`);
    const before = query(house, "select count(*) from place")[0][0];
    assert.ok(before <= 2, "a look stores nothing");
    await setup.apply("places");
    await look(page, `places-done-${city.key}`);
    const levels = Object.fromEntries(query(house, "select level, count(*) from place group by level"));
    assert.equal(levels[3], city.counts.区县);
    if (city === BEIJING) assert.equal(levels[2] ?? 0, 0, "市辖区 is merged into the municipality");
    await page.goto(`${house.url}/places`);
    if (city === DATONG) await page.getByRole("link", { name: "大同市", exact: true }).click();
    assert.ok(await page.getByRole("link", { name: city.district, exact: true }).isVisible());
    await look(page, `places-${city.key}`);
    await page.context().close();
  });

  test(`${city.key}: the address book brings units, people and sign-ins`, options, async () => {
    const page = await as(house, "admin");
    const setup = new SetUp(page, house);
    await setup.upload("address-book", "坏.csv", csv([["单位", "所在地"], ["火星居委会", "火星社区"]]));
    assert.match(await page.textContent("#errors"), /没有“火星社区”这个地方/);
    await setup.upload("address-book", city.bookName, city.book());
    const would = await setup.figures();
    assert.equal(would["新组织"], city.units);
    await look(page, `book-would-${city.key}`);
    assert.equal(query(house, "select count(*) from organization")[0][0], 0, "a look stores nothing");
    await setup.apply("address-book");
    const told = await page.$$eval(".table tbody tr", (all) => all.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
    for (const [, login, password] of told) passwords[login] = password;
    await look(page, `book-done-${city.key}`);
    assert.ok(passwords[city.manager] && passwords[city.worker], "one-time passwords are told once");
    await setup.upload("address-book", city.bookName, city.book());
    assert.match(await page.textContent("main"), /和现在完全一样|登录名.*已有人用/);
    await page.context().close();
  });

  if (city === DATONG) {
    test("the administrator adds, moves and ends units, posts and grids, makes doors, resets a password", async () => {
      const page = await as(house, "admin");
      const setup = new SetUp(page, house);
      const to = async (name) => {
        await page.goto(`${house.url}/organizations?q=${encodeURIComponent(name)}`);
        await page.getByRole("link", { name, exact: true }).first().click();
        await page.waitForURL(/\/organizations\/[0-9a-f-]{36}/);
      };
      await page.goto(`${house.url}/organizations`);
      await page.fill("form[action='/organizations'][method=post] [name=name]", "阳光社区服务社");
      await page.selectOption("[name=kind]", { label: "社会组织" });
      await setup.choose("parent", "永泰街道", "永泰街道办事处");
      await page.click("form[action='/organizations'][method=post] button");
      await page.locator(".toast").waitFor();
      await to("阳光社区服务社");
      await look(page, "organization");
      await page.locator("summary", { hasText: "改名、划转、撤销" }).click();
      const transfer = page.locator("form[action$='/transfer']", { has: page.locator("[name=parent_text], [name=to_text]") }).last();
      const picker = await transfer.locator("input[type=text]").first().getAttribute("id");
      await setup.choose(picker.slice(2), "桥北", "桥北社区居委会");
      await transfer.getByRole("button").click();
      await page.locator(".toast", { hasText: "已划转" }).waitFor();
      await page.fill("form[action$='/posts'] [name=title]", "社工");
      await page.fill("form[action$='/posts'] [name=person]", "韩雪");
      await page.fill("form[action$='/posts'] [name=login]", "hanxue");
      await page.click("form[action$='/posts'] button");
      await page.locator("code").waitFor();
      const first = (await page.textContent("code")).trim();
      await look(page, "organization-password");
      await to("阳光社区服务社");
      await page.locator("summary", { hasText: "调动、停用、重设密码" }).first().click();
      await look(page, "organization-post");
      await page.getByRole("link", { name: "重设密码" }).click();
      await page.waitForURL(/\/admin\/accounts\//);
      await page.locator("form[action$='/reset'] button").click();
      await page.locator(".code").waitFor();
      assert.notEqual((await page.textContent(".code")).trim(), first, "a new password");
      await look(page, "password-reset");
      await to("阳光社区服务社");
      await page.locator("summary", { hasText: "调动、停用、重设密码" }).first().click();
      await page.locator("form[action^='/posts/'][action$='/end'] button").first().click();
      await page.locator(".toast", { hasText: "岗位已结束" }).waitFor();
      await page.locator("summary", { hasText: "改名、划转、撤销" }).click();
      await page.locator("form[action^='/organizations/'][action$='/end'] button").click();
      await page.locator(".toast", { hasText: "已撤销" }).waitFor();

      await page.goto(`${house.url}/places?q=御馨花都`);
      await page.locator("main").getByRole("link", { name: /御馨花都社区/ }).first().click();
      await page.fill("form[action$='/grids'] [name=name]", "第一网格");
      await page.click("form[action$='/grids'] button");
      await page.locator(".toast", { hasText: "网格已加" }).waitFor();
      await page.locator("summary", { hasText: "改 第一网格" }).click();
      await page.locator("form[action^='/grids/'] select[name=post]").selectOption({ index: 1 });
      await page.locator("form[action^='/grids/'] button", { hasText: "加上" }).click();
      await page.locator(".toast", { hasText: "网格人员已更新" }).waitFor();
      await look(page, "community");
      await page.getByRole("link", { name: "小区、楼栋、门牌" }).click();
      await look(page, "premises-empty");
      const numbers = { compound: "阳光嘉苑", buildings_from: 1, buildings_to: 2, units_from: 1, units_to: 2, floors_from: 1, floors_to: 6, doors: 2 };
      const names = await page.$$eval("form.two-col input[type=text]", (all) => all.map((one) => one.name));
      for (const [at, value] of Object.values(numbers).entries()) await page.fill(`form.two-col [name='${names[at]}']`, String(value));
      await page.click("form.two-col button");
      await page.locator("#preview").waitFor();
      assert.equal((await setup.figures())["门牌"], 48);
      await look(page, "premises-would");
      await page.click("#preview button");
      await page.locator(".toast", { hasText: "已新建" }).waitFor();
      assert.equal(query(house, "select count(*) from premises where kind = 'door'")[0][0], 48);
      await page.context().close();
    });
  }

  test(`${city.key}: a task goes from its form to a worker's phone`, options, async () => {
    for (const login of [city.manager, city.worker]) {
      const page = await as(house, null, login === city.worker ? PHONE : undefined);
      await firstSignIn(page, house.url, login, passwords[login], `${PASSWORD}-${login.length}`);
      house.sessions.set(login, await page.context().storageState());
      await page.context().close();
    }
    const page = await as(house, city.manager);
    await page.goto(`${house.url}/tasks`);
    await look(page, `tasks-empty-${city.key}`);
    const builder = new Builder(page, house.url);
    await builder.begin("入户走访");
    for (const key of ["person.name", "person.id_no"]) await builder.attribute(key);
    await builder.control("long_text", { label: "备注", required: true });
    await builder.publish();
    await builder.confirm();
    const wizard = new TaskWizard(page, house.url);
    await wizard.what({ title: "秋季走访", form: "入户走访", days: 3 });
    await wizard.upload("名单.csv", csv([["姓名", "证件号码", "所在社区"], ...city.communities.map((community, at) =>
      [`张${"一二三"[at]}`, citizenNumber("110101", "19450607", 201 + at), community])]));
    await wizard.next();
    await wizard.next();
    await page.waitForURL(/\/dry-run$/);
    const counts = await wizard.counts();
    assert.equal(counts[city.root], "3");
    assert.equal(counts[city.communities[0]], "1");
    assert.match(await page.textContent(".sheet.danger"), new RegExp(`${city.orphans} 件没人接`));
    await look(page, `dry-run-${city.key}`);
    await wizard.dispatch();
    await page.locator(".figure-value", { hasText: /^3$/ }).first().waitFor();
    await look(page, `sent-${city.key}`);
    await page.context().close();
    const phone = await as(house, city.worker, PHONE);
    await phone.goto(`${house.url}/work/${wizard.id}`);
    await look(phone, `worker-${city.key}`);
    await phone.getByRole("link", { name: "张一", exact: true }).click();
    await phone.getByLabel("备注").fill("身体好");
    await phone.getByRole("button", { name: "提交" }).click();
    await phone.waitForURL(/\/slip/);
    assert.equal(recount(house, wizard.id).done, 1);
    await phone.context().close();
  });
}
