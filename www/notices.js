// What the reader must know, one sentence a line, until it is put away or no longer true.

import { h, iconButton } from "./dom.js";

/** What would turn a sentence round or break it: control characters, marks of direction, spaces of no width. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
/** Sentences at a time. */
const MOST = 4;

/** `<orrery-notices>`. */
export class Notices extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.setAttribute("aria-live", "polite");
  }

  /**
   * Says a sentence once, with a full stop if it has none. `kind`: "error" or "note"; `topic`: what it is about, for `clear`; `again`: what
   * the reader may try once more.
   */
  say(words, { kind = "error", topic = "", again = null } = {}) {
    const sentence = (/[.!?]$/.test(words) ? words : words + ".").replace(UNPRINTABLE, "·");
    const same = [...this.children].find((line) => line.dataset.text === sentence);
    if (same) return;
    const line = h("p", { class: kind, "data-text": sentence, "data-topic": topic }, h("span", {}, sentence));
    if (again) line.append(h("button", { type: "button", onclick: () => (line.remove(), again()) }, "Try again"));
    line.append(iconButton("close", "Put away", () => line.remove()));
    this.append(line);
    while (this.children.length > MOST) this.firstChild.remove();
  }

  /** Says these sentences about one topic, as many as fit, the first ones first, and how many there are besides. */
  sayAll(sentences, topic) {
    const told = sentences.length > MOST ? sentences.slice(0, MOST - 1) : sentences;
    for (const sentence of told) this.say(sentence, { topic });
    if (told.length < sentences.length) this.say(`And ${sentences.length - told.length} more like these.`, { topic });
  }

  /** Takes back what was said about `topic`; everything if none is given. */
  clear(topic) {
    for (const line of [...this.children]) {
      if (topic === undefined || line.dataset.topic === topic) line.remove();
    }
  }
}

customElements.define("orrery-notices", Notices);
