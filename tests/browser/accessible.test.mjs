// axe-core finds nothing serious on any page, in light and dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { over, raise } from "./stage.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let stage;
before(async () => (stage = await raise()));
after(() => stage.end());

/** What axe finds that is serious or critical. */
async function serious(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  for (const [name, query, act] of [
    ["front page", "", (page) => page.waitForSelector(".tile")],
    ["lab", "?lab=transport", (page) => page.waitForSelector(".text h2")],
    ["experiment", "?experiment=diffgrad", over],
    ["comparison", "?experiment=opposing-signals&compare=1&b.preset=break-it", over],
    ["sentences", "?experiment=sinkhorn-newton-sparse&size=50&seed=abc", over],
    ["share", "?experiment=diffgrad", (page) => page.getByRole("button", { name: "Share" }).click()],
    ["embed", "embed.html?experiment=diffgrad", over],
    ["gallery", "gallery.html", over],
  ]) {
    test(`${name}, ${colorScheme}`, async () => {
      const page = await stage.page(query, { context: { colorScheme, bypassCSP: true } });
      await act(page);
      assert.deepEqual(await serious(page), []);
      await page.context().close();
    });
  }
}
