// The GPU in the page: surfaces that it draws, runs that go on without it, kernels that agree with the CPU.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SOFTWARE_PICTURES, inked, over, raise, said, time } from "./stage.mjs";

let stage;
before(async () => (stage = await raise(SOFTWARE_PICTURES)));
after(() => stage.end());

/**
 * What the GPU has drawn of a panel's picture: {size, share (of the canvas that is not transparent), shades, pixels}. It can be
 * read only in the task in which it is drawn.
 */
const solid = (panel) => panel.evaluate((panel) => {
  panel.draw();
  const canvas = panel.querySelector("canvas.solid");
  if (!canvas) return null;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const shades = new Set();
  let [opaque, hash] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255) opaque += 1, shades.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    hash = (Math.imul(hash, 31) + data[i] + 256 * data[i + 1] + 65536 * data[i + 2] + data[i + 3]) | 0;
  }
  return { size: [canvas.width, canvas.height], share: (4 * opaque) / data.length, shades: shades.size, pixels: hash };
});

test("a surface is drawn by the GPU, turned with the keyboard, drawn larger, and laid flat again", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const map = page.locator("orrery-panel[data-id=map]");
  assert.equal(await page.locator("canvas.solid").count(), 0);
  await map.locator("canvas").click();
  await page.waitForURL(/view=map/);
  await map.getByRole("button", { name: "Show in three dimensions" }).click();
  await map.locator("canvas.solid").waitFor();
  const first = await solid(map);
  assert.ok(first.share > 0.03 && first.share < 0.8, `${first.share} of the canvas is surface`);
  assert.ok(first.shades > 100, `only ${first.shades} shades`);
  assert.deepEqual(first.size, await map.locator("canvas").first().evaluate((canvas) => [canvas.width, canvas.height]));

  await map.locator("canvas").first().focus();
  let before = first;
  for (const key of ["ArrowLeft", "ArrowUp", "+"]) {
    await page.keyboard.press(key);
    const turned = await solid(map);
    assert.notEqual(turned.pixels, before.pixels, key);
    before = turned;
  }
  await page.keyboard.press("0");
  assert.equal((await solid(map)).pixels, first.pixels);

  await page.getByRole("button", { name: "Light or dark" }).click();
  assert.notEqual((await solid(map)).pixels, first.pixels);
  await page.setViewportSize({ width: 1800, height: 1200 });
  await page.waitForFunction((width) => document.querySelector("canvas.solid")?.width > width, first.size[0]);
  assert.ok((await solid(map)).share > 0.05);

  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    map.locator("summary").click().then(() => map.getByRole("button", { name: "SVG" }).click()),
  ]);
  assert.equal(saved.suggestedFilename(), "diffgrad-map.svg");

  await map.getByRole("button", { name: "Show in three dimensions" }).click();
  await page.waitForFunction(() => !document.querySelector("canvas.solid"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("when the GPU is lost, surfaces are drawn without it", async () => {
  const page = await stage.page("?experiment=diffgrad&3d=map&view=map");
  const map = page.locator("orrery-panel[data-id=map]");
  await map.locator("canvas.solid").waitFor();
  const index = await page.evaluate(() => [...document.querySelectorAll("orrery-panel canvas")].indexOf(document.querySelector("[data-id=map] canvas")));
  await solid(map);
  const around = await inked(page, index);
  await page.evaluate(() => orrery.loseGpu());
  await page.waitForFunction(() => !document.querySelector("canvas.solid"));
  const whole = await inked(page, index);
  assert.ok(whole > 2 * around, `${around} of the picture was inked around the surface, ${whole} with it`);
  await map.locator("canvas").first().focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForTimeout(100);
  assert.equal(await page.locator("canvas.solid").count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a run that loses its GPU goes on and says so", { timeout: 240_000 }, async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse");
  // The driver may take longer than the first run waits for it.
  const device = page.locator(".help", { hasText: "Computed in your browser" });
  await page.getByRole("button", { name: "large", exact: true }).click();
  const when = () => page.locator(".when").textContent().then((text) => Number(text.match(/[\d,]+/)?.[0].replace(",", "")));
  // The first run, which may have been on the GPU too, is on show until this one has something: it went on to the 5,000th iteration.
  const under_way = () => {
    const done = Number(document.querySelector(".when").textContent.match(/[\d,]+/)?.[0].replace(",", ""));
    return done > 20 && done < 5000 && /on the GPU: \S/.test(document.body.textContent);
  };
  await page.waitForFunction(under_way, null, { timeout: 60_000 });
  const lostAt = await when();
  await page.evaluate(() => orrery.loseGpu());
  await page.waitForFunction(() => document.querySelector("orrery-notices").textContent.includes("GPU was lost"), null, { timeout: 60_000 });
  assert.deepEqual(await said(page), ["The GPU was lost; the run goes on on the CPU."]);
  await page.waitForSelector("html[data-run=over]", { timeout: 150_000 });
  assert.ok((await when()) > lostAt, "it was lost in the middle");
  assert.equal(await device.textContent(), "Computed in your browser, on the CPU.");
  assert.match(await page.locator(".verdict").first().textContent(), /holds? in this run|does not hold/);
  for (const picture of [0, 1]) assert.ok((await inked(page, picture)) > 0.01);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the kernel of Sinkhorn's algorithm agrees with its twin on the CPU", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse");
  await over(page);
  const off = await time(page, "compare_sinkhorn", 200, 50);
  assert.ok(off <= 1e-4, `${off} of the largest potential`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the kernel of loss grids agrees with its twin on the CPU", async () => {
  const page = await stage.page();
  const off = await time(page, "compare_loss_grid", 70);
  assert.ok(off <= 1e-4, `${off} of the loss`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the kernels of sums over pairs and of small networks agree with their twins on the CPU", async () => {
  const page = await stage.page();
  const sums = await time(page, "compare_kernel_sum", 500);
  assert.ok(sums <= 1e-5, `${sums} of a sum`);
  const weights = await time(page, "compare_small_networks");
  assert.ok(weights <= 1e-4, `${weights} of the largest weight`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a shader that is written for a map of starts is understood, and leads where the CPU leads", async () => {
  const page = await stage.page();
  const share = await time(page, "compare_basins");
  assert.ok(share >= 0.999, `${share} of the starts`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
