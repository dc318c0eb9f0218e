// <orrery-experiment name="SLUG" preset="…" seed="…" views="…" ui="…" CONTROL="…">: an experiment in somebody else's page.
//
// The one module that such a page loads. It makes an iframe of embed.html, which lies beside this file, and talks with it in messages
// `{orrery: 1, …}`. What can be set, asked and heard is listed in the README, under "Embed".

const PAGE = new URL("embed.html", import.meta.url);
/** The version of the messages. */
const VERSION = 1;
/** Attributes of the element that are not parameters of the experiment. */
const PLAIN = new Set(["name", "id", "class", "style", "title", "slot", "part", "hidden", "lang", "dir", "tabindex", "role"]);
const LEAST = 120;
const MOST = 4000;

const SHEET = `
  :host { display: block; height: clamp(22rem, 62vw, 36rem); }
  :host([fit="content"]) { height: auto; min-height: ${LEAST}px; }
  :host([hidden]) { display: none; }
  iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: normal; }
  :host([fit="content"]) iframe { height: 640px; }
  slot { display: none; }
  @media print { iframe { display: none; } slot { display: block; } }
`;

/** The address of the embed that an element's attributes describe. */
export function address(element) {
  const url = new URL(PAGE);
  url.searchParams.set("experiment", element.getAttribute("name") ?? "");
  for (const { name, value } of element.attributes) {
    if (!PLAIN.has(name) && !name.startsWith("data-") && !name.startsWith("aria-")) url.searchParams.set(name, value);
  }
  // The page around knows in which theme it is; a frame does not.
  if (!element.hasAttribute("theme")) {
    const scheme = getComputedStyle(element).colorScheme;
    if (scheme === "dark" || scheme === "light") url.searchParams.set("theme", scheme);
  }
  return url;
}

/**
 * The element. Events, which do not bubble: `ready`, `frame` {at, of, sentence, measures}, `control` {state}, `over`, `verdict`
 * {holds, text, figure, threshold}, `answer` {step, answer, right}. What is asked for before the experiment is there waits for it.
 */
class Experiment extends HTMLElement {
  #frame = null;
  #watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#begin(), { rootMargin: "200px" });
  #changes = new MutationObserver(() => this.#frame && this.#load());
  #listen = (event) => this.#heard(event);
  #known = { state: null, at: null, measures: null, verdict: null };
  /** What is asked, by number, and what waits until there is somebody to ask. */
  #asked = new Map();
  #number = 0;
  #waiting = [];
  #ready = false;

  connectedCallback() {
    if (!this.shadowRoot) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      // What stands in the element is shown in print, and where no script runs: a picture, for one.
      root.append(document.createElement("slot"));
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
    this.#ready = false;
  }

  /** Preset, seed and every control, as text by name. */
  get state() {
    return this.#known.state;
  }
  /** The unit of the run that is on show. */
  get at() {
    return this.#known.at;
  }
  /** What the run has measured, by name. */
  get measures() {
    return this.#known.measures;
  }
  /** What it says of the claim, once its end has been shown. */
  get verdict() {
    return this.#known.verdict;
  }
  /** Each resolves when it is done, and rejects with a sentence. */
  play() {
    return this.#ask({ do: "play" });
  }
  pause() {
    return this.#ask({ do: "pause" });
  }
  /** Shows unit `at` of the run, or its "end". */
  seek(at) {
    return this.#ask({ do: "seek", at });
  }
  /** Sets controls, `preset` and `seed` among them: `set({learning_rate: 0.2})`. */
  set(values) {
    return this.#ask({ do: "set", values });
  }
  /** Resolves to what is on the stage, as a Blob of a PNG. */
  image() {
    return this.#ask({ do: "image" });
  }

  #ask(message) {
    return new Promise((resolve, reject) => {
      const id = (this.#number += 1);
      this.#asked.set(id, { resolve, reject });
      if (this.#ready) this.#post({ id, ...message });
      else this.#waiting.push({ id, ...message });
    });
  }

  #post(message) {
    this.#frame.contentWindow.postMessage({ orrery: VERSION, ...message }, PAGE.origin);
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
    if (this.#frame.src === url) return;
    this.#ready = false;
    this.#known.verdict = null;
    this.#frame.src = url;
  }

  /** Only the frame of this element, from where this file comes from, is listened to. */
  #heard({ source, origin, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== PAGE.origin || data?.orrery !== VERSION) return;
    const { type, ...detail } = data;
    delete detail.orrery;
    if (type === "height") return this.#fit(data.height);
    if (type === "key") return this.#key(data);
    if (type === "done" || type === "failed") {
      const asked = this.#asked.get(data.id);
      this.#asked.delete(data.id);
      return type === "done" ? asked?.resolve(data.result) : asked?.reject(new Error(String(data.text)));
    }
    if (!["ready", "frame", "control", "over", "verdict", "answer"].includes(type)) return;
    for (const name of Object.keys(this.#known)) if (name in detail) this.#known[name] = detail[name];
    if (type === "verdict") this.#known.verdict = detail;
    if (type === "control") this.#known.verdict = null;
    if (type === "ready") {
      this.#ready = true;
      for (const message of this.#waiting.splice(0)) this.#post(message);
    }
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #fit(height) {
    if (this.getAttribute("fit") !== "content" || !Number.isFinite(height)) return;
    this.#frame.style.height = `${Math.min(MOST, Math.max(LEAST, Math.ceil(height)))}px`;
  }

  /** A key that the embed has no use for is the page's: a slide is turned while the embed has the focus. */
  #key({ key, code, shiftKey }) {
    if (typeof key !== "string" || typeof code !== "string") return;
    this.dispatchEvent(new KeyboardEvent("keydown", { key, code, keyCode: KEYS[key] ?? 0, shiftKey: Boolean(shiftKey), bubbles: true, composed: true, cancelable: true }));
  }
}

/** What old listeners go by. */
const KEYS = { ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, PageUp: 33, PageDown: 34, Home: 36, End: 35, Escape: 27, " ": 32, b: 66, f: 70, o: 79, s: 83 };

if (!customElements.get("orrery-experiment")) customElements.define("orrery-experiment", Experiment);
