// What the first running experiment costs over the network: everything but data and the other experiments' texts, as brotli.

import { existsSync, readdirSync, statSync } from "node:fs";

const dist = new URL("../../dist/", import.meta.url);

/** Bytes that a server with pre-compressed files sends. */
const sent = (name) => statSync(new URL(existsSync(new URL(`${name}.br`, dist)) ? `${name}.br` : name, dist)).size;

export function measure() {
  const names = readdirSync(dist).filter((name) => /\.(html|js|css|wasm|json)$/.test(name));
  const texts = readdirSync(new URL("text/", dist)).filter((name) => name.endsWith(".html"));
  const text = Math.max(0, ...texts.map((name) => sent(`text/${name}`)));
  const all = names.reduce((sum, name) => sum + sent(name), text);
  const wasm = names.filter((name) => name.endsWith(".wasm")).reduce((sum, name) => sum + sent(name), 0);
  return [
    { what: "all pages, modules and wasm, brotli", unit: "KB", ours: all / 1000, goal: 1500 },
    { what: "… of which wasm", unit: "KB", ours: wasm / 1000, goal: 1500 },
  ];
}
