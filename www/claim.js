// The claim card: what the paper claims, what this run and the other seeds say of it, and how much of the paper that is.

import { h, readable, typeset } from "./dom.js";

const WORDS = new Map([[true, "holds"], [false, "does not hold"], [undefined, "cannot be told"]]);
const MARKS = new Map([[true, "✓"], [false, "✕"], [undefined, "–"]]);
const CLASSES = new Map([[true, "yes"], [false, "no"], [undefined, "open"]]);

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
      const figure = h("p", { class: "figure" });
      const rivals = h("p", { class: "rivals" });
      const dots = h("div", { class: "dots", role: "group", "aria-label": "Seeds of the claim" });
      const all = h("p", { class: "all" });
      this.#sides.set(side, { verdict, text, figure, rivals, dots, all });
      const tag = sides.length > 1 && h("span", { class: `tag tag-${side.toUpperCase()}` }, side.toUpperCase());
      return h("div", { class: "side" }, h("div", { class: "line" }, tag, verdict), text, figure, rivals, h("div", { class: "line" }, dots, all));
    });
    this.replaceChildren(
      h("div", {},
        h("p", { class: "claim" }, h("strong", {}, "Claim. "), ...typeset(card.claim)),
        h("details", { class: "honesty" }, h("summary", {}, "The paper’s claim reproduces ", badge(card.reproduction)), h("p", {}, ...typeset(card.honesty)))),
      ...parts,
    );
  }

  /** A run at `seed` begins. */
  begin(side, seed) {
    const { dots, all } = this.#sides.get(side);
    all.textContent = "";
    dots.replaceChildren(...Array.from({ length: this.#seeds }, (_, i) => this.#dot(side, seed + i)));
    dots.parentElement.hidden = this.#seeds < 2;
  }

  #dot(side, seed) {
    const onclick = () => this.dispatchEvent(new CustomEvent("seed", { detail: { side, seed } }));
    return h("button", { type: "button", class: "dot", "data-seed": seed, "aria-label": `seed ${seed}: not run yet`, title: `seed ${seed}`, onclick });
  }

  /** The run on show says so far. */
  now(side, verdict, over) {
    const { verdict: line, text, figure, rivals } = this.#sides.get(side);
    const words = over ? `${MARKS.get(verdict.holds)} ${WORDS.get(verdict.holds)} in this run` : "… not finished";
    if (line.textContent !== words) line.textContent = words;
    line.className = `verdict ${over ? CLASSES.get(verdict.holds) : "open"}`;
    if (text.textContent !== verdict.text.replaceAll("_", "")) text.replaceChildren(...typeset(verdict.text));
    const told = Number.isFinite(verdict.figure) && Number.isFinite(verdict.threshold);
    figure.textContent = told ? `measured ${readable(verdict.figure)}, held against ${readable(verdict.threshold)}` : "";
    const measured = verdict.rivals.filter((rival) => Number.isFinite(rival.figure));
    const said = (rival) => `${rival.name} ${readable(rival.figure)}, ${rival.meets ? "does as well" : "falls short"}`;
    rivals.textContent = measured.length ? `By the same figure: ${measured.map(said).join("; ")}.` : "";
  }

  /** A seed is finished: what it says alone, and what all finished ones say together. */
  seed(side, { seed, alone, all }) {
    const { dots, all: together } = this.#sides.get(side);
    const dot = dots.querySelector(`[data-seed="${seed}"]`);
    if (!dot) return;
    dot.className = `dot ${CLASSES.get(alone.holds)}`;
    dot.title = `seed ${seed}: ${WORDS.get(alone.holds)}. ${alone.text}`;
    dot.setAttribute("aria-label", dot.title);
    const finished = dots.querySelectorAll(".yes, .no, .open").length;
    together.textContent =
      finished < this.#seeds ? `${finished} of ${this.#seeds} seeds` : `over all ${this.#seeds} seeds it ${WORDS.get(all.holds)}`;
    together.className = `all ${finished < this.#seeds ? "" : CLASSES.get(all.holds)}`;
  }
}

customElements.define("orrery-claim", Claim);
