// The compiled modules: the page's own instance, and what workers are given.

import init from "./page.js";
import { h } from "./dom.js";
import { answer, fetched } from "./fetched.js";

const compiled = new Map();
let page = null;

/** Starts the page's own module, once; after a failure it may be asked again. */
export function start() {
  page ??= fetched("The part of the page that draws", async () => {
    await init({ module_or_path: await compile("./page_bg.wasm") });
  }).catch((error) => {
    page = null;
    throw error;
  });
  return page;
}

/** The compiled module of an experiment, given the files on its card; fetched once, after a failure again. */
export function program({ wasm }) {
  return fetched("The program of this experiment", () => compile(wasm));
}

/** Has an experiment's module on its way before a worker asks for it. */
export function expect(module) {
  program(module).catch(() => {});
  const href = new URL(module.script, import.meta.url).href;
  if (![...document.head.children].some((link) => link.href === href)) document.head.append(h("link", { rel: "modulepreload", href }));
}

function compile(url) {
  if (!compiled.has(url)) {
    const module = compileNow(url);
    compiled.set(url, module);
    module.catch(() => compiled.delete(url));
  }
  return compiled.get(url);
}

async function compileNow(url) {
  const response = await answer(url);
  const copy = response.clone();
  // A server that does not call it application/wasm cannot be compiled from while it comes.
  return WebAssembly.compileStreaming(response).catch(async () => WebAssembly.compile(await copy.arrayBuffer()));
}
