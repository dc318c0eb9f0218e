// Experiments in a page of another origin.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { QUICK, over, raise, watch } from "./stage.mjs";

let stage;
let host;
let article;
before(async () => {
  stage = await raise();
  host = createServer((request, response) => response.writeHead(200, { "content-type": "text/html" }).end(article));
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const words = "<p>" + "Gradient descent walks downhill. ".repeat(60) + "</p>";
  article = `<!doctype html><html lang="en"><title>A lesson</title><body><h1>A lesson</h1>${words}
    <orrery-experiment name="diffgrad"></orrery-experiment>${words}
    <orrery-experiment name="diffgrad" preset="break-it" view="paths" theme="dark"></orrery-experiment>${words.repeat(6)}
    <orrery-experiment id="last" name="opposing-signals"></orrery-experiment>
    <script type="module" src="${stage.base}embed.js"></script></body></html>`;
});
after(async () => {
  await stage.end();
  host.close();
  host.closeAllConnections();
});

async function lesson() {
  const context = await stage.browser.newContext({ viewport: { width: 900, height: 800 } });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.complaints = watch(page);
  await page.goto(`http://localhost:${host.address().port}/`);
  return page;
}

/** Embeds in the page. */
const frames = (page) => page.frames().filter((frame) => frame.url().includes("embed.html"));
const begun = (page, index) => page.waitForFunction((index) => document.querySelectorAll("orrery-experiment")[index].shadowRoot?.querySelector("iframe"), index);
const heights = (page) =>
  page.locator("orrery-experiment").evaluateAll((all) => all.map((one) => one.shadowRoot.querySelector("iframe")?.clientHeight ?? 0));

test("three in one page: each as it was asked for, as high as it needs, and begun when it comes into view", async () => {
  const page = await lesson();
  await begun(page, 0);
  await page.waitForTimeout(300);
  assert.ok(frames(page).length < 3, "the last is far down and has not begun");
  const shown = [];
  for (let index = 0; index < 3; index++) {
    // A frame out of sight rests: nothing is asked of it before it is seen.
    await page.locator("orrery-experiment").nth(index).scrollIntoViewIfNeeded();
    await begun(page, index);
    await page.locator("orrery-experiment").nth(index).scrollIntoViewIfNeeded();
    shown[index] = await (await page.locator("orrery-experiment iframe").nth(index).elementHandle()).contentFrame();
    await over(shown[index]);
    await page.waitForTimeout(300);
    const content = await shown[index].evaluate(() => document.documentElement.getBoundingClientRect().height);
    assert.ok(Math.abs((await heights(page))[index] - content) <= 1, `frame ${index}`);
    assert.ok(await shown[index].evaluate(() => document.documentElement.scrollHeight <= innerHeight + 1), "no scroll bar");
  }
  const [first, second] = shown;
  assert.match(await first.locator(".verdict").textContent(), /✓ holds/);
  assert.match(await second.locator(".verdict").textContent(), /gone, as expected/);
  assert.equal(await second.locator("orrery-panel").getAttribute("data-id"), "paths");
  assert.equal(await second.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(21, 23, 28)");
  const link = await first.locator("footer a").getAttribute("href");
  assert.equal(link, `${stage.base}index.html?experiment=diffgrad`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("rubbish in messages is ignored, whoever sends it", async () => {
  const page = await lesson();
  await page.locator("orrery-experiment").first().scrollIntoViewIfNeeded();
  await begun(page, 0);
  const frame = await (await page.locator("orrery-experiment iframe").first().elementHandle()).contentFrame();
  await over(frame);
  await page.waitForTimeout(300);
  const before = await heights(page);
  const rubbish = [null, 7, "orrery", {}, { orrery: "height" }, { orrery: "height", height: "9999" }, { orrery: "height", height: NaN }, { orrery: "height", height: 3000 }];
  await page.evaluate((rubbish) => {
    // From the page itself, which is no frame of the element's, and into the frame.
    for (const message of rubbish) {
      postMessage(message, "*");
      document.querySelector("orrery-experiment").shadowRoot.querySelector("iframe").contentWindow.postMessage(message, "*");
    }
  }, rubbish);
  // From the frame, but rubbish.
  await frame.evaluate((rubbish) => rubbish.slice(0, 7).forEach((message) => parent.postMessage(message, "*")), rubbish);
  // From the frame, and absurd: held within bounds.
  await page.waitForTimeout(200);
  assert.deepEqual(await heights(page), before);
  await frame.evaluate(() => parent.postMessage({ orrery: "height", height: 1e9 }, "*"));
  await page.waitForTimeout(200);
  assert.equal((await heights(page))[0], 4000);
  assert.match(await frame.locator(".verdict").textContent(), /holds/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an embed says what is wrong with what it was asked for", async () => {
  for (const [query, expected] of [
    ["", /needs \?experiment=NAME/],
    ["?experiment=nothing", /There is no experiment 'nothing'/],
    ["?experiment=diffgrad&learning_rate=9", /control learning_rate: '9' is outside 0\.005 to 0\.5; it stays at 0\.1/],
  ]) {
    const page = await stage.page("embed.html" + query, { rest: false });
    await page.waitForSelector("orrery-notices p");
    assert.match(await page.locator("orrery-notices p span").first().textContent(), expected);
    await page.context().close();
  }
});

test("controls, presets and the time line work in an embed", async () => {
  const page = await stage.page("embed.html?experiment=diffgrad", { context: { viewport: { width: 360, height: 700 } } });
  await page.getByRole("button", { name: "Break it" }).click();
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("gone, as expected"));
  assert.match(await page.locator("footer a").getAttribute("href"), /preset=break-it/);
  await page.getByText("More controls").click();
  assert.ok(await page.locator("[data-name=sharpness] input").first().isVisible());
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
