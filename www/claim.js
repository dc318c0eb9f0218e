// The claim card: what the paper claims, what this run and the other seeds say of it, and how much of the paper that is.

import { h, typeset } from "./dom.js";
import { Gauge } from "./gauge.js";

/** What a verdict is, in a word: the claim's own two, or why there is none. */
const KINDS = {
  holds: { mark: "✓", words: "holds", look: "yes" },
  fails: { mark: "✕", words: "does not hold", look: "no" },
  gone: { mark: "○", words: "gone, as expected", look: "gone" },
  outside: { mark: "–", words: "outside the claim", look: "open" },
  waits: { mark: "…", words: "not yet", look: "open" },
};

/** The kind of a verdict; `gone`: these settings are there to take the effect away. */
function kind(verdict, gone = false) {
  if (verdict.holds === undefined) return verdict.outside ? KINDS.outside : KINDS.waits;
  return verdict.holds ? KINDS.holds : gone ? KINDS.gone : KINDS.fails;
}

/** The badge that says how much of a paper's claim reproduces. */
export function badge(reproduction) {
  return h("span", { class: `badge ${reproduction.replaceAll(" ", "-")}` }, reproduction);
}

/** `<orrery-claim>`. Fires `seed` (detail: {side, seed}) when the reader asks for another seed's run. */
export class Claim extends HTMLElement {
  /** The verdict and the claim in one line. */
  line = h("span", {});
  #sides = new Map();
  #seeds = 1;
  #claim = "";

  /** Makes the card for an experiment with these sides ("a", "b"). */
  build(card, sides) {
    this.#seeds = card.seeds;
    this.#claim = card.claim;
    this.#sides.clear();
    const figures = [];
    const parts = sides.map((side) => {
      const verdict = h("p", { class: "verdict", role: "status" }, "…");
      // Why there is no verdict is said at once; how there is one, to those who ask.
      const why = h("p", { class: "why-not" });
      const text = h("p", { class: "figures" });
      const gauge = new Gauge(card.figure, (seed) => this.dispatchEvent(new CustomEvent("seed", { detail: { side, seed } })));
      const all = h("p", { class: "all" });
      this.#sides.set(side, { verdict, why, text, gauge, all, gone: false, alone: new Map() });
      const tag = sides.length > 1 && h("span", { class: `tag tag-${side.toUpperCase()}` }, side.toUpperCase());
      figures.push(h("div", { class: "line" }, tag, text));
      return h("div", { class: "side" }, h("div", { class: "line" }, tag && tag.cloneNode(true), verdict, all), why, gauge.element);
    });
    const instrument = card.kind === "instrument";
    this.replaceChildren(
      h("div", {},
        h("p", { class: "claim" }, h("strong", {}, instrument ? "Can it be trusted? " : "Claim. "), ...typeset(card.claim)),
        h("details", { class: "honesty" },
          h("summary", {}, "How it is judged ", badge(card.reproduction)),
          card.criterion && h("p", {}, ...typeset(card.criterion)),
          figures,
          h("p", {}, ...typeset(card.honesty)))),
      ...parts,
    );
  }

  /** A run at `seed` begins; `gone`: at settings that are there to take the effect away. */
  begin(side, seed, gone) {
    const { all, gauge, alone } = this.#sides.get(side);
    alone.clear();
    this.#sides.get(side).gone = gone;
    all.textContent = "";
    gauge.begin(Array.from({ length: this.#seeds }, (_, i) => seed + i));
    this.now(side, null, false);
  }

  /** The run on show says so far; `verdict` is null while its end is not to be told. */
  now(side, verdict, over) {
    const { verdict: line, why, text, gauge, gone } = this.#sides.get(side);
    const known = over && verdict;
    const { mark, words, look } = known ? kind(verdict, gone) : KINDS.waits;
    const said = known && verdict.holds !== undefined ? `${mark} ${words} in this run` : `${mark} ${words}`;
    if (line.textContent !== said) line.textContent = said;
    line.className = `verdict ${look}`;
    if (side === "a") this.line.replaceChildren(h("strong", { class: look }, `${mark} ${words}: `), ...typeset(this.#claim));
    const open = verdict && verdict.holds === undefined;
    say(why, open ? verdict.text : verdict ? "" : "Told when the run has been seen to its end.");
    say(text, verdict && !open ? verdict.text : "");
    gauge.now(verdict);
  }

  /** A seed is finished: what it says alone, and what all finished ones say together. */
  seed(side, { seed, alone, all }) {
    const { gauge, all: together, gone, alone: each } = this.#sides.get(side);
    const { words, look } = kind(alone, gone);
    const finished = gauge.seed(seed, alone, look, `seed ${seed}: ${words}. ${alone.text}`);
    each.set(seed, alone.holds === true);
    const whole = kind(all, gone);
    const single = [...each.values()].filter(Boolean).length;
    // What is judged over all of them need not hold in each alone.
    const apart = all.holds !== undefined && single !== (all.holds ? this.#seeds : 0) ? ` (${single} of ${this.#seeds} alone)` : "";
    const over = this.#seeds < 2 ? "" : `over all ${this.#seeds} seeds: ${whole.words}${apart}`;
    together.textContent = finished < this.#seeds ? `${finished} of ${this.#seeds} seeds, others are running` : over;
    together.className = `all ${finished < this.#seeds ? "" : whole.look}`;
  }
}

/** Puts a sentence in its place, unless it is there. */
function say(place, sentence) {
  if (place.dataset.said === sentence) return;
  place.dataset.said = sentence;
  place.replaceChildren(...typeset(sentence));
}

customElements.define("orrery-claim", Claim);
