// What is on the page, to be taken elsewhere: a builder with a live preview, and the texts to copy.

import { address, runEntry } from "./cite.js";
import { h, iconButton } from "./dom.js";
import { sideOf, write } from "./state.js";

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
/** A word of a shell. */
const quoted = (text) => (/^[\w.,:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Parts of an embed that can be had or not, and what they are called. */
const PARTS = [["title", "title"], ["caption", "caption"], ["sentence", "live sentence"], ["story", "story"], ["player", "player"], ["controls", "sliders"], ["claim", "claim"], ["link", "more …"]];
const USUAL = ["sentence", "player", "controls", "claim", "link"];
/** Of the frame, in CSS pixels: room for a picture and what stands under it. */
const HEIGHT = 480;

/** The line that makes the same run on the command line; `files` are names of the reader's. */
export function commandLine(card, state, files = []) {
  const { preset, values, seed } = state.a;
  const base = sideOf(card, preset).values;
  const changed = card.controls.filter(({ name }) => values[name] !== base[name]).map(({ name }) => `--set ${quoted(`${name}=${values[name]}`)}`);
  const seeds = card.seeds > 1 ? `--seeds ${seed}..${seed + card.seeds - 1}` : `--seeds ${seed}`;
  return ["orrery run", card.slug, preset === "default" ? "" : `--preset ${quoted(preset)}`, ...changed, seeds, ...files.map((file) => `--data ${quoted(file)}`)].filter(Boolean).join(" ");
}

/**
 * The texts to copy, for `card` in `state`; `base` is the folder that the pages lie in, `choice` what the reader chose for an embed:
 * {ui, controls}; `files` the names of the reader's own files, `version` the site's.
 */
export function snippets(card, state, base, choice = {}, files = [], version = "unknown") {
  const query = write(card, state);
  const link = new URL("index.html" + query, base).href.replace("/index.html?", "/?");
  const parameters = new URLSearchParams(query);
  for (const [name, text] of Object.entries(choice)) if (text !== null) parameters.set(name, text);
  const embed = new URL("embed.html?" + parameters, base).href;
  const attributes = [...parameters].map(([name, text]) => `${name === "experiment" ? "name" : name}="${escape(text)}"`).join(" ");
  const script = `<script type="module" src="${new URL("embed.js", base).href}"></script>`;
  const element = `<orrery-experiment ${attributes}></orrery-experiment>`;
  const frame = `<iframe src="${escape(embed)}" title="${escape(card.title)}" width="100%" height="${HEIGHT}" loading="lazy" style="border:0"></iframe>`;
  const notes = card.story.filter(({ question }) => question).map(({ question }) => `Ask: ${plain(question.asked)} Then: ${plain(question.why)}`);
  return {
    Link: link,
    "Web page: element": `${script}\n${element}`,
    "Web page or learning platform: frame": frame,
    "Slide for reveal.js": `${script}\n<section>\n  <h3>${escape(card.title)}</h3>\n  ${element.replace("<orrery-experiment", '<orrery-experiment style="height: 65vh"')}\n  <aside class="notes">\n    ${notes.map(escape).join("\n    ")}\n  </aside>\n</section>`,
    "Quarto, pandoc, MkDocs": `\`\`\`{=html}\n${frame}\n\`\`\``,
    Notebook: `from IPython.display import IFrame\nIFrame("${embed}", width="100%", height=${HEIGHT})`,
    "Reproduce this": commandLine(card, state, files),
    "Cite the paper": card.bibtex,
    "Cite this run": runEntry(card, link, version),
  };
}

/** The words of a piece of the story. */
function plain(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.textContent.trim().replace(/\s+/g, " ");
}

/** Opens the dialog. `files`: names of the reader's files that are in use. */
export function share(card, state, files = []) {
  const base = document.baseURI;
  const choice = {};
  const preview = h("iframe", { title: "Preview", class: "preview" });
  const place = h("div", { class: "snippets" });
  const boxes = PARTS.map(([part, words]) => [part, h("input", { type: "checkbox", checked: USUAL.includes(part) }), words]);
  const sliders = card.controls.slice(0, 12).map((control, index) => [control.name, h("input", { type: "checkbox", checked: index < 3 }), control.label.replaceAll("_", " ")]);
  const check = (rows) => rows.map(([, box, words]) => h("label", { class: "filter" }, box, words));
  let timer;
  let version;
  const update = () => {
    const chosen = (rows) => rows.filter(([, box]) => box.checked).map(([name]) => name).join(",");
    choice.ui = chosen(boxes) === USUAL.join(",") ? null : chosen(boxes);
    choice.controls = boxes.find(([part]) => part === "controls")[1].checked && chosen(sliders) ? chosen(sliders) : null;
    const texts = snippets(card, state, base, choice, files, version);
    const old = [...place.querySelectorAll("textarea")];
    Object.values(texts).forEach((text, index) => old[index] && (old[index].value = text));
    if (old.length === 0) place.append(...Object.entries(texts).map(snippet));
    clearTimeout(timer);
    timer = setTimeout(() => {
      const frame = /src="([^"]+)"/.exec(texts["Web page or learning platform: frame"])[1].replaceAll("&amp;", "&");
      if (preview.src !== frame) preview.src = frame;
    }, 400);
  };
  const hint = h("p", { class: "help" }, "An embed follows the page around it into the dark; &theme=dark or &theme=light decide it. " +
    "A frame with a sandbox needs “allow-scripts allow-same-origin”; on a page that asks for Cross-Origin-Embedder-Policy, write <iframe credentialless …>.");
  const own = files.length > 0 && h("p", { class: "help" }, `What is on the page was made from your ${files.join(", ")}, which no link can carry: whoever opens one drops the same file on it.`);
  const where = address(card.paper);
  const dialog = h("dialog", { class: "share", "aria-labelledby": "share-title" },
    h("header", {}, h("h2", { id: "share-title" }, "Share what you see"), iconButton("close", "Close", () => dialog.close())),
    own,
    h("div", { class: "builder" },
      h("div", {}, preview,
        h("fieldset", {}, h("legend", {}, "An embed shows"), check(boxes)),
        h("fieldset", {}, h("legend", {}, "Sliders"), check(sliders))),
      place),
    hint, where && h("p", { class: "help" }, "The paper: ", h("a", { href: where, target: "_blank", rel: "noopener" }, where)));
  dialog.addEventListener("change", update);
  dialog.addEventListener("close", () => (clearTimeout(timer), dialog.remove()));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  update();
  fetch(new URL("files.json", base)).then((answer) => answer.json()).then((list) => ((version = list.version), update()), () => {});
}

function snippet([name, text], index) {
  const id = `snippet-${index}`;
  const area = h("textarea", { id, readonly: true, rows: text.includes("\n") || text.length > 90 ? 3 : 1, spellcheck: "false" });
  area.value = text;
  area.addEventListener("focus", () => area.select());
  const copy = h("button", { type: "button", onclick: async () => (copy.textContent = (await copied(area.value, area)) ? "Copied" : "Press Ctrl C") }, "Copy");
  return h("div", { class: "snippet" }, h("label", { for: id }, name), area, copy);
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
