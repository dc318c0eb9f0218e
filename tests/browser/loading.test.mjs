// What is loaded when, what the page says when it does not come, and the claim's other seeds in workers of their own.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { over, raise, said } from "./stage.mjs";

let stage;
before(async () => (stage = await raise()));
after(() => stage.end());

/** A page that nothing has been asked of, without a service worker between it and the server. */
async function fresh() {
  const context = await stage.browser.newContext({ serviceWorkers: "block" });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.asked = [];
  page.on("request", (request) => page.asked.push(new URL(request.url()).pathname.slice(1)));
  return page;
}

const wasm = (page) => page.asked.filter((name) => name.endsWith(".wasm")).map((name) => name.replace(/_bg-\w+\.wasm$/, ""));

test("front page, lab pages and the table need no wasm and no card", async () => {
  const page = await fresh();
  for (const [query, sign] of [["", ".tile"], ["?lab=transport", ".text h2"], ["experiments.html", "tbody tr"]]) {
    await page.goto(stage.base + query);
    await page.waitForSelector(sign);
    await page.waitForTimeout(500);
    assert.deepEqual(wasm(page), [], query);
    assert.deepEqual(page.asked.filter((name) => /^(card|data)\/|page-|worker-/.test(name)), [], query);
  }
  await page.context().close();
});

test("an experiment loads the page's module and its lab's, an embed no more than its own card", async () => {
  for (const [address, list] of [["?experiment=diffgrad", 1], ["embed.html?experiment=diffgrad", 0]]) {
    const page = await fresh();
    await page.goto(stage.base + address);
    await over(page);
    assert.deepEqual(wasm(page).sort(), ["lab-trajectory", "page"], address);
    assert.deepEqual(page.asked.filter((name) => name.startsWith("card/")), ["card/diffgrad.json"]);
    assert.equal(page.asked.filter((name) => name === "index.json").length, list);
    await page.context().close();
  }
});

/** What may happen to a file on its way. */
const HARMS = {
  missing: (route) => route.fulfill({ status: 404, body: "" }),
  "cut off": async (route) => {
    const answer = await route.fetch();
    const body = await answer.body();
    await route.fulfill({ status: 200, contentType: answer.headers()["content-type"], body: body.subarray(0, body.length >> 1) });
  },
  offline: (route) => route.abort("internetdisconnected"),
};

for (const [file, what] of [
  ["lab-trajectory_bg-*.wasm", "The program of this experiment"],
  ["lab-trajectory-*.js", "The program of this experiment"],
  ["page_bg-*.wasm", "The part of the page that draws"],
  ["card/diffgrad.json", "This experiment"],
]) {
  for (const [harm, act] of Object.entries(HARMS)) {
    // A card that is missing says that there is no such experiment.
    if (file.startsWith("card/") && harm === "missing") continue;
    test(`${file}, ${harm}: one sentence, another try, and the page can be used`, async () => {
      const page = await fresh();
      await page.context().route(`**/${file}`, act);
      await page.goto(`${stage.base}?experiment=diffgrad`);
      await page.waitForSelector("orrery-notices p");
      await page.waitForTimeout(500);
      const sentences = await said(page);
      assert.equal(sentences.length, 1, sentences.join("\n"));
      assert.match(sentences[0], new RegExp(`^${what} could not be loaded: .+\\.$`));
      await page.getByRole("button", { name: "Experiments" }).click();
      await page.getByRole("searchbox").first().fill("dubey adam");
      assert.deepEqual(await page.locator("#catalogue li:not([hidden]) a").allTextContents(), ["Can half a step beat Adam?"]);
      await page.getByRole("button", { name: "Experiments" }).click();
      // In vain as long as nothing has changed.
      await page.getByRole("button", { name: "Try again" }).click();
      await page.waitForSelector("orrery-notices p");
      await page.context().unroute(`**/${file}`);
      await page.getByRole("button", { name: "Try again" }).click();
      await over(page);
      assert.deepEqual(await said(page), []);
      assert.match(await page.locator(".verdict").first().textContent(), /holds/);
      await page.context().close();
    });
  }
}

test("the list of experiments that does not come is asked for again", async () => {
  const page = await fresh();
  await page.context().route("**/index.json", HARMS.offline);
  await page.goto(stage.base);
  await page.waitForSelector("orrery-notices p");
  assert.match((await said(page)).join(), /^The list of experiments could not be loaded: there is no answer\.$/);
  await page.context().unroute("**/index.json");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector(".tile");
  assert.deepEqual(await said(page), []);
  await page.context().close();
});

/** Waits until a page has so many workers. */
async function workers(page, count) {
  for (const end = Date.now() + 15_000; page.workers().length !== count; await page.waitForTimeout(20)) {
    if (Date.now() > end) throw new Error(`${page.workers().length} workers, not ${count}`);
  }
}

test("other seeds run beside the one on show, end when a control is moved, and leave one worker", async () => {
  const page = await stage.page("?experiment=neural-collapse-perturbation", { rest: false });
  await page.waitForSelector("button.dot");
  const spare = Math.min(4, Math.max(1, (await page.evaluate(() => navigator.hardwareConcurrency)) - 1));
  const others = Math.min(spare, (await page.evaluate(() => document.querySelectorAll("button.dot[data-seed]").length)) - 1);
  assert.ok(others >= 1);
  await workers(page, 1 + others);
  await page.locator("button.break-it").click();
  await workers(page, 1);
  await page.waitForFunction(() => document.querySelector(".all")?.textContent.startsWith("over all"), null, { timeout: 120_000 });
  await workers(page, 1);
  assert.match(await page.locator(".all").textContent(), /gone, as expected/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("other seeds read the reader's files too", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=100");
  const all = () => page.waitForFunction(() => document.querySelector(".all")?.textContent.startsWith("over all"), null, { timeout: 60_000 });
  const second = () => page.locator("button.dot").nth(1).getAttribute("title");
  await all();
  const before = await second();
  const cloud = (shift) => Array.from({ length: 60 }, (_, i) => `${Math.cos(i) + shift},${Math.sin(1.7 * i)}`).join("\n");
  const file = (name, shift) => ({ name, mimeType: "", buffer: Buffer.from(cloud(shift)) });
  await page.locator("orrery-files input").setInputFiles([file("source.csv", 0), file("target.csv", 1)]);
  await page.waitForSelector("orrery-files .own li");
  await all();
  assert.notEqual(await second(), before);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
