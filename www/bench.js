// An experiment on the bench: its views, what can be moved, the time line and the claim, for one run or two side by side.
// Explorer and embed lay the same parts out differently.

import { Form, checkSize } from "./page.js";
import { Claim } from "./claim.js";
import { Controls } from "./controls.js";
import { calm, download, h, typeset } from "./dom.js";
import { settled } from "./draw.js";
import { Files } from "./files.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { Run } from "./run.js";
import { pairs, readSeed, sideOf, untouched } from "./state.js";

/**
 * Events: `state` (detail: {last}) when the reader changed something that the URL says; `first` when the first picture is drawn.
 */
export class Bench extends EventTarget {
  views = h("div", { class: "views" });
  presets = h("div", { class: "presets" });
  seeds = h("div", { class: "seeds" });
  controls = new Controls();
  player = new Player();
  claim = new Claim();
  files = new Files();
  results = h("div", { class: "results", hidden: true });
  device = h("p", { class: "help" });
  state = null;
  #form = null;
  #sides = new Map();
  #seen = false;

  /** `notices`: where sentences go. */
  constructor(card, notices) {
    super();
    this.card = card;
    this.notices = notices;
    this.shown = card.views.map((view, index) => ({ ...view, index }));
    this.files.build(card.ownData);
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
    this.player.addEventListener("restart", () => this.#each((side) => this.#start(side, true)));
    this.views.addEventListener("expand", ({ target }) => {
      const { id } = target.dataset;
      this.apply({ ...this.state, view: this.state.view === id ? null : id });
      this.#tell(true);
    });
    this.views.addEventListener("lift", ({ target, detail }) => {
      const lifted = new Set(this.state.lifted);
      if (detail.lifted) lifted.add(target.dataset.id);
      else lifted.delete(target.dataset.id);
      this.apply({ ...this.state, lifted });
      this.#tell(true);
    });
    this.views.addEventListener("look", ({ target }) => this.#twin(target)?.follow(target));
    this.views.addEventListener("handle", ({ target, detail }) => this.#handle(target, detail));
  }

  /** Shows this view alone; to be said before the first state. */
  only(id) {
    this.shown = this.shown.filter((view) => view.id === id);
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
    const keys = state.b ? ["a", "b"] : ["a"];
    if (!before || Boolean(before.b) !== Boolean(state.b)) this.#arrange(keys);
    for (const key of keys) {
      const side = this.#sides.get(key);
      this.controls.show(key, state[key].values);
      const order = JSON.stringify([pairs(this.card, state[key]), state[key].seed]);
      if (side.order !== order) {
        side.order = order;
        this.#start(side, eager);
      }
    }
    this.#showPresets(keys);
    this.#showSeeds(keys);
    this.views.classList.toggle("one", state.view !== null);
    for (const panel of this.views.children) {
      panel.hidden = state.view !== null && panel.dataset.id !== state.view;
      panel.expanded(panel.dataset.id === state.view);
      panel.lift(state.lifted.has(panel.dataset.id));
    }
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
    this.controls.build(this.card.controls, keys);
    this.claim.build(this.card, keys);
    for (const [index, view] of this.shown.entries()) {
      for (const [key, side] of this.#sides) {
        const panel = side.panels[index];
        const tag = keys.length > 1 ? key.toUpperCase() : "";
        const file = [this.card.slug, view.id, tag.toLowerCase()].filter(Boolean).join("-");
        panel.name({ ...view, tag, file, expandable: this.shown.length > 1 });
        panel.shared = null;
        this.views.append(panel);
      }
    }
    for (const side of this.#sides.values()) {
      this.claim.begin(side.key, this.state[side.key].seed, this.#gone(side.key));
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
      seed: (told) => (side.told.push(told), this.claim.seed(key, told)),
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
    side.run.start({ pairs: pairs(this.card, { values }), seed, playing: true, quiet: calm(), eager, pace: this.player.pace });
    document.documentElement.dataset.run = "going";
  }

  /** Is a side at settings that are there to take the effect away? */
  #gone(key) {
    const side = this.state[key];
    const preset = this.card.presets.find(({ name }) => name === side.preset);
    return preset?.expect === "gone" && untouched(this.card, side);
  }

  /** What was asked for is on show from now on. */
  #begun(side, { seed, understood, last }) {
    if (side.key === "a") this.files.tell(understood);
    side.asked = !last;
    side.told = [];
    side.last = null;
    this.notices.clear("load");
    this.notices.clear("run");
    this.player.begin(this.card.unit, true);
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
      this.claim.now(side.key, frame.verdict, frame.over);
      this.#progress();
    }
    // Who has gone back on the time line is not torn away from there by a run that goes on.
    if (!frame.live || this.player.live) {
      this.#show(side, frame);
      if (!frame.live) this.player.arrived(frame.done);
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
    this.results.hidden = names.length === 0;
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
    this.player.progress({
      begin: Math.min(...frames.map(({ begin }) => begin)),
      head: Math.max(...frames.map(({ done }) => done)),
      of: Math.max(...frames.map(({ of }) => of)),
      over,
    });
    document.documentElement.dataset.run = over ? "over" : "going";
  }

  #describe(side) {
    for (const panel of side.panels) panel.describe();
  }

  /** Changes one side, as {preset, values, seed} where they differ. */
  #change(key, changes, last) {
    this.apply({ ...this.state, [key]: { ...this.state[key], ...changes } });
    this.#tell(last);
  }

  #control({ side, name, text, last }) {
    let value;
    try {
      value = this.check(name, text);
    } catch (error) {
      return this.controls.refuse(side, name, `${error.message}.`);
    }
    this.notices.clear("url");
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

  /** Starts or ends the comparison: the second side begins as a copy of the first. */
  compare(on) {
    this.apply({ ...this.state, b: on ? { ...this.state.a } : null });
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
