// All measurements as one table. Each `NAME.bench.mjs` beside this file exports `measure()`, which gives (a promise of) rows
//
//   { what, unit, ours, theirs?, other?, goal?, better: "less" | "more" }
//
// `ours` beside `theirs` (the figure of `other`, measured in the same run), or `ours` beside a `goal` of the same unit; with
// `theirs`, `goal` is how many times better ours should be. Nothing here fails: machines differ, and numbers are for reading.

import { readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const folder = new URL(".", import.meta.url);
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".bench.mjs"))
  .map((name) => name.replace(".bench.mjs", ""))
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .sort();

const rows = [];
for (const name of names) {
  process.stderr.write(`measuring ${name} …\n`);
  try {
    const { measure } = await import(pathToFileURL(new URL(`${name}.bench.mjs`, folder).pathname));
    for (const row of await measure()) rows.push(cells(row));
  } catch (error) {
    rows.push([name, "", "", "", "", `cannot be measured: ${error.message}`]);
    process.exitCode = 1;
  }
}
print([["", "here", "beside", "", "ratio", "goal"], ...rows]);

function cells({ what, unit, ours, theirs, other, goal, better = "less" }) {
  const against = theirs ?? goal;
  const ratio = better === "less" ? against / ours : ours / against;
  const target = theirs === undefined ? goal && 1 : goal;
  const met = target === undefined ? "" : ratio >= target ? "met" : "not met";
  const wish = goal === undefined ? "" : theirs === undefined ? `${better === "less" ? "≤" : "≥"} ${figure(goal)} ${unit}` : `${goal} ×`;
  return [
    what,
    `${figure(ours)} ${unit}`,
    theirs === undefined ? "" : `${figure(theirs)} ${unit}`,
    other ?? "",
    Number.isFinite(ratio) ? `${figure(ratio)} ×` : "",
    [wish, met].filter(Boolean).join(", "),
  ];
}

/** Three significant digits. */
function figure(value) {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
}

function print(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => [...row[column]].length)));
  for (const row of table) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}
