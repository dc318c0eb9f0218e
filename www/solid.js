// The page's GPU, for what is drawn in three dimensions: asked for when the first such picture is shown.

import { Relief, Studio } from "./page.js";
import { h } from "./dom.js";

let studio = null;
let asked = false;
/** Who draws again when the GPU comes or goes. */
const waiting = new Set();

async function ask() {
  asked = true;
  studio = (await Studio.open()) ?? null;
  if (!studio) return;
  tell();
  await studio.lost();
  studio = null;
  tell();
}

function tell() {
  for (const again of waiting) again();
}

/** Takes the GPU away from the pictures. For tests. */
export function losePictures() {
  studio?.lose();
}

/** The part of a panel's picture that the GPU draws, on a canvas over the panel's own. */
export class Solid {
  #relief = null;
  #canvas = null;
  #under;
  #again;

  /** `again`: has the picture drawn again, for the GPU has come or gone. */
  constructor(under, again) {
    this.#under = under;
    this.#again = again;
  }

  /** Draws the surface in `picture`, if it shows one. False where the GPU cannot: then all is to be drawn without it. */
  draw(picture) {
    if (picture.kind() !== "surface") return this.clear();
    waiting.add(this.#again);
    if (!asked) ask();
    try {
      if (studio && !this.#relief) {
        this.#canvas = h("canvas", { class: "solid", "aria-hidden": "true" });
        this.#relief = new Relief(studio, this.#canvas);
        this.#under.after(this.#canvas);
      }
      if (studio && this.#relief.draw(picture)) return true;
    } catch (error) {
      // After a trap nothing of the module can be trusted.
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
    // What the GPU cannot do is done without it.
    return this.#takeDown();
  }

  /** Shows nothing more. */
  clear() {
    waiting.delete(this.#again);
    return this.#takeDown();
  }

  #takeDown() {
    this.#relief?.free();
    this.#canvas?.remove();
    this.#relief = this.#canvas = null;
    return false;
  }
}
