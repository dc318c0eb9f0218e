// The list of labs and experiments, its search and filter, and the front page's cards.

import { badge } from "./claim.js";
import { h } from "./dom.js";
import { Missing, answer, fetched } from "./fetched.js";

const BADGES = ["as claimed", "in part", "not at this scale"];

/** Fetches the list of labs that have experiments, each with theirs. */
export async function fetchLabs() {
  const labs = await fetched("The list of experiments", async () => (await answer("./index.json")).json());
  return labs.filter(({ experiments }) => experiments.length > 0);
}

/** Fetches all that is known of an experiment; undefined if there is none of that name. */
export async function fetchCard(slug) {
  if (!/^[a-z0-9-]+$/.test(slug)) return undefined;
  try {
    return await fetched("This experiment", async () => (await answer(`./card/${slug}.json`)).json());
  } catch (error) {
    if (error.cause instanceof Missing) return undefined;
    throw error;
  }
}

/** "First author et al." */
export function firstAuthor({ authors }) {
  return authors.split(",")[0] + (authors.includes(",") ? " et al." : "");
}

const href = (experiment) => "?experiment=" + experiment.slug;

/** Does an experiment of `lab` fit the words that were typed? */
function fits({ title, slug, paper, claim }, lab, words) {
  const text = [title, slug, lab.title, paper.title, paper.authors, claim].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** `<orrery-catalogue>`: search, filter, and links by lab. */
export class Catalogue extends HTMLElement {
  #links = [];
  #marked;
  #none = h("p", { class: "help", hidden: true }, "Nothing fits.");
  #search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search experiments", autocomplete: "off" });
  #filters = BADGES.map((name) => {
    const box = h("input", { type: "checkbox", value: name });
    return h("label", { class: "filter" }, box, badge(name));
  });

  build(labs) {
    this.#links = [];
    const sections = labs.map((lab) => {
      const links = lab.experiments.map((experiment) => {
        const { slug, title, reproduction } = experiment;
        const link = h("a", { href: href(experiment), "data-slug": slug }, h("span", { class: `dot ${reproduction.replaceAll(" ", "-")}`, title: reproduction }), title);
        const item = h("li", {}, link);
        this.#links.push({ experiment, lab, item });
        return item;
      });
      return h("section", {}, h("h3", {}, h("a", { href: `?lab=${lab.slug}`, "data-slug": `lab ${lab.slug}` }, lab.title)), h("ul", {}, links));
    });
    this.replaceChildren(this.#search, h("fieldset", {}, h("legend", {}, "Reproduces"), this.#filters), ...sections, this.#none);
    this.addEventListener("input", () => this.#sift());
    this.mark(this.#marked);
  }

  #sift() {
    const wanted = this.#filters.map((label) => label.firstChild).filter((box) => box.checked).map((box) => box.value);
    for (const { experiment, lab, item } of this.#links) {
      item.hidden = !fits(experiment, lab, this.#search.value.trim()) || (wanted.length > 0 && !wanted.includes(experiment.reproduction));
    }
    for (const section of this.querySelectorAll("section")) section.hidden = !section.querySelector("li:not([hidden])");
    this.#none.hidden = this.#links.some(({ item }) => !item.hidden);
  }

  /** Marks the one that is open. */
  mark(slug) {
    this.#marked = slug;
    for (const link of this.querySelectorAll("a")) {
      if (link.dataset.slug === slug) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}

/** An experiment as a picture that leads to it. */
function tile(experiment) {
  const picture = (name, theme) =>
    h("img", { class: `for-${theme}`, src: `./thumbs/${name}.svg`, alt: "", loading: "lazy", width: 420, height: 300 });
  const { slug, title, paper, reproduction } = experiment;
  return h("a", { class: "tile", href: href(experiment) },
    h("span", { class: "thumb" }, picture(slug, "light"), picture(slug + "-dark", "dark")),
    h("span", { class: "name" }, title),
    h("span", { class: "paper" }, `${firstAuthor(paper)}, ${paper.year}`),
    badge(reproduction));
}

const tiles = (lab) => h("div", { class: "tiles" }, lab.experiments.map(tile));

/** The front page. */
export function front(labs) {
  return h("div", { class: "front" },
    h("h1", {}, "How learning works, while it happens"),
    h("p", { class: "lead" },
      "Every experiment here is a paper on machine learning, run live in your browser: move a slider and see at once what it does. ",
      "Every run measures the paper’s claim, over several seeds, and says whether it holds; Break it shows where it must not."),
    h("div", { class: "labs" }, labs.map((lab) =>
      h("section", {},
        h("h2", {}, h("a", { href: `?lab=${lab.slug}` }, lab.title)),
        h("p", { class: "question" }, lab.question),
        tiles(lab)))),
    h("p", {}, h("a", { href: "./experiments.html" }, "All experiments in one table, with what their claims measured")));
}

/** The page of a lab: what its field asks, its experiments in teaching order, and `text`, what there is to tell. */
export function overview(lab, text) {
  return h("div", { class: "front lab" },
    h("h1", { tabindex: "-1" }, lab.title),
    h("p", { class: "lead" }, lab.question),
    tiles(lab),
    text);
}

customElements.define("orrery-catalogue", Catalogue);
