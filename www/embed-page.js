// One experiment, small: for an iframe in somebody else's page.

import { Bench } from "./bench.js";
import { badge } from "./claim.js";
import { fetchCard } from "./catalogue.js";
import "./notices.js";
import { h } from "./dom.js";
import { onDrop } from "./files.js";
import { read, shorten, write } from "./state.js";
import { choose } from "./theme.js";
import { expect, start } from "./modules.js";

/** Controls shown at once; the others are folded away. */
const KEY_CONTROLS = 3;

const notices = document.querySelector("orrery-notices");
const main = document.querySelector("main");

/** Tells the page around how high this one is. The height is no secret: any page may know it. */
function tellHeight() {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  if (parent !== self) parent.postMessage({ orrery: "height", height }, "*");
}

/** Runs only while somebody can see it. */
function mindTheGap(bench) {
  const watcher = new IntersectionObserver(([entry]) => bench.hold(!entry.isIntersecting), { rootMargin: "50px" });
  watcher.observe(main);
}

async function begin() {
  const parameters = new URLSearchParams(location.search);
  const theme = parameters.get("theme");
  if (theme === "light" || theme === "dark") choose(theme);
  // In a frame whose sandbox makes it a stranger to its own site nothing can be computed.
  if (self.origin === "null") return notices.say('The page around this frame forbids it to compute: its sandbox needs "allow-scripts allow-same-origin".');
  const slug = parameters.getAll("experiment").at(-1) ?? null;
  const starting = start();
  starting.catch(() => {});
  const card = slug === null ? undefined : await fetchCard(slug);
  if (!card) {
    notices.say(slug === null ? "embed.html needs ?experiment=NAME." : `There is no experiment '${shorten(slug, 60)}'.`);
    main.append(h("p", {}, h("a", { href: "./index.html", target: "_blank" }, "All experiments")));
    return;
  }
  expect(card.module);
  await starting;
  const bench = new Bench(card, notices);
  const { state, complaints } = read(location.search, card, (name, text) => bench.check(name, text), ["theme"]);
  notices.sayAll(complaints, "url");
  bench.only(state.view ?? card.views[0].id);
  const full = h("a", { target: "_blank", rel: "noopener" }, "Open the whole experiment");
  const link = () => (full.href = new URL("index.html" + write(card, { ...bench.state, view: null }), document.baseURI).href);
  bench.addEventListener("state", link);
  main.replaceChildren(
    h("header", { class: "title" }, h("h1", {}, card.title), h("p", { class: "paper" }, h("cite", {}, card.paper.title), `, ${card.paper.year} `, badge(card.reproduction))),
    h("div", { class: "bench" }, bench.views, h("div", { class: "hands" }, bench.presets, bench.player, bench.controls, bench.files, bench.claim)),
    h("footer", {}, full),
  );
  document.title = card.title;
  bench.apply({ ...state, view: null }, { eager: true });
  link();
  foldControls(bench.controls);
  mindTheGap(bench);
  onDrop((files) => bench.take({ add: [...files] }));
}

function foldControls(controls) {
  const rows = [...controls.children].slice(KEY_CONTROLS);
  if (rows.length < 2) return;
  const details = h("details", {}, h("summary", {}, "More controls"));
  controls.append(details);
  details.append(...rows);
}

new ResizeObserver(tellHeight).observe(document.documentElement);
addEventListener("load", tellHeight);
// The page around may ask again; whatever else is sent here is none of ours.
addEventListener("message", ({ source, data }) => {
  if (source === parent && data?.orrery === "height?") tellHeight();
});

function attempt() {
  begin().catch((error) => {
    main.replaceChildren();
    notices.say(error.message, { topic: "load", again: attempt });
  });
}

attempt();
