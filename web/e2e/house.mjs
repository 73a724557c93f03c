// The real binary on a demo city of its own, and a browser to look at it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.HUTONG_BIN || join(process.env.CARGO_TARGET_DIR || join(root, "target"), "debug/hutong");
const axe = readFileSync(join(root, "web/node_modules/axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** What `hutong serve` prints on an installation that is not set up. */
const SET_UP_CODE = /with the code ([a-z0-9]+)/;
const AXE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export const DESKTOP = { width: 1366, height: 768 };
export const PHONE = { width: 360, height: 740 };

/** Where every page looked at is also photographed, for whoever wants to see them: SHOTS=folder. */
const shots = process.env.SHOTS;

async function browse() {
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
}

async function stop(server) {
  if (server.exitCode !== null) return;
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await ended;
}

/** Starts `hutong demo` and waits for its line of JSON. */
export async function open() {
  const data = mkdtempSync(join(tmpdir(), "hutong-e2e-"));
  const server = spawn(binary, ["demo", "--listen", "127.0.0.1:0", "--json", "--data", data], { stdio: ["ignore", "pipe", "ignore"] });
  const line = await new Promise((done, failed) => {
    createInterface({ input: server.stdout }).once("line", done);
    server.once("exit", (code) => failed(new Error(`hutong ended with ${code}`)));
  });
  const { url, accounts } = JSON.parse(line);
  return house({ url, accounts, data, server });
}

/** Starts `hutong serve` on an empty folder; `code` is the set-up code it printed. */
export async function openEmpty() {
  const data = mkdtempSync(join(tmpdir(), "hutong-e2e-"));
  const server = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  const started = new Promise((done, failed) => {
    const read = (text) => {
      printed += text;
      const url = printed.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
      const code = printed.match(SET_UP_CODE)?.[1];
      if (url && code) done({ url, code });
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.once("exit", (status) => failed(new Error(`hutong ended with ${status}: ${printed}`)));
  });
  return house({ ...(await started), accounts: [], data, server });
}

async function house({ server, data, ...rest }) {
  const browser = await browse();
  return {
    ...rest, data, browser, sessions: new Map(),
    async close() {
      await browser.close();
      await stop(server);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A page of one person; console errors are collected in `page.faults`. Each person signs in once. */
export async function as(house, login, viewport = DESKTOP, options = {}) {
  const { lang = "zh-CN", ...others } = options;
  const storageState = house.sessions.get(login);
  const context = await house.browser.newContext({ viewport, locale: "zh-CN", storageState, ...others });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  page.faults = [];
  page.on("console", (message) => {
    // The browser reports every answer of 4xx as an error; the tests look at those themselves.
    const told = message.type() === "error" && !/the server responded with a status of 4\d\d/.test(message.text());
    if (told) page.faults.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.faults.push(`${page.url()}: ${error.message}`));
  if (login && !storageState) {
    const { password } = house.accounts.find((account) => account.login === login);
    await signIn(page, house.url, login, password);
    house.sessions.set(login, await context.storageState());
  }
  await context.addCookies([{ name: "lang", value: lang, url: house.url }]);
  return page;
}

/** Fills in the sign-in page. */
export async function signIn(page, url, login, password) {
  await page.goto(`${url}/sign-in`);
  await page.fill("[name=login]", login);
  await page.fill("[name=password]", password);
  await page.click("main form button:not([formaction])");
  await page.waitForLoadState();
}

/** What is wrong with the page as it stands: accessibility, width, title. */
export async function faultsOf(page) {
  const faults = [];
  await page.evaluate(axe);
  const found = await page.evaluate((values) => window.axe.run({ iframes: false, resultTypes: ["violations"], runOnly: { type: "tag", values } }), AXE);
  for (const one of found.violations) {
    faults.push(`${page.url()} ${one.id}: ${one.nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join(" ; ")}`);
  }
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) faults.push(`${page.url()} is ${over} px too wide`);
  if (!(await page.title())) faults.push(`${page.url()} has no title`);
  return faults;
}

/** Fails when anything is wrong with the page, console errors included; photographs it if asked to. */
export async function look(page, name) {
  const faults = [...(await faultsOf(page)), ...page.faults];
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  }
  assert.deepEqual(faults, [], name);
}

/** Rows of a query on the house's own database, independent of its code; ids are given as text. */
export function query(house, sql, ...ids) {
  const script = `import sqlite3,sys,json,uuid
c=sqlite3.connect('file:'+sys.argv[1]+'?mode=ro',uri=True)
a=[uuid.UUID(x).bytes for x in sys.argv[3:]]
print(json.dumps([[str(uuid.UUID(bytes=v)) if isinstance(v,bytes) and len(v)==16 else v for v in r] for r in c.execute(sys.argv[2],a)]))`;
  const run = spawnSync("python3", ["-c", script, join(house.data, "hutong.db"), sql, ...ids], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

/** Counts the items of a task by state. */
export function recount(house, task) {
  return Object.fromEntries(query(house, "select state, count(*) from item where task_id = ? group by state", task));
}
