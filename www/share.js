// Link, iframe, element and notebook cell that bring back exactly what is on the page.

import { h, iconButton } from "./dom.js";
import { write } from "./state.js";

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** The texts to copy, for `card` in `state`; `base` is the folder that the pages lie in. */
export function snippets(card, state, base) {
  const query = write(card, state);
  const link = new URL("index.html" + query, base).href.replace("/index.html?", "/?");
  const embed = new URL("embed.html" + query, base).href;
  const attributes = [...new URLSearchParams(query)]
    .map(([name, text]) => `${name === "experiment" ? "name" : name}="${escape(text)}"`)
    .join(" ");
  return {
    Link: link,
    "For a page: iframe": `<iframe src="${escape(embed)}" title="${escape(card.title)}" width="100%" height="640" loading="lazy"></iframe>`,
    "For a page: element": `<script type="module" src="${new URL("embed.js", base).href}"></script>\n<orrery-experiment ${attributes}></orrery-experiment>`,
    "For a notebook": `from IPython.display import IFrame\nIFrame("${embed}", width="100%", height=640)`,
  };
}

/** Opens the dialog. */
export function share(card, state) {
  const dialog = h("dialog", { class: "share", "aria-labelledby": "share-title" });
  const parts = Object.entries(snippets(card, state, document.baseURI)).map(([name, text], index) => {
    const id = `snippet-${index}`;
    const area = h("textarea", { id, readonly: true, rows: text.includes("\n") || text.length > 90 ? 3 : 1, spellcheck: "false" });
    area.value = text;
    area.addEventListener("focus", () => area.select());
    const copy = h("button", { type: "button", onclick: async () => (copy.textContent = (await copied(text, area)) ? "Copied" : "Press Ctrl C") }, "Copy");
    return h("div", { class: "snippet" }, h("label", { for: id }, name), area, copy);
  });
  const close = iconButton("close", "Close", () => dialog.close());
  const hint = h("p", { class: "help" }, "A frame follows the reader’s system unless its address ends in &theme=dark or &theme=light. " +
    "One with a sandbox needs “allow-scripts allow-same-origin”; on a page that asks for Cross-Origin-Embedder-Policy, write <iframe credentialless …>.");
  dialog.append(h("header", {}, h("h2", { id: "share-title" }, "Share what you see"), close), ...parts, hint);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

async function copied(text, area) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, in an iframe for one: the text is selected for the reader to copy.
    area.focus();
    area.select();
    return false;
  }
}
