// Memory of the page's process (page, worker and their wasm) over 200 restarts of an experiment.

import { readFileSync } from "node:fs";
import { over, raise } from "../browser/stage.mjs";

export async function measure() {
  const stage = await raise(["--js-flags=--expose-gc"]);
  try {
    const page = await stage.page("?experiment=diffgrad");
    const browser = await stage.browser.newBrowserCDPSession();
    const session = await page.context().newCDPSession(page);
    /** Megabytes that the renderers hold to themselves. */
    const used = async () => {
      await session.send("HeapProfiler.collectGarbage");
      await page.waitForTimeout(3000);
      const { processInfo } = await browser.send("SystemInfo.getProcessInfo");
      const own = ({ id }) => Number(/Pss_Anon:\s+(\d+)/.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))[1]);
      return processInfo.filter((process) => process.type === "renderer").reduce((sum, process) => sum + own(process), 0) / 1000;
    };
    const restart = async (times) => {
      for (let i = 0; i < times; i++) {
        await page.getByRole("button", { name: "Start again" }).first().click();
        await page.waitForTimeout(40);
      }
      await over(page);
    };
    await restart(100);
    const before = await used();
    await restart(200);
    return [{ what: "memory grown over 200 restarts", unit: "MB", ours: Math.max(0.001, (await used()) - before), goal: 5 }];
  } finally {
    await stage.end();
  }
}
