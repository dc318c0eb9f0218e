// One live experiment: takes the page's orders. How a run goes on is told in life.js.
//
// From the page: {kind: "import" | "module" | "start" | "play" | "pause" | "step" | "pace" | "scrub" | "result" | "drawn" | "hold" |
// "told" | "pointer" | "measure" | "hash", …}.
// To the page: {kind: "begun" | "frame" | "seed" | "result" | "files" | "error" | "answer" | "crash" | "lost", id, …}.

import { BUDGET, Life, turn } from "./life.js";

/** Milliseconds that the first run waits for a GPU. */
const DRIVER_PATIENCE = 250;
const ANY_NUMBER = 0xffffffff;
/** Milliseconds that keeping the time line of a run may take, and of one that is shown as a film: its frames are what is seen. */
const RECORDS = 60;
const FILM_RECORDS = 2500;

/** The experiment's module, once it has started; what it computes on; the data and files that its runs may read. */
let program;
let processor;
let shelf;
/** The run on show, and the number of the last one asked for. */
let current = null;
let latest = 0;
/** What was asked for and is not the run on show yet. What the page says of it meanwhile is kept with it. */
let coming = null;

let script;
let begin;
/** Resolves once the module is there. */
const begun = new Promise((resolve) => (begin = resolve));

self.onmessage = async ({ data }) => {
  try {
    if (!(data.kind in LOADING)) await begun;
    await (LOADING[data.kind] ?? HANDLERS[data.kind])(data);
  } catch (error) {
    fail(error, data.id);
  }
};

/** Says what went wrong. After a trap nothing in this worker can be trusted: the page ends it. */
function fail(error, id) {
  if (error instanceof WebAssembly.RuntimeError) postMessage({ kind: "crash", id });
  else postMessage({ kind: "error", id, text: error.message });
}

const LOADING = {
  /** The bindings come while the page compiles what they bind. */
  import(data) {
    script = import(data.script);
    script.catch(() => {});
  },
  async module({ module }) {
    try {
      program = await script;
      await program.default({ module_or_path: module });
    } catch {
      return postMessage({ kind: "lost" });
    }
    shelf = new program.Shelf();
    processor = program.Processor.cpu();
    // Whoever waits for a picture does not wait for a slow driver; its GPU serves the next run.
    const best = program.Processor.best().then((found) => (processor = found));
    await Promise.race([best, new Promise((resolve) => setTimeout(resolve, DRIVER_PATIENCE))]);
    begin();
  },
};

const HANDLERS = {
  async start(order) {
    latest = order.id;
    coming = order;
    try {
      await adopt(order);
    } finally {
      if (coming === order) coming = null;
    }
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
  hold({ held }) {
    tellBoth((run) => (run.held = held));
  },
  scrub({ done, offset, id }) {
    tell(id, (run) => (run.wanted = { done, offset }));
  },
  result({ name, type, id }) {
    tell(id, (run) => run.asked.push({ name, type }));
  },
  drawn({ id }) {
    tell(id, (run) => (run.ready = true));
  },
  /** What another worker has measured for the claim of the run on show. */
  told({ id, seed, measures }) {
    tell(id, (run) => run.tell(seed, measures));
  },
  /** For tests: the GPU goes away. */
  lose() {
    processor.lose();
  },
  /** The controls after a handle was dragged. */
  pointer({ id, slug, pairs, which, x, y }) {
    postMessage({ kind: "answer", id, answer: program.pointer(slug, pairs, which, x, y) });
  },
  /** The measures of a run that nobody sees, as soon as its verdict is settled. */
  async measure({ id, files, ...order }) {
    const [measures] = await unseen(order, files, processor, (live) => live.measures());
    postMessage({ kind: "answer", id, answer: measures });
  },
  /** The hashes of one, on the CPU: where its verdict is settled, and at the end if it is to go as far. */
  async hash({ id, ...order }) {
    const hashes = await unseen(order, [], program.Processor.cpu(), (live) => live.hash());
    postMessage({ kind: "answer", id, answer: hashes });
  },
};

/** Changes how the run on show goes, and the one that is to take its place. */
function tellBoth(change) {
  for (const run of new Set([current, coming])) if (run) change(run);
  current?.wake();
}

/** Changes the run of that number, if it still is the one on show. */
function tell(id, change) {
  if (current?.id !== id) return;
  change(current);
  current.wake();
}

/** Puts a run on show as ordered: the one that is there, if it can go on so, or a fresh one. */
async function adopt(order) {
  await stock(shelf, order.slug);
  if (latest === order.id && (await goesOn(order))) return;
  const candidate = shelf.copy();
  for (const name of order.remove ?? []) candidate.remove(name);
  for (const file of order.add ?? []) await take(candidate, file);
  if (latest !== order.id) return candidate.free();
  // Until here nothing has changed: an error leaves the last good run and its files as they were.
  const live = new program.Live(order.slug, order.pairs, order.seed, candidate, processor, order.film ? FILM_RECORDS : RECORDS);
  shelf.free();
  shelf = candidate;
  const { id, add, remove } = order;
  if (add || remove) postMessage({ kind: "files", id, add, remove, files: shelf.own() });
  current?.end();
  current = new Life(order, live, program.Tally, fail);
}

/** Where the run on show can take the new controls, it goes on with them. */
async function goesOn(order) {
  // One that ended in an error is not to be trusted with more.
  // What is to be seen from its start begins there.
  if (order.fresh || !current || current.failed || current.slug !== order.slug || current.seed !== order.seed || order.add || order.remove) return false;
  const revised = await current.revise(order, () => latest === order.id);
  return revised || latest !== order.id;
}

/** Does a run with no picture, and gives what is asked of it: where its verdict is settled and, with `toEnd`, at its end. */
async function unseen({ slug, pairs, seed, toEnd }, files, processor, ask) {
  const own = shelf.copy();
  let live;
  try {
    await stock(own, slug);
    for (const file of files) await take(own, file);
    live = new program.Live(slug, pairs, seed, own, processor, 0);
    const answers = [];
    for (let over = false; !over && (toEnd || answers.length === 0); await turn()) {
      over = await live.advance(BUDGET, ANY_NUMBER);
      if (live.judged() && answers.length === 0) answers.push(ask(live));
      if (over && toEnd) answers.push(ask(live));
    }
    return answers;
  } finally {
    live?.free();
    own.free();
  }
}

/** Fetches the shipped data sets that an experiment needs. */
async function stock(shelf, slug) {
  for (const file of shelf.missing(slug)) {
    const answer = await fetch(new URL("./data/" + file, import.meta.url));
    if (!answer.ok) throw new Error(`data/${file}: could not be loaded (${answer.status})`);
    shelf.put(file, new Uint8Array(await answer.arrayBuffer()));
  }
}

/** Reads a file of the reader's; the page has looked at its size. */
async function take(shelf, file) {
  shelf.add(file.name, new Uint8Array(await file.arrayBuffer()));
}
