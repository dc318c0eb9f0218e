// What there is: the list of labs, paths and experiments, and the drawer that leads to them.

import { fits } from "./front.js";
import { h } from "./dom.js";
import { Missing, answer, fetched } from "./fetched.js";

/** Fetches the list of labs that have experiments, each with theirs. */
export async function fetchLabs() {
  const labs = await fetched("The list of experiments", async () => (await answer("./index.json")).json());
  return labs.filter(({ experiments }) => experiments.length > 0);
}

/** Fetches the list of paths; none where it cannot be had: they are an addition. */
export async function fetchPaths() {
  try {
    return await (await answer("./paths.json")).json();
  } catch {
    return [];
  }
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

const href = (experiment) => "?experiment=" + experiment.slug;

/** `<orrery-catalogue>`: search, and links by lab. */
export class Catalogue extends HTMLElement {
  #links = [];
  #marked;
  #none = h("p", { class: "help", hidden: true }, "Nothing fits.");
  #search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search experiments", autocomplete: "off" });
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
    this.replaceChildren(this.#search, ...sections, this.#none);
    this.addEventListener("input", () => this.#sift());
    this.mark(this.#marked);
  }

  #sift() {
    for (const { experiment, lab, item } of this.#links) {
      item.hidden = !fits(experiment, lab, this.#search.value.trim());
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

customElements.define("orrery-catalogue", Catalogue);
