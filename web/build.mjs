// Builds web/dist: styles, scripts, icon sprite and mark, with names that carry
// a hash of their content, and manifest.json. Same input, same bytes: the
// result is committed, so `cargo run` needs no Node.js. Fails above the size
// bars. Usage: npm ci && node build.mjs
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const path = (name) => new URL(name, here).pathname;

// Lucide icons (ISC) that templates may use, in one sprite.
const ICONS = `arrow-down arrow-right arrow-up building-2 calendar camera check chevron-down
chevron-left chevron-right circle-alert circle-check circle-help clipboard-list clipboard-paste
clock cloud-off copy corner-up-left door-open download external-link eye eye-off file-plus
file-spreadsheet filter grip-vertical hash history house id-card inbox info languages
layout-dashboard layout-template leaf link list lock-keyhole log-out map-pin menu message-circle
monitor pencil phone plus printer qr-code redo-2 refresh-cw search send settings shield
table-properties trash-2 triangle-alert type undo-2 upload user users x`.split(/\s+/);

// Bytes after gzip that a file may weigh (bars B1 and B3 of the design).
const BARS = {
  "resident.css": 6_000,
  "resident.js": 12_000,
  "staff.css": 12_000,
  "staff.js": 25_000,
  "tree_picker.js": 6_000,
  "icons.svg": 9_000,
};
const WHOLE = 300_000;

function sprite() {
  const symbols = ICONS.map((name) => {
    const source = readFileSync(path(`node_modules/lucide-static/icons/${name}.svg`), "utf8");
    const inner = source
      .replace(/<!--.*?-->/gs, "")
      .replace(/<svg[^>]*>/s, "")
      .replace("</svg>", "")
      .replace(/\s*\n\s*/g, "");
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
  });
  return `<!-- Lucide icons, ISC licence, copyright Lucide Contributors; parts of Feather, MIT, copyright Cole Bemis --><svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`;
}

async function bundle(entry, target) {
  const result = await build({
    entryPoints: [path(entry)],
    absWorkingDir: path("."),
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target,
    legalComments: "none",
    logLevel: "warning",
    loader: { ".svg": "dataurl" },
  });
  return result.outputFiles[0].text;
}

const MODERN = ["chrome80", "safari14.1", "firefox90"];
const plain = {
  "resident.css": await bundle("styles/resident.css", ["chrome70"]),
  "resident.js": await bundle("islands/resident.ts", ["es2019"]),
  "staff.css": await bundle("styles/staff.css", MODERN),
  "tree_picker.js": await bundle("islands/tree_picker.ts", MODERN),
  "icons.svg": sprite(),
  "mark.svg": readFileSync(path("styles/mark.svg"), "utf8"),
};

const files = {};
const hashed = (name, text) => {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 10);
  return name.replace(/\.(\w+)$/, `-${hash}.$1`);
};
for (const [name, text] of Object.entries(plain)) files[name] = hashed(name, text);

// staff.js loads islands by their hashed address.
const staff = (await bundle("islands/staff.ts", MODERN)).replaceAll(
  "/assets/tree_picker.js",
  `/assets/${files["tree_picker.js"]}`,
);
plain["staff.js"] = staff;
files["staff.js"] = hashed("staff.js", staff);

let whole = 0;
let failed = false;
for (const [name, text] of Object.entries(plain)) {
  const size = gzipSync(text, { level: 9 }).length;
  whole += size;
  const bar = BARS[name];
  console.log(`${name.padEnd(16)} ${String(size).padStart(6)} B gz${bar ? ` of ${bar}` : ""}`);
  if (bar && size > bar) failed = true;
}
if (failed || whole > WHOLE) {
  console.error("A file is heavier than its bar; nothing was written.");
  process.exit(1);
}

mkdirSync(path("dist"), { recursive: true });
for (const old of readdirSync(path("dist"))) rmSync(path(`dist/${old}`));
for (const [name, text] of Object.entries(plain)) writeFileSync(path(`dist/${files[name]}`), text);
const sorted = Object.fromEntries(Object.keys(files).sort().map((name) => [name, files[name]]));
writeFileSync(
  path("dist/manifest.json"),
  `${JSON.stringify({ files: sorted, icons: [...ICONS].sort() }, null, 2)}\n`,
);
