// Opens the pages that `cargo run -p web --example design -- FOLDER` wrote in a
// real browser, under the product's content-security policy: no accessibility
// violation (axe, WCAG 2.0-2.2 A and AA), no sideways scrolling, no console
// error, targets large enough for residents, the tree picker by keyboard.
// Usage: node tests/design.mjs FOLDER [SCREENSHOT_FOLDER]; CHROMIUM names the browser.
import { createServer } from "node:http";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const [folder, shots] = process.argv.slice(2);
if (!folder) throw new Error("usage: node tests/design.mjs FOLDER [SCREENSHOT_FOLDER]");
if (shots) mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TYPES = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
const POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'";

const TREE = {
  "": [{ id: "p", label: "平城区", path: "大同市", has_children: true }, { id: "y", label: "云冈区", path: "大同市", has_children: false }],
  p: [{ id: "w", label: "文瀛湖街道", path: "大同市 平城区", has_children: false }],
};
const streams = new Set();
let count = 7122;
const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("event: beat\ndata: \n\n");
    streams.add(response);
    request.on("close", () => streams.delete(response));
    return;
  }
  if (url.pathname === "/fragment") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<b><span data-number id="done">${count}</span></b>`);
    return;
  }
  if (url.pathname === "/live.html") {
    const html = readFileSync(join(folder, "index-zh-CN.html"), "utf8");
    const part = `<div id="board" data-live="task:7" data-src="/fragment"><b><span data-number id="done">7122</span></b></div>`;
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY });
    response.end(html.replace('<div class="split">', `${part}<div class="split">`));
    return;
  }
  if (url.pathname === "/places/children") {
    const query = url.searchParams.get("q");
    const answer = query
      ? Object.values(TREE).flat().filter((node) => node.label.includes(query) || query === "wyh")
      : (TREE[url.searchParams.get("parent") ?? ""] ?? []);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
    return;
  }
  const file = join(folder, decodeURIComponent(url.pathname).replaceAll("..", ""));
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[file.split(".").pop()] ?? "text/plain";
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": POLICY });
  response.end(readFileSync(file));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const base = `http://127.0.0.1:${server.address().port}`;

const faults = [];
const fault = (text) => {
  faults.push(text);
  console.error(text);
};
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

async function open(file, width, height, scripts = true) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: width < 500 ? 2 : 1,
    bypassCSP: false,
    javaScriptEnabled: scripts,
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") fault(`${file} ${width}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => fault(`${file} ${width}: ${error.message}`));
  await page.goto(`${base}/${file}`);
  return { page, context };
}

const sizes = [[1366, 768], [360, 740]];
for (const file of readdirSync(folder).filter((name) => name.endsWith(".html")).sort()) {
  for (const [width, height] of file.startsWith("wall") ? [[1920, 1080]] : sizes) {
    const { page, context } = await open(file, width, height);
    if (shots) {
      await page.screenshot({ path: join(shots, `${file.replace(".html", "")}-${width}.png`), fullPage: true });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) fault(`${file} ${width}: ${overflow} px wider than the window`);
    await page.evaluate(axe);
    const result = await page.evaluate(() =>
      window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }),
    );
    for (const violation of result.violations) {
      for (const node of violation.nodes) {
        fault(`${file} ${width}: ${violation.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`);
      }
    }
    if (file.startsWith("resident")) {
      const least = file.includes("large") ? 60 : 48;
      const small = await page.evaluate((least) =>
        [...document.querySelectorAll("a[href],button,select,textarea,summary,.card,input:not([type=hidden])")]
          .filter((element) => !element.closest(".card") || element.matches(".card"))
          .filter((element) => !element.matches(".skip") && element.getClientRects().length > 0)
          .filter((element) => element.getBoundingClientRect().height < least - 0.5)
          .map((element) => `${element.outerHTML.slice(0, 90)} ${element.getBoundingClientRect().height}`), least);
      for (const element of small) fault(`${file} ${width}: lower than ${least} px: ${element}`);
    }
    await context.close();
  }
}

// Weight on the wire of a resident's page with everything it loads (30 KB) and of
// a staff page (60 KB).
for (const [file, bar] of [["resident-zh-CN.html", 30_000], ["index-zh-CN.html", 60_000]]) {
  const html = readFileSync(join(folder, file), "utf8");
  const assets = new Set([...html.matchAll(/\/assets\/([\w.-]+)/g)].map((match) => match[1]));
  const parts = [html, ...[...assets].map((name) => readFileSync(join(folder, "assets", name)))];
  const weight = parts.reduce((sum, part) => sum + gzipSync(part).length, 0);
  console.log(`${file}: ${weight} B with ${assets.size} assets`);
  if (weight > bar) fault(`${file} weighs ${weight} B, more than ${bar}`);
}

// Live numbers: two tabs share one stream, and both change by themselves.
{
  const context = await browser.newContext();
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto(`${base}/live.html`);
  await tabs[1].waitForTimeout(500);
  if (streams.size !== 1) fault(`two tabs hold ${streams.size} streams instead of one`);
  count = 7123;
  for (const stream of streams) stream.write("event: change\ndata: task:7\n\n");
  for (const tab of tabs) {
    await tab.locator("#done", { hasText: "7123" }).waitFor({ timeout: 2000 }).catch(() => fault("a live number did not change"));
  }
  // A change of another topic is not fetched.
  count = 7999;
  for (const stream of streams) stream.write("event: change\ndata: task:8\n\n");
  await tabs[0].waitForTimeout(300);
  if ((await tabs[0].textContent("#done")) !== "7123") fault("another topic's change was fetched");
  for (const stream of streams) stream.write("event: resync\ndata: \n\n");
  await tabs[0].locator("#done", { hasText: "7999" }).waitFor({ timeout: 2000 }).catch(() => fault("resync did not fetch"));
  // When the leading tab is closed, the other takes the stream over.
  await tabs[0].close();
  await tabs[1].waitForTimeout(500);
  if (streams.size !== 1) fault(`after a tab closed there are ${streams.size} streams instead of one`);
  count = 8000;
  for (const stream of streams) stream.write("event: change\ndata: task:7\n\n");
  await tabs[1].locator("#done", { hasText: "8000" }).waitFor({ timeout: 2000 }).catch(() => fault("the remaining tab is not live"));
  await context.close();
}

// Follow-up question: hidden when its condition does not hold, and not posted.
{
  const { page, context } = await open("resident-zh-CN.html", 360, 740);
  const follow = page.locator("[data-when]");
  if (!(await follow.isVisible())) fault("the follow-up of 家里人 should be open");
  await page.locator("input[name=for_whom][value=self]").check({ force: true });
  if (await follow.isVisible()) fault("the follow-up should close for 我自己");
  const posted = await page.evaluate(() => new FormData(document.querySelector("form.form")).has("relation"));
  if (posted) fault("a hidden follow-up must not be posted");
  if ((await page.evaluate(() => document.activeElement?.id)) !== "errors") {
    // Checking a card moved the focus; reload to see where a fresh page puts it.
    await page.reload();
    if ((await page.evaluate(() => document.activeElement?.id)) !== "errors") fault("errors must get the focus");
  }
  await context.close();
}
// Local draft: kept for text, never for secrets.
{
  const { page, context } = await open("resident-zh-CN.html", 360, 740);
  await page.evaluate(() => document.querySelectorAll(".errors").forEach((e) => e.remove()));
  await page.fill("#f-remarks", "腿脚不便");
  await page.fill("#f-citizen_number", "140202194501010026");
  await page.waitForTimeout(900);
  const kept = await page.evaluate(() => localStorage.getItem("draft:design") ?? "");
  if (!kept.includes("腿脚不便")) fault("the draft was not kept");
  if (kept.includes("140202")) fault("a citizen number was kept in the browser");
  await context.close();
}
// Without script every question is visible.
{
  const { page, context } = await open("resident-zh-CN.html", 360, 740, false);
  if (!(await page.locator("#f-relation").isVisible())) fault("without script the follow-up must be visible");
  await context.close();
}
// Tree picker by keyboard alone.
{
  const { page, context } = await open("index-zh-CN.html", 1366, 768);
  const input = page.locator("#f-place");
  await input.focus();
  await page.keyboard.press("ArrowDown");
  await page.locator("[role=treeitem]").first().waitFor();
  await page.keyboard.press("ArrowRight");
  await page.locator("[role=group] [role=treeitem]").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    window.axe.run(".tree-field", { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }),
  );
  for (const violation of result.violations) fault(`tree picker: ${violation.id}: ${violation.nodes[0]?.html}`);
  if (shots) await page.screenshot({ path: join(shots, "tree-open.png") });
  await page.keyboard.press("Enter");
  const chosen = await page.evaluate(() => document.querySelector("[name=place]").value);
  if (chosen !== "w") fault(`the keyboard chose ${JSON.stringify(chosen)}, not w`);
  await input.fill("wyh");
  await page.locator("[role=option], [role=treeitem]").first().waitFor();
  await page.keyboard.press("Escape");
  if (await page.locator("[role=tree]").isVisible()) fault("Escape must close the tree");
  await page.keyboard.press("Control+k");
  if ((await page.evaluate(() => document.activeElement?.id)) !== "search") fault("Ctrl+K must reach the search box");
  await context.close();
}

await browser.close();
server.close();
console.log(faults.length === 0 ? "no faults" : `${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
