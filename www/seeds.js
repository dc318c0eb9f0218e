// The claim's other seeds: run in workers of their own, as many as there are cores to spare and at most four, and only measured.

import { Assistant } from "./assistant.js";

/** Workers at a time, for all runs of the page together. */
const MOST = Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1));
/** Milliseconds that a run goes on before its other seeds begin: while a slider moves, none does. */
const CALM = 400;

let busy = 0;
/** Who has seeds that no worker has begun. */
const waiting = new Set();

/** The other seeds of one run, until all are told or they are ended. */
export class Seeds {
  #timer;
  #order;
  #left;
  #callbacks;
  #assistants = new Set();

  /**
   * @param order of the run on show: {module, slug, pairs, files}.
   * @param seeds those to be measured.
   * @param {{told: Function, failed: Function}} callbacks `told(seed, measures)`; `failed(sentence)`, after which no more are run.
   */
  constructor(order, seeds, callbacks) {
    this.#order = order;
    this.#left = seeds;
    this.#callbacks = callbacks;
    this.#timer = setTimeout(() => {
      waiting.add(this);
      hire();
    }, CALM);
  }

  /** One worker more, which takes one seed after the other. */
  async work() {
    const { module, ...order } = this.#order;
    const assistant = new Assistant(module);
    busy += 1;
    this.#assistants.add(assistant);
    try {
      while (this.#left.length > 0) {
        const seed = this.#left.shift();
        if (this.#left.length === 0) waiting.delete(this);
        this.#callbacks.told(seed, await assistant.ask({ kind: "measure", ...order, seed }));
      }
    } catch (error) {
      if (this.#assistants.has(assistant)) {
        this.end();
        this.#callbacks.failed(error.message);
      }
    } finally {
      assistant.end();
      this.#assistants.delete(assistant);
      busy -= 1;
      hire();
    }
  }

  end() {
    clearTimeout(this.#timer);
    waiting.delete(this);
    this.#left = [];
    const working = [...this.#assistants];
    this.#assistants.clear();
    for (const assistant of working) assistant.end();
  }
}

function hire() {
  while (busy < MOST && waiting.size > 0) waiting.values().next().value.work();
}
