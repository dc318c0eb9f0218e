// The algorithms in Chromium, on one thread, beside the programs that people use for them.

import { raise, time as timed } from "../browser/stage.mjs";
import { python, tensorflow } from "./peers.mjs";

const best = async (times, run) => {
  const figures = [];
  for (let i = 0; i < times; i++) figures.push(await run());
  return figures;
};

export async function measure() {
  const stage = await raise();
  const peer = await tensorflow();
  try {
    const page = await stage.page();
    const time = (name, ...values) => timed(page, name, ...values);
    const sinkhorn = Math.min(...(await best(3, () => time("time_sinkhorn", 1000, 20))));
    const pot = python("sinkhorn_pot.py").seconds;
    const samples = Math.max(...(await best(3, () => time("time_training", 4000))));
    const other = await stage.browser.newPage();
    await other.goto(`${peer.base}tfjs.html`);
    const backends = await best(1, () => other.evaluate(async () => {
      const figures = [];
      for (const backend of ["cpu", "wasm", "wasm"]) figures.push(await globalThis.samplesPerSecond(backend));
      return figures;
    }));
    const theirs = Math.max(...backends.flat());
    return [
      { what: "Sinkhorn, log domain, n = 1,000, a sweep", unit: "ms", ours: sinkhorn * 1000, theirs: pot * 1000, other: "POT sinkhorn_log", goal: 5 },
      { what: "training 12-10-7-5-4-3-2, batch 256", unit: "samples/s", ours: samples, theirs, other: "TensorFlow.js", goal: 5, better: "more" },
    ];
  } finally {
    peer.end();
    await stage.end();
  }
}
