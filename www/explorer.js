// The explorer: the catalogue, one experiment on the bench, and the URL that says all of it.

import * as module from "./orrery.js";
import { Bench } from "./bench.js";
import { fetchCatalogue, firstAuthor, front, overview } from "./catalogue.js";
import "./notices.js";
import { calm, h, icon } from "./dom.js";
import { onDrop } from "./files.js";
import { Run } from "./run.js";
import { share } from "./share.js";
import { losePictures } from "./solid.js";
import { experimentOf, pairs, read, sideOf, write } from "./state.js";
import { toggle } from "./theme.js";
import { load } from "./wasm.js";

/** Milliseconds between two changes of the URL while a slider moves: browsers allow about a hundred in half a minute. */
const URL_PACE = 400;

const $ = (selector) => document.querySelector(selector);
const notices = $("orrery-notices");
const main = $("main");
const aside = $("aside");
let catalogue;
let bench = null;
let dragging = false;
let written = 0;

/** Shows what the URL says. `eager`: the first frame at once. */
async function route() {
  const { slug, card } = experimentOf(location.search, catalogue.cards);
  const wanted = slug === null ? new URLSearchParams(location.search).get("lab") : null;
  const lab = catalogue.labs.find((lab) => lab.slug === wanted);
  $("orrery-catalogue").mark(lab ? `lab ${lab.slug}` : card?.slug);
  document.body.classList.remove("nav-open");
  if (lab) return showLab(lab);
  if (!card) return showFront(slug === null ? wanted && `lab '${wanted.slice(0, 60)}'` : `experiment '${slug.slice(0, 60)}'`);
  notices.clear();
  if (bench?.card !== card) open(card);
  const opened = bench;
  try {
    await load();
  } catch (error) {
    return notices.say(error.message);
  }
  if (bench !== opened) return;
  const { state, complaints } = read(location.search, card, (name, text) => module.check(card.slug, name, text));
  for (const sentence of complaints) notices.say(sentence, { topic: "url" });
  bench.apply(state, { eager: true });
  showCompare();
}

function close() {
  bench?.end();
  bench = null;
  delete document.documentElement.dataset.run;
}

/** `missing`: what was asked for and is not there. */
function showFront(missing) {
  close();
  notices.clear();
  if (missing) notices.say(`There is no ${missing}; here is what there is.`);
  document.title = "Orrery: how learning works";
  document.body.classList.remove("open");
  main.replaceChildren(front(catalogue));
  aside.replaceChildren();
  scrollTo(0, 0);
}

function showLab(lab) {
  close();
  notices.clear();
  document.title = `${lab.title} · Orrery`;
  document.body.classList.remove("open");
  const text = h("article", { class: "text" });
  main.replaceChildren(overview(lab, catalogue, text));
  aside.replaceChildren();
  scrollTo(0, 0);
  if (lab.overview) tellStory(`lab-${lab.slug}`, text);
}

const compareButton = h("button", { type: "button", "aria-pressed": "false", onclick: () => (bench.compare(!bench.state.b), showCompare()) }, "Compare A / B");
const shareButton = h("button", { type: "button", onclick: () => share(bench.card, bench.state) }, "Share");

function showCompare() {
  compareButton.setAttribute("aria-pressed", String(Boolean(bench.state.b)));
  document.body.classList.toggle("comparing", Boolean(bench.state.b));
}

/** Puts an experiment on the bench; its parts are there before anything is computed. */
function open(card) {
  close();
  bench = new Bench(card, notices);
  bench.addEventListener("state", ({ detail }) => remember(detail.last));
  bench.addEventListener("first", () => performance.mark("first picture"));
  document.title = `${card.title} · Orrery`;
  document.body.classList.add("open");
  const { paper } = card;
  const heading = h("header", { class: "title" },
    h("h1", { tabindex: "-1" }, card.title),
    h("p", { class: "paper", title: paper.authors }, h("cite", {}, paper.title), `, ${firstAuthor(paper)}, ${paper.year}`),
    h("div", { class: "acts" }, compareButton, shareButton));
  const text = h("article", { class: "text" });
  main.replaceChildren(heading, bench.claim, bench.views, text);
  aside.replaceChildren(
    bench.presets, bench.player, bench.controls, bench.seeds, bench.files, bench.results, bench.device);
  aside.scrollTop = 0;
  scrollTo(0, 0);
  tellStory(card.slug, text);
}

/** The text of that name, in its place. */
async function tellStory(name, place) {
  try {
    const answer = await fetch(new URL(`./text/${name}.html`, import.meta.url));
    if (!answer.ok) throw new Error(answer.statusText);
    place.innerHTML = await answer.text();
  } catch {
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

/** Writes the state into the URL: a drag is one step of the history, begun by its first move. */
function remember(last) {
  const query = write(bench.card, bench.state);
  const now = performance.now();
  if (query === location.search && !dragging) return;
  if (!dragging) history.pushState(null, "", query);
  else if (last || now - written > URL_PACE) history.replaceState(null, "", query);
  else return;
  written = now;
  dragging = !last;
}

/** Follows a link inside the page without loading it again. */
function follow(event) {
  const link = event.target.closest?.("a[href^='?']");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  let query = link.getAttribute("href");
  // A link in the text of an experiment names controls: it means this experiment, otherwise at its defaults.
  if (bench && main.contains(link) && !/^\?((experiment|lab)=|$)/.test(query)) {
    const { state, complaints } = read(query, bench.card, (name, text) => module.check(bench.card.slug, name, text));
    for (const sentence of complaints) notices.say(sentence, { topic: "url" });
    const a = { ...state.a, seed: bench.state.a.seed };
    query = write(bench.card, { ...bench.state, a, view: state.view ?? bench.state.view });
    bench.views.scrollIntoView({ behavior: calm() ? "auto" : "smooth", block: "nearest" });
  }
  if (query !== location.search) history.pushState(null, "", query === "?" ? location.pathname : query);
  route();
}

/** For tests and the curious. */
globalThis.orrery = {
  /** Takes the GPU away from the runs on the bench, and from the pictures. */
  loseGpu: () => (bench?.loseGpu(), losePictures()),
  /** Runs one of the module's timers on this page: `time_sinkhorn`, `time_training`; or a comparison: `compare_sinkhorn`. */
  async time(name, ...values) {
    await load();
    return module[name](...values);
  },
  /** The hash that the command line prints for the same run. */
  async hash(slug, preset = "default", seed = 0) {
    const { cards } = await fetchCatalogue();
    const card = cards.find((card) => card.slug === slug);
    const ignore = () => {};
    const run = new Run({ frame: ignore, seed: ignore, result: ignore, files: ignore, error: ignore, note: ignore });
    try {
      await load();
      return await run.hash(slug, pairs(card, sideOf(card, preset)), seed);
    } finally {
      run.end();
    }
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
addEventListener("popstate", route);
onDrop((files) => bench ? bench.files.hidden ? bench.take({ add: files }) : bench.files.add(files) : notices.say("Choose an experiment first, then drop your files on it."));

try {
  const loading = load();
  loading.catch(() => {});
  catalogue = await fetchCatalogue();
  $("orrery-catalogue").build(catalogue);
  await route();
} catch (error) {
  notices.say(error.message);
}

/** Keeps what has been fetched so far, so that the first visit is enough to come back without a network. */
async function keep() {
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    const fetched = performance.getEntriesByType("resource").map(({ name }) => name);
    const data = (bench?.card.data ?? []).map((file) => new URL("./data/" + file, import.meta.url).href);
    active.postMessage({ keep: [document.baseURI, location.href.split(/[?#]/)[0], ...fetched, ...data] });
  } catch {
    // Private windows and file systems have no service workers; the site works without.
  }
}

if ("serviceWorker" in navigator) {
  if (document.readyState === "complete") keep();
  else addEventListener("load", keep);
}
