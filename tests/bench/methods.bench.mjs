// What the instruments stand on: products of matrices, small networks, losses over a plane, information.

import { raise, time as timed } from "../browser/stage.mjs";
import { pages, python } from "./peers.mjs";

export async function measure() {
  const stage = await raise();
  const peer = await pages();
  try {
    const page = await stage.page();
    const time = (name, ...values) => timed(page, name, ...values);
    const peak = await time("time_peak");
    const rows = [];
    for (const n of [256, 512, 1024]) {
      rows.push({ what: `product of matrices, f32, n = ${n}`, unit: "GFLOP/s", ours: await time("time_product", n), theirs: peak, other: "a loop in registers", goal: 1, better: "more" });
    }
    const torch = python("training_torch.py", "torch");
    rows.push({ what: "product of matrices, f32, n = 1024", unit: "GFLOP/s", ours: rows.at(-1).ours, theirs: torch.product, other: "numpy, one thread", better: "more" });
    rows.push({ what: "training 2-64-64-1, tanh, batch 10", unit: "samples/s", ours: await time("time_small_training", 2000), theirs: torch.small, other: "PyTorch, one thread", goal: 1, better: "more" });
    rows.push({ what: "training 784-300-100-10, batch 128", unit: "samples/s", ours: await time("time_dense_training", 40), theirs: torch.dense, other: "PyTorch, one thread", goal: 0.5, better: "more" });
    rows.push({ what: "training a small convolutional network, 28 × 28, batch 32", unit: "samples/s", ours: await time("time_convolutional_training", 20), theirs: torch.convolutional, other: "PyTorch, one thread", goal: 0.4, better: "more" });
    const playground = await stage.browser.newPage();
    await playground.goto(`${peer.base}playground.html`);
    const objects = await playground.evaluate(() => globalThis.samplesPerSecond(200));
    rows.push({ what: "training 2-64-64-1, tanh, batch 10", unit: "samples/s", ours: await time("time_small_training", 2000), theirs: objects, other: "an object a node and a link", goal: 10, better: "more" });
    rows.push({ what: "loss grid, 784-64-10, 500 images: the first 9 × 9", unit: "s", ours: 81 / (await time("time_loss_grid", 9)), goal: 0.5 });
    // Two operations a weight and sample.
    const places = await time("time_loss_grid", 33);
    const product = rows[0].ours;
    rows.push({ what: "loss grid, all of 33 × 33", unit: "GFLOP/s", ours: (2 * places * 500 * (784 * 64 + 640)) / 1e9, theirs: product, other: "our product of matrices", goal: 0.7, better: "more" });
    rows.push({ what: "mutual information by neighbours, n = 1,000", unit: "ms", ours: 1000 * (await time("time_neighbours", 1000)), theirs: 1000 * python("neighbours_sklearn.py").seconds, other: "scikit-learn", goal: 1 });
    rows.push({ what: "sliced W₂, n = 2,000 points in 3 dimensions, 100 directions", unit: "ms", ours: 1000 * (await time("time_sliced", 2000, 100)), theirs: 1000 * python("sliced_pot.py").seconds, other: "POT sliced_wasserstein_distance", goal: 1 });
    rows.push({ what: "the information plane of 4,096 patterns, 6 layers", unit: "ms", ours: 1000 * (await time("time_plane")), goal: 5 });
    rows.push({ what: "exact transport, n = 1,000", unit: "ms", ours: 1000 * (await time("time_exact_transport", 1000)), theirs: 1000 * python("exact_pot.py").seconds, other: "POT emd", goal: 0.5 });
    rows.push({ what: "colour transfer, two pictures of 256 × 256", unit: "s", ours: await time("time_colour_transfer"), goal: 1 });
    rows.push({ what: "basin maps, 256 × 256, 200 steps, 4 optimizers, CPU", unit: "s", ours: await time("time_basins", 4), goal: 1 });
    return rows;
  } finally {
    peer.end();
    await stage.end();
  }
}
