// The page as a person feels it: headless Chromium, a cold cache, the site from this machine.

import { over, raise } from "../browser/stage.mjs";

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export async function measure() {
  const stage = await raise();
  try {
    const firsts = [];
    for (let i = 0; i < 5; i++) {
      const context = await stage.browser.newContext({ viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      await page.goto(`${stage.base}?experiment=diffgrad`);
      const mark = await page.waitForFunction(() => performance.getEntriesByName("first picture")[0]?.startTime);
      firsts.push(await mark.jsonValue());
      await context.close();
    }
    const page = await stage.page("?experiment=diffgrad");
    const answers = await page.evaluate(async () => {
      // The first stroke on a canvas after the slider moved begins its picture; the display frame after it shows it.
      let drawn = null;
      const { stroke } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.stroke = function (...path) {
        drawn?.();
        return stroke.apply(this, path);
      };
      const slider = document.querySelector("orrery-controls input[type=range], input[type=range]");
      const [low, high] = [Number(slider.min), Number(slider.max)];
      const times = [];
      for (let i = 0; i < 20; i++) {
        const picture = new Promise((resolve) => (drawn = resolve));
        const begin = performance.now();
        slider.value = String(low + (((i * 3) % 7) + 1) * (high - low) / 9);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await picture;
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - begin);
        drawn = null;
        await new Promise((resolve) => setTimeout(resolve, 400));
      }
      return times;
    });
    await over(page);
    const busy = await stage.page("?experiment=neural-collapse-perturbation&act=network", { rest: false });
    const [loading, running] = await busy.evaluate(async () => {
      const long = [];
      new PerformanceObserver((list) => long.push(...list.getEntries())).observe({ type: "longtask", buffered: true });
      await new Promise((resolve) => setTimeout(resolve, 4000));
      const first = performance.getEntriesByName("first picture")[0].startTime;
      const longest = (tasks) => Math.max(1, ...tasks.map((task) => task.duration));
      return [longest(long.filter((task) => task.startTime <= first)), longest(long.filter((task) => task.startTime > first))];
    });
    return [
      { what: "first picture after navigation, cold cache", unit: "ms", ours: median(firsts), goal: 1000 },
      { what: "slider moved, new picture drawn, median", unit: "ms", ours: median(answers), goal: 100 },
      { what: "longest task of the page while it loads", unit: "ms", ours: loading },
      { what: "longest task of the page while a run goes on", unit: "ms", ours: running, goal: 50 },
    ];
  } finally {
    await stage.end();
  }
}
