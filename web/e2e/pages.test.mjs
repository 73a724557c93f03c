// Every page by itself: accessible, fitting, without console errors, in both languages and sizes, errors and empty
// states included; and everything a clerk does who never touches the mouse.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { as, DESKTOP, faultsOf, open, PHONE, query } from "./house.mjs";

let house;
const found = {};

before(async () => {
  house = await open();
  const first = async (login, path, selector) => {
    const page = await as(house, login);
    await page.goto(house.url + path);
    const href = await page.locator(selector).first().getAttribute("href");
    await page.context().close();
    return href;
  };
  found.task = query(house, "select id from task where state = 'running' order by created_at desc limit 1")[0][0];
  found.ledger = await first("zhaoxiuying", "/ledgers", "main a[href^='/ledgers/']");
  found.person = await first("zhaoxiuying", found.ledger, "main a[href^='/people/']");
  found.item = await first("sunxiaodong", `/work/${found.task}`, ".work-card h2 a");
  found.form = await first("liuhui", "/forms", "main a[href^='/forms/']");
  found.organization = await first("admin", "/organizations", "main tbody a");
  found.account = await first("admin", "/admin/accounts", "main tbody a");
  found.community = query(house, "select id from place where official_name like '御馨花都社区%'")[0][0];
});
after(() => house?.close());

const pages = () => ({
  liuhui: [
    "/", "/tasks", "/tasks/new", "/forms", found.form, `${found.form}/preview`, `/tasks/${found.task}`, `/tasks/${found.task}/items`,
    "/boards", `/boards/${found.task}`, `/boards/${found.task}?axis=org`, "/ledgers", found.ledger, "/work", "/search?q=永泰", "/password", found.item,
  ],
  zhaoxiuying: [`/tasks/${found.task}/unit`, found.ledger, `${found.ledger}?q=没有这个人`, found.person],
  sunxiaodong: ["/work", `/work/${found.task}`, `/work/${found.task}?show=changed`, found.item, `${found.item}/return`, `${found.item}/void`],
  admin: [
    "/admin", "/admin/places", "/admin/address-book", "/admin/accounts", "/admin/accounts/new", found.account, "/admin/access", "/admin/apps",
    "/admin/working-days", "/places", `/places?at=${found.community}`, `/places/${found.community}/premises`, "/organizations", found.organization, "/knowledge",
  ],
});
/** Pages that are told off, with the answer they owe. */
const ERRORS = [["sunxiaodong", "/tasks/new", 403], ["sunxiaodong", "/admin", 403], ["liuhui", "/nowhere", 404], [null, "/nowhere", 404]];

for (const lang of ["zh-CN", "en"]) {
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    test(`pages are accessible and fit, ${lang}, ${size}`, async () => {
      const faults = [];
      for (const [login, paths] of Object.entries(pages())) {
        const page = await as(house, login, viewport, { lang });
        for (const path of paths) {
          const answer = await page.goto(house.url + path);
          if (answer.status() >= 400) faults.push(`${login} ${path}: ${answer.status()}`);
          faults.push(...(await faultsOf(page)));
        }
        faults.push(...page.faults);
        await page.context().close();
      }
      for (const [login, path, status] of ERRORS) {
        const page = await as(house, login, viewport, { lang });
        const answer = await page.goto(house.url + path);
        if (answer.status() !== status) faults.push(`${login} ${path}: ${answer.status()} instead of ${status}`);
        if ((await page.$$("main .btn.filled")).length !== 1) faults.push(`${path}: an error page has one next step`);
        faults.push(...(await faultsOf(page)));
        await page.context().close();
      }
      const page = await as(house, "liuhui", viewport, { lang });
      await page.goto(`${house.url}/tasks/new`);
      const [answer] = await Promise.all([page.waitForNavigation(), page.locator("main form .btn.filled").click()]);
      if (answer.status() !== 422) faults.push(`an empty form is answered ${answer.status()}`);
      if ((await page.evaluate(() => document.activeElement.id)) !== "errors") faults.push("errors do not get the focus");
      faults.push(...(await faultsOf(page)));
      await page.context().close();
      assert.deepEqual(faults, []);
    });
  }
}

test("a wrong password is said so and lets nobody in", async () => {
  const page = await as(house, null);
  await page.goto(`${house.url}/sign-in`);
  await page.fill("[name=login]", "liuhui");
  await page.fill("[name=password]", "wrong");
  await page.click("main form button:not([formaction])");
  assert.deepEqual(await faultsOf(page), []);
  await page.goto(`${house.url}/tasks`);
  assert.match(page.url(), /\/sign-in/);
  await page.context().close();
});

/** Where the focus is, and whether it can be seen. */
async function focus(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element.matches(".card input") ? element.nextElementSibling : element);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return { name: element.getAttribute("name") ?? "", text: element.textContent.trim().slice(0, 20), tag: element.tagName, href: element.getAttribute("href"), seen };
  });
}

/** Presses Tab until the focus fits, at most `most` times; every stop must show its focus. */
async function tabTo(page, fits, most = 60) {
  for (let at = 0; at < most; at++) {
    await page.keyboard.press("Tab");
    const now = await focus(page);
    assert.ok(now.seen, `the focus is seen on ${now.tag} ${now.name} ${now.text}`);
    if (fits(now)) return now;
  }
  throw new Error("the keyboard does not get there");
}

test("by keyboard alone: sign-in, skip link, a new task with the tree picker, the worker's slip", async () => {
  const page = await as(house, null);
  const { password } = house.accounts.find((account) => account.login === "liuhui");
  await page.goto(`${house.url}/sign-in`);
  await tabTo(page, (now) => now.name === "login");
  await page.keyboard.type("liuhui");
  await tabTo(page, (now) => now.name === "password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await page.goto(`${house.url}/tasks/new`);
  const skip = await tabTo(page, () => true);
  assert.equal(skip.href, "#main", "the first stop skips the bar");
  await page.keyboard.press("Enter");
  await tabTo(page, (now) => now.name === "title", 4);
  await page.keyboard.type("键盘走访");
  await tabTo(page, (now) => now.name === "form");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, (now) => now.name === "shape");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, (now) => now.name === "root_place_text");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("yongtai");
  await page.locator("[role=treeitem]").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.match(await page.inputValue("[name=root_place_text]"), /永泰/);
  await tabTo(page, (now) => now.tag === "BUTTON" && now.text.includes("下一步"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/subjects$/);
  await tabTo(page, (now) => now.tag === "BUTTON" && now.text.includes("列出单位"));
  await page.keyboard.press("Enter");
  await page.waitForLoadState();
  await page.locator("a.filled").waitFor();
  await tabTo(page, (now) => now.tag === "A" && now.text.includes("下一步"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/rule$/);
  await tabTo(page, (now) => now.tag === "BUTTON" && now.text.includes("试算"), 80);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/dry-run$/);
  await tabTo(page, (now) => now.tag === "BUTTON" && now.text.includes("发出"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
  const task = page.url().match(/tasks\/([0-9a-f-]{36})/)[1];
  await page.locator(".figure-value", { hasText: /^[1-9]/ }).first().waitFor();
  assert.ok(query(house, "select count(*) from item where task_id = ?", task)[0][0] > 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();

  const worker = await as(house, "sunxiaodong");
  await worker.goto(house.url + found.item);
  await tabTo(worker, (now) => now.tag === "TEXTAREA");
  await worker.keyboard.type("腿脚不便");
  await tabTo(worker, (now) => now.tag === "BUTTON" && now.text === "提交");
  await worker.keyboard.press("Enter");
  await worker.waitForURL(/\/slip/);
  await worker.context().close();
});

test("whoever gave an item out takes it back, and gives it out again", async () => {
  const page = await as(house, "liuhui");
  const [item, task] = query(house, "select id, task_id from item where state = 'open' and release = 1 order by position desc limit 1")[0];
  await page.goto(`${house.url}/items/${item}`);
  const back = page.locator("form[action='/items/recall']");
  await back.getByRole("button").click();
  await page.getByText("请写原因").waitFor();
  await back.getByRole("textbox").fill("另有安排");
  await back.getByRole("button").click();
  await page.getByText("收回了 1 件").waitFor();
  await page.getByText("收回：另有安排").first().waitFor();
  assert.equal(await back.count(), 0, "it is with one's own unit now");
  await page.goto(`${house.url}/tasks/${task}/items?state=open&holder=none`);
  await page.locator(`input[name=item][value='${item}']`).check();
  await page.getByLabel("转给单位").selectOption({ index: 0 });
  await page.getByLabel("原因").fill("改由你们办");
  await page.getByRole("button", { name: "转办" }).click();
  await page.getByText("转办了 1 件").waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
