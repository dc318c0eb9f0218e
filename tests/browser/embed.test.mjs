// Experiments in a page of another origin.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { over, raise, watch } from "./stage.mjs";

let stage;
let host;
let article;
before(async () => {
  stage = await raise();
  host = createServer((request, response) => response.writeHead(200, { "content-type": "text/html" }).end(article));
  await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
  const words = "<p>" + "Gradient descent walks downhill. ".repeat(60) + "</p>";
  article = `<!doctype html><html lang="en"><title>A lesson</title><body><h1>A lesson</h1>${words}
    <orrery-experiment name="diffgrad" fit="content" film="0"></orrery-experiment>${words}
    <orrery-experiment name="diffgrad" preset="break-it" view="paths" theme="dark" film="0"></orrery-experiment>${words.repeat(6)}
    <orrery-experiment id="last" name="opposing-signals" film="0"></orrery-experiment>
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

test("three in one page: each as it was asked for, in its box or as high as it needs, and begun when it comes into view", async () => {
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
    // The first is as high as its content, the others fill their boxes.
    const content = await shown[index].evaluate(() => document.documentElement.getBoundingClientRect().height);
    assert.ok(Math.abs((await heights(page))[index] - content) <= 1, `frame ${index}`);
    const picture = await shown[index].evaluate(() => document.querySelector(".views").clientHeight);
    assert.ok(picture >= 0.55 * content, `the picture has ${picture} of ${content} px`);
    assert.ok(await shown[index].evaluate(() => document.documentElement.scrollHeight <= innerHeight + 1), "no scroll bar");
  }
  const [first, second] = shown;
  assert.match(await first.locator(".claim-line").textContent(), /✓ holds/);
  assert.match(await second.locator(".claim-line").textContent(), /gone, as expected/);
  assert.equal(await second.locator("orrery-panel").getAttribute("data-id"), "paths");
  assert.equal(await second.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(21, 23, 28)");
  const link = await first.locator("dialog a").last().getAttribute("href");
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
  const rubbish = [null, 7, "orrery", {}, { orrery: 1 }, { orrery: 1, type: "height", height: "9999" }, { orrery: 1, type: "height", height: NaN }, { orrery: 2, type: "height", height: 3000 }];
  await page.evaluate((rubbish) => {
    // From the page itself, which is no frame of the element's, and into the frame.
    for (const message of rubbish) {
      postMessage(message, "*");
      document.querySelector("orrery-experiment").shadowRoot.querySelector("iframe").contentWindow.postMessage(message, "*");
    }
  }, rubbish);
  // From the frame, but rubbish.
  await frame.evaluate((rubbish) => rubbish.forEach((message) => parent.postMessage(message, "*")), rubbish);
  // From the frame, and absurd: held within bounds.
  await page.waitForTimeout(200);
  assert.deepEqual(await heights(page), before);
  await frame.evaluate(() => parent.postMessage({ orrery: 1, type: "height", height: 1e9 }, "*"));
  await page.waitForTimeout(200);
  assert.equal((await heights(page))[0], 4000);
  assert.match(await frame.locator(".claim-line").textContent(), /holds/);
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

test("controls, presets and the time line work in an embed, and what has no room is behind the dots", async () => {
  const page = await stage.page("embed.html?experiment=diffgrad&ui=player,controls,presets,claim,link", { context: { viewport: { width: 360, height: 700 } } });
  await page.getByRole("button", { name: "More: settings, claim, paper" }).click();
  await page.locator("button.break-it").click();
  await page.waitForFunction(() => document.querySelector(".claim-line").textContent.includes("gone, as expected"));
  assert.match(await page.locator("dialog a").last().getAttribute("href"), /preset=break-it/);
  assert.ok(await page.locator("dialog [data-name=momentum] input").first().isVisible());
  await page.keyboard.press("Escape");
  assert.ok(await page.locator(".box [data-name=function] select").isVisible());
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an embed shows what it is asked to, from 320 by 240 on without a scroll bar", async () => {
  for (const [width, height] of [[320, 240], [480, 360], [960, 540], [360, 640]]) {
    const page = await stage.page("embed.html?experiment=opposing-signals", { context: { viewport: { width, height } } });
    const [w, h, picture] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight, document.querySelector(".views").clientHeight]);
    assert.ok(w <= width && h <= height, `${w} x ${h} in ${width} x ${height}`);
    assert.ok(picture >= 0.55 * height, `${picture} px of picture in ${height}`);
    await page.context().close();
  }
  const page = await stage.page("embed.html?experiment=opposing-signals&views=groups,sharpness&controls=step_size&lock=pull&range.step_size=0.05..0.2&ui=story,controls");
  assert.deepEqual(await page.locator(".views orrery-panel").evaluateAll((panels) => panels.map(({ dataset }) => dataset.id)), ["groups", "sharpness"]);
  assert.deepEqual(await page.locator(".box > orrery-controls .control").evaluateAll((rows) => rows.map(({ dataset }) => dataset.name)), ["step_size"]);
  assert.equal(await page.locator("[data-name=pull]").count(), 0);
  assert.equal(await page.locator("orrery-player").count(), 0);
  assert.ok(await page.locator("orrery-story .contents").isVisible());
  await page.context().close();
});

test("a story in an embed goes from view to view", async () => {
  const page = await stage.page("embed.html?experiment=diffgrad&ui=story,player&step=2", { film: true });
  for (let step = 3; step <= 4; step++) {
    await page.getByRole("button", { name: "Next" }).click();
    await page.waitForFunction((step) => document.querySelector(".count")?.textContent.startsWith(`${step} of`), step);
    assert.equal(await page.locator(".views orrery-panel:visible").count(), 1, `step ${step}`);
  }
  await page.context().close();
});

test("what an embed is asked for wrongly is one sentence each, and the default is shown", async () => {
  const page = await stage.page("embed.html?experiment=diffgrad&ui=player,sound&views=none&range.learning_rate=1..2&film=fast&step=99", { rest: false });
  await page.waitForSelector("orrery-notices p");
  const sentences = (await page.locator("orrery-notices p span").allTextContents()).join(" ");
  for (const expected of ["film: 'fast' is not a number", "ui: there is no 'sound'", "views: there is no 'none'"]) assert.ok(sentences.includes(expected), sentences);
  await over(page);
  assert.equal(await page.locator(".views orrery-panel").getAttribute("data-id"), "function");
  await page.context().close();
});

test("the page around sets, plays, seeks and asks; and hears what happens", async () => {
  const page = await lesson();
  await begun(page, 0);
  await page.evaluate(() => {
    globalThis.heard = [];
    const element = document.querySelector("orrery-experiment");
    for (const type of ["ready", "frame", "control", "over", "verdict"]) element.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  });
  await page.locator("orrery-experiment").first().scrollIntoViewIfNeeded();
  const ask = (code) => page.evaluate(`(async () => { const element = document.querySelector("orrery-experiment"); return ${code}; })()`);
  await ask('await element.set({ learning_rate: 0.05 })');
  await page.waitForFunction(() => heard.some(([type, { holds }]) => type === "verdict" && holds === false));
  assert.equal(await ask("element.state.learning_rate"), "0.05");
  assert.equal(await ask("element.verdict.holds"), false);
  assert.ok((await ask("element.measures.adam_x")) < 0);
  await ask("await element.seek(20)");
  await page.waitForFunction(() => heard.at(-1)[0] === "frame" && heard.at(-1)[1].at <= 20);
  assert.equal(await ask("(await element.image()).type"), "image/png");
  assert.match(await ask("element.set({ learning_rate: 9 }).then(() => '', (error) => error.message)"), /learning_rate: '9' is outside/);
  assert.match(await ask("element.seek(-1).then(() => '', (error) => error.message)"), /whole number/);
  assert.equal(await ask("element.state.learning_rate"), "0.05");
  // Keys that the embed has no use for are the page's.
  const frame = await (await page.locator("orrery-experiment iframe").first().elementHandle()).contentFrame();
  await page.evaluate(() => addEventListener("keydown", ({ key }) => (globalThis.pressed = key)));
  for (const [place, key] of [[".sentence", "PageDown"], ["canvas", "PageUp"], ["[aria-label=Play], [aria-label=Pause]", "Escape"]]) {
    await frame.locator(place).first().click();
    await page.keyboard.press(key);
    await page.waitForFunction((key) => globalThis.pressed === key, key);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("ten thousand messages of rubbish change nothing", async () => {
  const page = await lesson();
  await begun(page, 0);
  await page.locator("orrery-experiment").first().scrollIntoViewIfNeeded();
  const frame = await (await page.locator("orrery-experiment iframe").first().elementHandle()).contentFrame();
  await over(frame);
  const before = await frame.locator(".claim-line").textContent();
  await page.evaluate(() => {
    let seed = 1;
    const random = (n) => ((seed = (seed * 48271) % 2147483647) % n);
    const values = [null, undefined, NaN, -1, 1e9, "", "end", "learning_rate", [], {}, { learning_rate: {} }, { __proto__: null, seed: -1 }, { preset: "none" }, { learning_rate: "9" }, "__proto__", "constructor"];
    const pick = () => values[random(values.length)];
    const orders = ["set", "seek", "image", "toString", "constructor", "__proto__", "", 7, null];
    const inner = document.querySelector("orrery-experiment").shadowRoot.querySelector("iframe").contentWindow;
    for (let i = 0; i < 10_000; i++) {
      const order = orders[random(orders.length)];
      // What is right is left out: a seek to a place, a picture.
      const message = { orrery: [1, 1, 1, 2, "1"][random(5)], id: random(3) ? i : pick(), do: order, at: random(2) ? -1 : {}, values: pick() };
      if (message.values && !Array.isArray(message.values) && typeof message.values === "object" && Object.keys(message.values).length === 0) message.values = null;
      inner.postMessage(message, "*");
    }
  });
  await page.waitForTimeout(1500);
  await over(frame);
  assert.equal(await frame.locator(".claim-line").textContent(), before);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
