// The reader's own files: dropped, shown, refused, removed; and none of them leaves the browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drawn, over, raise, said } from "./stage.mjs";

let stage;
before(async () => (stage = await raise()));
after(() => stage.end());

/** Drops files on the page: {name: text or bytes}. */
async function drop(page, files) {
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) transfer.items.add(new File([typeof content === "string" ? content : new Uint8Array(content)], name));
    return transfer;
  }, Object.entries(files));
  for (const type of ["dragover", "drop"]) await page.dispatchEvent("main", type, { dataTransfer: transfer });
}

const cloud = (n, shift) => Array.from({ length: n }, (_, i) => `${Math.cos(i) + shift},${Math.sin(1.7 * i)}`).join("\n");
const inUse = (page) => page.locator("orrery-files li").allTextContents();

/** Waits for one sentence more on the page, and gives it. */
async function sentence(page) {
  await page.waitForSelector("orrery-notices p");
  const [text] = await said(page);
  await page.locator("orrery-notices button").first().click();
  return text;
}

test("two point clouds are dropped, used, and removed", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse");
  const asked = [];
  page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
  const before = await drawn(page, 1);
  await drop(page, { "source.csv": cloud(60, 0), "target.csv": cloud(60, 1) });
  await page.waitForFunction(() => document.querySelectorAll("orrery-files li").length === 2);
  assert.match((await inUse(page)).join(), /source\.csv.*60 × 2/);
  await over(page);
  await page.waitForTimeout(300);
  assert.notEqual(await drawn(page, 1), before);
  await page.getByRole("button", { name: "Remove source.csv" }).click();
  await page.waitForTimeout(500);
  assert.deepEqual(asked.filter((request) => !request.startsWith("GET " + stage.base)), []);
  assert.deepEqual(asked.filter((request) => !request.startsWith("GET")), []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("files that cannot be read are named, and the last good run stays", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=50");
  const before = await drawn(page);
  const zip = [0x50, 0x4b, 3, 4, 0, 0, 0, 0];
  for (const [name, content] of [
    ["empty.csv", ""],
    ["words.csv", "a,b\n1,x\n"],
    ["ragged.csv", "1,2\n3\n"],
    ["holes.csv", "1,2\nNaN,4\n"],
    ["broken.npz", zip],
    ["broken.npy", [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0xff, 0xff]],
    ["thesis.docx", "PK"],
  ]) {
    await drop(page, { [name]: content });
    assert.match(await sentence(page), new RegExp(`^${name.replace(".", "\\.")}`), name);
    assert.deepEqual(await inUse(page), [], name);
    assert.equal(await drawn(page), before, name);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a file that is too large is refused before it is read", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=50");
  await page.evaluate(() => {
    // A gigabyte that takes none: 64 times the same 16 MB.
    const part = new Blob([new Uint8Array(2 ** 24)]);
    const transfer = new DataTransfer();
    transfer.items.add(new File(Array(64).fill(part), "huge.npy"));
    document.querySelector("main").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
  });
  assert.match(await sentence(page), /^huge\.npy: 1024 MB are too many; files of at most 256 MB are read/);
  await page.context().close();
});

test("an experiment that takes no files says so", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await drop(page, { "points.csv": "1,2\n3,4\n" });
  assert.match(await sentence(page), /takes no files of your own/);
  await page.context().close();
});
