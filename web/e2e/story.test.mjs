// The story from the form to the ledger, in a browser, by the people who do it.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { as, look, open, PHONE, query, recount } from "./house.mjs";
import { Builder } from "./pages/forms.mjs";
import { TaskWizard } from "./pages/tasks.mjs";
import { citizenNumber, csv, xlsx } from "./sheets.mjs";

let house;
const tasks = {};
before(async () => (house = await open()));
after(() => house?.close());

const HEAD = ["姓名", "证件号码", "手机号码", "所在社区"];
const person = (name, order, community) => [name, citizenNumber("140202", "19410312", order), `1380000${String(1000 + order)}`, community];
const LISTED = [
  person("郝玉梅", 101, "御馨花都社区"), person("任桂花", 102, "御馨花都社区"), person("白秀英", 103, "桥北社区"),
  person("高志强", 104, "葆华里社区"), person("郭宝山", 105, "春晖社区"), person("马淑珍", 106, "没有这个社区"),
  person("郝玉梅", 101, "桥北社区"),
];

test("the manager makes the form with the plain builder and publishes version 1", async () => {
  const page = await as(house, "liuhui");
  const builder = new Builder(page, house.url);
  await builder.begin("独居老人入户走访");
  await look(page, "form-empty");
  await builder.attribute("person.name", { required: true });
  await builder.attribute("person.id_no");
  await builder.attribute("person.mobile");
  await builder.attribute("person.live_alone", { required: true });
  await builder.attribute("person.emergency_name", { when: "是否独居", is: "是" });
  await builder.control("date", { label: "走访日期", required: true, today: true });
  await builder.control("multiple_choice", { label: "需要的帮助", choices: ["送餐", "打扫", "代取药"] });
  await builder.control("long_text", { label: "备注" });
  await look(page, "form-full");
  await builder.publish();
  await look(page, "form-publish");
  await builder.confirm();
  assert.match(await page.textContent("main"), /第 1 版/);
  const preview = page.frameLocator("iframe.preview");
  for (const label of ["姓名", "证件号码", "走访日期", "需要的帮助", "备注"]) {
    assert.ok(await preview.getByText(label).first().isVisible(), `${label} is in the preview`);
  }
  await look(page, "form-published");
  await page.context().close();
});

for (const [kind, file] of [["csv", csv([HEAD, ...LISTED])], ["xlsx", xlsx([HEAD, ...LISTED])]]) {
  test(`a listed task from a ${kind}: what would happen, then one click`, async () => {
    const page = await as(house, "liuhui");
    const wizard = new TaskWizard(page, house.url);
    await wizard.what({ title: `入户走访 ${kind}`, form: "独居老人入户走访", days: 5 });
    await look(page, `task-whom-empty-${kind}`);
    await wizard.upload(`名单.${kind}`, file);
    assert.match(await page.textContent("main"), /2 行有问题/);
    await look(page, `task-whom-${kind}`);
    await wizard.next();
    await page.waitForURL(/\/rule$/);
    assert.match(await page.textContent(".sentence"), /每收到一份/);
    assert.equal(await page.inputValue(".sentence input.short >> nth=0"), "5", "the sentence says the task's own days");
    await look(page, `task-rule-${kind}`);
    await wizard.next();
    await page.waitForURL(/\/dry-run$/);
    const counts = await wizard.counts();
    assert.equal(counts["平城区"], "4");
    assert.equal(counts["永泰街道"], "4");
    assert.equal(counts["御馨花都社区"], "2");
    assert.equal(counts["云州区"], "1");
    assert.equal(counts["浑源县"], "1");
    const text = await page.textContent("#orphans");
    assert.match(text, /没有这个社区/);
    assert.match(text, /与第 2 行是同一个人/);
    await look(page, `task-dry-run-${kind}`);
    assert.deepEqual(recount(house, wizard.id), {}, "nothing is sent before the click");
    await wizard.dispatch();
    await page.locator("tbody th", { hasText: "葆华里社区居委会" }).waitFor();
    await page.locator(".figure-value", { hasText: /^7$/ }).first().waitFor();
    await look(page, `task-sent-${kind}`);
    assert.equal(recount(house, wizard.id).open, 7);
    tasks[kind] = wizard.id;
    await page.context().close();
  });
}

test("the worker's phone: known facts are in, a mistake is told, the slip is the same twice", async () => {
  const page = await as(house, "sunxiaodong", PHONE);
  await page.goto(`${house.url}/work/${tasks.csv}`);
  await look(page, "work-list");
  await page.getByRole("link", { name: "郝玉梅", exact: true }).click();
  await page.waitForURL(/\/items\//);
  await look(page, "work-item");
  assert.match(await page.textContent("main"), /140202\*+\S{4}/, "the number of the list is known, and masked");
  await page.getByLabel("走访日期").fill("去年");
  const send = page.getByRole("button", { name: "提交" });
  await send.click();
  assert.match(await page.textContent(".errors"), /走访日期/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "errors");
  assert.equal(await page.getByLabel("走访日期").inputValue(), "去年", "what was typed stays");
  await look(page, "work-item-wrong");
  await page.getByLabel("走访日期").fill("2026年11月20日");
  await page.getByRole("group", { name: /是否独居/ }).getByText("是", { exact: true }).click();
  await page.getByLabel(/紧急联系人/).fill("李建国");
  await page.getByText("送餐", { exact: true }).click();
  await page.getByLabel(/备注/).fill("腿脚不便");
  // The same payload twice, as a thumb on a slow line sends it.
  const [form] = await page.$$eval("form[action^='/items/'].form", (all) => all.map((one) => ({ action: one.action, body: new URLSearchParams(new FormData(one)).toString() })));
  await send.click();
  await page.waitForURL(/\/slip/);
  const slip = await page.textContent(".code");
  await look(page, "work-slip");
  const again = await page.evaluate(async ({ action, body }) => {
    const answer = await fetch(action, { method: "POST", body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
    return { status: answer.status, text: await answer.text() };
  }, form);
  assert.equal(again.status, 200);
  assert.ok(again.text.includes(slip.trim()), "the same slip");
  assert.equal(query(house, "select count(*) from submission where door_id in (select id from item where task_id = ?)", tasks.csv)[0][0], 1);
  await page.context().close();
});

test("nothing has changed since the last visit: one tap", async () => {
  const page = await as(house, "sunxiaodong", PHONE);
  await page.goto(`${house.url}/work/${tasks.xlsx}`);
  const card = page.locator(".work-card", { hasText: "郝玉梅" });
  assert.match(await card.textContent(), /上次.*腿脚不便/);
  await look(page, "work-list-known");
  await card.getByRole("button", { name: /没有变化/ }).click();
  await page.locator(".toast").waitFor();
  assert.match(await page.textContent(".toast"), /郝玉梅/);
  await look(page, "work-unchanged");
  assert.equal(recount(house, tasks.xlsx).done, 1);
  await page.context().close();
});

test("the leader's board: three taps down to the community, moving by itself within a second", async () => {
  const leader = await as(house, "wangjianping");
  await leader.goto(`${house.url}/boards/${tasks.csv}`);
  let taps = 0;
  for (const place of ["永泰街道", "御馨花都社区"]) {
    await leader.locator("a.tile", { hasText: place }).click();
    await leader.waitForLoadState();
    taps++;
  }
  assert.ok(taps <= 3);
  assert.match(await leader.textContent("h1"), /入户走访 csv/);
  await look(leader, "board-community");
  const figure = async (label) => Number((await leader.locator(".board-figures .figure", { hasText: label }).first().locator("[data-number]").textContent()).replaceAll(",", ""));
  const community = query(house, "select place_id from item where task_id = ? and state = 'done' limit 1", tasks.csv)[0][0];
  const counted = () => query(house, "select count(*), sum(state = 'done') from item where task_id = ? and place_id = ?", tasks.csv, community)[0];
  assert.deepEqual([await figure("应办"), await figure("已办")], counted());
  await leader.locator(".live-dot").waitFor();
  const worker = await as(house, "sunxiaodong", PHONE);
  await worker.goto(`${house.url}/work/${tasks.csv}`);
  await worker.getByRole("link", { name: "任桂花", exact: true }).click();
  await worker.getByLabel("走访日期").fill("2026-11-21");
  await worker.getByRole("group", { name: /是否独居/ }).getByText("否", { exact: true }).click();
  const before = await figure("已办");
  await worker.getByRole("button", { name: "提交" }).click();
  await worker.waitForURL(/\/slip/);
  await leader.waitForFunction((old) => document.querySelectorAll(".board-figures [data-number]")[1].textContent !== String(old), before, { timeout: 1000 });
  assert.deepEqual([await figure("应办"), await figure("已办")], counted());
  assert.deepEqual(leader.faults, []);
  await leader.context().close();
  await worker.context().close();
});

test("the ledger finds her by name, pinyin, initials and last four digits; it filters and exports", async () => {
  const page = await as(house, "zhaoxiuying");
  await page.goto(`${house.url}/ledgers`);
  await page.getByRole("link", { name: "全部人员" }).click();
  await page.waitForURL(/\/ledgers\/[0-9a-f-]+$/);
  const number = LISTED[0][1];
  for (const words of ["郝玉梅", "haoyumei", "hym", number.slice(-4)]) {
    await page.fill(".ledger-filter [name=q]", words);
    await page.press(".ledger-filter [name=q]", "Enter");
    await page.waitForURL(/q=/);
    const names = await page.$$eval(".table tbody th", (cells) => cells.map((cell) => cell.textContent.trim()));
    assert.ok(names.includes("郝玉梅"), `${words} finds her among ${names}`);
  }
  assert.ok(!(await page.content()).includes(number), "no number in clear");
  await look(page, "ledger-found");
  await page.fill(".ledger-filter [name=q]", "");
  await page.click(".ledger-filter summary");
  await page.selectOption("[name=alone]", { index: 1 });
  await page.selectOption("[name=age]", { index: 2 });
  await page.click(".ledger-filter .btn.filled");
  await page.waitForURL(/alone=/);
  assert.ok((await page.$$(".conditions li")).length >= 2);
  await look(page, "ledger-filtered");
  const total = Number((await page.textContent(".head-note")).match(/[\d,]+/)[0].replaceAll(",", ""));
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("[name=format][value=csv]")]);
  const lines = readFileSync(await file.path(), "utf8").trim().split("\n");
  assert.equal(lines.length - 1, total, "the export has the rows of the filter");
  await page.goto(`${page.url().split("?")[0]}?q=没有这样的人`);
  await look(page, "ledger-nobody");
  await page.context().close();
});

test("her page says of each value who, when and from which form; a number asks for a reason", async () => {
  const page = await as(house, "zhaoxiuying");
  await page.goto(`${house.url}/search?q=郝玉梅`);
  await look(page, "search");
  await page.locator("main a[href^='/people/']").first().click();
  await page.waitForURL(/\/people\//);
  const fact = (label) => page.locator(".person-facts > div", { has: page.locator("dt", { hasText: label }) });
  assert.match(await fact("是否独居").textContent(), /独居老人入户走访.*孙晓东/);
  await look(page, "person");
  await fact("证件号码").locator("summary").click();
  await fact("证件号码").locator("[name=reason]").fill("看");
  await fact("证件号码").getByRole("button").click();
  assert.match(await fact("证件号码").textContent(), /请写 4 到 200 个字/);
  await look(page, "person-no-reason");
  assert.ok(!(await page.content()).includes(LISTED[0][1]));
  await fact("证件号码").locator("[name=reason]").fill("上门前核对身份");
  await fact("证件号码").getByRole("button").click();
  await page.locator(".revealed").waitFor();
  assert.equal(await page.textContent(".revealed"), LISTED[0][1]);
  assert.match(await page.textContent("main"), /赵秀英，1 次/);
  await page.context().close();
});
