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
  #sides = new Map();
  #seeds = 1;

  /** Makes the card for an experiment with these sides ("a", "b"). */
  build(card, sides) {
    this.#seeds = card.seeds;
    this.#sides.clear();
    const parts = sides.map((side) => {
      const verdict = h("p", { class: "verdict", role: "status" }, "…");
      const text = h("p", { class: "figures" });
      const gauge = new Gauge((seed) => this.dispatchEvent(new CustomEvent("seed", { detail: { side, seed } })));
      const all = h("p", { class: "all" });
      this.#sides.set(side, { verdict, text, gauge, all, gone: false });
      const tag = sides.length > 1 && h("span", { class: `tag tag-${side.toUpperCase()}` }, side.toUpperCase());
      return h("div", { class: "side" }, h("div", { class: "line" }, tag, verdict), text, gauge.element, all);
    });
    this.replaceChildren(
      h("div", {},
        h("p", { class: "claim" }, h("strong", {}, "Claim. "), ...typeset(card.claim)),
        h("details", { class: "honesty" }, h("summary", {}, "The paper’s claim reproduces ", badge(card.reproduction)), h("p", {}, ...typeset(card.honesty)))),
      ...parts,
    );
  }

  /** A run at `seed` begins; `gone`: at settings that are there to take the effect away. */
  begin(side, seed, gone) {
    const { all, gauge } = this.#sides.get(side);
    this.#sides.get(side).gone = gone;
    all.textContent = "";
    gauge.begin(Array.from({ length: this.#seeds }, (_, i) => seed + i));
  }

  /** The run on show says so far. */
  now(side, verdict, over) {
    const { verdict: line, text, gauge, gone } = this.#sides.get(side);
    const { mark, words, look } = over ? kind(verdict, gone) : KINDS.waits;
    const said = over && verdict.holds !== undefined ? `${mark} ${words} in this run` : `${mark} ${words}`;
    if (line.textContent !== said) line.textContent = said;
    line.className = `verdict ${look}`;
    if (text.textContent !== verdict.text.replaceAll("_", "")) text.replaceChildren(...typeset(verdict.text));
    gauge.now(verdict);
  }

  /** A seed is finished: what it says alone, and what all finished ones say together. */
  seed(side, { seed, alone, all }) {
    const { gauge, all: together, gone } = this.#sides.get(side);
    const { words, look } = kind(alone, gone);
    const finished = gauge.seed(seed, alone, look, `seed ${seed}: ${words}. ${alone.text}`);
    const whole = kind(all, gone);
    const over = this.#seeds < 2 ? "" : `over all ${this.#seeds} seeds: ${whole.words}`;
    together.textContent = finished < this.#seeds ? `${finished} of ${this.#seeds} seeds` : over;
    together.className = `all ${finished < this.#seeds ? "" : whole.look}`;
  }
}

customElements.define("orrery-claim", Claim);
