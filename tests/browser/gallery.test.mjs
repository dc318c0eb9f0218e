// Every kind of view in the page: drawn, said, read out, zoomed, and saved as the same picture.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drawn, inked, over, raise } from "./stage.mjs";

let stage;
before(async () => (stage = await raise()));
after(() => stage.end());

for (const colorScheme of ["light", "dark"]) {
  test(`every view is drawn and said, ${colorScheme}`, async () => {
    const page = await stage.page("gallery.html", { rest: true, context: { colorScheme, viewport: { width: 1440, height: 3600 } } });
    await page.waitForTimeout(500);
    const titles = await page.locator("orrery-panel").evaluateAll((panels) => panels.map((panel) => panel.dataset.id));
    const kinds = new Set(await page.locator("orrery-panel").evaluateAll((panels) => panels.map((panel) => panel.picture.kind())));
    assert.deepEqual([...kinds].sort(), ["chart", "field", "graph", "heat map", "images", "matrix", "space", "surface", "table"]);
    for (const [index, title] of titles.entries()) {
      assert.ok((await inked(page, index)) > 0.004, `${title} is empty`);
      const label = await page.locator("canvas").nth(index).getAttribute("aria-label");
      assert.ok(label.length > title.length + 12, label);
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("every view but tables and images is zoomed with the keyboard, and comes back", async () => {
  const page = await stage.page("gallery.html", { rest: true, context: { viewport: { width: 1440, height: 3600 } } });
  await page.waitForTimeout(500);
  const kinds = await page.locator("orrery-panel").evaluateAll((panels) => panels.map((panel) => panel.picture.kind()));
  for (const [index, kind] of kinds.entries()) {
    if (kind === "table" || kind === "images") continue;
    const whole = await drawn(page, index);
    await page.locator("canvas").nth(index).focus();
    await page.keyboard.press("+");
    await page.waitForTimeout(60);
    assert.notEqual(await drawn(page, index), whole, `${kind} ${index}`);
    await page.keyboard.press("0");
    await page.waitForTimeout(60);
    assert.equal(await drawn(page, index), whole, `${kind} ${index}`);
  }
  await page.context().close();
});

test("lines are crisp on a screen with two device pixels a CSS pixel", async () => {
  const page = await stage.page("gallery.html", { rest: true, context: { deviceScaleFactor: 2 } });
  const [canvas, css] = await page.locator("canvas").first().evaluate((canvas) => [canvas.width, canvas.clientWidth]);
  assert.equal(canvas, 2 * css);
  await page.context().close();
});
