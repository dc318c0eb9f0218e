// The front page, the page of a lab and the page of a path: pictures that lead to experiments.

import { badge } from "./claim.js";
import { firstAuthor } from "./cite.js";
import { calm, h } from "./dom.js";
import { film } from "./film.js";

/** What else people call things; what is typed is looked for in these words too. */
const ALSO = new Map(Object.entries({
  sgd: "optimizer", ot: "transport", wasserstein: "transport", emd: "transport", pinn: "adaptive sampling", hessian: "landscape", entropy: "information",
  mi: "information", vae: "bottleneck", diffusion: "bridge", nc: "collapse", momentum: "optimizer", transformer: "attention", yolo: "programmable gradient",
  contrastive: "wasserstein dependency", covariance: "bures", gaussian: "bures",
}));

const BADGES = ["as claimed", "in part", "not at this scale"];

const href = (experiment) => "?experiment=" + experiment.slug;

/** Does an experiment of `lab` fit the words that were typed? Each word does, or what else it is called. */
export function fits({ title, slug, paper, claim }, lab, words) {
  const text = [title, slug, lab.title, paper.title, paper.authors, claim].join(" ").toLowerCase();
  const whole = new Set(text.split(/[^\p{L}\d]+/u));
  // A short word is looked for as a word of its own: "ot" is in "bottleneck".
  const has = (word) => (word.length < 4 ? whole.has(word) : text.includes(word)) || (ALSO.has(word) && text.includes(ALSO.get(word)));
  return words.toLowerCase().split(/\s+/).filter(Boolean).every(has);
}

/** An experiment as a picture that leads to it, and moves under the pointer. */
function tile(experiment) {
  const { slug, title, paper, reproduction, claim, takes } = experiment;
  const still = (name, theme) => h("img", { class: `for-${theme}`, src: `./thumbs/${name}.svg`, alt: "", loading: "lazy", width: 360, height: 240 });
  const reel = (name, theme) => h("img", { class: `reel for-${theme}`, "data-src": `./thumbs/${name}.png`, alt: "" });
  const pictures = h("span", { class: "thumb" }, still(slug, "light"), still(slug + "-dark", "dark"), reel(slug, "light"), reel(slug + "-dark", "dark"));
  const card = h("a", { class: "tile", href: href(experiment) }, pictures,
    h("span", { class: "name" }, title),
    h("span", { class: "says" }, claim),
    h("span", { class: "paper" }, `${firstAuthor(paper)}, ${paper.year}`),
    h("span", { class: "marks" }, badge(reproduction), takes && h("span", { class: "badge takes" }, "takes your data")));
  // Its film is fetched when it is first looked at.
  const begin = () => {
    if (calm()) return;
    for (const image of card.querySelectorAll("[data-src]")) {
      if (getComputedStyle(image).display === "none") continue;
      image.src = image.dataset.src;
      image.removeAttribute("data-src");
      image.decode().then(() => pictures.classList.add("moves"), () => {});
    }
  };
  for (const type of ["pointerenter", "focus"]) card.addEventListener(type, begin);
  return card;
}

const tiles = (experiments) => h("div", { class: "tiles" }, experiments.map(tile));

/** Search and chips: what they let through, as {q, only}. */
export function readSearch(query) {
  const parameters = new URLSearchParams(query);
  return { q: parameters.get("q") ?? "", only: new Set((parameters.get("only") ?? "").split(",").filter(Boolean)) };
}

/**
 * The front page of `labs` and `paths`. `search` is what readSearch gives; `searched(query)` is called when it changes; `live(place)` puts a
 * live experiment into the place of the film; `drop(files)` takes files; `keepAll(told)` keeps the whole site for times without a network.
 */
export function front(labs, paths, search, { searched, live, drop, keepAll }) {
  const papers = labs.filter(({ slug }) => slug !== "instruments").reduce((count, { experiments }) => count + experiments.length, 0);
  const chips = [["own", "takes your data"], ...BADGES.map((name) => [name.replaceAll(" ", "-"), name])];
  const input = h("input", { type: "search", placeholder: "Search: Adam, transport, collapse …", "aria-label": "Search experiments", autocomplete: "off", value: search.q });
  const none = h("p", { class: "help", hidden: true, role: "status" }, `Nothing here yet: ${papers} papers are live, of 170 that are to be.`);
  const buttons = chips.map(([name, words]) => h("button", {
    type: "button", class: "chip", "data-only": name, "aria-pressed": String(search.only.has(name)),
    onclick: ({ currentTarget: button }) => (button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")), sift(true)),
  }, words));
  const sections = labs.map((lab) => ({
    lab,
    element: h("section", { class: lab.experiments.length < 2 ? "short" : null },
      h("h2", {}, h("a", { href: `?lab=${lab.slug}` }, lab.title)), h("p", { class: "asks" }, lab.question), tiles(lab.experiments)),
  }));
  const sift = (told) => {
    const only = buttons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.only);
    const wanted = only.filter((name) => name !== "own");
    let left = 0;
    for (const { lab, element } of sections) {
      const cards = [...element.querySelectorAll(".tile")];
      for (const [index, experiment] of lab.experiments.entries()) {
        const shown = fits(experiment, lab, input.value) && (!only.includes("own") || experiment.takes) &&
          (wanted.length === 0 || wanted.includes(experiment.reproduction.replaceAll(" ", "-")));
        cards[index].hidden = !shown;
        left += shown ? 1 : 0;
      }
      element.hidden = cards.every((card) => card.hidden);
    }
    none.hidden = left > 0;
    const query = new URLSearchParams();
    if (input.value.trim()) query.set("q", input.value.trim());
    if (only.length > 0) query.set("only", only.join(","));
    if (told) searched(String(query));
  };
  input.addEventListener("input", () => sift(true));
  const own = labs.flatMap(({ experiments }) => experiments).filter(({ takes }) => takes);
  const choose = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-label": "Files", onchange: () => (drop([...choose.files]), (choose.value = "")) });
  const said = h("span", { class: "help", role: "status" });
  const keeping = h("button", { type: "button", onclick: async () => {
    keeping.disabled = true;
    said.textContent = await keepAll((done, of) => (said.textContent = `${done} of ${of} files`));
    keeping.disabled = false;
  } }, "Keep all for offline");
  const page = h("div", { class: "front" },
    h("section", { class: "hero" },
      film(live),
      h("div", { class: "says" },
        h("h1", {}, "Research papers you can poke. They answer back."),
        h("p", { class: "lead" }, "Move a slider and see what it does. Each run measures its paper’s claim and says whether it holds."),
        h("div", { class: "doors" },
          h("a", { class: "door", href: "#paths" }, h("strong", {}, "Learn"), h("span", {}, "Five guided paths, 15 to 25 minutes each")),
          h("a", { class: "door", href: "#teach" }, h("strong", {}, "Teach"), h("span", {}, "Put an experiment into your slides or notes")),
          h("a", { class: "door", href: "#own" }, h("strong", {}, "Use your data"), h("span", {}, "Drop a file: weights, features, clouds, pictures"))))),
    paths.length > 0 && h("section", { id: "paths" },
      h("h2", {}, "Paths"),
      h("div", { class: "paths" }, paths.map(({ slug, title, takes, stops }) =>
        h("a", { class: "path", href: `?path=${slug}` }, h("strong", {}, title), h("span", {}, `${takes} ${stops.length} stops.`))))),
    h("section", { class: "search", role: "search" }, input, h("div", { class: "row" }, buttons)),
    none,
    h("div", { class: "labs" }, sections.map(({ element }) => element)),
    h("section", { id: "own" },
      h("h2", {}, "Use your data"),
      h("p", {}, "Drop files anywhere on this page and choose what shall look at them. They never leave your browser."),
      h("p", {}, h("button", { type: "button", onclick: () => choose.click() }, "Choose files …"), choose),
      h("dl", {}, own.flatMap(({ slug, title, takes }) => [h("dt", {}, h("a", { href: `?experiment=${slug}` }, title)), h("dd", {}, takes)]))),
    h("section", { id: "teach" },
      h("h2", {}, "Teach"),
      h("p", {}, "Every experiment has a Share button. It builds a link to exactly what is on the page, an element for a web page, a frame for a learning platform, ",
        "a slide for reveal.js and a cell for a notebook, with the parts and sliders that you choose. Paths come with questions, answers and notes for the lecturer, and print as work sheets."),
      h("pre", {}, `<script type="module" src="${new URL("./embed.js", import.meta.url).href.replace(/embed-\w+\.js/, "embed.js")}"></script>\n<orrery-experiment name="diffgrad"></orrery-experiment>`)),
    h("p", { class: "row" }, keeping, said),
    h("p", {}, h("a", { href: "./experiments.html" }, "All experiments in one table, with what their claims measured")));
  sift(false);
  return page;
}

/** Which of the experiments shall take the files: a dialog; `take(slug)` is called with the reader's choice. */
export function chooseFor(files, labs, take) {
  const own = labs.flatMap(({ experiments }) => experiments).filter(({ takes }) => takes);
  const endings = [...files].map(({ name }) => name.split(".").at(-1).toLowerCase());
  // A sentence that names the kind of every file comes first.
  const names = ({ takes }) => endings.filter((ending) => takes.includes(ending.replace("jpeg", "jpg"))).length;
  const sorted = [...own].sort((a, b) => names(b) - names(a));
  const dialog = h("dialog", { "aria-labelledby": "choose-title" },
    h("header", {}, h("h2", { id: "choose-title" }, `What shall look at ${[...files].map(({ name }) => name).join(", ")}?`)),
    h("ul", { class: "choices" }, sorted.map(({ slug, title, takes }) =>
      h("li", {}, h("button", { type: "button", onclick: () => (dialog.close(), take(slug)) }, title), h("p", { class: "help" }, takes)))),
    h("p", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** The page of a lab: what its field asks, the invitation `lead`, its experiments in teaching order, and `text`, what else there is to tell. */
export function overview(lab, lead, text) {
  return h("div", { class: "front lab" },
    h("h1", { tabindex: "-1" }, lab.title),
    h("p", { class: "lead" }, lab.question),
    lead,
    tiles(lab.experiments),
    text);
}

/** The page of a path; `text` is what there is to tell. */
export function pathway(path, text) {
  const show = (name, words) => h("label", { class: "filter" }, h("input", { type: "checkbox", onchange: ({ target }) => text.classList.toggle(`show-${name}`, target.checked) }), words);
  return h("div", { class: "front" },
    h("div", { class: "row hands" }, show("answers", "Show answers"), show("notes", "Show notes for the lecturer"),
      h("button", { type: "button", onclick: () => print() }, "Print the work sheet")),
    text);
}
