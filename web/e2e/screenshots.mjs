// Takes the pictures of docs/screenshots again, from a fresh demo city. Usage: node web/e2e/screenshots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { as, DESKTOP, open, PHONE, query } from "./house.mjs";
import { TaskWizard } from "./pages/tasks.mjs";

const folder = process.argv[2] ?? "docs/screenshots";
mkdirSync(folder, { recursive: true });
const house = await open();

async function shoot(name, login, path, viewport = DESKTOP, prepare = async () => {}) {
  const page = await as(house, login, viewport);
  const answer = await page.goto(house.url + path);
  if (answer.status() !== 200) throw new Error(`${path} answered ${answer.status()}`);
  await prepare(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.context().close();
}

try {
  const task = query(house, "select id from task where state = 'running' order by created_at desc limit 1")[0][0];
  await shoot("workbench", "sunxiaodong", "/");
  await shoot("board", "wangjianping", `/boards/${task}`);
  await shoot("board-phone", "wangjianping", `/boards/${task}`, PHONE);
  await shoot("ledger", "zhaoxiuying", "/ledgers", DESKTOP, async (page) => {
    await page.getByRole("link", { name: "独居老人" }).click();
    await page.waitForURL(/\/ledgers\/[0-9a-f-]+/);
  });
  await shoot("person", "zhaoxiuying", "/ledgers", DESKTOP, async (page) => {
    await page.getByRole("link", { name: "独居老人" }).click();
    await page.locator("main a[href^='/people/']").first().click();
    await page.waitForURL(/\/people\//);
  });
  await shoot("worker-phone", "sunxiaodong", `/work/${task}`, PHONE);
  await shoot("slip", "sunxiaodong", `/work/${task}`, PHONE, async (page) => {
    await page.locator(".work-card h2 a").first().click();
    await page.getByRole("button", { name: "提交" }).click();
    await page.waitForURL(/\/slip/);
  });
  await shoot("dry-run", "liuhui", "/", DESKTOP, async (page) => {
    const wizard = new TaskWizard(page, house.url);
    await wizard.what({ title: "冬季独居老人走访", form: "独居老人走访", days: 3 });
    await page.getByRole("link", { name: "用台账里的人" }).click();
    await page.locator("li", { hasText: "独居老人" }).getByRole("button").click();
    await page.waitForURL(/\/subjects/);
    await wizard.next();
    await wizard.next();
    await page.waitForURL(/\/dry-run$/);
    await page.locator("summary", { hasText: "永泰街道" }).click();
  });
  const [channel] = query(house, "select slug from channel where state = 'open' order by created_at limit 1");
  if (channel) await shoot("resident-form", null, `/c/${channel[0]}`, PHONE);
  else console.log("resident-form: no service is open in the demo, the picture stays as it was");
} finally {
  await house.close();
}
