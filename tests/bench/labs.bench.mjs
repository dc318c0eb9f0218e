// Every experiment of the finished labs, at its default settings with a worker that is ready: how soon the first picture of a run is
// drawn, and how soon the run is over and has its verdict.

import { over, raise } from "../browser/stage.mjs";

const LABS = ["transport", "information"];

export async function measure() {
  const stage = await raise();
  try {
    const front = await stage.page();
    const slugs = [];
    for (const lab of LABS) {
      await front.goto(`${stage.base}?lab=${lab}`);
      await front.waitForSelector(".tile");
      slugs.push(...(await front.locator(".tile").evaluateAll((tiles) => tiles.map((tile) => new URL(tile.href).searchParams.get("experiment")))));
    }
    const rows = [];
    for (const slug of slugs) {
      const page = await stage.page(`?experiment=${slug}`);
      await over(page);
      const { first, verdict } = await page.evaluate(async () => {
        const { prototype } = CanvasRenderingContext2D;
        let tell = null;
        for (const name of ["stroke", "fill", "fillRect", "fillText", "putImageData", "drawImage"]) {
          const draw = prototype[name];
          prototype[name] = function (...values) {
            tell?.();
            return draw.apply(this, values);
          };
        }
        const drawn = new Promise((resolve) => (tell = resolve));
        const begin = performance.now();
        document.querySelector("button[aria-label='Start again']").click();
        await drawn;
        // The display frame after it shows it.
        await new Promise(requestAnimationFrame);
        const first = performance.now() - begin;
        const ended = () => document.documentElement.dataset.run === "over";
        while (ended() && performance.now() < begin + 1000) await new Promise(requestAnimationFrame);
        while (!ended()) await new Promise(requestAnimationFrame);
        return { first, verdict: performance.now() - begin };
      });
      rows.push({ what: `${slug}: first picture`, unit: "ms", ours: first, goal: 150 });
      rows.push({ what: `${slug}: verdict`, unit: "s", ours: verdict / 1000 });
      await page.context().close();
    }
    return rows;
  } finally {
    await stage.end();
  }
}
