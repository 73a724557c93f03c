// The thread through the house, in a browser: sign-in, every page looked at, a visit that moves an open board.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { as, DESKTOP, faultsOf, open, PHONE, recount } from "./house.mjs";

let house;
let task;

before(async () => {
  house = await open();
  const page = await as(house, "liuhui");
  await page.goto(`${house.url}/tasks`);
  const hrefs = await page.$$eval("main a[href^='/tasks/']", (links) => links.map((link) => link.getAttribute("href")));
  task = hrefs.map((href) => href.match(/^\/tasks\/([0-9a-f-]{36})$/)?.[1]).find(Boolean);
  await page.context().close();
});
after(() => house?.close());

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

const PAGES = {
  liuhui: ["/tasks", "/tasks/new", "/boards", "/ledgers", "/work"],
  admin: ["/admin", "/admin/places", "/admin/address-book", "/admin/accounts", "/admin/apps", "/places", "/organizations", "/knowledge"],
  sunxiaodong: ["/work"],
};

for (const lang of ["zh-CN", "en"]) {
  for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    test(`pages are accessible and fit, ${lang}, ${size}`, async () => {
      const faults = [];
      for (const [login, paths] of Object.entries(PAGES)) {
        const page = await as(house, login, viewport, { lang });
        const all = login === "admin" ? paths : [...paths, `/work/${task}`];
        if (login === "liuhui") all.push(`/tasks/${task}`, `/tasks/${task}/items`, `/boards/${task}`);
        for (const path of all) {
          const answer = await page.goto(house.url + path);
          if (answer.status() >= 400) faults.push(`${login} ${path}: ${answer.status()}`);
          faults.push(...(await faultsOf(page)));
        }
        faults.push(...page.faults);
        await page.context().close();
      }
      assert.deepEqual(faults, []);
    });
  }
}

test("what a worker does moves an open board without reload, and the number is what the database says", async () => {
  const board = await as(house, "liuhui");
  await board.goto(`${house.url}/boards/${task}`);
  await board.waitForTimeout(500);
  const worker = await as(house, "sunxiaodong", PHONE);
  await worker.goto(`${house.url}/work/${task}`);
  const before = recount(house, task);
  const text = await board.textContent("main");
  const item = await worker.getAttribute(".work-card h2 a", "href");
  await worker.goto(`${house.url}${item}/void`);
  await worker.check("[name=why] >> nth=0");
  await worker.fill("[name=reason]", "8 月搬到女儿家");
  await worker.click("main form button:not([formaction])");
  await worker.waitForLoadState();
  await board.waitForFunction((old) => document.querySelector("main").textContent !== old, text, { timeout: 2000 });
  const now = recount(house, task);
  assert.equal(now.void_proposed, (before.void_proposed ?? 0) + 1);
  const shown = (await board.textContent("main")).replaceAll(",", "");
  assert.ok(new RegExp(`(^|\\D)${now.void_proposed}(\\D|$)`).test(shown), `${now.void_proposed} stands on the board`);
  assert.deepEqual(board.faults, []);
});
