// The list of labs and experiments, its search and filter, and the front page's cards.

import { badge } from "./claim.js";
import { h } from "./dom.js";

const BADGES = ["as claimed", "in part", "not at this scale"];

/** Fetches what the site knows of its experiments: {cards, labs}. */
export async function fetchCatalogue() {
  const file = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`The catalogue could not be loaded (${answer.status}).`);
    return answer.json();
  };
  const [cards, labs] = await Promise.all([
    file(new URL("./catalogue.json", import.meta.url)),
    file(new URL("./labs.json", import.meta.url)),
  ]);
  return { cards, labs: labs.filter(({ experiments }) => experiments.length > 0) };
}

/** "First author et al." */
export function firstAuthor({ authors }) {
  return authors.split(",")[0] + (authors.includes(",") ? " et al." : "");
}

const href = (card) => "?experiment=" + card.slug;

/** Does a card fit the words that were typed? */
export function fits(card, words) {
  const text = [card.title, card.slug, card.labTitle, card.paper.title, card.paper.authors, card.claim].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** `<orrery-catalogue>`: search, filter, and links by lab. */
export class Catalogue extends HTMLElement {
  #links = [];
  #none = h("p", { class: "help", hidden: true }, "Nothing fits.");
  #search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search experiments", autocomplete: "off" });
  #filters = BADGES.map((name) => {
    const box = h("input", { type: "checkbox", value: name });
    return h("label", { class: "filter" }, box, badge(name));
  });

  build({ cards, labs }) {
    const sections = labs.map((lab) => {
      const links = lab.experiments.map((slug) => cards.find((card) => card.slug === slug)).filter(Boolean).map((card) => {
        const link = h("a", { href: href(card), "data-slug": card.slug }, h("span", { class: `dot ${card.reproduction.replaceAll(" ", "-")}`, title: card.reproduction }), card.title);
        const item = h("li", {}, link);
        this.#links.push({ card, item, link });
        return item;
      });
      return h("section", {}, h("h3", {}, h("a", { href: `?lab=${lab.slug}`, "data-slug": `lab ${lab.slug}` }, lab.title)), h("ul", {}, links));
    });
    this.replaceChildren(this.#search, h("fieldset", {}, h("legend", {}, "Reproduces"), this.#filters), ...sections, this.#none);
    this.addEventListener("input", () => this.#sift());
  }

  #sift() {
    const wanted = this.#filters.map((label) => label.firstChild).filter((box) => box.checked).map((box) => box.value);
    for (const { card, item } of this.#links) {
      item.hidden = !fits(card, this.#search.value.trim()) || (wanted.length > 0 && !wanted.includes(card.reproduction));
    }
    for (const section of this.querySelectorAll("section")) section.hidden = !section.querySelector("li:not([hidden])");
    this.#none.hidden = this.#links.some(({ item }) => !item.hidden);
  }

  /** Marks the one that is open. */
  mark(slug) {
    for (const link of this.querySelectorAll("a")) {
      if (link.dataset.slug === slug) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}

/** An experiment as a picture that leads to it. */
function tile(card) {
  const picture = (name, theme) =>
    h("img", { class: `for-${theme}`, src: `./thumbs/${name}.svg`, alt: "", loading: "lazy", width: 420, height: 300 });
  return h("a", { class: "tile", href: href(card) },
    h("span", { class: "thumb" }, picture(card.slug, "light"), picture(card.slug + "-dark", "dark")),
    h("span", { class: "name" }, card.title),
    h("span", { class: "paper" }, `${firstAuthor(card.paper)}, ${card.paper.year}`),
    badge(card.reproduction));
}

const tiles = (lab, cards) =>
  h("div", { class: "tiles" }, lab.experiments.map((slug) => cards.find((card) => card.slug === slug)).filter(Boolean).map(tile));

/** The front page. */
export function front({ cards, labs }) {
  return h("div", { class: "front" },
    h("h1", {}, "How learning works, while it happens"),
    h("p", { class: "lead" },
      "Every experiment here is a paper on machine learning, run live in your browser: move a slider and see at once what it does. ",
      "Every run measures the paper’s claim, over several seeds, and says whether it holds; Break it shows where it must not."),
    h("div", { class: "labs" }, labs.map((lab) =>
      h("section", {},
        h("h2", {}, h("a", { href: `?lab=${lab.slug}` }, lab.title)),
        h("p", { class: "question" }, lab.question),
        tiles(lab, cards)))));
}

/** The page of a lab: what its field asks, its experiments in teaching order, and `text`, what there is to tell. */
export function overview(lab, { cards }, text) {
  return h("div", { class: "front lab" },
    h("h1", { tabindex: "-1" }, lab.title),
    h("p", { class: "lead" }, lab.question),
    tiles(lab, cards),
    text);
}

customElements.define("orrery-catalogue", Catalogue);
