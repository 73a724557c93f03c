// Takes the pictures of docs/screenshots again, from a fresh demo city. Usage: node web/e2e/screenshots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { as, DESKTOP, open, PHONE, query } from "./house.mjs";
import { Resident } from "./pages/residents.mjs";
import { TaskWizard } from "./pages/tasks.mjs";
import { citizenNumber } from "./sheets.mjs";

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
  const [slug, place] = query(house, "select c.slug, s.place_id from channel c join channel_scope s on s.channel_id = c.id where c.state = 'open' and c.app_key = 'elder-visit/register' order by s.place_id limit 1")[0];
  const filled = async (page) => {
    const resident = new Resident(page, house.url);
    await resident.fill({ name: "郑巧云", number: citizenNumber("140202", "19400512", 301), phone: "19903540301", alone: true, contact: "女儿郑敏", needs: ["送餐"] });
    return resident;
  };
  await shoot("resident-form", null, `/c/${slug}?place=${place}`, PHONE, async (page) => {
    await filled(page);
    await page.evaluate(() => window.scrollTo(0, 0));
  });
  await shoot("slip", null, `/c/${slug}?place=${place}`, PHONE, async (page) => {
    await (await filled(page)).press("提交");
    await page.waitForURL(/\/slip/);
  });
} finally {
  await house.close();
}
