// The page's end of a worker: one live experiment, started again when it breaks down.

import { load } from "./wasm.js";

/** What the page may ask for: every call is a message, answered through the callbacks. */
export class Run {
  #worker;
  #order = null;
  #id = 0;
  #broken = 0;
  /** Files in use, and those under way: kept so that a new worker can be given them again. */
  #files = new Map();
  #pending = { add: [], remove: [] };
  #hashes = new Map();
  #held = false;

  /**
   * @param {{frame: Function, seed: Function, result: Function, files: Function, error: Function, note: Function}} callbacks
   *   `frame(frame)`, to be answered with `drawn()`; `seed({seed, alone, all})`; `result({name, type, bytes})`; `files(list)`; `error(sentence)`: the last good
   *   run stays; `note(sentence)`: something that the reader should know.
   */
  constructor(callbacks) {
    this.callbacks = callbacks;
    this.#employ();
  }

  #employ() {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "experiment" });
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#breakdown();
    };
    this.#worker = worker;
    load().then(
      (module) => worker.postMessage({ kind: "module", module }),
      (error) => this.callbacks.error(error.message),
    );
  }

  /** Starts a run in place of the present one. `order`: {slug, pairs, seed, playing, quiet, eager, pace}. */
  start(order) {
    this.#order = order;
    this.#broken = 0;
    this.#send();
  }

  #send() {
    this.#id += 1;
    const { add, remove } = this.#pending;
    const files = add.length + remove.length > 0 ? { add, remove } : {};
    this.#worker.postMessage({ kind: "start", id: this.#id, ...this.#order, held: this.#held, ...files });
  }

  /** Changes the reader's files and starts again with them; an error leaves them as they were. */
  change({ add = [], remove = [] }) {
    this.#pending = { add: [...this.#pending.add, ...add], remove: [...this.#pending.remove, ...remove] };
    this.#broken = 0;
    this.#send();
  }

  play() {
    this.#order = { ...this.#order, playing: true };
    this.#ask({ kind: "play" });
  }
  pause() {
    this.#order = { ...this.#order, playing: false };
    this.#ask({ kind: "pause" });
  }
  /** One slice. */
  step() {
    this.#order = { ...this.#order, playing: false };
    this.#ask({ kind: "step" });
  }
  /** Slices a second; 0 for as many as there can be. */
  pace(pace) {
    this.#order = { ...this.#order, pace };
    this.#ask({ kind: "pace", pace });
  }
  /** Asks for the frame of the time line at or before step `done`, or the one `offset` places later. */
  scrub(done, offset = 0) {
    this.#ask({ kind: "scrub", done, offset });
  }
  /** Asks for the result of that name as a file of `type` "csv" or "npy". */
  result(name, type) {
    this.#ask({ kind: "result", name, type });
  }
  /** The last frame is on the screen. */
  drawn() {
    this.#ask({ kind: "drawn" });
  }
  /** Rests while nobody looks. */
  hold(held) {
    this.#held = held;
    this.#ask({ kind: "hold", held });
  }
  /** For tests: the GPU goes away. */
  lose() {
    this.#ask({ kind: "lose" });
  }
  /** The hash of all measures and views at the end of a run on the CPU, as the command line prints it. */
  hash(slug, pairs, seed) {
    return new Promise((resolve, reject) => {
      const id = `hash ${this.#hashes.size}`;
      this.#hashes.set(id, { resolve, reject });
      this.#worker.postMessage({ kind: "hash", id, slug, pairs, seed });
    });
  }
  /** Ends it for good. */
  end() {
    this.#worker.terminate();
  }

  #ask(message) {
    this.#worker.postMessage({ id: this.#id, ...message });
  }

  #receive(data) {
    if (this.#hashes.has(data.id)) {
      const { resolve, reject } = this.#hashes.get(data.id);
      if (data.kind === "hash") resolve(data.hash);
      else reject(new Error(data.text ?? "the worker broke down"));
    } else if (data.kind === "crash") {
      this.#breakdown();
    } else if (data.id === this.#id) {
      if (data.kind === "files") this.#settle();
      if (data.kind === "error") this.#pending = { add: [], remove: [] };
      this.callbacks[data.kind](data.kind === "error" ? data.text : data.kind === "files" ? data.files : data);
    }
  }

  /** The files under way are in use. */
  #settle() {
    for (const name of this.#pending.remove) this.#files.delete(name);
    for (const file of this.#pending.add) this.#files.set(file.name, file);
    this.#pending = { add: [], remove: [] };
  }

  /** A new worker with the same state; but not for ever. */
  #breakdown() {
    this.#worker.terminate();
    this.#broken += 1;
    const asked = this.#pending.add.map((file) => file.name).join(", ");
    this.#pending = { add: [...this.#files.values()], remove: [] };
    this.#employ();
    if (this.#broken > 1) {
      this.callbacks.error("The computation broke down twice with these settings; change a control to start it again.");
      return;
    }
    this.callbacks.note(
      asked
        ? `The computation broke down while it read ${asked}; it was started again without.`
        : "The computation broke down; it was started again with the same settings.",
    );
    if (this.#order) this.#send();
  }
}
