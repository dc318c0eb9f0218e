// What a visitor waits for stays small, however many papers there are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { modules } from "../bench/size.bench.mjs";

/** Bytes as brotli that a lab's or an instrument's module may have. */
const MOST = 450_000;

test("no module is larger than it may be", () => {
  const { page, ...programs } = modules();
  assert.ok(page <= 250_000, `the page's module: ${page} bytes as brotli`);
  assert.ok(Object.keys(programs).length >= 10);
  for (const [name, bytes] of Object.entries(programs)) {
    assert.ok(bytes <= MOST, `${name}: ${bytes} bytes as brotli`);
  }
});
