// The site served, a browser opened, and pages that keep what went wrong on them.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Chromium's flags: nothing but the site is asked for anything. */
export const FLAGS = [
  "--headless", "--no-sandbox", "--disable-background-networking", "--disable-quic", "--no-first-run", "--disable-component-update",
  "--disable-sync",
];
/** What gives WebGPU where there is no GPU. */
export const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
/** The same, and canvases that it can draw on: without these flags Chromium loses a software GPU at the first one. */
export const SOFTWARE_PICTURES = [...SOFTWARE_GPU, "--use-angle=swiftshader", "--enable-features=Vulkan", "--use-vulkan=swiftshader"];

/** The native program. */
export const orrery = root + "target/debug/orrery";

/** Serves dist/ and opens a browser: {base, page(options), end()}. */
export async function raise(flags = []) {
  const server = spawn(orrery, ["serve", "--port", "0", "--dir", "dist"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const base = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once("line", resolve);
    server.once("error", reject);
    server.once("exit", () => reject(new Error("the server did not start")));
  });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...FLAGS, ...flags] });
  return {
    base,
    browser,
    /** A page at `query`, at rest once its run is over, which is as soon as can be unless it is to be a `film`. `page.complaints` is what its console said. */
    async page(query = "", { context: options = {}, rest = query.includes("experiment="), film = false } = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      context.setDefaultTimeout(15_000);
      if (!film) await context.addInitScript(QUICK);
      const page = await context.newPage();
      page.complaints = watch(page);
      await page.goto(base + query);
      if (rest) await over(page);
      return page;
    },
    async end() {
      await browser.close();
      server.kill();
    },
  };
}

/** What Chromium itself remarks when a page asks for a GPU and there is none; a page cannot ask more quietly. */
const NO_GPU = "No available adapters.";

/** Collects what a page says on its console, and what it asks for in vain. */
export function watch(page) {
  const complaints = [];
  page.on("console", (message) => message.text() !== NO_GPU && complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => response.status() >= 400 && complaints.push(`${response.status()} for ${response.url()}`));
  return complaints;
}

/** The reader has chosen, in this visit, to see runs as they are computed. Storage is forbidden in some frames. */
export const QUICK = "try { sessionStorage.setItem('orrery speed', 'as fast as possible') } catch {}";

/** Waits until the run on the page is over and drawn. */
export async function over(page) {
  await page.waitForSelector("html[data-run=over]", { timeout: 60_000 });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** What is drawn in the `index`-th picture, to compare. */
export function drawn(page, index = 0) {
  return page.evaluate((index) => document.querySelectorAll("orrery-panel canvas")[index].toDataURL(), index);
}

/** The share of a picture's pixels that are not background. */
export function inked(page, index = 0) {
  return page.evaluate((index) => {
    const canvas = document.querySelectorAll("orrery-panel canvas")[index];
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let other = 0;
    for (let i = 0; i < data.length; i += 4) other += data[i] !== data[0] || data[i + 1] !== data[1] || data[i + 2] !== data[2];
    return (4 * other) / data.length;
  }, index);
}

/** The sentences that the page says. */
export const said = (page) => page.locator("orrery-notices p span").allTextContents();

/** Sets a slider as a hand does: `positions` one after the other, then lets go. */
export async function slide(page, name, positions) {
  const slider = page.locator(`[data-name="${name}"] input[type=range]`).first();
  for (const position of positions) {
    await slider.evaluate((input, position) => {
      input.value = position;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }, position);
    await page.waitForTimeout(20);
  }
  await slider.dispatchEvent("change");
}

/** What a function of the timers' module says on a page of the site. */
export const time = (page, name, ...values) => page.evaluate(async ([name, values]) => {
  const url = new URL("./timers/timers.js", document.baseURI);
  const timers = await import(url);
  await timers.default({ module_or_path: new URL("./timers_bg.wasm", url) });
  return timers[name](...values);
}, [name, values]);
