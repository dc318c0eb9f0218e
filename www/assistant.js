// A worker with an experiment's module in it.

import { unloaded } from "./fetched.js";
import { program } from "./modules.js";
import { pairs, sideOf } from "./state.js";

/** What it says that is no answer to a question goes to `hears`. */
export class Assistant {
  #worker;
  #questions = new Map();
  #asked = 0;

  /** @param module the files of the experiment's module, from its card. */
  constructor(module, { hears = () => {}, breaks = () => {}, lost = () => {} } = {}) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "experiment" });
    const refuse = (sentence, tell) => {
      this.#refuse(sentence);
      tell(sentence);
    };
    const broken = () => refuse("The computation broke down.", breaks);
    this.#worker.onmessage = ({ data }) => {
      const question = this.#questions.get(data.id);
      if (data.kind === "crash") broken();
      else if (data.kind === "lost") refuse(unloaded("The program of this experiment"), lost);
      else if (!question) hears(data);
      else {
        this.#questions.delete(data.id);
        if (data.kind === "answer") question.resolve(data.answer);
        else question.reject(new Error(data.text));
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      broken();
    };
    this.tell({ kind: "import", script: new URL(module.script, import.meta.url).href });
    program(module).then((module) => this.tell({ kind: "module", module }), ({ message }) => refuse(message, lost));
  }

  tell(message) {
    this.#worker.postMessage(message);
  }

  /** Resolves to the answer. */
  ask(message) {
    return new Promise((resolve, reject) => {
      const id = `question ${(this.#asked += 1)}`;
      this.#questions.set(id, { resolve, reject });
      this.tell({ ...message, id });
    });
  }

  #refuse(sentence) {
    for (const { reject } of this.#questions.values()) reject(new Error(sentence));
    this.#questions.clear();
  }

  /** Ends it for good. */
  end() {
    this.#worker.terminate();
    this.#refuse("The computation was ended.");
  }
}

/** The hashes of all measures and views of a run on the CPU: where its verdict is settled and, with `toEnd`, at its end. */
export async function hashes(card, preset, seed, toEnd) {
  const assistant = new Assistant(card.module);
  try {
    return await assistant.ask({ kind: "hash", slug: card.slug, pairs: pairs(card, sideOf(card, preset)), seed, toEnd });
  } finally {
    assistant.end();
  }
}
