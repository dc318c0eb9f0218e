// The same controls and seed give the same bits natively and in the browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { orrery, raise } from "./stage.mjs";

const SEEDS = [0, 1, 2];
const cards = JSON.parse(execFileSync(orrery, ["list", "--json"], { maxBuffer: 1 << 26 }));

/** The native hashes of a preset, one a seed. */
function native(slug, preset) {
  const options = ["--preset", preset, "--seeds", `${SEEDS[0]}..${SEEDS.at(-1)}`, "--json"];
  let out;
  try {
    out = execFileSync(orrery, ["run", slug, ...options], { maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    // Exit code 1 says that the claim does not hold, as it must not at break-it.
    assert.equal(error.status, 1, `${slug} at ${preset}`);
    out = error.stdout;
  }
  return JSON.parse(out).runs.map((run) => run.hash);
}

let stage, page;
before(async () => {
  stage = await raise();
  page = await stage.page();
});
after(() => stage.end());

for (const { slug } of cards) {
  for (const preset of ["default", "break-it"]) {
    test(`${slug} at ${preset}`, { timeout: 300_000 }, async () => {
      const here = native(slug, preset);
      for (const [index, seed] of SEEDS.entries()) {
        const there = await page.evaluate(([slug, preset, seed]) => globalThis.orrery.hash(slug, preset, seed), [slug, preset, seed]);
        assert.equal(there, here[index], `seed ${seed}`);
      }
    });
  }
}
