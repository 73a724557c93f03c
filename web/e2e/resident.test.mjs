// A resident without account and without script, the worker who answers her, and the record that both feed.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { as, DESKTOP, look as lookWithScript, open, PHONE, query } from "./house.mjs";
import { Case, Resident, weigh } from "./pages/residents.mjs";
import { citizenNumber } from "./sheets.mjs";

const COMMUNITY = "御馨花都社区";
const SERVICE = "独居老人关爱登记";
const MOST_BYTES = 30_000;

let house;
before(async () => (house = await open()));
after(() => house?.close());

/**
 * axe runs in the page and waits for timers, which stand still where script is off: the page as it stands is
 * shown again to a browser that runs axe, but none of the page's scripts.
 */
async function look(page, name) {
  if (!page.scriptOff) return lookWithScript(page, name);
  const [url, body] = [page.url(), await page.content()];
  const copy = await as(house, null, page.viewportSize());
  await copy.route("**/*", (route) => {
    const request = route.request();
    if (request.isNavigationRequest()) return route.fulfill({ contentType: "text/html; charset=utf-8", body });
    return request.resourceType() === "script" ? route.fulfill({ contentType: "text/javascript", body: "" }) : route.continue();
  });
  await copy.goto(url);
  await lookWithScript(copy, name);
  await copy.context().close();
  assert.deepEqual(page.faults, [], name);
}

const noScript = async (viewport, options = {}) => Object.assign(await as(house, null, viewport, { javaScriptEnabled: false, ...options }), { scriptOff: true });
const casesOf = (label) => query(house, `select count(*) from service_case where label = '${label}'`)[0][0];
const stepsOf = (label) => query(house, `select s.kind from case_step s join service_case c on c.id = s.case_id where c.label = '${label}' order by s.at, s.id`).flat();

async function light(page, path) {
  const { status, bytes, loaded } = await weigh(house, page, path);
  assert.equal(status, 200, path);
  assert.ok(loaded.includes("Stylesheet") && loaded.includes("Script"), `${path} loads ${loaded}`);
  assert.ok(bytes > 2_000 && bytes < MOST_BYTES, `${path} weighs ${bytes} bytes`);
}

const elder = (name, order, more = {}) => ({ name, number: citizenNumber("140202", "19400512", order), phone: `1990354${1000 + order}`, alone: true, contact: "女儿郑敏", ...more });
const QIAOYUN = elder("郑巧云", 301, { needs: ["送餐"], remarks: "冬天下楼不方便" });
const QIUSHENG = elder("贺秋生", 302, { phone: "19903540302" });
const codes = {};

/** A resident's whole way to a slip, with nothing else than links and buttons. */
async function register(resident, name, facts) {
  const { page } = resident;
  await resident.services(COMMUNITY);
  await resident.follow(SERVICE);
  await resident.fill(facts);
  await resident.press("提交");
  assert.match(page.url(), /\/slip$/, await page.textContent("main"));
  codes[name] = (await resident.slip()).code;
}

for (const [device, viewport, facts] of [["phone", PHONE, QIAOYUN], ["desktop", DESKTOP, elder("郑巧珍", 303)]]) {
  test(`without script on a ${device}: from the services to a slip, the same twice, and the state of it`, async () => {
    const page = await noScript(viewport);
    const resident = new Resident(page, house.url);
    await page.goto(`${house.url}/services`);
    await look(page, `resident-services-${device}`);
    await light(page, "/services");
    await page.goto(`${house.url}/services?q=没有这个社区`);
    assert.match(await page.textContent("main"), /没有找到，换个写法试试/);
    await resident.services(COMMUNITY);
    await look(page, `resident-community-${device}`);
    await light(page, page.url().slice(house.url.length));
    await resident.follow(SERVICE);
    assert.doesNotMatch(await page.textContent("main"), /走访/, "a resident is not asked about a visit");
    assert.ok(await page.getByLabel("紧急联系人").isVisible(), "what depends on an answer is there without script, with its condition");
    assert.match(await page.textContent(".field.follow noscript, .field.follow .hint"), /“是否独居”为“是”时填写/);
    await look(page, `resident-form-${device}`);
    await light(page, page.url().slice(house.url.length));
    // What is missing and what is wrong, in words; what was typed stays.
    await resident.fill({ name: facts.name, number: "140202194005129999", phone: "1390", alone: true });
    await resident.press("提交");
    const errors = page.locator(".errors");
    assert.match(await errors.textContent(), /身份证号/);
    for (const label of ["身份证号", "联系电话", "紧急联系人"]) {
      const field = page.locator(".field.bad", { has: page.getByLabel(label) });
      assert.match(await field.locator(".error").textContent(), /[一-鿿]{4}/, `${label} says what is wrong`);
    }
    assert.equal(await page.locator(".field.bad").count(), 3);
    assert.equal(await page.getByLabel("老人姓名").inputValue(), facts.name);
    assert.match(await page.title(), /^有错误：/);
    assert.equal(casesOf(facts.name), 0, "nothing is stored");
    await look(page, `resident-wrong-${device}`);
    await resident.fill(facts);
    await resident.press("提交");
    assert.match(page.url(), /\/slip$/, await page.textContent("main"));
    const { code, number } = await resident.slip();
    assert.match(code, /^[A-Z0-9]{5}-?[A-Z0-9]{5}$/);
    await look(page, `resident-slip-${device}`);
    await light(page, page.url().slice(house.url.length));
    const again = await resident.again();
    assert.equal(again.status, 200);
    assert.ok(again.text.includes(code) && again.text.includes(number), "the same slip");
    assert.equal(casesOf(facts.name), 1, "and one case");
    // Somebody else's browser: the code alone opens it, another one does not.
    const elsewhere = await noScript(viewport);
    const asking = new Resident(elsewhere, house.url);
    await asking.query(code.replace(/.$/, (last) => (last === "2" ? "3" : "2")));
    assert.match(await elsewhere.textContent(".errors"), /没有这个查询码/);
    await look(elsewhere, `resident-query-wrong-${device}`);
    await light(elsewhere, "/query");
    await asking.query(code);
    assert.match(await elsewhere.textContent("main"), /已收到，等工作人员接手/);
    assert.ok(!(await elsewhere.content()).includes(facts.number), "whoever found the slip learns no number");
    await look(elsewhere, `resident-state-${device}`);
    await light(elsewhere, "/query/case");
    codes[facts.name] = code;
    await page.context().close();
    await elsewhere.context().close();
  });
}

test("a worker finds the case among her items, takes and accepts it; record, ledger and resident see it", async () => {
  const page = await as(house, "sunxiaodong", PHONE);
  const work = new Case(page, house.url);
  await page.goto(`${house.url}/`);
  const lines = await page.locator(".todos .todo").allTextContents();
  assert.ok(lines.some((line) => line.includes("2026 年独居老人走访")) && lines.some((line) => line.includes("郑巧云")), lines.join("|"));
  await look(page, "worker-home");
  await work.open("郑巧云");
  assert.ok(!(await page.content()).includes(QIAOYUN.number), "masked until a reason is given");
  await look(page, "worker-case");
  await work.press("我来办");
  assert.match(await page.textContent(".toast"), /已接手/);
  assert.equal(await page.locator("[name=take]").count(), await page.locator("[name=take]:checked").count());
  await look(page, "worker-case-taken");
  await work.accept("已登记，周三上午来看您。");
  assert.match(await page.textContent(".toast"), /已答复/);
  assert.deepEqual(stepsOf("郑巧云"), ["submitted", "claimed", "answered"]);
  await look(page, "worker-case-answered");
  await page.getByRole("link", { name: "个人页" }).click();
  await page.waitForURL(/\/people\//);
  const fact = (label) => page.locator(".person-facts > div", { has: page.locator("dt", { hasText: label }) });
  assert.match(await fact("是否独居").textContent(), /是[\s\S]*独居老人关爱登记/);
  assert.match(await fact("紧急联系人").first().textContent(), /女儿郑敏[\s\S]*独居老人关爱登记/);
  await look(page, "worker-person");
  await page.goto(`${house.url}/ledgers`);
  await page.getByRole("link", { name: "独居老人" }).click();
  await page.waitForURL(/\/ledgers\/[0-9a-f-]+$/);
  await page.goto(`${page.url()}?q=${encodeURIComponent("郑巧")}`);
  const names = await page.$$eval(".table tbody th", (cells) => cells.map((cell) => cell.textContent.trim()));
  assert.deepEqual(names, ["郑巧云"], "accepted: in the ledger; waiting: not yet");
  await page.context().close();
  const her = await noScript(PHONE);
  await new Resident(her, house.url).query(codes["郑巧云"]);
  assert.match(await her.textContent("main"), /已经答复[\s\S]*已登记，周三上午来看您。/);
  await look(her, "resident-answered");
  await her.context().close();
});

test("a correction is asked, answered without script, and comes back to the worker", async () => {
  const him = await noScript(PHONE);
  const resident = new Resident(him, house.url);
  await register(resident, "贺秋生", QIUSHENG);
  const page = await as(house, "sunxiaodong", PHONE);
  const work = new Case(page, house.url);
  await work.open("贺秋生");
  await work.press("我来办");
  await work.askCorrection("联系电话", "这个号码打不通，请核对。");
  assert.match(await page.textContent(".toast"), /已请居民修改/);
  await look(page, "worker-case-correction");
  await resident.query(codes["贺秋生"]);
  assert.match(await him.textContent("main"), /请您改一改再交[\s\S]*这个号码打不通，请核对。/);
  assert.deepEqual(await him.$$eval("main form.form .field", (all) => all.length), 1, "only what is asked");
  await look(him, "resident-correct");
  await resident.fill({ phone: "139" });
  await resident.press("改好了，重新提交");
  assert.match(await him.textContent(".errors"), /手机号|电话/);
  await look(him, "resident-correct-wrong");
  await resident.fill({ phone: "19903549999" });
  await resident.press("改好了，重新提交");
  assert.match(await him.textContent("main"), /居民已改/);
  await look(him, "resident-corrected");
  await work.open("贺秋生");
  assert.match(await page.textContent("main"), /居民已改/);
  assert.match(await page.textContent("main"), /199\*+9999/, "the new number, masked");
  assert.deepEqual(stepsOf("贺秋生"), ["submitted", "claimed", "correction_asked", "corrected"]);
  await page.context().close();
  await him.context().close();
});

test("代填: a worker files for somebody, prints one sheet, and the code on it works", async () => {
  const page = await as(house, "sunxiaodong", DESKTOP);
  await page.goto(`${house.url}/`);
  await page.locator(".makes a", { hasText: "代填" }).click();
  await page.waitForLoadState();
  await page.locator(".todo", { hasText: SERVICE }).getByRole("link", { name: "代填" }).click();
  await page.waitForURL(/\/file/);
  await look(page, "worker-file");
  const hand = new Resident(page, house.url);
  await hand.press("提交");
  assert.match(await page.textContent(".errors"), /老人姓名/);
  await look(page, "worker-file-wrong");
  await hand.fill(elder("邓福来", 304));
  await hand.press("提交");
  await page.waitForURL(/\/cases\/[0-9a-f-]+\/slip$/);
  const { code } = await hand.slip();
  await look(page, "worker-slip");
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator(".slip .code").isVisible());
  for (const gone of [".top", ".foot", ".acts", ".crumbs", ".screen"]) assert.ok(!(await page.locator(gone).first().isVisible()), `${gone} is not printed`);
  await look(page, "worker-slip-printed");
  await page.emulateMedia({ media: null });
  const paper = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.equal(paper.match(/\/Type \/Page\b/g).length, 1, "one sheet");
  await page.reload();
  assert.ok(!stepsOf("邓福来").includes("submitted") && stepsOf("邓福来").includes("filed"));
  await page.context().close();
  const he = await noScript(PHONE);
  await new Resident(he, house.url).query(code);
  assert.match(await he.textContent("main"), /工作人员代填/);
  await look(he, "resident-filed");
  await he.context().close();
});

test("投诉建议 reaches somebody", async () => {
  const page = await noScript(PHONE);
  const resident = new Resident(page, house.url);
  await page.goto(`${house.url}/services`);
  await page.getByRole("link", { name: "投诉建议" }).click();
  await page.waitForLoadState();
  await look(page, "resident-feedback");
  await light(page, "/feedback");
  await resident.press("提交");
  assert.match(await page.textContent(".errors"), /想说的话/);
  const words = "活动室的门太重，老人推不开。";
  await resident.tick("是哪一类", "投诉");
  await page.getByLabel("想说的话").fill(words);
  await resident.press("提交");
  const { code } = await resident.slip();
  await look(page, "resident-feedback-slip");
  const admin = await as(house, "admin");
  const work = new Case(admin, house.url);
  await work.open("投诉建议 投诉");
  assert.ok((await admin.textContent("main")).includes(words));
  await look(admin, "admin-case");
  await work.press("我来办");
  await admin.getByLabel("告诉居民的话").fill("已报修，明天换。");
  await work.press("采纳并答复");
  await resident.query(code);
  assert.match(await page.textContent("main"), /已报修，明天换。/);
  await admin.context().close();
  await page.context().close();
});

test("the pages of the channels, in both languages and sizes", async () => {
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const lang of ["zh-CN", "en"]) {
      const page = await as(house, "liuhui", viewport, { lang });
      const channel = query(house, "select id from channel where state = 'open' and app_key is not null")[0][0];
      for (const [name, path] of [["home", "/"], ["channels", "/channels"], ["channel", `/channels/${channel}`], ["new", "/channels/new"], ["cases", "/cases?state=all"]]) {
        assert.equal((await page.goto(house.url + path)).status(), 200, path);
        await look(page, `channels-${name}-${size}-${lang}`);
      }
      if (viewport === DESKTOP) assert.ok(await page.locator("nav.tabs a[href='/channels']").isVisible(), "the tab is there on a wide screen");
      await page.context().close();
    }
  }
});
