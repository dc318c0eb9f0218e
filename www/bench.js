// An experiment on the bench: its views, what can be moved, the time line and the claim, for one run or two side by side.
// Explorer and embed lay the same parts out differently.

import { Form, checkSize } from "./page.js";
import { Claim } from "./claim.js";
import { Controls } from "./controls.js";
import { calm, download, h, put, typeset } from "./dom.js";
import { settled } from "./draw.js";
import { Files } from "./files.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { Run } from "./run.js";
import { pairs, read, readSeed, shorten, sideOf, untouched } from "./state.js";
import { Story } from "./story.js";

/** Views that stand on the stage; the others are a strip of small ones. */
const STAGE = 2;

/**
 * Events: `state` (detail: {last}) when the reader changed something that the URL says; `first` when the first picture is drawn; `shown`
 * (detail: {frame}) for every frame; `concluded` (detail: {verdict, measures}) when the end of the run has been shown.
 */
export class Bench extends EventTarget {
  /** The views on the stage, and the others, small. */
  views = h("div", { class: "views" });
  strip = h("div", { class: "strip", role: "group", "aria-label": "More views" });
  /** What the run says of what is to be seen, in one sentence. */
  sentence = h("p", { class: "sentence" });
  story = new Story();
  presets = h("div", { class: "presets" });
  seeds = h("div", { class: "seeds" });
  controls = new Controls();
  player = new Player();
  claim = new Claim();
  /** The claim in one line, for where there is room for no more. */
  line = this.claim.line;
  files = new Files();
  results = h("div", { class: "results" });
  taken = h("details", { class: "more", hidden: true }, h("summary", {}, "Take away what it found"), this.results);
  device = h("p", { class: "help" });
  state = null;
  #form = null;
  #controls;
  #sides = new Map();
  #seen = false;
  /** Whether the next run is shown as a film: the first of a visit is. */
  #film = true;

  /** `notices`: where sentences go; `controls`: which are shown, in which order, and how many of them under the pictures. */
  constructor(card, notices, { shown = card.controls, keys } = {}) {
    super();
    this.card = card;
    this.notices = notices;
    this.#controls = shown;
    if (keys) this.controls.keys = keys;
    this.shown = card.views.map((view, index) => ({ ...view, index }));
    this.files.build(card.ownData);
    this.bar = this.files.bar;
    this.player.name(card);
    this.story.build(card.story);
    this.#listen();
  }

  #listen() {
    this.controls.addEventListener("control", ({ detail }) => this.#control(detail));
    this.claim.addEventListener("seed", ({ detail: { side, seed } }) => this.#change(side, { seed }, true));
    this.files.addEventListener("files", ({ detail }) => this.take(detail));
    this.player.addEventListener("play", () => this.#each((side) => side.run.play()));
    this.player.addEventListener("pause", () => this.#each((side) => (side.run.pause(), this.#describe(side))));
    this.player.addEventListener("step", () => this.#each((side) => side.run.step()));
    this.player.addEventListener("pace", ({ detail }) => this.#each((side) => side.run.pace(detail)));
    this.player.addEventListener("scrub", ({ detail: { done, offset } }) => this.#each((side) => side.run.scrub(done, offset)));
    this.player.addEventListener("restart", () => {
      this.#film = this.player.asFilm;
      this.#each((side) => this.#start(side, true));
    });
    this.player.addEventListener("arrive", () => this.#arrive());
    this.controls.rest.addEventListener("control", ({ detail }) => this.#control(detail));
    this.story.addEventListener("step", ({ detail: { number } }) => this.toStep(number));
    this.story.addEventListener("answer", () => this.play());
    this.story.addEventListener("light", ({ detail: { name } }) => this.#each(({ panels }) => panels.forEach((panel) => panel.light(name))));
    for (const place of [this.views, this.strip]) {
      place.addEventListener("expand", ({ target }) => {
        const { id } = target.dataset;
        this.apply({ ...this.state, view: this.state.view === id ? null : id });
        this.#tell(true);
      });
      place.addEventListener("lift", ({ target, detail }) => {
        const lifted = new Set(this.state.lifted);
        if (detail.lifted) lifted.add(target.dataset.id);
        else lifted.delete(target.dataset.id);
        this.apply({ ...this.state, lifted });
        this.#tell(true);
      });
      place.addEventListener("look", ({ target }) => this.#twin(target)?.follow(target));
      place.addEventListener("handle", ({ target, detail }) => this.#handle(target, detail));
    }
  }

  /** Takes a preset's settings. */
  choose(name) {
    this.#change("a", { ...sideOf(this.card, name), seed: this.state.a.seed }, true);
  }

  /** Shows a step of the story: its settings, its view, its moment. */
  toStep(number) {
    if (!this.state) return;
    const { state } = read(`?step=${number}`, this.card, (name, text) => this.check(name, text));
    this.story.show(number);
    const a = { ...state.a, seed: this.state.a.seed };
    // A step that begins at the start and asks nothing plays by itself; one that asks waits for the answer.
    const plays = typeof state.at === "number" && !this.card.story[number - 1].question;
    const before = this.#sides.get("a")?.order;
    this.#film = plays;
    this.apply({ ...this.state, ...state, a, b: state.b && { ...state.b, seed: this.state.a.seed }, at: plays ? null : state.at });
    if (plays && this.#sides.get("a").order === before) {
      this.#film = false;
      this.play();
    }
    this.#tell(true);
  }

  /** Shows the run from its start to its end; at once for those who ask for little motion. */
  play() {
    if (calm()) return this.player.toEnd();
    this.#unsay();
    this.state = { ...this.state, at: null };
    // A run that has not begun begins as one.
    for (const side of this.#sides.values()) side.film ||= side.asked;
    this.player.film();
  }

  /** What came out is not told again until it has been seen again. */
  #unsay() {
    for (const side of this.#sides.values()) this.claim.begin(side.key, this.state[side.key].seed, this.#gone(side.key));
    this.story.measured(null);
  }

  /** The end of the run is on the screen: what it says may be read now. */
  #arrive() {
    this.state = { ...this.state, at: null };
    for (const side of this.#sides.values()) {
      for (const told of side.told) this.claim.seed(side.key, told);
      if (!side.last) continue;
      // The time line need not have the very end: what is done after the last unit is counted by none.
      if (this.player.live) this.#show(side, side.last);
      this.#conclude(side);
    }
    this.#progress();
  }

  /** Says what the newest frame of a side says of the claim. */
  #conclude(side) {
    const { verdict, over, measures } = side.last;
    this.claim.now(side.key, verdict, over);
    if (side.key !== "a" || !over) return;
    this.story.measured(measures);
    this.dispatchEvent(new CustomEvent("concluded", { detail: { verdict, measures } }));
  }

  /** Shows these views alone; to be said before the first state. */
  only(ids) {
    this.shown = ids.map((id) => this.shown.find((view) => view.id === id));
  }

  /** Sets controls, `preset` and `seed` among them, as [name, text]; throws a sentence, and sets nothing, if any of it is wrong. */
  set(words) {
    const { a } = this.state;
    const given = new Map(words);
    const side = given.has("preset") ? { ...sideOf(this.card, given.get("preset")), seed: a.seed } : { ...a, values: { ...a.values } };
    if (!this.card.presets.some(({ name }) => name === side.preset)) throw new Error(`preset: ${this.card.slug} has no preset '${shorten(side.preset)}'.`);
    for (const [name, text] of words) {
      if (name === "preset") continue;
      if (name !== "seed") side.values[name] = this.check(name, text);
      else if ((side.seed = readSeed(text)) === null) throw new Error(`seed: '${shorten(text)}' is not a whole number from 0 on.`);
    }
    this.#change("a", side, true);
  }

  /** What is on the stage, as a PNG. */
  image() {
    const panel = this.views.firstChild;
    if (!panel?.picture) throw new Error("There is nothing to be seen yet.");
    return panel.png();
  }

  /** `text` as the control `name` writes it; throws a sentence. The page's module must have started. */
  check(name, text) {
    this.#form ??= new Form(this.card.controls);
    return this.#form.check(name, text);
  }

  /** Shows a state (see state.js), running again what is different. */
  apply(state, { eager = false } = {}) {
    const before = this.state;
    this.state = state;
    if (state.step && state.step !== before?.step) this.story.show(state.step);
    const keys = state.b ? ["a", "b"] : ["a"];
    if (!before || Boolean(before.b) !== Boolean(state.b)) this.#arrange(keys);
    let started = false;
    for (const key of keys) {
      const side = this.#sides.get(key);
      this.controls.show(key, state[key].values);
      const order = JSON.stringify([pairs(this.card, state[key]), state[key].seed]);
      if (side.order !== order) {
        side.order = order;
        started = true;
        this.#start(side, eager);
      }
    }
    this.#showPresets(keys);
    this.#showSeeds(keys);
    this.#stage();
    if (before && state.at !== null && state.at !== before.at) this.#hold();
    else if (before && state.at === null && before.at !== null && !started) this.player.toEnd();
  }

  /** Puts the views where they belong: on the stage those that are asked for, in the strip the others. */
  #stage() {
    const { view, b, lifted } = this.state;
    const panels = this.shown.flatMap((_, index) => [...this.#sides.values()].map((side) => side.panels[index]));
    const known = this.shown.some(({ id }) => id === view);
    const ids = known ? [view] : this.shown.slice(0, b ? 1 : STAGE).map(({ id }) => id);
    const staged = (panel) => ids.includes(panel.dataset.id);
    put(this.views, panels.filter(staged));
    put(this.strip, panels.filter((panel) => !staged(panel)));
    this.strip.hidden = this.strip.children.length === 0;
    this.views.classList.toggle("one", this.views.children.length === 1);
    for (const panel of panels) {
      panel.small(!staged(panel));
      panel.expanded(panel.dataset.id === view);
      panel.lift(lifted.has(panel.dataset.id));
    }
  }

  /** Stands at the moment that the state names. */
  #hold() {
    const { at } = this.state;
    if (at === "end") return this.player.toEnd();
    this.player.hold(at);
    this.#unsay();
  }

  /** Makes runs, panels, inputs and verdicts for one side or two. */
  #arrange(keys) {
    for (const [key, side] of this.#sides) {
      if (!keys.includes(key)) {
        side.run.end();
        side.panels.forEach((panel) => panel.end());
        this.#sides.delete(key);
      }
    }
    for (const key of keys) if (!this.#sides.has(key)) this.#sides.set(key, this.#side(key));
    this.views.classList.toggle("double", keys.length > 1);
    this.controls.build(this.#controls, keys);
    this.claim.build(this.card, keys);
    for (const [index, view] of this.shown.entries()) {
      for (const [key, side] of this.#sides) {
        const panel = side.panels[index];
        const tag = keys.length > 1 ? key.toUpperCase() : "";
        const file = [this.card.slug, view.id, tag.toLowerCase()].filter(Boolean).join("-");
        panel.name({ ...view, tag, file, expandable: this.shown.length > 1 });
        panel.shared = null;
      }
    }
    for (const side of this.#sides.values()) {
      this.claim.begin(side.key, this.state[side.key].seed, this.#gone(side.key));
      if (this.player.waits) continue;
      for (const told of side.told) this.claim.seed(side.key, told);
      if (side.last) this.claim.now(side.key, side.last.verdict, side.last.over);
    }
  }

  #side(key) {
    const panels = this.shown.map(({ id }) => {
      const panel = new Panel();
      panel.dataset.id = id;
      panel.dataset.side = key;
      return panel;
    });
    const side = { key, panels, told: [], last: null, order: null, asked: false, moving: Promise.resolve() };
    side.run = new Run(this.card, {
      begun: (told) => this.#begun(side, told),
      frame: (frame) => this.#frame(side, frame),
      seed: (told) => {
        side.told.push(told);
        if (!this.player.waits) this.claim.seed(key, told);
      },
      result: ({ name, type, bytes }) => download(new Blob([bytes]), `${this.card.slug}-${name}.${type}`),
      files: (arrays) => key === "a" && this.files.show(arrays),
      error: (sentence, topic = "run") => {
        this.notices.say(sentence, { topic });
        side.asked = false;
        if (side.last) this.#progress();
      },
      lost: (sentence) => this.notices.say(sentence, { topic: "load", again: () => this.#each((side) => side.run.again()) }),
      note: (sentence) => this.notices.say(sentence, { kind: "note" }),
    });
    return side;
  }

  #start(side, eager) {
    const { values, seed } = this.state[side.key];
    side.asked = true;
    const moves = this.player.asFilm && !calm() && !document.hidden;
    side.film = this.#film && moves && this.state.at === null;
    const pace = this.player.asFilm ? 0 : this.player.pace;
    side.run.start({ pairs: pairs(this.card, { values }), seed, playing: true, quiet: calm(), eager, pace, film: side.film || (moves && this.state.at !== null), fresh: side.film || this.state.at !== null });
    document.documentElement.dataset.run = "going";
  }

  /** Is a side at settings that are there to take the effect away? */
  #gone(key) {
    const side = this.state[key];
    const preset = this.card.presets.find(({ name }) => name === side.preset);
    return preset?.name === "break-it" && untouched(this.card, side);
  }

  /** What was asked for is on show from now on. */
  #begun(side, { seed, understood, last }) {
    if (side.key === "a") this.files.tell(understood);
    side.asked = !last;
    side.told = [];
    side.last = null;
    this.notices.clear("load");
    this.notices.clear("run");
    this.player.begin({ film: side.film });
    this.#film = side.film = false;
    // The other side of a comparison is shown as far as it is.
    this.#each((other) => other !== side && other.last && other.run.scrub(other.last.done));
    if (typeof this.state.at === "number") this.player.hold(this.state.at);
    side.fresh = true;
    if (side.key === "a") this.story.measured(null);
    document.documentElement.dataset.run = "going";
    this.claim.begin(side.key, seed, this.#gone(side.key));
  }

  async #frame(side, frame) {
    if (frame.live) {
      if (side.last?.device.startsWith("GPU") && frame.device === "CPU") {
        this.notices.say("The GPU was lost; the run goes on on the CPU.", { kind: "note", topic: "device" });
      }
      this.device.textContent = `Computed in your browser, on the ${frame.device}.`;
      side.last = frame;
      if (side.key === "a") this.#showResults(side, frame.results);
      if (!this.player.waits) this.#conclude(side);
      this.#progress();
      // The moment that is to be shown may be there only now.
      if (this.player.held && (side.fresh || frame.over)) this.player.hold(this.state.at);
    }
    // Who has gone back on the time line is not torn away from there by a run that goes on.
    if (!frame.live || this.player.live || side.fresh) {
      side.fresh = false;
      this.#show(side, frame);
      if (!frame.live && !this.player.held) this.player.arrived(frame.done);
      await settled();
      if (!this.#seen) {
        this.#seen = true;
        this.dispatchEvent(new Event("first"));
      }
      if (frame.over || !frame.live) this.#describe(side);
    }
    side.run.drawn();
  }

  #show(side, frame) {
    for (const [place, panel] of side.panels.entries()) panel.show(frame.views[this.shown[place].index]);
    if (side.key === "a") {
      this.sentence.replaceChildren(...typeset(frame.sentence));
      this.dispatchEvent(new CustomEvent("shown", { detail: { frame } }));
    }
    if (this.#sides.size > 1) this.#link();
  }

  /** The same window for both sides of a comparison: all that either has to show. */
  #link() {
    const [a, b] = ["a", "b"].map((key) => this.#sides.get(key));
    for (const [place, panel] of a.panels.entries()) {
      const [one, two] = [panel, b.panels[place]].map(({ picture }) => picture?.extent());
      const same = one && two && panel.picture.kind() === b.panels[place].picture.kind();
      const union = same ? [Math.min(one[0], two[0]), Math.max(one[1], two[1]), Math.min(one[2], two[2]), Math.max(one[3], two[3])] : null;
      panel.shared = b.panels[place].shared = union;
      panel.refresh();
      b.panels[place].refresh();
    }
  }

  /** What can be taken away from a finished run. */
  #showResults({ run }, names) {
    this.taken.hidden = names.length === 0;
    const save = (name, type) => h("button", { type: "button", "aria-label": `Save ${name} as ${type}`, onclick: () => run.result(name, type) }, type);
    this.results.replaceChildren(...names.map((name) => h("div", { class: "line" }, h("span", {}, `Save ${name}`), save(name, "csv"), save(name, "npy"))));
  }

  #twin(panel) {
    const other = this.#sides.get(panel.dataset.side === "a" ? "b" : "a");
    return other?.panels.find(({ dataset }) => dataset.id === panel.dataset.id);
  }

  #progress() {
    const frames = [...this.#sides.values()].map(({ last }) => last).filter(Boolean);
    const asked = [...this.#sides.values()].some(({ asked }) => asked);
    const over = !asked && frames.length === this.#sides.size && frames.every((frame) => frame.over);
    if (frames.length === 0) return;
    this.player.progress({
      begin: Math.min(...frames.map(({ begin }) => begin)),
      head: Math.max(...frames.map(({ done }) => done)),
      of: Math.max(...frames.map(({ of }) => of)),
      over,
    });
    document.documentElement.dataset.run = over && (!this.player.waits || this.player.held) ? "over" : "going";
  }

  #describe(side) {
    for (const panel of side.panels) panel.describe();
  }

  /** Changes one side, as {preset, values, seed} where they differ. */
  #change(key, changes, last) {
    this.apply({ ...this.state, at: null, step: null, [key]: { ...this.state[key], ...changes } });
    this.#tell(last);
  }

  #control({ side, name, text, last }) {
    let value;
    try {
      value = this.check(name, text);
    } catch (error) {
      return this.controls.refuse(side === "both" ? "a" : side, name, `${error.message}.`);
    }
    this.notices.clear("url");
    if (side === "both") {
      const moved = (of) => ({ ...of, values: { ...of.values, [name]: value } });
      this.apply({ ...this.state, at: null, step: null, a: moved(this.state.a), b: moved(this.state.b) });
      return this.#tell(last);
    }
    this.#change(side, { values: { ...this.state[side].values, [name]: value } }, last);
  }

  #handle(panel, { x, y, last }) {
    const { side: key, id } = panel.dataset;
    const side = this.#sides.get(key);
    const { index } = this.shown.find((view) => view.id === id);
    // One after the other: each move begins from what the one before has led to.
    side.moving = side.moving.then(async () => {
      const moved = await side.run.pointer(pairs(this.card, this.state[key]), index, x, y);
      if (!moved || this.#sides.get(key) !== side) return;
      const values = sideOf(this.card).values;
      for (let i = 0; i < moved.length; i += 2) values[moved[i]] = moved[i + 1];
      this.#change(key, { values }, last);
    }).catch(() => {});
  }

  /** Adds files of the reader's to every run, or removes some. */
  take({ add = [], remove = [] }) {
    if (!this.card.ownData) return this.notices.say(`${this.card.title} takes no files of your own.`, { topic: "files" });
    this.notices.clear("files");
    try {
      for (const { name, size } of add) checkSize(name, size);
    } catch (error) {
      return this.notices.say(error.message, { topic: "files" });
    }
    for (const side of this.#sides.values()) {
      side.asked = true;
      side.run.change({ add, remove });
    }
  }

  /** Starts or ends the comparison: beside what is on show stands what takes the effect away, or the default beside that. */
  compare(on) {
    if (!this.state) return;
    if (this.player.waits) this.player.toEnd();
    const { a } = this.state;
    const other = a.preset === "break-it" && untouched(this.card, a) ? "default" : "break-it";
    this.apply({ ...this.state, b: on ? { ...sideOf(this.card, other), seed: a.seed } : null });
    this.#tell(true);
  }

  /** Rests while nobody looks. */
  hold(held) {
    this.#each((side) => side.run.hold(held));
  }

  /** For tests: the GPU goes away. */
  loseGpu() {
    this.#each((side) => side.run.lose());
  }

  /** Ends everything. */
  end() {
    for (const side of this.#sides.values()) {
      side.run.end();
      side.panels.forEach((panel) => panel.end());
    }
    this.#form?.free();
    this.#form = null;
    this.player.remove();
  }

  #each(act) {
    for (const side of this.#sides.values()) act(side);
  }

  #tell(last) {
    this.dispatchEvent(new CustomEvent("state", { detail: { last } }));
  }

  #showPresets(keys) {
    const rows = keys.map((key) => {
      const side = this.state[key];
      const chosen = (name) => side.preset === name && untouched(this.card, side);
      const buttons = this.card.presets.map(({ name, about }) =>
        h("button", {
          type: "button", title: about, class: name === "break-it" ? "break-it" : null, "aria-pressed": String(chosen(name)),
          onclick: () => this.#change(key, { ...sideOf(this.card, name), seed: side.seed }, true),
        }, name === "break-it" ? "Break it" : name === "default" ? "Default" : name));
      const about = this.card.presets.find(({ name }) => chosen(name))?.about ?? "your own setting";
      const tag = keys.length > 1 && h("span", { class: `tag tag-${key.toUpperCase()}` }, key.toUpperCase());
      return h("div", { role: "group", "aria-label": `Presets${keys.length > 1 ? " of " + key.toUpperCase() : ""}` },
        h("div", { class: "row" }, tag, buttons), h("p", { class: "help" }, ...typeset(about)));
    });
    keepFocus(this.presets, () => this.presets.replaceChildren(...rows));
  }

  #showSeeds(keys) {
    const rows = keys.map((key) => {
      const { seed } = this.state[key];
      const name = keys.length > 1 ? `Seed, ${key.toUpperCase()}` : "Seed";
      const input = h("input", { type: "text", inputmode: "numeric", size: 6, value: seed, "aria-label": name, autocomplete: "off" });
      input.addEventListener("change", () => {
        const wanted = readSeed(input.value);
        if (wanted !== null) return this.#change(key, { seed: wanted }, true);
        this.notices.say(`seed: '${input.value.slice(0, 40)}' is not a whole number from 0 on; it stays at ${seed}.`, { topic: "url" });
        input.value = seed;
      });
      const tag = keys.length > 1 && h("span", { class: `tag tag-${key.toUpperCase()}` }, key.toUpperCase());
      const another = h("button", { type: "button", onclick: () => this.#change(key, { seed: seed + 1 }, true) }, "Another");
      return h("div", { class: "line" }, tag, h("span", { class: "word", "aria-hidden": "true" }, "Seed"), input, another);
    });
    keepFocus(this.seeds, () => this.seeds.replaceChildren(...rows));
  }
}

/** Makes a part's content anew and gives the focus back to what is in the same place. */
function keepFocus(part, change) {
  const places = () => [...part.querySelectorAll("button, input")];
  const index = places().indexOf(document.activeElement);
  change();
  if (index >= 0) places()[index]?.focus();
}
