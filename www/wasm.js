// The one compiled module: the page's own instance, and what workers are given.

import init from "./orrery.js";

let loading;

/** Compiles the module and starts the page's instance, once. Resolves to the module. */
export function load() {
  loading ??= compile().then(async (module) => {
    await init({ module_or_path: module });
    return module;
  });
  return loading;
}

async function compile() {
  const url = new URL("./orrery_bg.wasm", import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The program could not be loaded (${response.status} for ${url.pathname}).`);
  const copy = response.clone();
  // A server that does not call it application/wasm cannot be compiled from while it comes.
  return WebAssembly.compileStreaming(response).catch(async () => WebAssembly.compile(await copy.arrayBuffer()));
}
