// The reader's own files: dropped, shown, refused, removed; and none of them leaves the browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
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
const inUse = (page) => page.locator("orrery-files .own li").allTextContents();

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
  await page.waitForFunction(() => document.querySelectorAll("orrery-files .own li").length === 2);
  assert.match((await inUse(page)).join(), /source\.csv.*60 × 2.*target\.csv.*60 × 2/);
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

/** Two clouds by name in one file of tensors. */
function tensors() {
  const place = (from) => ({ dtype: "F32", shape: [40, 2], data_offsets: [from, from + 320] });
  const header = JSON.stringify({ source: place(0), target: place(320) });
  const values = Float32Array.from({ length: 160 }, (_, i) => Math.sin(i * i));
  return Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.from(values.buffer)]);
}

test("tensors are read in the browser too, and pictures refused where nothing takes any", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=50");
  const input = page.locator("orrery-files input");
  assert.match(await input.getAttribute("accept"), /\.npz,\.safetensors,\.png,\.jpg/);
  await input.setInputFiles({ name: "clouds.safetensors", mimeType: "", buffer: tensors() });
  await page.waitForSelector("orrery-files .own li");
  assert.deepEqual(await inUse(page), ["clouds.safetensorssource 40 × 2, target 40 × 2"]);
  await over(page);
  await page.getByRole("button", { name: "Remove clouds.safetensors" }).click();
  await page.waitForSelector("orrery-files .own li", { state: "detached" });
  // A lab that takes no pictures has no reader of them.
  for (const name of ["interlaced.png", "progressive.jpg"]) {
    await drop(page, { [name]: [...readFileSync(new URL(`../fixtures/files/${name}`, import.meta.url))] });
    assert.match(await sentence(page), new RegExp(`^${name}: a picture, of which nothing here takes any`), name);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("pictures are read where they are taken: a png and a jpg, as colours and as ink", async () => {
  const content = (name) => [...readFileSync(new URL(`../fixtures/files/${name}`, import.meta.url))];
  const files = { "source.png": content("interlaced.png"), "target.jpg": content("progressive.jpg") };
  const seen = [];
  for (const [problem, what] of [["clouds", "the colours of"], ["pictures", "the ink of"]]) {
    const page = await stage.page(`?experiment=transport-plan&size=50&problem=${problem}`);
    const made = await drawn(page);
    await drop(page, files);
    await page.waitForFunction(
      ([what]) => {
        const said = document.querySelector("orrery-files .understood")?.textContent ?? "";
        return said.includes(`source.png is the source: ${what}`) && said.includes(`target.jpg is the target: ${what}`);
      },
      [what],
    );
    assert.match((await inUse(page)).join(), /source\.png.*\d+ × \d+ × 3.*target\.jpg.*\d+ × \d+ × 3/);
    await over(page);
    await page.waitForTimeout(300);
    seen.push(made, await drawn(page));
    assert.deepEqual(await said(page), []);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
  assert.equal(new Set(seen).size, seen.length, "each is a picture of its own");
});

test("what a run has found goes out as csv and as npy", async () => {
  const page = await stage.page("?experiment=opposing-signals");
  await page.getByText("Take away what it found").click();
  const save = async (type) => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: new RegExp(`^Save .* as ${type}$`) }).first().click(),
    ]);
    return [file.suggestedFilename(), readFileSync(await file.path())];
  };
  const [name, csv] = await save("csv");
  const [twin, npy] = await save("npy");
  assert.equal(name.replace(/csv$/, "npy"), twin);
  const [header, ...lines] = csv.toString().trim().split("\n");
  assert.match(header, /^[a-z_]+(,[a-z_]+)+$/);
  const rows = lines.map((line) => line.split(",").map(Number));
  assert.equal(npy.toString("latin1", 0, 6), "\x93NUMPY");
  assert.match(npy.toString("latin1", 10, 128), new RegExp(`'<f8'.*\\(${rows.length}, ${rows[0].length}\\)`));
  const values = new Float64Array(new Uint8Array(npy.subarray(npy.length - 8 * rows.flat().length)).buffer);
  assert.deepEqual([...values], rows.flat());
  await page.context().close();
});

test("the page tells how Python saves what the experiment reads", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=50");
  await page.getByText("Your own data").click();
  await page.getByText("Saved from Python").click();
  assert.deepEqual(await page.locator("orrery-files h3").allTextContents(), ["csv", "npy"]);
  assert.match(await page.locator("orrery-files pre").last().textContent(), /^import numpy as np\nnp\.save\(/);
  await page.context().close();
});

test("files that cannot be read are named, and the last good run stays", async () => {
  const page = await stage.page("?experiment=sinkhorn-newton-sparse&size=50");
  const before = await drawn(page);
  const zip = [0x50, 0x4b, 3, 4, 0, 0, 0, 0];
  for (const [name, content] of [
    ["empty.csv", ""],
    ["words.csv", "a,b\n1,x\n2,3\n"],
    ["ragged.csv", "1,2\n3\n"],
    ["holes.csv", "1,2\nNaN,4\n"],
    ["broken.npz", zip],
    ["broken.npy", [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0xff, 0xff]],
    ["weights.safetensors", [5, 0, 0, 0, 0, 0, 0, 0, 0x7b]],
    ["weights.pt", [0x50, 0x4b, 3, 4]],
    ["photo.jpg", [0xff, 0xd8, 0xff, 0xe0, 0, 16]],
    ["plot.png", [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]],
    ["animation.gif", "GIF89a"],
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

const when = (page) => page.locator(".when").textContent().then((text) => Number(text.match(/\d[\d,]*/)[0].replaceAll(",", "")));
/** Waits until the run has come further than it is now. */
async function further(page) {
  await page.waitForFunction(() => /\d/.test(document.querySelector(".when")?.textContent));
  const now = await when(page);
  await page.waitForFunction((now) => Number(document.querySelector(".when").textContent.match(/\d[\d,]*/)[0].replaceAll(",", "")) > now, now);
}

test("a run goes on after a file is refused, and can be paused, stepped, looked back on and played", async () => {
  const page = await stage.page("?experiment=neural-collapse&epochs=1000&classes=10&per_class=200&batch=10", { rest: false });
  const refuse = async () => {
    await drop(page, { "bad.csv": "a,b\n1,x\n2,3\n" });
    assert.match(await sentence(page), /^bad\.csv/);
  };
  await further(page);
  await refuse();
  await further(page);
  await further(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(500);
  const paused = await when(page);
  await refuse();
  await page.waitForTimeout(500);
  assert.equal(await when(page), paused, "what is paused stays paused");
  // A step is a slice of an epoch.
  for (let steps = 0; steps < 200 && (await when(page)) === paused; steps++) await page.getByRole("button", { name: "One step" }).click();
  assert.ok((await when(page)) > paused, "one step after the other leads on");
  await page.getByRole("slider", { name: "Time line" }).evaluate((input) => {
    input.value = input.min;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const first = await when(page);
  await refuse();
  await page.getByRole("button", { name: "One step" }).click();
  // Only the run knows which frame comes next.
  await page.waitForFunction((first) => Number(document.querySelector(".when").textContent.match(/\d[\d,]*/)[0].replaceAll(",", "")) > first, first);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const slug of ["landscape", "information-estimators", "transport-plan", "neural-collapse", "trajectory", "sinkhorn-newton-sparse"]) {
  test(`${slug}: refused while it runs and at its end, a file takes nothing away`, async () => {
    const page = await stage.page(`?experiment=${slug}`, { rest: false });
    const refuse = async () => {
      await drop(page, { "bad.csv": "a,b\n1,x\n2,3\n" });
      assert.match(await sentence(page), /^bad\.csv: line 2/);
    };
    await page.waitForSelector("html[data-run]");
    await refuse();
    await over(page);
    await refuse();
    const end = await page.locator(".when").textContent();
    await page.getByRole("slider", { name: "Time line" }).evaluate((input) => {
      input.value = input.min;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await page.waitForFunction((end) => document.querySelector(".when").textContent !== end, end);
    const save = page.getByRole("button", { name: /^Save .* as csv$/ });
    // The paper among them has nothing to be saved.
    if (slug === "sinkhorn-newton-sparse") assert.equal(await save.count(), 0);
    else {
      await page.getByText("Take away what it found").click();
      const [saved] = await Promise.all([page.waitForEvent("download"), save.first().click()]);
      assert.ok(readFileSync(await saved.path()).length > 0);
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}

test("after the end of a run, one can look back on it and save from it when a file has been refused", async () => {
  const page = await stage.page("?experiment=transport-plan");
  const end = await drawn(page);
  await drop(page, { "bad.csv": "a,b\n1,x\n2,3\n" });
  await sentence(page);
  await page.getByText("Take away what it found").click();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Save .* as csv$/ }).first().click()]);
  assert.ok(readFileSync(await saved.path()).length > 0);
  await page.getByRole("slider", { name: "Time line" }).evaluate((input) => {
    input.value = input.min;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.waitForFunction((end) => document.querySelector("orrery-panel canvas").toDataURL() !== end, end);
  await page.context().close();
});
