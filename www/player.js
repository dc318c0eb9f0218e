// Play, pause, step, restart, speed, and the time line.

import { h, icon, iconButton } from "./dom.js";

/** Slices a second, and seconds that a whole time line takes when it is played back. */
const SPEEDS = [
  ["slow motion", 6, 40],
  ["slow", 30, 16],
  ["steady", 60, 8],
  ["brisk", 240, 4],
  ["as fast as possible", 0, 4],
];

/**
 * `<orrery-player>`. Fires `play`, `pause`, `step`, `restart`, `pace` (detail: slices a second, 0 for all there can be), and
 * `scrub` (detail: {done, offset}).
 *
 * It knows the run's head (how far it is computed) and where the reader is: at the head, or at an earlier step.
 */
export class Player extends HTMLElement {
  #unit = "step";
  #begin = 0;
  #head = 0;
  #of = 1;
  #known = true;
  #over = false;
  #playing = false;
  /** The step on show when it is not the head. */
  #at = null;
  #replay = 0;
  #toggle = iconButton("pause", "Pause", () => (this.#playing || this.#replay ? this.halt() : this.go()), { class: "icon main" });
  #slider = h("input", { type: "range", class: "time", min: 0, max: 1, step: 1, value: 0, "aria-label": "Time line" });
  #label = h("output", { class: "when" }, "");
  #speed = h("select", { "aria-label": "Speed" }, SPEEDS.map(([name], index) => h("option", { value: index }, name)));

  connectedCallback() {
    if (this.firstChild) return;
    this.#speed.value = SPEEDS.length - 1;
    this.#speed.addEventListener("change", () => this.#tell("pace", this.pace));
    this.#slider.addEventListener("input", () => this.#goTo(Number(this.#slider.value)));
    this.append(
      h("div", { class: "buttons" },
        this.#toggle,
        iconButton("step", "One step", () => this.#step()),
        iconButton("restart", "Start again", () => this.#tell("restart")),
        this.#speed),
      h("div", { class: "line" }, this.#slider, this.#label),
    );
  }

  disconnectedCallback() {
    this.#stopReplay();
  }

  /** Slices a second; 0 for as many as there can be. */
  get pace() {
    return SPEEDS[this.#speed.value]?.[1] ?? 0;
  }

  /** The reader is at the head. */
  get live() {
    return this.#at === null;
  }

  /** A new run begins. */
  begin(unit, playing) {
    this.#stopReplay();
    this.#unit = unit;
    this.#at = null;
    this.#over = false;
    this.#playing = playing;
    this.#show();
  }

  /** The run is computed up to `head` of `of` steps, recorded from `begin` on. */
  progress({ begin, head, of, over }) {
    this.#begin = begin;
    this.#head = head;
    this.#of = Math.max(of, head);
    this.#known = over || of > 0;
    this.#over = over;
    if (over) this.#playing = false;
    this.#show();
  }

  /** Plays: on from where the reader is, or from the beginning if the end is on show. */
  go() {
    if (this.#at === null && !this.#over) {
      this.#playing = true;
      this.#tell("play");
    } else {
      if (this.#at === null || this.#at >= this.#head) this.#at = this.#begin;
      this.#startReplay();
    }
    this.#show();
  }

  /** Pauses run and play-back. */
  halt() {
    this.#stopReplay();
    if (this.#playing) this.#tell("pause");
    this.#playing = false;
    this.#show();
  }

  #step() {
    if (this.#at === null && !this.#over) {
      this.#playing = false;
      this.#tell("step");
    } else {
      this.halt();
      if (this.#at === null) this.#at = this.#begin;
      this.#tell("scrub", { done: this.#at, offset: 1 });
    }
    this.#show();
  }

  #goTo(done) {
    this.#stopReplay();
    this.#at = done;
    this.#tell("scrub", { done, offset: 0 });
    this.#show();
  }

  /** The frame of step `done` is on show, after a scrub. */
  arrived(done) {
    if (this.#at === null || this.#replay || document.activeElement === this.#slider) return;
    this.#at = done;
    this.#show();
  }

  #startReplay() {
    const seconds = SPEEDS[this.#speed.value][2];
    const rate = (this.#head - this.#begin) / (1000 * seconds);
    let [before, at] = [performance.now(), this.#at];
    const turn = (now) => {
      at += rate * Math.max(0, now - before);
      before = now;
      this.#at = Math.min(at, this.#head);
      this.#tell("scrub", { done: Math.floor(this.#at), offset: 0 });
      if (this.#at >= this.#head) {
        this.#replay = 0;
        if (!this.#over) return this.#rejoin();
      } else this.#replay = requestAnimationFrame(turn);
      this.#show();
    };
    this.#replay = requestAnimationFrame(turn);
  }

  /** Back at the head of a run that is not over: it goes on. */
  #rejoin() {
    this.#at = null;
    this.#playing = true;
    this.#tell("play");
    this.#show();
  }

  #stopReplay() {
    cancelAnimationFrame(this.#replay);
    this.#replay = 0;
  }

  #show() {
    const moving = this.#playing || this.#replay !== 0;
    const label = moving ? "Pause" : "Play";
    if (this.#toggle.getAttribute("aria-label") !== label) {
      this.#toggle.replaceChildren(icon(moving ? "pause" : "play"));
      this.#toggle.setAttribute("aria-label", label);
      this.#toggle.title = label;
    }
    const now = Math.floor(this.#at ?? this.#head);
    this.#slider.min = this.#begin;
    this.#slider.max = this.#of;
    this.#slider.value = now;
    // How many there will be is not always known.
    const of = this.#known ? ` of ${this.#of.toLocaleString("en")}` : "";
    const text = `${this.#unit} ${now.toLocaleString("en")}${of}`;
    this.#slider.setAttribute("aria-valuetext", text);
    this.#label.textContent = text;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define("orrery-player", Player);
