// The story from the form to the ledger, in a browser, by the people who do it.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { as, look, open, PHONE, query, recount } from "./house.mjs";
import { Builder } from "./pages/forms.mjs";
import { TaskWizard } from "./pages/tasks.mjs";
import { citizenNumber, csv, xlsx } from "./sheets.mjs";

let house;
let form;
let task;
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
  await builder.control("date", { label: "走访日期", required: true });
  await builder.control("multiple_choice", { label: "需要的帮助", choices: ["送餐", "打扫", "代取药"] });
  await builder.control("long_text", { label: "备注" });
  await look(page, "form-full");
  await builder.publish();
  await look(page, "form-publish");
  await builder.confirm();
  assert.match(await page.textContent("main"), /第 1 版/);
  form = page.url().match(/forms\/([0-9a-f-]{36})/)[1];
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
    assert.equal(await page.textContent(".figure-value"), "7");
    await look(page, `task-sent-${kind}`);
    assert.equal(recount(house, wizard.id).open, 7);
    task = wizard.id;
    await page.context().close();
  });
}

test("the worker's phone: known facts are in, a mistake is told, the slip is the same twice", async () => {
  const page = await as(house, "sunxiaodong", PHONE);
  await page.goto(`${house.url}/work/${task}`);
  await look(page, "work-list");
  await page.getByRole("link", { name: "郝玉梅", exact: true }).click();
  await page.waitForURL(/\/items\//);
  await look(page, "work-item");
  assert.match(await page.textContent("main"), /郝玉梅/);
  assert.match(await page.textContent("main"), /140202\*+\S{4}/, "the number of the list is known, and masked");
  const item = page.url();
  await page.getByLabel("走访日期").fill("去年");
  await page.getByRole("button", { name: "提交" }).click();
  const told = await page.textContent(".errors");
  assert.match(told, /日期/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "errors");
  await look(page, "work-item-wrong");
  await page.goto(item);
  await page.context().close();
});
