// The reader's own files: chosen or dropped, shown while in use, never sent anywhere.

import { h, iconButton } from "./dom.js";

/** `<orrery-files>`. Fires `files` (detail: {add: [File], remove: [name]}). */
export class Files extends HTMLElement {
  #list = h("ul", { class: "own" });
  #understood = h("ul", { class: "understood", "aria-label": "What was understood" });
  /** Says above the pictures whose data they show. */
  bar = h("div", { class: "bar-own", hidden: true });

  /** Makes the part for an experiment that takes files; `own` (of its card) says which, and how Python saves them. */
  build(own) {
    this.hidden = !own;
    if (!own) return;
    const input = h("input", { type: "file", multiple: true, accept: own.accept, hidden: true, tabindex: "-1", "aria-label": "Files" });
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    const choose = h("button", { type: "button", onclick: () => input.click() }, "Choose files …");
    this.replaceChildren(
      h("h2", {}, "Bring your own"),
      h("p", { class: "help" }, own.takes, " Drop files anywhere on the page; they never leave your browser."),
      this.#list, this.#understood, choose, input,
      h("details", {},
        h("summary", {}, "Saved from Python"),
        own.python.flatMap(({ kind, lines }) => [h("h3", {}, kind), h("pre", {}, lines)])),
    );
    this.show([]);
    this.tell([]);
  }

  /** The names of the files in use. */
  names = [];

  /** Takes files in. */
  add(files) {
    const add = [...files];
    if (add.length > 0) this.dispatchEvent(new CustomEvent("files", { detail: { add } }));
  }

  /** Shows the arrays in use, as {file, array, shape}. */
  show(arrays) {
    const files = group(arrays);
    this.names = [...files.keys()];
    this.#list.replaceChildren(
      ...[...files].map(([file, parts]) =>
        h("li", {},
          h("span", {}, file, h("small", {}, parts.map(({ array, shape }) => `${array ? array + " " : ""}${shape}`).join(", "))),
          iconButton("close", `Remove ${file}`, () => this.dispatchEvent(new CustomEvent("files", { detail: { remove: [file] } })))),
      ),
    );
    this.#list.hidden = files.size === 0;
    this.bar.hidden = files.size === 0;
    if (files.size > 0) this.closest("details")?.setAttribute("open", "");
    const names = [...files].map(([file, parts]) => `${file}, ${parts.map(({ shape }) => shape).join(", ")}`).join("; ");
    const back = h("button", { type: "button", onclick: () => this.dispatchEvent(new CustomEvent("files", { detail: { remove: [...files.keys()] } })) }, "Back to ours");
    this.bar.replaceChildren(h("span", {}, h("strong", {}, "Your data: "), names), back);
  }

  /** Says what the run on show took the files for. */
  tell(sentences) {
    this.#understood.replaceChildren(...sentences.map((sentence) => h("li", {}, sentence)));
    this.#understood.hidden = sentences.length === 0;
  }
}

function group(arrays) {
  const files = new Map();
  for (const array of arrays) files.set(array.file, [...(files.get(array.file) ?? []), array]);
  return files;
}

/** Calls `take(files)` for files dropped anywhere on the page. */
export function onDrop(take) {
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files);
  });
}

customElements.define("orrery-files", Files);
