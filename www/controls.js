// What the reader can move: one row a control, with an input for each side of a comparison.

import { h, put, typeset } from "./dom.js";

const STEPS = 1000;
/** Where a slider that has a 0 below its logarithmic range snaps to it. */
const ZERO = -50;

/** Where `value` is on the slider of `control`. */
export function toSlider({ min, max, log, zero }, value) {
  if (!log) return value;
  if (zero && value < min) return ZERO;
  return Math.round((STEPS * Math.log(value / min)) / Math.log(max / min));
}

/** The value at place `position` of the slider of `control`: three significant digits, the ends exactly. */
export function fromSlider({ kind, min, max, log, zero }, position) {
  if (log && zero && position < 0) return 0;
  const value = log ? min * (max / min) ** (Math.max(0, position) / STEPS) : position;
  if (kind === "count") return Math.min(max, Math.max(min, Math.round(value > 1000 && log ? Number(value.toPrecision(3)) : value)));
  if (value <= min || (log && position <= 0)) return min;
  if (value >= max || (log && position >= STEPS)) return max;
  const digits = log ? 3 : Math.max(3, Math.ceil(Math.log10(Math.max(Math.abs(min), Math.abs(max)) / step(min, max))) + 1);
  return Number(value.toPrecision(digits));
}

/** A step of a linear slider: about a thousandth of its range, a round number. */
function step(min, max) {
  return 10 ** Math.floor(Math.log10((max - min) / 200));
}

/**
 * `<orrery-controls>`: the first few that have an effect at the present setting; `rest` has the others that have one.
 * Fires `control` (detail: {side, name, text, last}; side "both" where a comparison has one input for the two); `last` when a drag ends or a value is entered.
 * Whoever listens checks the text and answers with `show` or `refuse`.
 */
export class Controls extends HTMLElement {
  /** Those that are no key controls, to be put elsewhere. A row never goes from one to the other under the hand. */
  rest = h("div", { class: "rest" });
  /** How many stand under the pictures; the others are folded away. */
  keys = 4;
  #inputs = new Map();
  #notes = new Map();
  #controls = [];
  #rows = [];
  #values = new Map();
  /** Controls that a comparison shows twice though they are alike: the reader wants to part them. */
  #parted = new Set();

  /** Makes the rows for `controls`, with an input for each of `sides` ("a", "b"). */
  build(controls, sides) {
    this.#inputs.clear();
    this.#values.clear();
    this.#parted.clear();
    this.#controls = controls;
    this.#rows = controls.map((control) => this.#row(control, sides));
    this.replaceChildren();
    this.rest.replaceChildren();
    this.#place();
    for (const part of [this, this.rest]) part.classList.toggle("double", sides.length > 1);
  }

  /** How many have an effect at the present setting. */
  get count() {
    return this.children.length + this.rest.children.length;
  }

  /** In a comparison, does one input move this control on both sides? */
  #joint(name) {
    const [a, b] = ["a", "b"].map((side) => this.#values.get(side));
    return Boolean(a && b) && a[name] === b[name] && !this.#parted.has(name);
  }

  #join() {
    for (const row of this.#rows) row.classList.toggle("joint", this.#joint(row.dataset.name));
  }

  /** Puts each row where it belongs: a row that stays is not moved, and keeps the focus. */
  #place() {
    const applies = ({ when = [] }) => this.#values.size === 0 || [...this.#values.values()].some((values) => when.every((any) => any.some(([name, of]) => of.includes(values[name]))));
    const rows = (from, to) => this.#rows.slice(from, to).filter((row) => applies(this.#controls[this.#rows.indexOf(row)]));
    put(this, rows(0, this.keys));
    put(this.rest, rows(this.keys));
  }

  #row(control, sides) {
    const { name, symbol, help } = control;
    const words = control.label.replaceAll("_", " ");
    const id = (side) => `control-${side}-${name}`;
    const label = h("label", { for: id(sides[0]) }, words, symbol && h("span", { class: "symbol" }, ...typeset(symbol)));
    const note = h("p", { class: "refusal", role: "alert", hidden: true });
    this.#notes.set(name, note);
    const helpId = `help-${name}`;
    const lines = sides.map((side) => {
      const called = sides.length > 1 ? `${words}, ${side.toUpperCase()}` : words;
      const tag = sides.length > 1 && h("span", { class: `tag tag-${side.toUpperCase()}`, "aria-hidden": "true" }, side.toUpperCase());
      return h("div", { class: "line" }, tag, ...this.#input(control, side, { id: id(side), "aria-label": called, "aria-describedby": helpId }));
    });
    // What is short stands beside its name.
    const inLine = sides.length === 1 && (control.kind === "choice" || control.kind === "toggle");
    const part = sides.length > 1 && h("button", { type: "button", class: "part", title: "Move A and B apart", onclick: () => (this.#parted.add(name), this.#join()) }, "A ≠ B");
    if (part) label.append(part);
    return h("div", { class: inLine ? "control in-line" : "control", "data-name": name }, label, lines, note, h("p", { class: "help", id: helpId }, ...typeset(help)));
  }

  #input(control, side, attributes) {
    const { name, kind, options, min, max, log, zero } = control;
    const tell = (text, last) => this.dispatchEvent(new CustomEvent("control", { detail: { side: this.#joint(name) ? "both" : side, name, text: String(text), last } }));
    const keep = (show, refuse) => this.#inputs.set(`${side} ${name}`, { show, refuse });
    if (kind === "toggle") {
      const box = h("input", { type: "checkbox", ...attributes, onchange: () => tell(box.checked ? "on" : "off", true) });
      keep((text) => (box.checked = text === "on"));
      return [box];
    }
    if (kind === "choice") {
      const select = h("select", { ...attributes, onchange: () => tell(select.value, true) }, options.map((option) => h("option", {}, option)));
      keep((text) => (select.value = text));
      return [select];
    }
    if (kind === "text") {
      const words = h("input", { type: "text", maxlength: control.longest, spellcheck: "false", ...attributes, onchange: () => tell(words.value, true) });
      keep((text) => {
        words.value = text;
        words.removeAttribute("aria-invalid");
      }, () => words.setAttribute("aria-invalid", "true"));
      return [words];
    }
    const range = log ? { min: zero ? ZERO : 0, max: STEPS, step: 1 } : { min, max, step: kind === "count" ? 1 : step(min, max) };
    const slider = h("input", { type: "range", ...range, ...attributes });
    const value = () => fromSlider(control, Number(slider.value));
    const number = h("input", {
      type: "text", inputmode: "decimal", size: 7, autocomplete: "off", spellcheck: "false",
      "aria-label": `${attributes["aria-label"]}, value`, "aria-describedby": attributes["aria-describedby"],
      onchange: () => tell(number.value, true),
    });
    slider.addEventListener("input", () => {
      number.value = value();
      slider.setAttribute("aria-valuetext", number.value);
      tell(value(), false);
    });
    slider.addEventListener("change", () => tell(value(), true));
    keep((text) => {
      // A slider under the reader's finger is where it is.
      if (document.activeElement !== slider || value() !== Number(text)) slider.value = toSlider(control, Number(text));
      number.value = text;
      number.removeAttribute("aria-invalid");
      slider.setAttribute("aria-valuetext", text);
    }, () => number.setAttribute("aria-invalid", "true"));
    return [slider, number];
  }

  /** Shows a side's values. */
  show(side, values) {
    this.#values.set(side, values);
    this.#place();
    this.#join();
    for (const [name, text] of Object.entries(values)) {
      // One that is locked has no row.
      if (!this.#notes.has(name)) continue;
      this.#inputs.get(`${side} ${name}`)?.show(text);
      this.#notes.get(name).hidden = true;
    }
  }

  /** Says what is wrong with what was entered; the value stays what it was. */
  refuse(side, name, sentence) {
    const note = this.#notes.get(name);
    note.textContent = sentence;
    note.hidden = false;
    this.#inputs.get(`${side} ${name}`)?.refuse?.();
  }
}

customElements.define("orrery-controls", Controls);
