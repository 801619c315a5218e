// Look at every page of a running console with axe-core, in a headless Chromium; the exit code is 1 when there are findings.
//
//   URL=http://127.0.0.1:8000 BRAND=guichao STAFF=headoffice PASSWORD="open the demo door" make axe
//
// It signs in and follows every link, one row of each list, on a wide window and on a phone's, in both languages.
// LOCALES=zh takes one of them, SHOTS=folder keeps a picture of each page, CHROMIUM says where the browser is.
import { mkdirSync, readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { URL: base = "http://127.0.0.1:8000", BRAND, STAFF, PASSWORD, SHOTS, CHROMIUM = "/usr/bin/chromium" } = process.env;
const most = Number(process.env.MOST ?? 400);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const sizes = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
if (SHOTS) mkdirSync(SHOTS, { recursive: true });

const profile = mkdtempSync(join(tmpdir(), "axe-"));
const browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, headless: true, args: flags,
  bypassCSP: false, locale: "zh-CN" });
const page = browser.pages()[0] ?? (await browser.newPage());
const findings = [];
const refused = [];
page.on("console", (m) => { if (m.type() === "error") refused.push(`${page.url()}: ${m.text()}`); });
page.on("pageerror", (e) => refused.push(`${page.url()}: ${e.message}`));

async function look(path, size, locale) {
  await page.setViewportSize(sizes[size]);
  const reply = await page.goto(base + path, { waitUntil: "load" });
  await page.waitForFunction(() => !document.querySelector('[hx-trigger=load] > span.text-secondary'), null, { timeout: 5000 }).catch(() => {});
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${locale}-${size}-${path.replace(/\W+/g, "_")}.png`), fullPage: size === "wide" });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of violations) for (const node of v.nodes) findings.push({ rule: v.id, path, size, locale, html: node.html.slice(0, 160), why: node.failureSummary?.split("\n")[1]?.trim() });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
  if (wide) refused.push(`${path} (${size}): wider than its window`);
  return reply.status();
}

async function links() {
  return page.evaluate(() => [...document.querySelectorAll("a[href^='/console']")].map((a) => a.getAttribute("href"))
    .filter((h) => !/\/(export\.|locale\/|sign-out|static)/.test(h)));
}

const shape = (path) => path.split("?")[0].replace(/\/[0-9a-f-]{32,36}(?=\/|$)/g, "/{id}").replace(/\/\d+(?=\/|$)/g, "/{id}");
let looked = 0;
for (const locale of (process.env.LOCALES ?? "zh,en").split(",")) {
  await page.goto(`${base}/console/locale/${locale}`);
  const waiting = ["/console/sign-in"];
  const seen = new Set(waiting);
  if (STAFF && (await page.goto(`${base}/console`)).url().includes("sign-in")) {
    await look("/console/sign-in", "phone", locale);
    await look("/console/sign-in", "wide", locale);
    await page.fill("#tenant", BRAND); await page.fill("#username", STAFF); await page.fill("#password", PASSWORD);
    await Promise.all([page.waitForURL(/\/console$/), page.click("button.btn-primary")]);
    waiting.push("/console");
    waiting.shift();
  } else waiting[0] = "/console";
  while (waiting.length && looked < most) {
    const path = waiting.shift();
    const status = await look(path, "wide", locale);
    if (status >= 500) refused.push(`${path}: ${status}`);
    for (const link of await links()) {
      if (seen.has(shape(link))) continue;
      seen.add(shape(link));
      waiting.push(link);
    }
    await look(path, "phone", locale);
    looked += 1;
  }
}
await browser.close();
rmSync(profile, { recursive: true, force: true });

const counts = {};
for (const f of findings) counts[f.rule] = (counts[f.rule] ?? 0) + 1;
console.log(`${looked} pages, twice each; findings: ${findings.length}`, counts);
const shown = new Set();
for (const f of findings) {
  const key = f.rule + f.html.replace(/href="[^"]*"/, "").slice(0, 60);
  if (shown.has(key) || shown.size > 60) continue;
  shown.add(key);
  console.log(`- ${f.rule} ${f.locale} ${f.size} ${f.path}\n    ${f.html}\n    ${f.why}`);
}
for (const line of new Set(refused)) console.log(`! ${line}`);
process.exitCode = findings.length || refused.length ? 1 : 0;
