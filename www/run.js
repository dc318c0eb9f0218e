// The page's end of a live experiment: its worker, started again when it breaks down, and the claim's other seeds.

import { Assistant } from "./assistant.js";
import { Seeds } from "./seeds.js";

/** What the page may ask for: every call is a message, answered through the callbacks. */
export class Run {
  #card;
  #callbacks;
  #worker;
  /** What was asked for last. */
  #order = null;
  /** Orders that wait for an answer, by their numbers, and the one that the run on show goes by. */
  #orders = new Map();
  #agreed = null;
  /** The number of the run on show, and of the last order: the run goes on until the worker has agreed to another. */
  #id = 0;
  #asked = 0;
  #broken = 0;
  #lost = false;
  /** Files in use, and those under way: kept so that a new worker can be given them again. */
  #files = new Map();
  #pending = { add: [], remove: [] };
  #held = false;
  /** The other seeds at work, and those that are told. */
  #seeds = null;
  #told = new Set();

  /**
   * @param {{begun: Function, frame: Function, seed: Function, result: Function, files: Function, error: Function, note: Function, lost: Function}} callbacks
   *   `begun({seed, last})`: a run that was asked for is on show, `last` if nothing has been asked for since; `frame(frame)`, to be answered with `drawn()`; `seed({seed, alone, all})`; `result({name, type, bytes})`;
   *   `files(list)`; `error(sentence, topic)`: the last good run stays; `note(sentence)`: something that the reader should know; `lost(sentence)`: the program could
   *   not be loaded, `again()` tries once more.
   */
  constructor(card, callbacks) {
    this.#card = card;
    this.#callbacks = callbacks;
    this.#employ();
  }

  #employ() {
    this.#lost = false;
    this.#worker = new Assistant(this.#card.module, {
      hears: (data) => this.#receive(data),
      breaks: () => this.#breakdown(),
      lost: (sentence) => {
        this.#lost = true;
        this.#callbacks.lost(sentence);
      },
    });
  }

  /** Asks for a run in place of the present one. `order`: {pairs, seed, playing, quiet, eager, pace}. */
  start(order) {
    this.#order = { ...order, slug: this.#card.slug };
    this.#broken = 0;
    this.#send();
  }

  #send() {
    this.#asked += 1;
    const { add, remove } = this.#pending;
    const files = add.length + remove.length > 0 ? { add, remove } : {};
    this.#orders.set(this.#asked, this.#order);
    this.#worker.tell({ kind: "start", id: this.#asked, ...this.#order, held: this.#held, ...files });
  }

  /** Changes the reader's files and starts again with them; an error leaves them as they were. */
  change({ add = [], remove = [] }) {
    this.#pending = { add: [...this.#pending.add, ...add], remove: [...this.#pending.remove, ...remove] };
    this.#broken = 0;
    this.#send();
  }

  /** Tries once more to load what could not be loaded. */
  again() {
    if (!this.#lost) return;
    this.#worker.end();
    this.#employ();
    this.#send();
  }

  play() {
    this.#order = { ...this.#order, playing: true };
    this.#tell({ kind: "play" });
  }
  pause() {
    this.#order = { ...this.#order, playing: false };
    this.#tell({ kind: "pause" });
  }
  /** One slice. */
  step() {
    this.#order = { ...this.#order, playing: false };
    this.#tell({ kind: "step" });
  }
  /** Slices a second; 0 for as many as there can be. */
  pace(pace) {
    this.#order = { ...this.#order, pace };
    this.#tell({ kind: "pace", pace });
  }
  /** Asks for the frame of the time line at or before step `done`, or the one `offset` places later. */
  scrub(done, offset = 0) {
    this.#tell({ kind: "scrub", done, offset });
  }
  /** Asks for the result of that name as a file of `type` "csv" or "npy". */
  result(name, type) {
    this.#tell({ kind: "result", name, type });
  }
  /** The last frame is on the screen. */
  drawn() {
    this.#tell({ kind: "drawn" });
  }
  /** Rests while nobody looks. */
  hold(held) {
    this.#held = held;
    this.#tell({ kind: "hold", held });
    if (held) this.#seeds?.end();
    else this.#measureOthers();
  }
  /** For tests: the GPU goes away. */
  lose() {
    this.#tell({ kind: "lose" });
  }
  /** The controls that are not at their defaults after the handle of view `which` was dragged to (x, y); undefined if it takes no pointer. */
  pointer(pairs, which, x, y) {
    return this.#worker.ask({ kind: "pointer", slug: this.#card.slug, pairs, which, x, y });
  }
  /** Ends it for good. */
  end() {
    this.#seeds?.end();
    this.#worker.end();
  }

  /** Does the run on show go by what was last asked for, files aside? */
  #begunAsAsked() {
    return this.#agreed?.seed === this.#order.seed && this.#agreed.pairs.join("\n") === this.#order.pairs.join("\n");
  }

  #tell(message) {
    this.#worker.tell({ id: this.#id, ...message });
  }

  #receive({ kind, id, ...data }) {
    if (kind === "begun") {
      this.#id = id;
      this.#agreed = this.#orders.get(id);
      for (const answered of [...this.#orders.keys()].filter((number) => number <= id)) this.#orders.delete(answered);
      this.#told = new Set([data.seed]);
      const last = id === this.#asked;
      if (last) this.#measureOthers();
      else this.#seeds?.end();
      this.#callbacks.begun({ seed: data.seed, understood: data.understood, last });
    } else if (kind === "error") {
      const answered = this.#asked;
      let topic = "run";
      if (id === this.#asked) {
        const files = this.#pending.add.length + this.#pending.remove.length > 0;
        this.#pending = { add: [], remove: [] };
        // A file that came in before what was asked for had begun is refused alone; what else is refused is not asked for again.
        if (files) topic = "files";
        if (files && !this.#begunAsAsked()) this.#send();
        else if (this.#agreed) this.#order = { ...this.#order, pairs: this.#agreed.pairs, seed: this.#agreed.seed };
      }
      if (id === this.#id) this.#seeds?.end();
      if (id === answered || id === this.#id) this.#callbacks.error(data.text, topic);
    } else if (kind === "files") {
      this.#settle(data);
      if (id === this.#asked) this.#pending = { add: [], remove: [] };
      this.#callbacks.files(data.files);
    } else if (id === this.#id) {
      if (kind === "seed") this.#told.add(data.seed);
      this.#callbacks[kind](data);
    }
  }

  /** Has those of the claim's seeds measured that are not told yet. */
  #measureOthers() {
    this.#seeds?.end();
    if (this.#held || this.#id === 0) return;
    const { slug, pairs, seed } = this.#agreed;
    const others = Array.from({ length: this.#card.seeds }, (_, i) => seed + i).filter((seed) => !this.#told.has(seed));
    if (others.length === 0) return;
    this.#seeds = new Seeds({ module: this.#card.module, slug, pairs, files: [...this.#files.values()] }, others, {
      told: (seed, measures) => this.#tell({ kind: "told", seed, measures }),
      failed: (sentence) => this.#callbacks.error(sentence),
    });
  }

  /** These files are in use, and those are not any more. */
  #settle({ add, remove }) {
    for (const name of remove) this.#files.delete(name);
    for (const file of add) this.#files.set(file.name, file);
  }

  /** A new worker with the same state; but not for ever. */
  #breakdown() {
    this.#seeds?.end();
    this.#worker.end();
    this.#broken += 1;
    const asked = this.#pending.add.map((file) => file.name).join(", ");
    this.#pending = { add: [...this.#files.values()], remove: [] };
    this.#employ();
    if (this.#broken > 1) {
      this.#callbacks.error("The computation broke down twice with these settings; change a control to start it again.");
      return;
    }
    this.#callbacks.note(
      asked
        ? `The computation broke down while it read ${asked}; it was started again without.`
        : "The computation broke down; it was started again with the same settings.",
    );
    if (this.#order) this.#send();
  }
}
