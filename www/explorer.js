// The explorer: the catalogue, one experiment on the bench, and the URL that says all of it.

import { fetchCard, fetchLabs, fetchPaths } from "./catalogue.js";
import { cited } from "./cite.js";
import "./notices.js";
import { calm, h, icon } from "./dom.js";
import { fetched } from "./fetched.js";
import { onDrop } from "./files.js";
import { chooseFor, front, overview, pathway, readSearch } from "./front.js";
import { listen } from "./keys.js";
import { keep, keepAll } from "./offline.js";
import { share } from "./share.js";
import { read, shorten, write } from "./state.js";
import { toggle } from "./theme.js";

/** Milliseconds between two changes of the URL while a slider moves: browsers allow about a hundred in half a minute. */
const URL_PACE = 400;

const $ = (selector) => document.querySelector(selector);
const notices = $("orrery-notices");
const main = $("main");
const page = $("#page");
const aside = $("aside");
/** What is told below an experiment. */
const told = $("#text");
/** The labs, once they are listed. */
let labs = [];
let paths = [];
let listing = null;
let bench = null;
/** What runs in the place of the front page's film, once it was touched. */
let toy = null;
/** Files that were dropped before there was an experiment to take them. */
let carried = null;
/** How often another page was asked for: what was asked for earlier comes too late. */
let turns = 0;
/** The address that is on show, without the place within the page. */
let shown = "";
let dragging = false;
let written = 0;

/** Shows what the URL says; where something for it cannot be loaded, that can be tried again. */
async function route() {
  const turn = (turns += 1);
  shown = location.pathname + location.search;
  const wanted = () => turn === turns;
  const failed = (error) => wanted() && notices.say(error.message, { topic: "load", again: route });
  const query = new URLSearchParams(location.search);
  const slug = query.getAll("experiment").at(-1) ?? null;
  const lab = slug === null ? query.get("lab") : null;
  const path = slug === null && lab === null ? query.get("path") : null;
  $("orrery-catalogue").mark(slug ?? (lab && `lab ${lab}`));
  document.body.classList.remove("nav-open");
  $("#menu").setAttribute("aria-expanded", "false");
  notices.clear();
  const listing = listed();
  listing.catch(failed);
  try {
    if (slug !== null) return await showExperiment(slug, wanted);
    close();
    await listing;
    if (wanted()) path === null ? showLabs(lab) : showPath(path);
  } catch (error) {
    if (wanted() && !bench) page.replaceChildren();
    failed(error);
  }
}

/** Fetches the list of experiments, once, and puts it into the catalogue. */
function listed() {
  listing ??= Promise.all([fetchLabs(), fetchPaths()]).then(([got, ways]) => {
    labs = got;
    paths = ways;
    $("orrery-catalogue").build(labs);
  }).catch((error) => {
    listing = null;
    throw error;
  });
  return listing;
}

/** The parts that only an experiment needs; the page's own wasm is the largest of them. */
const parts = () => fetched("The part of the page that runs experiments", () => Promise.all([import("./bench.js"), import("./modules.js")]));

/** Opens an experiment, or goes on with the one that is open; `wanted()`: nothing else has been asked for meanwhile. */
async function showExperiment(slug, wanted) {
  if (bench?.card.slug !== slug) {
    close();
    document.body.classList.remove("open");
    page.replaceChildren(h("p", { class: "help" }, "Loading …"));
    aside.replaceChildren();
    const loading = parts();
    const starting = loading.then(([, modules]) => modules.start());
    starting.catch(() => {});
    const card = await fetchCard(slug);
    if (!card) {
      await listed();
      return wanted() && showFront(`experiment '${shorten(slug, 60)}'`);
    }
    const [{ Bench }, { expect }] = await loading;
    if (!wanted()) return;
    expect(card.module);
    open(new Bench(card, notices));
  }
  const opened = bench;
  const [, { start }] = await parts();
  await start();
  if (!wanted() || bench !== opened) return;
  const { state, complaints } = read(location.search, bench.card, (name, text) => bench.check(name, text));
  notices.sayAll(complaints, "url");
  bench.apply(state, { eager: true });
  showCompare();
  if (carried && bench.card.ownData) bench.take({ add: carried });
  carried = null;
}

function close() {
  present(false);
  told.hidden = true;
  delete told.dataset.told;
  told.replaceChildren();
  bench?.end();
  toy?.end();
  bench = toy = null;
  delete document.documentElement.dataset.run;
}

/** The page of the lab `slug`; the front page if it is null. */
function showLabs(slug) {
  const lab = labs.find((lab) => lab.slug === slug);
  if (lab) showLab(lab);
  else showFront(slug && `lab '${shorten(slug, 60)}'`);
}

/** `missing`: what was asked for and is not there. */
function showFront(missing) {
  if (missing) notices.say(`There is no ${missing}; here is what there is.`);
  document.title = "Orrery: how learning works";
  document.body.classList.remove("open");
  const searched = (query) => {
    history.replaceState(null, "", query ? "?" + query : location.pathname);
    shown = location.pathname + location.search;
  };
  page.replaceChildren(front(labs, paths, readSearch(location.search), { searched, live: goLive, drop: dropped, keepAll }));
  aside.replaceChildren();
  scrollTo(0, 0);
}

/** Puts an experiment into the place of the film. */
async function goLive(place, { experiment, preset }) {
  try {
    const loading = parts();
    const starting = loading.then(([, modules]) => modules.start());
    starting.catch(() => {});
    const card = await fetchCard(experiment);
    const [{ Bench }, { expect }] = await loading;
    expect(card.module);
    await starting;
    if (!place.isConnected) return;
    toy = new Bench(card, notices);
    toy.only([card.views[0].id]);
    const { state } = read(`?preset=${encodeURIComponent(preset)}`, card, (name, text) => toy.check(name, text));
    const whole = h("a", { href: write(card, state) }, "Open the whole experiment");
    toy.addEventListener("state", () => whole.setAttribute("href", write(card, { ...toy.state, view: null })));
    place.removeAttribute("role");
    place.replaceChildren(toy.views, toy.sentence, h("div", { class: "row" }, toy.player, whole));
    place.classList.add("live");
    toy.apply(state, { eager: true });
  } catch (error) {
    notices.say(error.message, { topic: "load", again: () => goLive(place, { experiment, preset }) });
  }
}

/** The page of the path `slug`. */
function showPath(slug) {
  const path = paths.find((path) => path.slug === slug);
  if (!path) return showFront(`path '${shorten(slug, 60)}'`);
  document.title = `${path.title} · Orrery`;
  document.body.classList.remove("open");
  const text = h("article", { class: "text path-text", "data-path": slug });
  page.replaceChildren(pathway(path, text));
  aside.replaceChildren();
  scrollTo(0, 0);
  // Who comes back from a stop comes back to it.
  tellStory(`path-${slug}`, text).then(() => {
    const stop = /^#stop-(\d+)$/.exec(location.hash);
    if (stop) text.querySelectorAll("h2")[stop[1]]?.scrollIntoView();
  });
}

function showLab(lab) {
  document.title = `${lab.title} · Orrery`;
  document.body.classList.remove("open");
  const [lead, text] = [h("div", { class: "text" }), h("article", { class: "text" })];
  page.replaceChildren(overview(lab, lead, text));
  aside.replaceChildren();
  scrollTo(0, 0);
  // The invitation stands above the cards, the rest below them.
  if (lab.overview) tellStory(`lab-${lab.slug}`, text).then(() => text.firstElementChild && lead.append(text.firstElementChild));
}

const compareButton = h("button", { type: "button", "aria-pressed": "false", onclick: () => bench.state && (bench.compare(!bench.state.b), showCompare()) }, "Compare");
const shareButton = h("button", { type: "button", onclick: () => bench.state && share(bench.card, { ...bench.state, at: bench.player.at }, bench.files.names) }, "Share");

const presentButton = h("button", { type: "button", title: "F", onclick: () => present(!document.body.classList.contains("presenting")) }, "Present");

function showCompare() {
  const beside = bench.controls.rest.children.length;
  moreControls.textContent = beside > 0 ? `${beside} more controls, and the seed` : "The seed";
  compareButton.setAttribute("aria-pressed", String(Boolean(bench.state.b)));
  document.body.classList.toggle("comparing", Boolean(bench.state.b));
}

/** Puts an experiment on the bench; its parts are there before anything is computed. */
function open(opened) {
  bench = opened;
  const { card } = bench;
  bench.addEventListener("state", ({ detail }) => (showCompare(), remember(detail.last)));
  bench.addEventListener("first", () => {
    performance.mark("first picture");
    keep(card.data.map((file) => new URL("./data/" + file, import.meta.url).href));
  });
  document.title = `${card.title} · Orrery`;
  document.body.classList.add("open");
  const heading = h("header", { class: "title" },
    h("h1", { tabindex: "-1" }, card.title),
    h("p", { class: "paper", title: card.paper.authors }, cited(card.paper)),
    h("div", { class: "acts" }, compareButton, shareButton, presentButton));
  const frame = h("div", { class: "frame" },
    bench.bar, bench.views, bench.sentence, bench.player, bench.controls, bench.presets, bench.claim, bench.strip);
  page.replaceChildren(heading, frame);
  const more = h("details", { class: "more" }, moreControls, bench.controls.rest, bench.seeds, bench.device);
  const own = h("details", { class: "more", hidden: !card.ownData }, h("summary", {}, "Your own data"), bench.files);
  aside.replaceChildren(bench.story, more, own, bench.taken);
  showWay();
  aside.scrollTop = 0;
  scrollTo(0, 0);
  told.hidden = false;
  tellStory(card.slug, told);
}

const moreControls = h("summary", {}, "All controls");

/** The text of that name, in its place. */
async function tellStory(name, place) {
  place.dataset.told = name;
  try {
    const answer = await fetch(new URL(`./text/${name}.html`, import.meta.url));
    if (!answer.ok) throw new Error(answer.statusText);
    const text = await answer.text();
    // The place may have been given to another text meanwhile.
    if (place.dataset.told !== name) return;
    place.innerHTML = text;
  } catch {
    if (place.dataset.told !== name) return;
    place.append(h("p", { class: "help" }, "The text could not be loaded."));
  }
  // What may be wider than the page scrolls by itself, with the keyboard too.
  for (const equation of place.querySelectorAll("math[display='block']")) {
    const frame = h("div", { class: "equation", tabindex: "0", role: "group", "aria-label": "Equation" });
    equation.replaceWith(frame);
    frame.append(equation);
  }
  for (const code of place.querySelectorAll("pre")) code.tabIndex = 0;
}

/** On a path: which one, which stop this is, and the way to the others. The history knows it, so that back and reload keep it. */
async function showWay() {
  const { path: slug, stop } = history.state ?? {};
  if (!slug) return;
  await listed();
  const path = paths.find((path) => path.slug === slug);
  const stops = [...(path?.stops ?? [])];
  if (!bench || !stops[stop]) return;
  const to = (index, words) => stops[index] && h("a", { href: stops[index], "data-path": slug, "data-stop": index }, words);
  aside.querySelector(".stop")?.remove();
  const told = await stopOf(slug, stop);
  if (bench && history.state?.path === slug && history.state.stop === stop && told) aside.prepend(told);
  page.querySelector(".way")?.remove();
  page.prepend(h("nav", { class: "way", "aria-label": "Path" },
    h("a", { href: `?path=${slug}#stop-${stop}` }, path.title), h("span", {}, `stop ${stop + 1} of ${stops.length}`), to(stop - 1, "Back"), to(stop + 1, "Next stop")));
}

/** What a path tells at a stop, with its question; the answer and the lecturer's note are folded. Null where it cannot be had. */
async function stopOf(slug, stop) {
  const answer = await fetch(new URL(`./text/path-${slug}.html`, import.meta.url)).catch(() => null);
  if (!answer?.ok) return null;
  const template = h("template", {});
  template.innerHTML = await answer.text();
  const heads = [...template.content.querySelectorAll("h2")];
  const parts = [];
  for (let part = heads[stop]?.nextElementSibling; part && part.tagName !== "H2"; part = part.nextElementSibling) parts.push(part);
  const fold = (part, words) => h("details", {}, h("summary", {}, words), part);
  const shown = parts.map((part) => (part.matches(".answer") ? fold(part, "The answer") : part.matches(".note") ? fold(part, "For the lecturer") : part));
  return h("section", { class: "stop text", "aria-label": "This stop" }, h("h2", {}, "On the path"), shown);
}

/** Writes the state into the URL: a drag is one step of the history, begun by its first move. */
function remember(last) {
  const query = write(bench.card, bench.state);
  const now = performance.now();
  if (query === location.search && !dragging) return;
  if (!dragging) history.pushState(history.state, "", query);
  else if (last || now - written > URL_PACE) history.replaceState(history.state, "", query);
  else return;
  shown = location.pathname + location.search;
  written = now;
  dragging = !last;
}

/** What the history keeps of a link: the stop of a path that it leads to or stands in; what it kept, where the link stays with the experiment. */
function wayOf(link) {
  if (link.dataset.stop) return { path: link.dataset.path, stop: Number(link.dataset.stop) };
  const text = link.closest(".path-text");
  if (!text) return bench && main.contains(link) && !link.closest(".way") ? history.state : null;
  const heads = [...text.querySelectorAll("h2 a")];
  const before = heads.filter((head) => head === link || head.compareDocumentPosition(link) & Node.DOCUMENT_POSITION_FOLLOWING);
  return before.length > 0 ? { path: text.dataset.path, stop: before.length - 1 } : null;
}

/** Follows a link inside the page without loading it again. */
function follow(event) {
  const link = event.target.closest?.("a[href^='?']");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  let query = link.getAttribute("href");
  // A link in the text of an experiment names controls: it means this experiment, otherwise at its defaults.
  if (bench && main.contains(link) && !/^\?((experiment|lab|path|q|only)=|$)/.test(query)) {
    const { state, complaints } = read(query, bench.card, (name, text) => bench.check(name, text));
    notices.sayAll(complaints, "url");
    const a = { ...state.a, seed: bench.state.a.seed };
    query = write(bench.card, { ...bench.state, a, view: state.view ?? bench.state.view, at: state.at });
    page.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "start" });
  }
  if (query !== location.search) history.pushState(wayOf(link), "", query === "?" ? location.pathname : query);
  route();
  if (bench) showWay();
}

/** Files came in where there is no experiment: the reader says which shall take them. */
function dropped(files) {
  if (labs.length === 0) return notices.say("The list of experiments is not there yet; drop the files again in a moment.");
  const all = [...files];
  chooseFor(all, labs, (slug) => {
    carried = all;
    history.pushState(null, "", `?experiment=${slug}`);
    route();
  });
}

/** Begins or ends presenting: stage, player, key controls and story, large, on the whole screen where that is allowed. */
function present(on) {
  document.body.classList.toggle("presenting", on);
  document.body.classList.remove("blank");
  if (on) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}
document.addEventListener("fullscreenchange", () => document.fullscreenElement || present(false));
listen(() => bench, present, () => document.body.classList.contains("presenting"));

/** For tests and the curious. */
globalThis.orrery = {
  /** Takes the GPU away from the runs on the bench, and from the pictures. */
  async loseGpu() {
    bench?.loseGpu();
    (await import("./solid.js")).losePictures();
  },
  /** The hashes that the command line prints for the same run. */
  async hashes(slug, preset = "default", seed = 0, toEnd = false) {
    const [card, { hashes }] = await Promise.all([fetchCard(slug), import("./assistant.js")]);
    return hashes(card, preset, seed, toEnd);
  },
};

$("#theme").append(icon("light"));
$("#theme").addEventListener("click", toggle);
$("#menu").append(icon("menu"));
$("#menu").addEventListener("click", () => {
  const opened = document.body.classList.toggle("nav-open");
  $("#menu").setAttribute("aria-expanded", String(opened));
});
addEventListener("click", follow);
// A place within the page is no other page.
addEventListener("popstate", () => location.pathname + location.search !== shown && route());
onDrop((files) => (bench ? (bench.files.hidden ? bench.take({ add: files }) : bench.files.add(files)) : dropped(files)));

route();
if (document.readyState === "complete") keep();
else addEventListener("load", () => keep());
