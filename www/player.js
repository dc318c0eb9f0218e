// Play, pause, step, restart, speed, and the time line.

import { h, icon, iconButton } from "./dom.js";

/** Units a second, and seconds that a whole time line takes when it is played back; a film takes as long as its card says. */
const SPEEDS = [
  ["as a film", 0, null],
  ["slow motion", 6, 40],
  ["slow", 30, 16],
  ["steady", 60, 8],
  ["brisk", 240, 4],
  ["as fast as possible", 0, 4],
];
const FILM = 0;
/** Where the reader's choice is kept for as long as the visit lasts. */
const KEY = "orrery speed";

/**
 * `<orrery-player>`. Fires `play`, `pause`, `step`, `restart`, `pace` (detail: slices a second, 0 for all there can be), and
 * `scrub` (detail: {done, offset}), and `arrive` when the end is to be seen, or what the reader has gone about on may be told.
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
  /** A run is shown as a film: computed ahead, shown later. */
  #filming = false;
  /** The reader is to think first: what comes later has not been seen. */
  #held = false;
  #seconds = 8;
  #toggle = iconButton("pause", "Pause", () => this.toggle(), { class: "icon main" });
  #slider = h("input", { type: "range", class: "time", min: 0, max: 1, step: 1, value: 0, "aria-label": "Time line" });
  #label = h("output", { class: "when" }, "");
  #speed = h("select", { "aria-label": "Speed" }, SPEEDS.map(([name], index) => h("option", { value: index }, name)));

  constructor() {
    super();
    this.#speed.value = Math.max(0, SPEEDS.findIndex(([name]) => name === kept()));
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.#speed.addEventListener("change", () => {
      keep(SPEEDS[this.#speed.value][0]);
      this.#tell("pace", this.pace);
    });
    this.#slider.addEventListener("input", () => this.goTo(Number(this.#slider.value)));
    this.append(
      h("div", { class: "buttons" },
        this.#toggle,
        iconButton("step", "One step", () => this.walk(1)),
        iconButton("restart", "Start again", () => this.again()),
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

  /** Runs are shown as soon as they are computed, on this page. */
  quick() {
    this.#speed.value = SPEEDS.length - 1;
  }

  /** Runs are shown as films when they are played. */
  get asFilm() {
    return Number(this.#speed.value) === FILM;
  }

  /** The reader is at the head. */
  get live() {
    return this.#at === null;
  }

  /** The run waits at a unit for the reader to play it. */
  get held() {
    return this.#held;
  }

  /** There is an end that the reader has not seen: a film is on show, or waits. */
  get waits() {
    return this.#filming || this.#held;
  }

  /** The unit on show; null at the end of what is computed. */
  get at() {
    return this.#at === null ? null : Math.floor(this.#at);
  }

  /** What a run of this card is counted in, and how long its film is. */
  name({ unit, film }) {
    this.#unit = unit;
    this.#seconds = film;
  }

  /** A new run begins; `film`: it is shown as one. */
  begin({ film = false } = {}) {
    this.#stopReplay();
    this.#begin = this.#head = 0;
    this.#at = null;
    this.#over = this.#known = false;
    this.#playing = !film;
    this.#filming = film;
    this.#held = false;
    if (film) {
      this.#at = 0;
      this.#startReplay();
    }
    this.#show();
  }

  /** Shows the run from its start, as a film whatever the speed. */
  film() {
    this.#at = this.#begin;
    this.#filming = true;
    this.#held = false;
    if (!this.#over) this.#tell("play");
    this.#startReplay();
    this.#show();
  }

  /** The end of what is computed is on show. */
  toEnd() {
    this.#stopReplay();
    this.#at = null;
    if (this.waits) this.#see();
    else this.#tell("arrive");
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
      this.#filming ||= this.asFilm || this.#held;
      this.#held = false;
      if (!this.#over) this.#tell("play");
      this.#startReplay();
    }
    this.#show();
  }

  /** Plays what rests, and pauses what plays. */
  toggle() {
    if (this.#playing || this.#replay) this.halt();
    else this.go();
  }

  /** Has the run start again. */
  again() {
    this.#tell("restart");
  }

  /** Pauses run and play-back. */
  halt() {
    this.#stopReplay();
    if (this.#playing) this.#tell("pause");
    this.#playing = false;
    this.#show();
  }

  /** One step on (`offset` 1) or back (−1): computed, where there is none yet. */
  walk(offset) {
    if (this.#at === null && !this.#over && offset > 0) {
      this.#playing = false;
      this.#tell("step");
    } else {
      this.halt();
      if (this.#at === null) this.#at = offset > 0 ? this.#begin : this.#head;
      this.#tell("scrub", { done: this.#at, offset });
      this.#see();
    }
    this.#show();
  }

  /** The unit `done` is on show, and stays. */
  goTo(done) {
    this.#stopReplay();
    this.#at = done;
    this.#tell("scrub", { done, offset: 0 });
    this.#see();
    this.#show();
  }

  /** The unit `done` is on show, and what comes after it waits to be played. */
  hold(done) {
    this.#filming = false;
    this.#held = true;
    this.#stopReplay();
    this.#at = done;
    this.#tell("scrub", { done, offset: 0 });
    this.#show();
  }

  /** Who goes about on the time line sees what there is. */
  #see() {
    if (!this.waits) return;
    this.#held = this.#filming = false;
    this.#tell("arrive");
  }

  /** The frame of step `done` is on show, after a scrub. */
  arrived(done) {
    if (this.#at === null || this.#replay || document.activeElement === this.#slider) return;
    this.#at = done;
    this.#show();
  }

  #startReplay() {
    this.#stopReplay();
    let [before, at] = [performance.now(), this.#at];
    const turn = (now) => {
      const seconds = SPEEDS[this.#speed.value][2] ?? this.#seconds;
      // A film of a run whose end is not known yet goes by what there is of it.
      const whole = (this.#known ? this.#of : this.#head) - this.#begin;
      const was = Math.floor(this.#at);
      at = Math.min(Math.max(at, this.#begin) + (whole / (1000 * seconds)) * Math.min(100, Math.max(0, now - before)), this.#head);
      before = now;
      this.#at = at;
      if (Math.floor(at) !== was) this.#tell("scrub", { done: Math.floor(at), offset: 0 });
      const ended = at >= this.#head && (this.#over || !this.#filming);
      this.#replay = ended ? 0 : requestAnimationFrame(turn);
      if (ended && this.#filming) return this.#arrive();
      if (ended && !this.#over) return this.#rejoin();
      this.#show();
    };
    this.#replay = requestAnimationFrame(turn);
  }

  /** A film has come to its end. */
  #arrive() {
    this.#filming = false;
    this.#at = null;
    this.#show();
    this.#tell("arrive");
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
    this.#slider.max = Math.max(this.#of, now);
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

/** The speed that was chosen in this visit. */
function kept() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(name) {
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
}

customElements.define("orrery-player", Player);
