// The same controls and seed give the same bits natively and in the browser.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { orrery, raise } from "./stage.mjs";

const SEEDS = [0, 1, 2];
const cards = JSON.parse(execFileSync(orrery, ["list", "--json"], { maxBuffer: 1 << 26 }));

/** The native hashes of a preset, one a seed. */
function native(slug, preset) {
  const options = ["--preset", preset, "--seeds", `${SEEDS[0]}..${SEEDS.at(-1)}`, "--json"];
  let out;
  try {
    out = execFileSync(orrery, ["run", slug, ...options], { maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    // Exit code 1 says that the claim does not hold, as it must not at break-it.
    assert.equal(error.status, 1, `${slug} at ${preset}`);
    out = error.stdout;
  }
  return JSON.parse(out).runs.map((run) => run.hash);
}

let stage, page;
before(async () => {
  stage = await raise();
  page = await stage.page();
});
after(() => stage.end());

for (const { slug } of cards) {
  for (const preset of ["default", "break-it"]) {
    test(`${slug} at ${preset}`, { timeout: 300_000 }, async () => {
      const here = native(slug, preset);
      for (const [index, seed] of SEEDS.entries()) {
        const there = await page.evaluate(([slug, preset, seed]) => globalThis.orrery.hash(slug, preset, seed), [slug, preset, seed]);
        assert.equal(there, here[index], `seed ${seed}`);
      }
    });
  }
}

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
        for (const run of ${JSON.stringify(runs)}) answers.push(await frame.contentWindow.orrery.hash(...run));
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
  const runs = cards.flatMap(({ slug }) => [0, 1].map((seed) => [slug, "default", seed]));
  const there = await inFirefox(runs);
  const here = cards.flatMap(({ slug }) => native(slug, "default").slice(0, 2));
  assert.deepEqual(there, here);
});
