// What the page costs over the network, as brotli: without data, and only what is asked for.

import { existsSync, readdirSync, statSync } from "node:fs";

const dist = new URL("../../dist/", import.meta.url);

/** Bytes that a server with pre-compressed files sends. */
const sent = (name) => statSync(new URL(existsSync(new URL(`${name}.br`, dist)) ? `${name}.br` : name, dist)).size;
const sum = (names) => names.reduce((sum, name) => sum + sent(name), 0);

/** {name: bytes} of every module: bindings and wasm. */
export function modules() {
  const names = readdirSync(dist).filter((name) => /\.(js|wasm)$/.test(name));
  const wasm = names.filter((name) => name.endsWith(".wasm")).map((name) => name.replace(/_bg-\w+\.wasm$/, ""));
  const of = (module) => names.filter((name) => name.replace(/(_bg)?-[0-9a-f]{12}\.\w+$/, "") === module);
  return Object.fromEntries(wasm.map((module) => [module, sum(of(module))]));
}

export function measure() {
  const { page, ...programs } = modules();
  const names = readdirSync(dist).filter((name) => /\.(html|js|css|json)$/.test(name));
  const bound = [page, ...Object.keys(programs)];
  const shell = sum(names.filter((name) => !bound.includes(name.replace(/-[0-9a-f]{12}\.js$/, ""))));
  const kilobytes = (what, bytes, goal) => ({ what, unit: "KB", ours: bytes / 1000, goal });
  return [
    kilobytes("pages, their modules and the list of experiments, brotli", shell),
    kilobytes("the page's wasm with its bindings", page, 250),
    ...Object.entries(programs).map(([name, bytes]) => kilobytes(name, bytes, 450)),
  ];
}
