// What an embed and the page around it say to each other: messages `{orrery: 1, …}`. Any page may ask; what it may not do is listed here by
// being absent. A message that is not understood changes nothing.

import { shorten } from "./state.js";

const VERSION = 1;
/** Milliseconds between two frames that are told. */
const PACE = 100;
/** Keys that turn slides and scroll pages, where the embed has no use for them itself. */
const PASSED = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "Escape", " ", "b", "f", "o", "s"]);
/** Where all keys are used; what takes the space besides. */
const USING = "input, select, textarea, [contenteditable], dialog";
const PRESSED = "button, summary, a";

const around = parent === self ? null : parent;
const tell = (type, detail = {}) => around?.postMessage({ orrery: VERSION, type, ...detail }, "*");

/** The settings of a side as the address writes them. */
const told = ({ preset, values, seed }) => ({ preset, seed, ...values });

/** Answers the page around, and tells it what happens. */
export function answering(bench) {
  let last = 0;
  // What was made from the reader's own files is not given away.
  const own = () => bench.files.names.length > 0;
  const named = (measures) => own() ? {} : Object.fromEntries(measures.filter(([, value]) => Number.isFinite(value)));
  bench.addEventListener("first", () => tell("ready", { slug: bench.card.slug, state: told(bench.state.a) }));
  bench.addEventListener("shown", ({ detail: { frame } }) => {
    const now = performance.now();
    if (!frame.over && now - last < PACE) return;
    last = now;
    tell("frame", { at: frame.done, of: frame.of, sentence: own() ? "" : frame.sentence, measures: named(frame.measures) });
  });
  bench.addEventListener("state", () => tell("control", { state: told(bench.state.a) }));
  bench.addEventListener("concluded", ({ detail: { verdict, measures } }) => {
    const { holds = null, outside, text, figure, threshold } = verdict;
    tell("verdict", own() ? { holds } : { holds, outside, text, figure, threshold });
    tell("over", { measures: named(measures) });
  });
  bench.story.addEventListener("answered", ({ detail }) => tell("answer", detail));
  bench.story.addEventListener("at", ({ detail: { number } }) => tell("step", { step: number, of: bench.story.count, questions: bench.story.questions }));
  addEventListener("message", async ({ source, data }) => {
    if (source !== around || data?.orrery !== VERSION || typeof data.do !== "string" || !Number.isSafeInteger(data.id)) return;
    const { id } = data;
    try {
      if (!Object.hasOwn(ORDERS, data.do)) throw new Error(`'${shorten(data.do)}': an embed can ${Object.keys(ORDERS).join(", ")}.`);
      tell("done", { id, result: await ORDERS[data.do](bench, data) });
    } catch (error) {
      tell("failed", { id, text: error.message });
    }
  });
  addEventListener("keydown", (event) => {
    const { key, code, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !PASSED.has(key)) return;
    if (event.target.closest?.(USING) || (key === " " && event.target.closest?.(PRESSED))) return;
    event.preventDefault();
    tell("key", { key, code, shiftKey });
  });
  const height = () => tell("height", { height: Math.ceil(document.documentElement.getBoundingClientRect().height) });
  if (document.documentElement.classList.contains("fit-content")) new ResizeObserver(height).observe(document.documentElement);
}

const ORDERS = {
  play: (bench) => bench.player.go(),
  pause: (bench) => bench.player.halt(),
  seek(bench, { at }) {
    if (at === "end") return bench.player.toEnd();
    if (!Number.isSafeInteger(at) || at < 0) throw new Error("seek: 'at' is a whole number from 0 on, or 'end'.");
    bench.player.goTo(at);
  },
  /** Sets what is named, all of it or, if any of it is wrong, nothing. */
  set(bench, { values }) {
    if (values === null || typeof values !== "object" || Array.isArray(values)) throw new Error("set: 'values' is an object of controls.");
    const words = Object.entries(values).map(([name, value]) => [name, String(value)]);
    bench.set(words);
  },
  image(bench) {
    if (bench.files.names.length > 0) throw new Error("image: the reader's own files are on show; their picture stays with the reader.");
    return bench.image();
  },
};
