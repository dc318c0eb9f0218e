// <orrery-experiment name="SLUG" preset="…" seed="…" view="…" CONTROL="…">: an experiment in somebody else's page.
//
// The one module that such a page loads. It makes an iframe of embed.html, which lies beside this file, as high as its content.

const PAGE = new URL("embed.html", import.meta.url);
/** Attributes of the element that are not parameters of the experiment. */
const PLAIN = new Set(["name", "id", "class", "style", "title", "slot", "part", "hidden", "lang", "dir", "tabindex", "role"]);
const LEAST = 120;
const MOST = 4000;

const SHEET = `
  :host { display: block; min-height: ${LEAST}px; }
  :host([hidden]) { display: none; }
  iframe { display: block; width: 100%; height: 640px; border: 0; color-scheme: normal; }
`;

/** The address of the embed that an element's attributes describe. */
export function address(element) {
  const url = new URL(PAGE);
  url.searchParams.set("experiment", element.getAttribute("name") ?? "");
  for (const { name, value } of element.attributes) {
    if (!PLAIN.has(name) && !name.startsWith("data-") && !name.startsWith("aria-")) url.searchParams.set(name, value);
  }
  return url;
}

class Experiment extends HTMLElement {
  #frame = null;
  #watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#begin(), { rootMargin: "200px" });
  #changes = new MutationObserver(() => this.#frame && this.#load());
  #listen = (event) => this.#heard(event);

  connectedCallback() {
    if (!this.shadowRoot) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    }
    addEventListener("message", this.#listen);
    this.#watcher.observe(this);
    this.#changes.observe(this, { attributes: true });
  }

  disconnectedCallback() {
    removeEventListener("message", this.#listen);
    this.#watcher.disconnect();
    this.#changes.disconnect();
    this.#frame?.remove();
    this.#frame = null;
  }

  /** Scrolled into view for the first time. */
  #begin() {
    if (this.#frame) return;
    this.#frame = document.createElement("iframe");
    this.#frame.allow = "clipboard-write; fullscreen";
    this.#load();
    this.shadowRoot.append(this.#frame);
  }

  #load() {
    const url = address(this).href;
    this.#frame.title = this.title || `Experiment: ${this.getAttribute("name")}`;
    if (this.#frame.src !== url) this.#frame.src = url;
  }

  /** Only the frame of this element, from where this file comes from, may say how high it is; and only that. */
  #heard({ source, origin, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== PAGE.origin) return;
    if (data?.orrery !== "height" || !Number.isFinite(data.height)) return;
    this.#frame.style.height = `${Math.min(MOST, Math.max(LEAST, Math.ceil(data.height)))}px`;
  }
}

if (!customElements.get("orrery-experiment")) customElements.define("orrery-experiment", Experiment);
