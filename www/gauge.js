// The figure that decides a claim, on a line: the threshold, the claim's side shaded, a dot a seed in a row of its own, rivals beside them.

import { h, readable, typeset } from "./dom.js";

/** Where figures of one sign are further apart than so many times, the line is logarithmic. */
const WIDE = 30;

/** A gauge of what is called `name`. `choose(seed)` is called when the reader asks for another seed's run. */
export class Gauge {
  #choose;
  #claimed = h("div", { class: "claimed" });
  #threshold = h("div", { class: "threshold" }, h("span", {}));
  #rows = h("div", { class: "dots", role: "group", "aria-label": "Seeds of the claim" });
  #rivals = h("div", { class: "rivals" });
  #scale = h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}), h("span", {}));
  #told = h("p", { class: "figure" });
  #name = h("p", { class: "axis" });
  element = h("div", { class: "gauge" }, this.#name, h("div", { class: "line-of" }, this.#claimed, this.#threshold, this.#rows, this.#rivals), this.#scale, this.#told);
  /** The verdict of the run on show, and those of seeds, by seed. */
  #now = null;
  #alone = new Map();

  constructor(name, choose) {
    this.#name.append(...typeset(name));
    this.#choose = choose;
  }

  /** These seeds are to be measured. */
  begin(seeds) {
    this.#now = null;
    this.#alone.clear();
    const focused = this.#rows.contains(document.activeElement);
    this.#rows.replaceChildren(...seeds.map((seed) => {
      const words = `seed ${seed}: not run yet`;
      return h("button", { type: "button", class: "dot", "data-seed": seed, "aria-label": words, title: words, onclick: () => this.#choose(seed) });
    }));
    if (focused) this.#rows.firstChild?.focus();
    this.#lay();
  }

  /** The run on show has this verdict so far. */
  now(verdict) {
    this.#now = verdict;
    this.#lay();
  }

  /** A seed alone has this verdict, of this look, in these words. Gives how many have one. */
  seed(seed, verdict, look, words) {
    const dot = this.#rows.querySelector(`[data-seed="${seed}"]`);
    if (dot) {
      this.#alone.set(seed, verdict);
      dot.className = `dot ${look}`;
      dot.title = words;
      dot.setAttribute("aria-label", words);
      this.#lay();
    }
    return this.#alone.size;
  }

  /** Puts everything in its place. */
  #lay() {
    const verdict = [this.#now, ...this.#alone.values()].find((verdict) => verdict && Number.isFinite(verdict.threshold));
    const figures = [...this.#alone.values(), this.#now].map((verdict) => verdict?.figure).filter(Number.isFinite);
    const told = verdict !== undefined && figures.length > 0;
    this.element.classList.toggle("empty", !told);
    for (const dot of this.#rows.children) place(dot, null);
    this.#told.textContent = "";
    this.#rivals.replaceChildren();
    if (!told) return;
    const rivals = (this.#now ?? verdict).rivals.filter(({ figure }) => Number.isFinite(figure));
    const { threshold, side } = verdict;
    const at = scale([threshold, ...figures, ...rivals.map(({ figure }) => figure)]);
    // What has diverged is at its end of the line, however long that is.
    const share = (figure) => (Number.isFinite(figure) ? at(figure) : figure === Infinity ? 1 : figure === -Infinity ? 0 : null);
    for (const [seed, { figure }] of this.#alone) place(this.#rows.querySelector(`[data-seed="${seed}"]`), share(figure));
    place(this.#threshold, at(threshold));
    this.#threshold.firstChild.textContent = `${side === "above" ? "≥" : "≤"} ${readable(threshold)}`;
    this.#threshold.classList.toggle("late", at(threshold) > 0.7);
    this.#claimed.style.left = side === "above" ? `${100 * at(threshold)}%` : "0";
    this.#claimed.style.right = side === "above" ? "0" : `${100 * (1 - at(threshold))}%`;
    const [low, high] = this.#scale.children;
    [low.textContent, high.textContent] = at.ends.map(readable);
    const here = this.#now && Number.isFinite(this.#now.figure) ? `measured ${readable(this.#now.figure)}, held against ${readable(threshold)}` : "";
    const does = ({ name, figure, meets }) => `${name} ${readable(figure)}${meets === undefined ? "" : meets ? ", does as well" : ", falls short"}`;
    this.#told.textContent = [here, rivals.length > 0 && `by the same figure: ${rivals.map(does).join("; ")}`].filter(Boolean).join("; ");
    this.#rivals.replaceChildren(...rivals.map((rival) => {
      const mark = h("span", { class: "rival", title: does(rival) }, "◇");
      place(mark, at(rival.figure));
      return mark;
    }));
  }
}

/** Puts an element at that share of the line, or where what is not measured waits. */
function place(element, share) {
  element.style.left = share === null ? "" : `${100 * share}%`;
  element.classList.toggle("placed", share !== null);
}

/** The share of the line at which a value lies; `ends`: what lies at its ends. */
function scale(values) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const log = low > 0 && high > WIDE * low;
  const [into, back] = log ? [Math.log, Math.exp] : [(x) => x, (x) => x];
  [low, high] = [into(low), into(high)];
  const room = 0.12 * (high - low || Math.abs(high) || 1);
  [low, high] = [low - room, high + room];
  // A figure that cannot be negative has its zero at the left, where that is near.
  if (!log && low < 0 && Math.min(...values) >= 0) low = 0;
  return Object.assign((value) => (into(value) - low) / (high - low), { ends: [back(low), back(high)] });
}
