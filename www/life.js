// The life of a run: computes in slices, yields between them, and sends at most one frame for each that the page has drawn.

/** Milliseconds between two yields, at most, as far as a slice can be foreseen. */
export const BUDGET = 9;
/** A restarted run shows nothing before it is over or so many milliseconds old: a picture under a moving slider does not jump back. */
const PATIENCE = 35;
const ANY_NUMBER = 0xffffffff;

/** Lets the page's messages in. */
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();
export const turn = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

/** What a run is at the start of its life, or when it goes on with other controls. */
const beginning = (order) => ({
  over: false,
  /** Its measures have been counted for the claim. */
  counted: false,
  /** Single slices asked for while at rest. */
  steps: 0,
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
  ...order,
});

/** A run on show, until it is ended. The page's orders change its fields; `wake` has it look at them. */
export class Life {
  /** It ended in an error. */
  failed = false;
  #ended = false;
  /** Other controls, to be tried when the slice at hand is over. */
  #revision = null;
  #live;
  #Tally;
  #tally;
  #fail;
  #wake = () => {};

  /** A run as ordered, `live` at its start. `Tally` counts its claim's runs; `fail(error, id)` says what went wrong. */
  constructor(order, live, Tally, fail) {
    this.#live = live;
    this.#Tally = Tally;
    this.#fail = fail;
    this.#begin(order);
    // A film begins before the first unit.
    if (order.film) this.#live.look();
    this.#pump().catch((error) => fail(error, this.id));
  }

  #begin(order) {
    Object.assign(this, beginning(order));
    this.#tally?.free();
    this.#tally = new this.#Tally(order.slug, order.pairs);
    postMessage({ kind: "begun", id: this.id, seed: this.seed, understood: this.#live.understood() });
  }

  wake() {
    this.#wake();
  }

  end() {
    this.#ended = true;
    this.wake();
  }

  /** Goes on as ordered, if it can and that is still `wanted()`, between two slices, when nobody works on it. */
  revise(order, wanted) {
    return new Promise((resolve, reject) => {
      this.#revision = () => {
        try {
          const revised = wanted() && this.#live.revise(order.pairs);
          if (revised) this.#begin(order);
          resolve(revised);
        } catch (error) {
          reject(error);
        }
      };
      this.wake();
    });
  }

  /** Counts the measures of a finished run for the verdict over all seeds. */
  tell(seed, measures) {
    const alone = this.#tally.add(seed - this.seed, measures);
    postMessage({ kind: "seed", id: this.id, seed, alone, all: this.#tally.verdict() });
  }

  async #pump() {
    let due = performance.now();
    try {
      while (!this.#ended) {
        this.#revision?.();
        this.#revision = null;
        this.#show();
        if (this.over || this.held || !(this.playing || this.steps > 0)) {
          await this.#sleep();
          continue;
        }
        const early = due - performance.now();
        if (this.pace && this.steps === 0 && early > 1) {
          await this.#sleep(early);
          continue;
        }
        const slices = this.steps > 0 ? 1 : this.pace ? Math.max(1, Math.round(this.pace / 60)) : ANY_NUMBER;
        if (this.steps > 0) this.steps -= 1;
        await this.#advance(slices);
        this.#count();
        this.fresh = true;
        due = this.pace ? Math.max(due + (1000 * slices) / this.pace, performance.now() - 100) : performance.now();
        await turn();
      }
    } finally {
      this.#revision?.();
      this.#live.free();
      this.#tally.free();
    }
  }

  /** Sleeps until woken, or for so many milliseconds. */
  #sleep(milliseconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (milliseconds !== undefined) setTimeout(resolve, milliseconds);
    });
  }

  /** Does some of the run's work. An error is told and ends the run; what it has recorded stays. */
  async #advance(slices) {
    try {
      this.over = await this.#live.advance(BUDGET, slices);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      this.#fail(error, this.id);
      this.over = this.failed = true;
    }
  }

  /** Counts its measures as soon as its verdict is settled. */
  #count() {
    if (this.counted || this.failed || !this.#live.judged()) return;
    this.counted = true;
    this.tell(this.seed, this.#live.measures());
  }

  /** Sends what there is to see, if the page is ready for it. */
  #show() {
    for (const { name, type } of this.asked.splice(0)) {
      postMessage({ kind: "result", id: this.id, name, type, bytes: this.#live.result(name, type) });
    }
    if (!this.ready) return;
    if (this.wanted) {
      const { done, offset } = this.wanted;
      this.wanted = null;
      const frame = this.#live.at(done, offset);
      if (frame) this.#send(frame, false);
    } else if (this.fresh && !this.#tooEarly()) {
      this.fresh = false;
      this.#send(this.#live.look(), true);
    }
  }

  #tooEarly() {
    if (this.over || !this.playing) return false;
    return this.quiet ? this.shown : !this.eager && performance.now() - this.began < PATIENCE;
  }

  #send(frame, live) {
    this.shown = true;
    this.ready = false;
    const { id, over } = this;
    const results = over ? this.#live.results() : [];
    const told = { begin: this.#live.first(), verdict: this.#live.verdict(), device: this.#live.device(), results };
    postMessage({ kind: "frame", id, live, over, ...frame, ...told }, frame.views.map((view) => view.buffer));
  }
}
