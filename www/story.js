// The story of an experiment: a few steps, each with a setting that the page takes, and questions that are answered by the run.

import { h } from "./dom.js";

/** Does `left < right` (or `>`) hold? Either side is a number, a measure, or a product of them. */
export function holds([left, sign, right], measures) {
  const factor = (text) => (Object.hasOwn(measures, text) ? measures[text] : Number(text));
  const [a, b] = [left, right].map((side) => side.split("*").map((text) => factor(text.trim())).reduce((x, y) => x * y));
  return sign === "<" ? a < b : a > b;
}

/**
 * `<orrery-story>`. Fires `step` (detail: {number}) when the reader wants to be at a step, `answer` (detail: {number}) when one is
 * given, `at` (detail: {number}) when another step is on show, `answered` (detail: {step, answer, right}) when the run has said which is right, and `light` (detail: {name}, null for none) when a word points into the pictures.
 */
export class Story extends HTMLElement {
  #steps = [];
  #at = 0;
  /** What was answered, by step. */
  #answers = new Map();
  /** The first answer to each, and of which steps the outcome has been told to those who listen. */
  #first = new Map();
  #told = new Set();
  /** What the run on show measured, once its end has been seen. */
  #measures = null;
  #count = h("span", { class: "count" });
  #body = h("div", { class: "step" });
  #back = h("button", { type: "button", onclick: () => this.#ask(this.#at - 1) }, "Back");
  #next = h("button", { type: "button", class: "main", onclick: () => this.#ask(this.#at + 1) }, "Next");

  connectedCallback() {
    if (this.firstChild) return;
    this.append(h("header", {}, h("h2", {}, "Story"), this.#count), this.#body, h("div", { class: "row" }, this.#back, this.#next));
    const light = (name) => this.dispatchEvent(new CustomEvent("light", { detail: { name } }));
    const mark = (event) => event.target.closest?.("[data-mark]");
    for (const type of ["pointerover", "focusin"]) this.addEventListener(type, (event) => mark(event) && light(mark(event).dataset.mark));
    for (const type of ["pointerout", "focusout"]) this.addEventListener(type, (event) => mark(event) && light(null));
  }

  build(steps) {
    this.#steps = steps;
    this.hidden = steps.length === 0;
    this.#cover();
  }

  /** Before the first step: what there is. The page shows its own settings until the reader begins. */
  #cover() {
    this.#at = 0;
    this.#count.textContent = `${this.#steps.length} steps`;
    const asks = this.questions;
    const list = h("ol", { class: "contents" }, this.#steps.map(({ title }, index) => h("li", {}, h("button", { type: "button", class: "plain", onclick: () => this.#ask(index + 1) }, title))));
    this.#body.replaceChildren(h("p", {}, asks > 0 ? `Guess first, then let the run answer: ${asks} questions on the way.` : "Step by step through the pictures."), list);
    this.#back.hidden = true;
    this.#next.textContent = "Begin";
  }

  /** The step on show, from 1 on. */
  get at() {
    return this.#at;
  }

  /** How many there are. */
  get count() {
    return this.#steps.length;
  }

  /** How many of them ask. */
  get questions() {
    return this.#steps.filter(({ question }) => question).length;
  }

  /** Shows a step. */
  show(number) {
    const step = this.#steps[number - 1];
    if (!step) return;
    if (this.#at !== number) this.#measures = null;
    if (this.#at !== number) this.dispatchEvent(new CustomEvent("at", { detail: { number } }));
    this.#at = number;
    this.#count.textContent = `${number} of ${this.#steps.length}`;
    const told = h("div", { class: "told" });
    told.innerHTML = step.told;
    const options = () => [...this.#body.querySelectorAll(".options button")];
    const focused = options().indexOf(document.activeElement);
    if (this.#body.querySelector("mark:hover, mark:focus")) this.dispatchEvent(new CustomEvent("light", { detail: { name: null } }));
    this.#body.replaceChildren(h("h3", {}, step.title), told, ...(step.question ? [this.#question(step.question)] : []));
    if (focused >= 0) options()[focused]?.focus();
    this.#back.hidden = false;
    this.#next.textContent = "Next";
    this.#back.disabled = number === 1;
    this.#next.disabled = number === this.#steps.length;
  }

  /** What the run on show measured, as its end is seen; null when another begins. */
  measured(measures) {
    this.#measures = measures && Object.fromEntries(measures);
    if (!this.#answers.has(this.#at)) return;
    this.show(this.#at);
    const right = this.#right();
    if (right === null || this.#told.has(this.#at)) return;
    this.#told.add(this.#at);
    this.dispatchEvent(new CustomEvent("answered", { detail: { step: this.#at, answer: this.#first.get(this.#at), right } }));
  }

  /** The place of the option that the run on show says is right; null while it is not known, -1 if it is none. */
  #right() {
    const question = this.#steps[this.#at - 1]?.question;
    if (!this.#measures || !question) return null;
    return question.options.findIndex(({ when }) => when.every((condition) => holds(condition, this.#measures)));
  }

  #ask(number) {
    this.show(number);
    this.dispatchEvent(new CustomEvent("step", { detail: { number } }));
  }

  #question({ asked, options, why }) {
    const answer = this.#answers.get(this.#at);
    const right = answer === undefined ? null : this.#right();
    const words = h("div", { class: "asked" });
    words.innerHTML = asked;
    const buttons = options.map((option, index) => h("button", {
      type: "button", "aria-pressed": String(answer === index), class: right === index ? "right" : null, onclick: () => this.#answer(index),
    }, option.words));
    const parts = [words, h("div", { class: "options", role: "group", "aria-label": "Your answer" }, buttons)];
    if (right !== null) {
      const said = h("div", { class: "why", role: "status" });
      // A run at other settings than the step's may leave the question open.
      const outcome = right < 0 ? "This run leaves it open. " : right === answer ? "Right. " : `This run says: ${options[right].words}. `;
      said.innerHTML = why;
      said.prepend(h("strong", {}, outcome));
      parts.push(said);
    } else if (answer !== undefined) parts.push(h("p", { class: "help" }, "Watch what the run says …"));
    return h("div", { class: "quiz" }, parts);
  }

  #answer(index) {
    // The first answer counts; another one is a second look.
    if (!this.#first.has(this.#at)) this.#first.set(this.#at, index);
    this.#answers.set(this.#at, index);
    this.show(this.#at);
    this.dispatchEvent(new CustomEvent("answer", { detail: { number: this.#at } }));
  }
}

customElements.define("orrery-story", Story);
