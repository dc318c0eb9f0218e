// The same controls and seed give the same bits natively and in the browser.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { orrery, raise } from "./stage.mjs";

/** What the runs of the ledger came to natively: their hashes where the verdict is settled, and at the end of those run as far. */
const ledger = JSON.parse(execFileSync(orrery, ["ledger"], { maxBuffer: 1 << 26 }));
const PRESETS = ["default", "break-it"];
const SEEDS = [0, 1, 2];

let stage;
before(async () => {
  stage = await raise();
});
after(() => stage.end());

/** Pages that ask for hashes side by side: as many as there are cores. */
const PAGES = Math.max(1, availableParallelism());

test("Chromium agrees, run by run", { timeout: 3_000_000 }, async () => {
  const left = ledger.filter(({ preset, seed }) => PRESETS.includes(preset) && SEEDS.includes(seed));
  assert.ok(left.length > 0);
  const wrong = [];
  const work = async () => {
    const page = await stage.page();
    for (let run; (run = left.shift()); ) {
      const { slug, preset, seed, judged, end } = run;
      const here = end ? [judged, end] : [judged];
      const there = await page.evaluate((order) => globalThis.orrery.hashes(...order), [slug, preset, seed, Boolean(end)]);
      if (`${there}` !== `${here}`) wrong.push(`${slug} at ${preset}, seed ${seed}: ${there}, natively ${here}`);
    }
    await page.context().close();
  };
  await Promise.all(Array.from({ length: PAGES }, work));
  assert.deepEqual(wrong, []);
});

const firefox = process.env.FIREFOX || ["firefox-esr", "firefox"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** What Firefox says of `runs` ([slug, preset, seed]): it is given a page that asks the explorer in a frame, and tells this server. */
async function inFirefox(runs) {
  const probe = `
    const frame = document.createElement("iframe");
    frame.src = "/index.html";
    document.body.append(frame);
    const asked = setInterval(async () => {
      if (!frame.contentWindow.orrery) return;
      clearInterval(asked);
      const answers = [];
      try {
        for (const run of ${JSON.stringify(runs)}) answers.push(await frame.contentWindow.orrery.hashes(...run));
      } catch (error) {
        answers.push(String(error));
      }
      fetch("/answers", { method: "POST", body: JSON.stringify(answers) });
    }, 100);`;
  const profile = mkdtempSync(join(tmpdir(), "orrery-firefox-"));
  let browser;
  try {
    return await new Promise((resolve, reject) => {
      const server = createServer(async (request, response) => {
        if (request.url === "/probe") {
          response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><title>probe</title><body><script>${probe}</script>`);
        } else if (request.url === "/answers") {
          let body = "";
          for await (const part of request) body += part;
          response.end();
          server.close();
          resolve(JSON.parse(body));
        } else {
          const from = await fetch(stage.base.replace(/\/$/, "") + request.url, { headers: { "accept-encoding": "identity" } });
          response.writeHead(from.status, { "content-type": from.headers.get("content-type") ?? "" }).end(Buffer.from(await from.arrayBuffer()));
        }
      });
      server.listen(0, "127.0.0.1", () => {
        const address = `http://127.0.0.1:${server.address().port}/probe`;
        // As root it refuses a home that is another's, as in a container.
        const env = { ...process.env, HOME: profile };
        browser = spawn(firefox, ["--headless", "--no-remote", "--profile", profile, address], { stdio: "ignore", env });
        browser.once("error", reject);
      });
    });
  } finally {
    browser?.kill("SIGKILL");
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

test("Firefox agrees", { timeout: 300_000, skip: !firefox && "Firefox is not installed" }, async () => {
  const runs = ledger.filter(({ preset, seed }) => preset === "default" && seed === 0);
  const there = await inFirefox(runs.map(({ slug, preset, seed }) => [slug, preset, seed, true]));
  assert.deepEqual(there, runs.map(({ judged, end }) => [judged, end]));
});
