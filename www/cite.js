// How a paper, and a run of this page, are cited.

import { h } from "./dom.js";

/** "First author et al." */
export function firstAuthor({ authors }) {
  return authors.split(",")[0] + (authors.includes(",") ? " et al." : "");
}

/** Where a paper is, or null. */
export function address({ doi, arxiv }) {
  return doi ? `https://doi.org/${doi}` : arxiv ? `https://arxiv.org/abs/${arxiv}` : null;
}

/** A paper in one line, that leads to it. */
export function cited(paper) {
  const title = h("cite", {}, paper.title);
  const venue = /\b(19|20)\d\d\b/.test(paper.venue) ? paper.venue : [paper.venue, paper.year].filter(Boolean).join(" ");
  const href = address(paper);
  return [href ? h("a", { href, target: "_blank", rel: "noopener" }, title) : title, `, ${firstAuthor(paper)}, ${venue}`];
}

/** A BibTeX entry for the run at `link`, with the version of the site. */
export function runEntry(card, link, version) {
  return `@misc{orrery:${card.slug},
  title = {{Orrery: ${card.title}}},
  note = {live experiment on: ${card.paper.title}; version ${version}},
  year = {${new Date().getFullYear()}},
  url = {${link}}
}`;
}
