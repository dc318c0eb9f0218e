// One live experiment. Computes in slices, yields between them, and sends at most one frame for each that the page has drawn.
//
// From the page: {kind: "module" | "start" | "play" | "pause" | "step" | "pace" | "scrub" | "result" | "drawn" | "hold" | "hash", …}.
// To the page: {kind: "frame" | "seed" | "result" | "files" | "error" | "crash" | "hash", id, …}.

import init, { Live, Processor, Shelf, Tally } from "./orrery.js";

/** Milliseconds between two yields, at most, as far as a slice can be foreseen. */
const BUDGET = 9;
/** A restarted run shows nothing before it is over or so many milliseconds old: a picture under a moving slider does not jump back. */
const PATIENCE = 35;
/** Milliseconds that the first run waits for a GPU. */
const DRIVER_PATIENCE = 250;
const ANY_NUMBER = 0xffffffff;

let processor;
let shelf;
/** The run on show, and the number of the last one asked for. */
let current = null;
let latest = 0;
/** What was asked for and is not the run on show yet. What the page says of it meanwhile is kept with it. */
let coming = null;

/** Resolves once the module is there. */
let begin;
const begun = new Promise((resolve) => {
  begin = resolve;
}).then(async (module) => {
  await init({ module_or_path: module });
  shelf = new Shelf();
  processor = Processor.cpu();
  // Whoever waits for a picture does not wait for a slow driver; its GPU serves the next run.
  const best = Processor.best().then((found) => (processor = found));
  await Promise.race([best, new Promise((resolve) => setTimeout(resolve, DRIVER_PATIENCE))]);
});

self.onmessage = async ({ data }) => {
  if (data.kind === "module") return begin(data.module);
  try {
    await begun;
    await HANDLERS[data.kind](data);
  } catch (error) {
    fail(error, data.id);
  }
};

/** Says what went wrong. After a trap nothing in this worker can be trusted: the page ends it. */
function fail(error, id) {
  if (error instanceof WebAssembly.RuntimeError) postMessage({ kind: "crash", id });
  else postMessage({ kind: "error", id, text: error.message });
}

const HANDLERS = {
  async start(order) {
    latest = order.id;
    coming = order;
    await stock(shelf, order.slug);
    if (latest === order.id && (await goesOn(order))) return;
    const candidate = shelf.copy();
    for (const name of order.remove ?? []) candidate.remove(name);
    for (const file of order.add ?? []) await take(candidate, file);
    if (latest !== order.id) return candidate.free();
    // Until here nothing has changed: an error leaves the last good run and its files as they were.
    const live = new Live(order.slug, order.pairs, order.seed, candidate, processor, true);
    shelf.free();
    shelf = candidate;
    if (order.add || order.remove) postMessage({ kind: "files", id: order.id, files: shelf.own() });
    adopt(order, live);
  },
  play() {
    tellBoth((run) => (run.playing = true));
  },
  pause() {
    tellBoth((run) => (run.playing = false));
  },
  step() {
    tellBoth((run) => Object.assign(run, { playing: false, steps: (run.steps ?? 0) + 1 }));
  },
  pace({ pace }) {
    tellBoth((run) => (run.pace = pace));
  },
  scrub({ done, offset, id }) {
    if (current?.id !== id) return;
    current.wanted = { done, offset };
    current.wake();
  },
  result({ name, type, id }) {
    if (current?.id !== id) return;
    current.asked.push({ name, type });
    current.wake();
  },
  drawn({ id }) {
    if (current?.id !== id) return;
    current.ready = true;
    current.wake();
  },
  hold({ held }) {
    tellBoth((run) => (run.held = held));
  },
  /** For tests: the GPU goes away. */
  lose() {
    processor.lose();
  },
  async hash({ id, slug, pairs, seed }) {
    const own = shelf.copy();
    await stock(own, slug);
    const live = new Live(slug, pairs, seed, own, Processor.cpu(), false);
    while (!(await live.advance(BUDGET, ANY_NUMBER))) await turn();
    postMessage({ kind: "hash", id, hash: live.hash() });
    live.free();
    own.free();
  },
};

/** Changes how the run on show goes, and the one that is to take its place. */
function tellBoth(change) {
  for (const run of new Set([current, coming])) if (run) change(run);
  current?.wake();
}

/** Where the run on show can take the new controls, it goes on with them. */
async function goesOn(order) {
  const run = current;
  // One that ended in an error is not to be trusted with more.
  if (!run || run.seeds === Infinity || run.slug !== order.slug || run.seed !== order.seed || order.add || order.remove) return false;
  // Between two slices, when nobody works on it.
  return new Promise((resolve, reject) => {
    run.revision = () => {
      try {
        const revised = latest === order.id && run.live.revise(order.pairs);
        if (revised) {
          run.tally.free();
          Object.assign(run, lifeOf(order), { tally: new Tally(order.slug) });
          coming = null;
        }
        resolve(revised || latest !== order.id);
      } catch (error) {
        reject(error);
      }
    };
    run.wake();
  });
}

/** Fetches the shipped data sets that an experiment needs. */
async function stock(shelf, slug) {
  for (const file of shelf.missing(slug)) {
    const answer = await fetch(new URL("./data/" + file, import.meta.url));
    if (!answer.ok) throw new Error(`data/${file}: could not be loaded (${answer.status})`);
    shelf.put(file, new Uint8Array(await answer.arrayBuffer()));
  }
}

/** Reads a file of the reader's. */
async function take(shelf, file) {
  Shelf.checkSize(file.name, file.size);
  shelf.add(file.name, new Uint8Array(await file.arrayBuffer()));
}

/** What a run is at the start of its life. */
const lifeOf = (order) => ({
  over: false,
  /** Single slices asked for while at rest. */
  steps: 0,
  /** Seeds of the claim that have been told. */
  seeds: 0,
  began: performance.now(),
  /** There is something to see that has not been sent. */
  fresh: false,
  /** The page has drawn what was sent. */
  ready: true,
  /** Something has been sent. */
  shown: false,
  /** The place on the time line to be shown. */
  wanted: null,
  /** Results that the reader wants to take away. */
  asked: [],
  /** Other controls, to be tried when the slice at hand is over. */
  revision: null,
  ...order,
});

function adopt(order, live) {
  const run = { ...lifeOf(order), live, tally: new Tally(order.slug), wake() {} };
  const before = current;
  current = run;
  coming = null;
  before?.wake();
  pump(run).catch((error) => fail(error, run.id));
}

/** Lets the page's messages in. */
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();
const turn = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

/** Sleeps until woken, or for so many milliseconds. */
const sleep = (run, milliseconds) =>
  new Promise((resolve) => {
    run.wake = resolve;
    if (milliseconds !== undefined) setTimeout(resolve, milliseconds);
  });

/** The life of a run: advances it, shows it, and ends when another takes its place. */
async function pump(run) {
  let due = performance.now();
  try {
    while (run === current) {
      run.revision?.();
      run.revision = null;
      show(run);
      const going = !run.over && !run.held && (run.playing || run.steps > 0);
      if (!going) {
        const idle = run.over && !run.held && !run.fresh && !run.wanted;
        if (idle && run.seeds < run.tally.wanted()) await attempt(run, () => otherSeed(run));
        else await sleep(run);
        continue;
      }
      const early = due - performance.now();
      if (run.pace && run.steps === 0 && early > 1) {
        await sleep(run, early);
        continue;
      }
      const slices = run.steps > 0 ? 1 : run.pace ? Math.max(1, Math.round(run.pace / 60)) : ANY_NUMBER;
      if (run.steps > 0) run.steps -= 1;
      await attempt(run, async () => {
        run.over = await run.live.advance(BUDGET, slices);
      });
      run.fresh = true;
      due = run.pace ? Math.max(due + (1000 * slices) / run.pace, performance.now() - 100) : performance.now();
      await turn();
    }
  } finally {
    run.live.free();
    run.tally.free();
  }
}

/** Does some of a run's work. An error is told and ends the run; what it has recorded stays. */
async function attempt(run, work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    fail(error, run.id);
    run.over = true;
    run.seeds = Infinity;
  }
}

/** Sends what there is to see, if the page is ready for it. */
function show(run) {
  for (const { name, type } of run.asked.splice(0)) {
    postMessage({ kind: "result", id: run.id, name, type, bytes: run.live.result(name, type) });
  }
  if (!run.ready) return;
  if (run.wanted) {
    const { done, offset } = run.wanted;
    run.wanted = null;
    const frame = run.live.at(done, offset);
    if (frame) send(run, frame, false);
  } else if (run.fresh && !tooEarly(run)) {
    run.fresh = false;
    send(run, run.live.look(), true);
    if (run.over && run.seeds === 0) tell(run, run.live, run.seed);
  }
}

function tooEarly(run) {
  if (run.over || !run.playing) return false;
  return run.quiet ? run.shown : !run.eager && performance.now() - run.began < PATIENCE;
}

function send(run, frame, live) {
  run.shown = true;
  run.ready = false;
  const { id, over } = run;
  const results = over ? run.live.results() : [];
  const message = { kind: "frame", id, live, over, ...frame, begin: run.live.first(), verdict: run.live.verdict(), device: run.live.device(), results };
  postMessage(message, frame.views.map((view) => view.buffer));
}

/** Counts a finished run for the verdict over all seeds. */
function tell(run, live, seed) {
  run.tally.add(live);
  run.seeds += 1;
  postMessage({ kind: "seed", id: run.id, seed, alone: live.verdict(), all: run.tally.verdict() });
}

/** Runs the claim's next seed to its end, unless the page wants something else. */
async function otherSeed(run) {
  const seed = run.seed + run.seeds;
  const live = new Live(run.slug, run.pairs, seed, shelf, processor, false);
  try {
    while (!(await live.advance(BUDGET, ANY_NUMBER))) {
      await turn();
      show(run);
      while (run === current && run.held && !run.revision) await sleep(run);
      if (run !== current || run.revision) return;
    }
    tell(run, live, seed);
    await turn();
  } finally {
    live.free();
  }
}
