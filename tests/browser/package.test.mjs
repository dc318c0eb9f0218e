// A part of the site taken along: in a folder, in a zip, and as a unit of a learning platform.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { over, orrery, raise, root, watch } from "./stage.mjs";

const lms = readFileSync(createRequire(import.meta.url).resolve("scorm-again/scorm12"), "utf8");
let stage;
let folder;
let server;
let base;
before(async () => {
  stage = await raise();
  folder = mkdtempSync(join(tmpdir(), "orrery-package-"));
  execFileSync(orrery, ["package", "diffgrad", "--out", join(folder, "part"), "--scorm"], { cwd: root });
  server = spawn(orrery, ["serve", "--port", "0", "--dir", join(folder, "part")], { stdio: ["ignore", "pipe", "inherit"] });
  base = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
});
after(async () => {
  server.kill();
  await stage.end();
  rmSync(folder, { recursive: true });
});

async function open(query) {
  const context = await stage.browser.newContext({ viewport: { width: 1000, height: 700 } });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.complaints = watch(page);
  await page.goto(base + query);
  return page;
}

test("a package has what its experiments need and little else, and runs", async () => {
  const names = readdirSync(join(folder, "part"), { recursive: true });
  assert.ok(!names.some((name) => /transport|information-plane/.test(name)), names.join(" "));
  const bytes = names.map((name) => statSync(join(folder, "part", name))).filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
  assert.ok(bytes < 6e6, `${bytes} bytes`);
  const page = await open("?experiment=diffgrad");
  await over(page);
  await page.goto(base);
  await page.waitForSelector(".tile");
  assert.equal(await page.locator(".tile").count(), 1);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a zip is the same, and what is wrong is one sentence", () => {
  const zip = join(folder, "part.zip");
  execFileSync(orrery, ["package", "diffgrad", "trajectory", "--out", zip], { cwd: root });
  assert.equal(readFileSync(zip).toString("latin1", 0, 2), "PK");
  const fails = (...words) => {
    try {
      execFileSync(orrery, ["package", ...words], { cwd: root, stdio: "pipe" });
    } catch (error) {
      return [error.status, String(error.stderr)];
    }
  };
  const [status, sentence] = fails("nothing", "--out", join(folder, "x"));
  assert.equal(status, 2);
  assert.match(sentence, /^orrery: experiment 'nothing': there is none of that name/);
  assert.match(fails("diffgrad", "--out", join(folder, "x"), "--site", folder)[1], /holds no site/);
  assert.match(fails("diffgrad", "--out", root)[1], /is not empty and no site/);
});

test("a learning platform hears of the story's end and of the predictions", async () => {
  const manifest = readFileSync(join(folder, "part", "imsmanifest.xml"), "utf8");
  assert.match(manifest, /href="scorm\.html\?experiment=diffgrad"/);
  const page = await open("");
  await page.evaluate(lms);
  await page.evaluate(() => {
    globalThis.API = new globalThis.Scorm12API({ autocommit: false, logLevel: 5 });
    const unit = document.createElement("iframe");
    Object.assign(unit, { src: "scorm.html?experiment=diffgrad&film=0", id: "unit", width: 960, height: 640 });
    document.body.replaceChildren(unit);
  });
  const unit = page.frameLocator("#unit").frameLocator("iframe");
  const value = (name) => page.evaluate((name) => API.cmi.core[name] ?? API.lmsGetValue(`cmi.core.${name}`), name);
  await unit.locator("orrery-story").getByRole("button", { name: "Begin" }).click();
  const count = Number((await unit.locator("orrery-story .count").textContent()).split(" of ")[1]);
  for (let step = 1; step <= count; step++) {
    const options = unit.locator("orrery-story .options button");
    // The first option of every question: some are right, some are not.
    if ((await options.count()) > 0) {
      await options.first().click();
      await unit.locator("orrery-story .why").waitFor();
    }
    if (step < count) {
      assert.notEqual(await page.evaluate(() => API.LMSGetValue("cmi.core.lesson_status")), "completed");
      await unit.locator("orrery-story").getByRole("button", { name: "Next" }).click();
    }
  }
  await page.waitForFunction(() => API.LMSGetValue("cmi.core.lesson_status") === "completed");
  const score = Number(await page.evaluate(() => API.LMSGetValue("cmi.core.score.raw")));
  assert.ok(score > 0 && score <= 100, `${score}`);
  await page.context().close();
});
