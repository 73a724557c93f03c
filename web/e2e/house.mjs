// The real binary on a demo city of its own, and a browser to look at it.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.HUTONG_BIN || join(process.env.CARGO_TARGET_DIR || join(root, "target"), "debug/hutong");
const axe = readFileSync(join(root, "web/node_modules/axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const DESKTOP = { width: 1366, height: 768 };
export const PHONE = { width: 360, height: 740 };

/** Starts `hutong demo` and waits for its line of JSON. */
export async function open() {
  const data = mkdtempSync(join(tmpdir(), "hutong-e2e-"));
  const server = spawn(binary, ["demo", "--listen", "127.0.0.1:0", "--json", "--data", data], { stdio: ["ignore", "pipe", "ignore"] });
  const line = await new Promise((done, failed) => {
    createInterface({ input: server.stdout }).once("line", done);
    server.once("exit", (code) => failed(new Error(`hutong ended with ${code}`)));
  });
  const { url, accounts } = JSON.parse(line);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
  return {
    url, accounts, data, browser,
    async close() {
      await browser.close();
      server.kill("SIGTERM");
      await new Promise((done) => server.once("exit", done));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A page of one person; console errors are collected in `page.faults`. */
export async function as(house, login, viewport = DESKTOP, options = {}) {
  const context = await house.browser.newContext({ viewport, locale: "zh-CN", ...options });
  if (options.lang) await context.addCookies([{ name: "lang", value: options.lang, url: house.url }]);
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => message.type() === "error" && page.faults.push(`${page.url()}: ${message.text()}`));
  if (login) {
    const { password } = house.accounts.find((account) => account.login === login);
    await page.goto(`${house.url}/sign-in`);
    await page.fill("[name=login]", login);
    await page.fill("[name=password]", password);
    await page.click("main form button:not([formaction])");
    await page.waitForLoadState();
  }
  return page;
}

/** What is wrong with the page as it stands: accessibility, width, title. */
export async function faultsOf(page) {
  const faults = [];
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
  const found = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), tags);
  for (const one of found.violations) faults.push(`${page.url()} ${one.id}: ${one.nodes.map((node) => node.target).join(" ; ")}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) faults.push(`${page.url()} is ${over} px too wide`);
  if (!(await page.title())) faults.push(`${page.url()} has no title`);
  return faults;
}

/** Counts the items of a task by state, independent of the house's own code. */
export function recount(house, task) {
  const script = "import sqlite3,sys,json,uuid;c=sqlite3.connect('file:'+sys.argv[1]+'?mode=ro',uri=True);print(json.dumps(dict(c.execute('select state,count(*) from item where task_id=? group by state',(uuid.UUID(sys.argv[2]).bytes,)))))";
  const run = spawnSync("python3", ["-c", script, join(house.data, "hutong.db"), task], { encoding: "utf8" });
  return JSON.parse(run.stdout);
}
