// One experiment, small: for an iframe in somebody else's page.
//
//   ?experiment=SLUG&…          what the explorer's address says (state.js)
//   &ui=PART,PART               what is shown besides the picture (PARTS)
//   &controls=NAME,NAME         which controls stand under the picture, in this order
//   &lock=NAME,NAME             controls that are not shown at all
//   &range.NAME=LOW..HIGH       the part of its range that a slider has
//   &views=ID,ID                what stands on the stage: one or two
//   &film=SECONDS               how long the first run plays; 0: its end is shown as soon as it is there
//   &autoplay=off               the run waits at its start for the reader
//   &theme=light|dark           otherwise the reader's system decides
//   &fit=box|content            fills its box (the default), or tells the page around how high it is

import { Bench } from "./bench.js";
import { fetchCard } from "./catalogue.js";
import { firstAuthor } from "./cite.js";
import "./notices.js";
import { h, iconButton } from "./dom.js";
import { onDrop } from "./files.js";
import { answering } from "./messages.js";
import { read, shorten, write } from "./state.js";
import { choose } from "./theme.js";
import { expect, start } from "./modules.js";

/** What can be shown besides the picture; those that are if nothing is said. */
const PARTS = ["title", "caption", "sentence", "story", "player", "controls", "presets", "claim", "data", "link"];
const SHOWN = ["sentence", "player", "controls", "claim", "link"];
const OWN = ["theme", "ui", "controls", "lock", "views", "film", "autoplay", "fit"];

const notices = document.querySelector("orrery-notices");
const main = document.querySelector("main");
const parameters = new URLSearchParams(location.search);

/** The words of a parameter that is a list. */
const list = (name) => (parameters.get(name) ?? "").split(/[\s,]+/).filter(Boolean);

/** Of the words that a parameter names, those that are among `known`; the others are told. */
function among(name, known, complaints, most = Infinity) {
  const words = list(name);
  for (const word of words.filter((word) => !known.includes(word))) complaints.push(`${name}: there is no '${shorten(word)}'; there are ${known.join(", ")}.`);
  return words.filter((word) => known.includes(word)).slice(0, most);
}

/** The card with controls as the address wants them: in order, without those that are locked, with narrower ranges. */
function arranged(card, complaints) {
  const names = card.controls.map(({ name }) => name);
  const [first, locked] = ["controls", "lock"].map((name) => among(name, names, complaints));
  const place = ({ name }) => (first.includes(name) ? first.indexOf(name) : first.length + names.indexOf(name));
  const rank = [...card.controls].filter(({ name }) => !locked.includes(name)).sort((a, b) => place(a) - place(b));
  const shown = rank.map((control) => {
    const text = parameters.get(`range.${control.name}`);
    if (text === null) return control;
    const [low, high] = text.split("..").map(Number);
    const right = control.min !== undefined && control.min <= low && low < high && high <= control.max;
    if (!right) complaints.push(`range.${control.name}: '${shorten(text)}' is no part LOW..HIGH of its range${control.min === undefined ? "" : `, ${control.min}..${control.max}`}.`);
    return right ? { ...control, min: low, max: high, zero: false } : control;
  });
  for (const name of [...parameters.keys()].filter((name) => name.startsWith("range.") && !names.includes(name.slice(6)))) {
    complaints.push(`${shorten(name)}: there is no such control; there are ${names.join(", ")}.`);
  }
  // As many as stand in one row.
  return { shown, keys: first.length || Math.min(4, Math.max(1, Math.floor(innerWidth / 200))) };
}

/** Runs only while somebody can see it. */
function mindTheGap(bench) {
  const watcher = new IntersectionObserver(([entry]) => bench.hold(!entry.isIntersecting), { rootMargin: "50px" });
  watcher.observe(main);
}

async function begin() {
  const theme = parameters.get("theme");
  if (theme === "light" || theme === "dark") choose(theme);
  const content = parameters.get("fit") === "content";
  document.documentElement.classList.toggle("fit-content", content);
  // In a frame whose sandbox makes it a stranger to its own site nothing can be computed.
  if (self.origin === "null") main.replaceChildren();
  if (self.origin === "null") return notices.say('The page around this frame forbids it to compute: its sandbox needs "allow-scripts allow-same-origin".');
  const slug = parameters.getAll("experiment").at(-1) ?? null;
  const starting = start();
  starting.catch(() => {});
  const card = slug === null ? undefined : await fetchCard(slug);
  if (!card) {
    main.replaceChildren();
    notices.say(slug === null ? "embed.html needs ?experiment=NAME." : `There is no experiment '${shorten(slug, 60)}'.`);
    main.replaceChildren(h("p", {}, h("a", { href: "./index.html", target: "_blank" }, "All experiments")));
    return;
  }
  expect(card.module);
  await starting;
  const complaints = [];
  const said = (name, low, high) => {
    const text = parameters.get(name);
    const number = Number(text);
    if (text === null || (text.trim() !== "" && number >= low && number <= high)) return text === null ? null : number;
    complaints.push(`${name}: '${shorten(text)}' is not a number from ${low} to ${high}.`);
    return null;
  };
  const film = said("film", 0, 120);
  const ui = parameters.has("ui") ? among("ui", PARTS, complaints) : SHOWN;
  const views = among("views", card.views.map(({ id }) => id), complaints, 2);
  const bench = new Bench(film ? { ...card, film } : card, notices, arranged(card, complaints));
  const own = [...OWN, ...[...parameters.keys()].filter((name) => name.startsWith("range."))];
  const { state, complaints: more } = read(location.search, card, (name, text) => bench.check(name, text), own);
  notices.sayAll([...complaints, ...more], "url");
  // A story goes from view to view.
  const all = card.views.map(({ id }) => id);
  bench.only(views.length > 0 ? views : ui.includes("story") ? all : [state.view ?? all[0]]);
  if (film === 0) bench.player.quick();
  const shows = (part, ...elements) => (ui.includes(part) ? elements : []);
  const full = h("a", { target: "_blank", rel: "noopener" }, "Open the whole experiment");
  const link = () => (full.href = new URL("index.html" + write(card, { ...bench.state, view: null }), document.baseURI).href);
  bench.addEventListener("state", link);
  const { paper } = card;
  const drawer = h("dialog", { class: "drawer", "aria-label": "More" },
    h("header", {}, h("h2", {}, card.title), iconButton("close", "Close", () => drawer.close())),
    h("p", { class: "paper" }, h("cite", {}, paper.title), `, ${firstAuthor(paper)}, ${paper.year}`),
    ui.includes("presets") || ui.includes("controls") ? [bench.presets, bench.controls.rest, bench.seeds] : null,
    ui.includes("claim") ? bench.claim : null,
    card.ownData && ui.includes("data") ? bench.files : null,
    h("p", {}, full));
  const line = h("button", { type: "button", class: "claim-line", onclick: () => drawer.showModal() }, bench.line);
  document.body.classList.toggle("no-caption", !ui.includes("caption"));
  const box = h("div", { class: "box" },
    ...shows("title", h("h1", {}, card.title)),
    bench.bar, bench.views,
    ...shows("sentence", bench.sentence),
    ...shows("player", bench.player),
    ...shows("controls", bench.controls),
    h("footer", {}, ...shows("claim", line), ...shows("link", iconButton("more", "More: settings, claim, paper", () => drawer.showModal()))));
  main.replaceChildren(box, ...shows("story", bench.story), drawer);
  document.title = card.title;
  if (parameters.get("autoplay") === "off" && state.at === null) state.at = 0;
  answering(bench);
  bench.apply({ ...state, view: ui.includes("story") ? state.view : null }, { eager: true });
  link();
  mindTheGap(bench);
  if (ui.includes("data")) onDrop((files) => bench.take({ add: [...files] }));
}

function attempt() {
  begin().catch((error) => {
    main.replaceChildren();
    notices.say(error.message, { topic: "load", again: attempt });
  });
}

attempt();
