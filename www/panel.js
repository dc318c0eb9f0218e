// One view: its picture, what to look for, and what can be done with it.

import { Picture } from "./page.js";
import { download, h, icon, iconButton, typeset } from "./dom.js";
import { soon } from "./draw.js";
import { Solid } from "./solid.js";
import { dark, onTheme } from "./theme.js";

/** How many times larger than it is a small picture is drawn. */
const SMALL = 2;

/** How near the pointer must be to a handle, in CSS pixels. */
const REACH = { mouse: 14, pen: 18, touch: 28 };

/**
 * `<orrery-panel>`: a picture with a title. Its events bubble: `expand`, `lift` (detail: lifted), `look` (the reader moved it),
 * `handle` (detail: {x, y, last}: the handle was dragged to that place on the axes).
 */
export class Panel extends HTMLElement {
  /** The picture, once there is something to see. */
  picture = null;
  /** The reader moved or zoomed it. */
  zoomed = false;
  /** The window it shows when the reader has not moved it, as [x0, x1, y0, y1]: the same for both sides of a comparison. */
  shared = null;
  #title = "";
  #file = "view";
  #lifted = false;
  #canvas = h("canvas", { tabindex: "0", role: "img", "aria-label": "" });
  #readOut = h("div", { class: "read-out", hidden: true });
  #marker = h("div", { class: "marker", hidden: true });
  #stage = h("div", { class: "stage" }, this.#canvas, this.#marker, this.#readOut);
  #solid = new Solid(this.#canvas, () => soon(this));
  #resetButton = iconButton("reset", "Show all again", () => this.reset(), { hidden: true });
  #liftButton = iconButton("solid", "Show in three dimensions", () => this.#toggleLift(), { hidden: true, "aria-pressed": "false" });
  #expandButton = iconButton("expand", "Enlarge", () => this.#tell("expand"));
  #size = { width: 0, height: 0, scale: 1 };
  #pointers = new Map();
  #dragged = null;
  #hover = null;

  /** Sets what is said about the view. `file`: the name of its exports, without ending. */
  name({ title, look, tag = "", file, expandable = true }) {
    this.#title = tag ? `${title} (${tag})` : title;
    this.#file = file;
    this.#canvas.setAttribute("aria-label", this.#title);
    const tools = h("div", { class: "tools" }, this.#resetButton, this.#liftButton, this.#exports(), expandable && this.#expandButton);
    const head = h("header", {}, h("h3", {}, tag && h("span", { class: `tag tag-${tag}` }, tag), title), tools);
    this.replaceChildren(head, h("p", { class: "look" }, ...typeset(look)), this.#stage);
  }

  #exports() {
    const save = (kind, name) =>
      h("button", { type: "button", onclick: (event) => (event.target.closest("details").open = false, this.#save(kind)) }, name);
    const choices = h("div", { class: "menu" }, save("svg", "SVG"), save("png", "PNG"), save("csv", "CSV (the data)"));
    const summary = h("summary", { class: "icon", title: "Save", "aria-label": `Save ${this.#title}` }, icon("save"));
    const details = h("details", { class: "save" }, summary, choices);
    details.addEventListener("focusout", (event) => {
      if (!details.contains(event.relatedTarget)) details.open = false;
    });
    return details;
  }

  connectedCallback() {
    if (this.#watcher) return this.#watcher.observe(this.#stage);
    this.#watcher = new ResizeObserver(() => this.#fit());
    this.#watcher.observe(this.#stage);
    this.#untheme = onTheme(() => this.#fit());
    this.#listen();
  }
  #watcher;
  #untheme = () => {};

  disconnectedCallback() {
    this.#watcher.disconnect();
  }

  /** Frees the picture; the panel is not used again. */
  end() {
    this.#untheme();
    this.#solid.clear();
    this.picture?.free();
    this.picture = null;
    this.remove();
  }

  /** Shows an encoded view. */
  show(bytes) {
    if (this.picture) {
      const kind = this.picture.kind();
      this.picture.show(bytes);
      // Looked at from the start again: what was zoomed into is not there any more.
      if (this.picture.kind() !== kind) this.zoomed = false;
    } else {
      this.picture = new Picture(bytes);
      this.#fit();
    }
    this.picture.lift(this.#lifted);
    this.#liftButton.hidden = !this.picture.liftable();
    soon(this);
  }

  /** Shows heat maps as surfaces, or flat. */
  lift(lifted) {
    this.#lifted = lifted;
    this.#liftButton.setAttribute("aria-pressed", String(lifted));
    if (!this.picture || this.picture.lifted() === lifted) return;
    this.picture.lift(lifted);
    this.zoomed = false;
    soon(this);
  }

  /** Stands in the strip, drawn small, and goes on the stage when it is pressed; or on the stage. */
  small(small) {
    if (this.classList.contains("small") === small) return;
    this.classList.toggle("small", small);
    this.#canvas.setAttribute("role", small ? "button" : "img");
    this.#fit();
  }

  /** Sets off what the picture calls by that name; all alike if it is null. */
  light(name) {
    if (this.picture?.light(name ?? undefined)) soon(this);
  }

  /** Says whether it is the enlarged one. */
  expanded(expanded) {
    const label = expanded ? "Show all views" : "Enlarge";
    this.#expandButton.replaceChildren(icon(expanded ? "shrink" : "expand"));
    this.#expandButton.setAttribute("aria-label", label);
    this.#expandButton.title = label;
    this.classList.toggle("expanded", expanded);
  }

  /** Draws again, for what it shares may have changed. */
  refresh() {
    soon(this);
  }

  /** Looks from where the other panel looks. */
  follow(other) {
    if (!this.picture || !other.picture) return;
    this.zoomed = other.zoomed;
    this.picture.lookLike(other.picture);
    soon(this);
  }

  /** Says the picture in words, to those who cannot see it. */
  describe() {
    if (this.picture) this.#canvas.setAttribute("aria-label", this.picture.describe(this.#title));
  }

  reset() {
    this.zoomed = false;
    this.picture?.reset();
    this.#moved();
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    if (!this.picture || width === 0 || height === 0) return;
    const scale = Math.min(devicePixelRatio || 1, 3);
    // A small one is drawn as on a larger canvas, and shrunk.
    const shrunk = this.classList.contains("small") ? SMALL : 1;
    this.#size = { width: width * shrunk, height: height * shrunk, scale: scale / shrunk };
    this.classList.toggle("square", this.picture.square());
    this.picture.fit(this.#size.width, this.#size.height, this.#size.scale, dark());
    soon(this);
  }

  /** Called by the drawing queue. */
  draw() {
    // What is not on the screen is drawn when its size changes from nothing.
    if (!this.picture || this.#size.width === 0 || this.#stage.clientWidth === 0) return;
    const { width, height, scale } = this.#size;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== w || this.#canvas.height !== h) {
      this.#canvas.width = w;
      this.#canvas.height = h;
    }
    if (!this.zoomed) {
      if (this.shared) this.picture.window(...this.shared);
      else if (!this.picture.turns()) this.picture.reset();
    }
    if (this.#solid.draw(this.picture)) this.picture.drawAround(this.#canvas);
    else this.picture.draw(this.#canvas);
    this.dataset.drawn = Number(this.dataset.drawn ?? 0) + 1;
    this.#resetButton.hidden = !this.zoomed;
    if (this.#hover) this.#read();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }

  #toggleLift() {
    this.lift(!this.#lifted);
    this.#tell("lift", { lifted: this.#lifted });
  }

  /** The reader changed where it is looked at from. */
  #moved() {
    soon(this);
    this.#tell("look");
  }

  #zoom(x, y, factor) {
    if (!this.picture) return;
    this.picture.zoom(x, y, factor);
    this.zoomed = true;
    this.#moved();
  }

  #pan(from, to) {
    if (!this.picture) return;
    this.picture.pan(...from, ...to);
    this.zoomed = true;
    this.#moved();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** A small one is a button. */
  #pressed(event) {
    if (!this.classList.contains("small")) return false;
    if (event.type === "pointerdown") this.#armed = event.button === 0;
    if (event.type === "pointerup" && this.#armed) this.#tell("expand");
    return true;
  }
  #armed = false;

  #handleAt([x, y], type) {
    const handle = this.picture?.handle();
    return handle && Math.hypot(handle.x - x, handle.y - y) <= (REACH[type] ?? 14) ? handle : null;
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("dblclick", () => this.classList.contains("small") || this.reset());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    // A finger on the handle drags it; elsewhere it scrolls the page.
    canvas.addEventListener(
      "touchstart",
      (event) => {
        if (event.touches.length > 1 || this.#handleAt(this.#place(event.touches[0]), "touch")) event.preventDefault();
      },
      { passive: false },
    );
  }

  #down(event) {
    if (this.#pressed(event)) return;
    if (event.button !== 0 || !this.picture) return;
    const at = this.#place(event);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, at);
    this.#dragged = this.#pointers.size === 1 && this.#handleAt(at, event.pointerType) ? { at } : null;
    if (!this.#dragged) this.#leave();
  }

  #move(event) {
    if (this.#pressed(event)) return;
    const at = this.#place(event);
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      this.#canvas.classList.toggle("grab", Boolean(this.#handleAt(at, event.pointerType)));
      this.#hover = at;
      return soon(this.#reading);
    }
    if (this.#dragged) {
      this.#dragged.at = at;
      this.#drag(false);
    } else if (this.#pointers.size === 1) {
      this.#pan(before, at);
    } else if (this.#pointers.size === 2) {
      const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
      if (apart(before) > 4 && apart(at) > 4) this.#zoom(...middle, apart(at) / apart(before));
    }
    this.#pointers.set(event.pointerId, at);
  }

  #up(event) {
    if (this.#pressed(event)) return;
    if (this.#dragged && event.type === "pointerup") this.#drag(true);
    this.#dragged = null;
    this.#pointers.delete(event.pointerId);
  }

  #drag(last) {
    const place = this.picture.toData(...this.#dragged.at);
    if (place) this.#tell("handle", { x: place[0], y: place[1], last });
  }

  #wheel(event) {
    if (this.#pressed(event)) return;
    // Over a picture that is not in use the wheel scrolls the page, as everywhere.
    if (!event.ctrlKey && document.activeElement !== this.#canvas) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    this.#zoom(...this.#place(event), Math.exp(-Math.max(-240, Math.min(240, pixels)) * (event.ctrlKey ? 0.01 : 0.0025)));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.classList.contains("small")) {
      if (event.key === "Enter" || event.key === " ") event.preventDefault(), this.#tell("expand");
      return;
    }
    const { width, height } = this.#size;
    const middle = [width / 2, height / 2];
    const [dx, dy] = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key] ?? [0, 0];
    const handle = event.shiftKey && (dx || dy) ? this.picture?.handle() : null;
    if (handle) {
      const place = this.picture.toData(handle.x - dx / 4, handle.y - dy / 4);
      if (place) this.#tell("handle", { x: place[0], y: place[1], last: true });
    } else if (dx || dy) this.#pan(middle, [middle[0] + dx, middle[1] + dy]);
    else if (event.key === "+" || event.key === "=") this.#zoom(...middle, 1.25);
    else if (event.key === "-") this.#zoom(...middle, 0.8);
    else if (event.key === "0") this.reset();
    else return;
    event.preventDefault();
  }

  #leave() {
    this.#hover = null;
    this.#readOut.hidden = this.#marker.hidden = true;
  }

  #reading = { draw: () => this.#read() };

  /** Says what is under the pointer. */
  #read() {
    const found = this.#hover && this.picture?.readOut(...this.#hover);
    this.#readOut.hidden = this.#marker.hidden = !found;
    if (!found) return;
    this.#readOut.textContent = found.text;
    this.#marker.style.translate = `${found.x}px ${found.y}px`;
    const { width, height } = this.#size;
    const box = this.#readOut.getBoundingClientRect();
    const x = Math.max(2, Math.min(found.x + 12, width - box.width - 2));
    const y = found.y + 14 + box.height > height ? found.y - box.height - 12 : found.y + 14;
    this.#readOut.style.translate = `${x}px ${Math.max(2, y)}px`;
  }

  async #save(kind) {
    if (!this.picture) return;
    if (kind === "csv") return download(new Blob([this.picture.csv()], { type: "text/csv" }), `${this.#file}.csv`);
    if (kind === "svg") return download(new Blob([this.picture.svg()], { type: "image/svg+xml" }), `${this.#file}.svg`);
    download(await this.png(), `${this.#file}.png`);
  }

  /** The picture as a PNG, twice as fine as the screen. */
  png() {
    const { width, height, scale } = this.#size;
    const canvas = h("canvas", { width: Math.round(width * 2), height: Math.round(height * 2) });
    this.picture.fit(width, height, 2, dark());
    this.picture.draw(canvas);
    this.picture.fit(width, height, scale, dark());
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}

customElements.define("orrery-panel", Panel);
