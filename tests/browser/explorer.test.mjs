// The explorer, used as a person would.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drawn, inked, over, raise, said, slide } from "./stage.mjs";

let stage;
before(async () => (stage = await raise()));
after(() => stage.end());

const value = (page, name) => page.locator(`[data-name="${name}"] input[type=text]`).first().inputValue();
const verdict = (page) => page.locator(".verdict").first().textContent();
const parameters = (page) => Object.fromEntries(new URL(page.url()).searchParams);

test("the front page finds experiments by words, by what else they are called and by chips, and the URL says so", async () => {
  const page = await stage.page();
  const shown = () => page.locator(".labs .tile:visible .name").allTextContents();
  await page.waitForSelector(".tile");
  const all = await shown();
  assert.ok(all.length >= 20);
  const search = page.getByRole("searchbox", { name: "Search experiments" }).last();
  await search.fill("dubey adam");
  assert.deepEqual(await shown(), ["Can half a step beat Adam?"]);
  await search.fill("PINN");
  assert.equal((await shown()).length, 1);
  await search.fill("ot");
  assert.ok((await shown()).length < 15, "a short word is a word of its own");
  for (const words of ["no such thing", "constructor", "__proto__"]) {
    await search.fill(words);
    assert.deepEqual(await shown(), []);
  }
  assert.match(await page.locator(".front > .help").textContent(), /papers are live, of 170/);
  await search.fill("");
  await page.getByRole("button", { name: "takes your data" }).click();
  const own = await shown();
  assert.ok(own.length >= 5 && own.length < all.length);
  await page.getByRole("button", { name: "as claimed" }).click();
  assert.ok((await shown()).length < own.length);
  assert.equal(new URL(page.url()).search, "?only=own%2Cas-claimed");
  const left = await shown();
  await page.reload();
  await page.waitForSelector(".tile:not([hidden])");
  assert.deepEqual(await shown(), left);
  await page.goto(stage.base + "?q=half+step");
  await page.locator(".tile:visible", { hasText: "half a step" }).click();
  await over(page);
  assert.equal(await page.title(), "Can half a step beat Adam? · Orrery");
  await page.goBack();
  await page.waitForSelector(".tile:not([hidden])");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("something moves on the front page before any program is there, and becomes live when it is touched", async () => {
  const page = await stage.page();
  const programs = [];
  page.on("request", (request) => request.url().includes(".wasm") && programs.push(request.url()));
  const frame = () => page.locator(".film canvas").evaluate((canvas) => canvas.toDataURL());
  await page.waitForFunction(() => document.querySelector(".film canvas")?.width > 300);
  const first = await frame();
  await page.waitForTimeout(600);
  assert.notEqual(await frame(), first);
  assert.deepEqual(programs, []);
  await page.getByRole("button", { name: "Drag the ball yourself" }).click();
  await page.waitForSelector(".film.live orrery-panel[data-drawn]");
  assert.ok(programs.length >= 2);
  await page.getByRole("link", { name: "Open the whole experiment" }).click();
  await over(page);
  assert.equal(parameters(page).experiment, "trajectory");
  assert.equal(parameters(page).preset, "bent valley");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a slow run's story: an answer while it is under way, a film that is hurried, a step that shows the end", async () => {
  const page = await stage.page("?experiment=neural-collapse&step=2", { film: true, rest: false });
  const story = page.locator("orrery-story");
  await story.locator(".options button").first().click();
  await page.waitForTimeout(700);
  await page.getByRole("combobox", { name: "Speed" }).selectOption({ label: "as fast as possible" });
  await story.locator(".why").waitFor({ timeout: 40_000 });
  assert.doesNotMatch(await verdict(page), /not yet/);
  await page.goto(stage.base + "?experiment=neural-collapse&step=2");
  await page.waitForFunction(() => document.querySelector(".when")?.textContent.startsWith("epoch 0 "));
  await page.getByRole("button", { name: "Next" }).click();
  await page.waitForFunction(() => document.querySelector(".when")?.textContent.startsWith("epoch 0 ") === false, null, { timeout: 40_000 });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("170 cards are found and filtered as a few are", async () => {
  const context = await stage.browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.route(/index-?\w*\.json$/, async (route) => {
    const labs = await (await route.fetch()).json();
    const [one] = labs[1].experiments;
    labs[1].experiments = Array.from({ length: 170 }, (_, i) => ({ ...one, title: `Made-up question ${i}?` }));
    await route.fulfill({ json: labs });
  });
  await page.goto(stage.base);
  await page.waitForSelector(".tile");
  assert.ok((await page.locator(".tile").count()) > 190);
  await page.getByRole("searchbox", { name: "Search experiments" }).last().fill("made-up 169");
  assert.equal(await page.locator(".tile:visible").count(), 1);
  await context.close();
});

test("a lab tells what its field asks and leads to its experiments; one without a text is whole as well", async () => {
  const page = await stage.page();
  await page.locator(".labs h2 a", { hasText: "Transport" }).click();
  await page.waitForURL(/\?lab=transport$/);
  await page.waitForSelector(".text h2");
  await page.getByRole("button", { name: "Experiments" }).click();
  assert.equal(await page.locator(".tile").count(), await page.locator("nav section", { has: page.locator("h3", { hasText: "Transport" }) }).locator("li").count());
  await page.getByRole("button", { name: "Experiments" }).click();
  await page.locator(".text a[href*='sinkhorn-newton-sparse']").first().click();
  await over(page);
  assert.equal(parameters(page).experiment, "sinkhorn-newton-sparse");
  await page.getByRole("button", { name: "Experiments" }).click();
  await page.locator("nav h3 a", { hasText: "Trajectories" }).click();
  await page.waitForSelector(".lab .tile");
  assert.equal(await page.title(), "Trajectories · Orrery");
  await page.goto(stage.base + "?lab=no-such-thing");
  await page.waitForSelector(".tile");
  assert.deepEqual(await said(page), ["There is no lab 'no-such-thing'; here is what there is."]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the first run of a visit is a film, and tells what came out when it has been seen", async () => {
  const page = await stage.page("?experiment=diffgrad", { film: true, rest: false });
  await page.waitForSelector("orrery-panel[data-drawn]");
  const begin = Date.now();
  await page.waitForTimeout(1500);
  assert.match(await verdict(page), /not yet/);
  const [early, unit] = [await drawn(page), () => page.locator(".when").textContent().then((text) => Number(text.match(/\d+/)[0]))];
  const before = await unit();
  await page.waitForTimeout(1000);
  assert.ok((await unit()) > before);
  assert.notEqual(await drawn(page), early);
  await over(page);
  const seconds = (Date.now() - begin) / 1000;
  assert.ok(seconds > 5, `${seconds} s`);
  assert.match(await verdict(page), /holds/);
  // What is moved afterwards is shown at once.
  await slide(page, "learning_rate", [400]);
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("does not hold"), null, { timeout: 7000 });
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => /iteration [1-9]\d? of/.test(document.querySelector(".when").textContent));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a story sets the stage, asks, and the run answers", async () => {
  const page = await stage.page("?experiment=diffgrad&step=2", { film: true });
  assert.equal(await page.locator("orrery-story .count").textContent(), "2 of 6");
  assert.match(await verdict(page), /not yet/);
  // A word lights up what it names.
  const before = await drawn(page);
  await page.locator("orrery-story mark", { hasText: "Adam" }).first().hover();
  await page.waitForTimeout(200);
  assert.notEqual(await drawn(page), before);
  await page.mouse.move(2, 2);
  await page.waitForTimeout(200);
  assert.equal(await drawn(page), before);
  await page.locator("orrery-story .options button", { hasText: "both" }).click();
  await page.waitForTimeout(500);
  assert.equal(await page.locator("orrery-story .why").count(), 0, "the answer waits for the run");
  await page.waitForSelector("orrery-story .why", { timeout: 20_000 });
  assert.match(await page.locator("orrery-story .why").textContent(), /^This run says: only diffGrad\./);
  assert.match(await verdict(page), /holds/);
  await page.locator("orrery-story .options button", { hasText: "only diffGrad" }).click();
  await page.waitForFunction(() => document.querySelector("orrery-story .why")?.textContent.startsWith("Right."), null, { timeout: 20_000 });
  await page.getByRole("button", { name: "Next" }).click();
  await page.waitForURL(/step=3/);
  assert.equal(await page.locator("orrery-story .count").textContent(), "3 of 6");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("orrery-story .count")?.textContent === "2 of 6");
  await page.goForward();
  await page.reload();
  await page.waitForFunction(() => document.querySelector("orrery-story .count")?.textContent === "3 of 6");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a path leads from stop to stop, and its answers are shown to those who ask", async () => {
  const page = await stage.page("?path=optimizers");
  await page.waitForSelector(".path-text h2");
  assert.equal(await page.locator(".path-text .answer:visible").count(), 0);
  await page.getByLabel("Show answers").check();
  assert.ok((await page.locator(".path-text .answer:visible").count()) >= 5);
  assert.equal(await page.locator(".path-text .note:visible").count(), 0);
  await page.locator(".path-text h2 a").first().click();
  await over(page);
  assert.equal(parameters(page).experiment, "diffgrad");
  assert.match(await page.locator(".way").textContent(), /stop 1 of \d/);
  await page.waitForSelector("aside .stop .asked");
  assert.equal(await page.locator("aside .stop .answer").isVisible(), false);
  await page.locator("button.break-it").click();
  await page.waitForURL(/break-it/);
  await page.reload();
  await over(page);
  await page.getByRole("link", { name: "Next stop" }).click();
  await page.waitForFunction(() => document.querySelector(".way")?.textContent.includes("stop 2 of"));
  assert.equal(parameters(page).experiment, "trajectory");
  await page.locator(".way a").first().click();
  await page.waitForSelector(".path-text h2");
  await page.goto(stage.base + "?path=none");
  await page.waitForSelector(".tile");
  assert.deepEqual(await said(page), ["There is no path 'none'; here is what there is."]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("keys play, step, choose, walk the story and present", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await page.locator("h1").click();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => !document.querySelector(".when")?.textContent.startsWith("iteration 300 "));
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector(".when")?.textContent.startsWith("iteration 300 "));
  await page.keyboard.press("2");
  await page.waitForURL(/preset=break-it/);
  await page.keyboard.press("1");
  await page.waitForFunction(() => !location.search.includes("preset"));
  await page.keyboard.press("n");
  await page.waitForFunction(() => document.querySelector("orrery-story .count")?.textContent.startsWith("1 of"));
  await page.keyboard.press("f");
  await page.waitForSelector("body.presenting");
  assert.equal(await page.locator(".strip").isVisible(), false);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector("orrery-story .count")?.textContent.startsWith("2 of"));
  await page.keyboard.press("Escape");
  await page.waitForSelector("body:not(.presenting)");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog .keys");
  await page.keyboard.press("Escape");
  const start = await value(page, "start");
  await page.locator("orrery-panel[data-id=function] canvas").focus();
  await page.keyboard.press("Shift+ArrowRight");
  await page.waitForFunction((start) => document.querySelector("[data-name=start] input[type=text]").value !== start, start);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("no page is wider than a telephone", async () => {
  const page = await stage.page("", { context: { viewport: { width: 360, height: 740 } } });
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  await page.waitForSelector(".tile");
  assert.equal(await wide(), 360);
  const links = await page.locator(".tile, .labs h2 a").evaluateAll((links) => [...new Set(links.map((link) => link.getAttribute("href")))]);
  assert.ok(links.length >= 20, `${links}`);
  for (const link of links) {
    await page.goto(stage.base + link);
    await page.waitForSelector(".text h2, .lab .tile");
    assert.equal(await wide(), 360, link);
  }
  await page.context().close();
});

test("controls of what is shown leave a run as it is; start again starts again; a pause holds", async () => {
  const page = await stage.page("?experiment=landscape");
  const when = () => page.locator(".when").textContent().then((text) => Number(text.match(/\d[\d,]*/)[0].replaceAll(",", "")));
  const whole = await when();
  const before = await drawn(page, 4);
  await page.locator("details.more summary").first().click();
  await page.locator('[data-name="probe_a"] input[type=text]').fill("0.8");
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => document.querySelectorAll("orrery-panel canvas")[4].toDataURL() !== before, before);
  await over(page);
  assert.equal(await when(), whole);
  // A fresh run says its first steps again.
  const least = page.evaluate(() => new Promise((resolve) => {
    let least = Infinity;
    const end = setTimeout(() => resolve(least), 1500);
    const look = () => {
      least = Math.min(least, Number(document.querySelector(".when").textContent.match(/\d[\d,]*/)[0].replaceAll(",", "")));
      if (least < 60) clearTimeout(end), resolve(least);
      else requestAnimationFrame(look);
    };
    look();
  }));
  await page.getByRole("button", { name: "Start again" }).click();
  assert.ok((await least) < 60, `it never was before step ${await least}`);
  await page.locator('[data-name="reach"] input[type=text]').fill("2");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(400);
  const paused = await when();
  await page.waitForTimeout(500);
  assert.equal(await when(), paused);
  await page.getByRole("button", { name: "Play" }).click();
  await over(page);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an experiment runs, shows all its pictures and says that its claim holds", async () => {
  const page = await stage.page("?experiment=diffgrad");
  assert.match(await verdict(page), /holds in this run/);
  for (let index = 0; index < 5; index++) assert.ok((await inked(page, index)) > 0.01, `picture ${index} is empty`);
  assert.match(await page.locator("canvas").first().getAttribute("aria-label"), /^The balls: .{20,}/);
  assert.ok((await page.locator(".text math").count()) > 3);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the other seeds fill in, and each can be looked at", async () => {
  const page = await stage.page("?experiment=opposing-signals");
  await page.waitForFunction(() => document.querySelector(".all")?.textContent.startsWith("over all 3 seeds"));
  assert.equal(await page.locator(".dot.yes").count(), 3);
  await page.locator("button.dot").nth(2).click();
  await page.waitForURL(/seed=2/);
  await over(page);
  assert.match(await verdict(page), /holds/);
  await page.context().close();
});

test("a slider runs again while it moves, and the URL, back, forward and reload follow", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const [before, length] = [await drawn(page, 1), await page.evaluate(() => history.length)];
  await slide(page, "learning_rate", [600, 500, 450, 400]);
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("does not hold"));
  await over(page);
  const moved = await value(page, "learning_rate");
  assert.equal(parameters(page).learning_rate, moved);
  assert.equal(await page.evaluate(() => history.length), length + 1, "one drag is one step of the history");
  assert.notEqual(await drawn(page, 1), before);
  await page.goBack();
  await over(page);
  assert.equal(await value(page, "learning_rate"), "0.1");
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("✓"));
  assert.equal(await drawn(page, 1), before);
  await page.goForward();
  await page.reload();
  await over(page);
  assert.equal(await value(page, "learning_rate"), moved);
  assert.match(await verdict(page), /does not hold/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("break it breaks it", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await page.locator("button.break-it").click();
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("gone, as expected"));
  assert.equal(parameters(page).preset, "break-it");
  assert.equal(await value(page, "learning_rate"), "0.05");
  await page.context().close();
});

test("the time line goes back, plays, steps, and starts again", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const end = await drawn(page);
  const when = () => page.locator(".when").textContent();
  assert.equal(await when(), "iteration 300 of 300");
  const line = page.getByRole("slider", { name: "Time line" });
  await line.evaluate((input) => {
    input.value = 20;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.waitForTimeout(200);
  assert.notEqual(await drawn(page), end);
  const early = Number((await when()).match(/\d+/)[0]);
  assert.ok(early <= 20 && early > 5, `${early}`);
  await page.getByRole("button", { name: "One step" }).click();
  await page.waitForFunction((early) => Number(document.querySelector(".when").textContent.match(/\d+/)[0]) > early, early);
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelector(".when").textContent === "iteration 300 of 300");
  await page.waitForTimeout(200);
  assert.equal(await drawn(page), end, "played back to the same end");
  await page.getByRole("combobox", { name: "Speed" }).selectOption({ label: "slow motion" });
  await page.getByRole("button", { name: "Start again" }).click();
  await page.waitForFunction(() => /iteration [1-9] of 300/.test(document.querySelector(".when").textContent));
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(300);
  const paused = await when();
  await page.waitForTimeout(500);
  assert.equal(await when(), paused);
  await page.getByRole("button", { name: "One step" }).click();
  await page.waitForFunction((paused) => document.querySelector(".when").textContent !== paused, paused);
  await page.context().close();
});

test("a handle is dragged on the picture", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const box = await page.locator("canvas").first().boundingBox();
  const handle = await page.locator("orrery-panel").first().evaluate((panel) => panel.picture.handle());
  await page.mouse.move(box.x + handle.x, box.y + handle.y);
  await page.mouse.down();
  await page.mouse.move(box.x + handle.x + 60, box.y + handle.y, { steps: 4 });
  await page.mouse.up();
  // Where a handle leads to is the worker's to say: the last word comes after the pointer has gone up.
  await page.waitForFunction(() => {
    const start = new URL(location).searchParams.get("start");
    return Number(start) > -0.95 && document.querySelector("[data-name=start] input[type=text]").value === start;
  });
  const start = Number(await value(page, "start"));
  assert.ok(start < -0.5, `${start}`);
  await page.context().close();
});

test("pictures are read out, zoomed, moved and reset, with the mouse and with the keyboard alone", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const canvas = page.locator("canvas").nth(1);
  await canvas.scrollIntoViewIfNeeded();
  const whole = await drawn(page, 1);
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForSelector(".read-out:not([hidden])");
  assert.match(await page.locator(".read-out:not([hidden])").textContent(), /\d/);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(0, -300);
  await page.waitForTimeout(100);
  const zoomed = await drawn(page, 1);
  assert.notEqual(zoomed, whole);
  await page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.move(0, 0);
  await page.waitForTimeout(100);
  assert.equal(await drawn(page, 1), whole);
  await canvas.focus();
  for (const key of ["+", "ArrowLeft"]) {
    const earlier = await drawn(page, 1);
    await page.keyboard.press(key);
    await page.waitForTimeout(100);
    assert.notEqual(await drawn(page, 1), earlier, key);
  }
  await page.keyboard.press("0");
  await page.waitForTimeout(100);
  assert.equal(await drawn(page, 1), whole);
  await page.context().close();
});

test("everything can be reached and moved with the keyboard alone", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await page.locator("details.more summary").first().press("Enter");
  await page.evaluate(() => document.activeElement.blur());
  const reached = new Set();
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => {
      const it = document.activeElement;
      return it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent.slice(0, 40);
    }));
  }
  for (const name of ["Compare", "Share", "Break it", "Play", "Time line", "learning rate", "Seed", "Speed", "Experiments", "Begin"]) {
    assert.ok([...reached].some((text) => text.startsWith(name)), `${name} is out of reach: ${[...reached].join(" | ")}`);
  }
  await page.locator('[data-name="learning_rate"] input[type=range]').focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL(/learning_rate=0\.09/);
  await page.context().close();
});

test("views are enlarged, lifted into three dimensions and saved", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const map = page.locator("orrery-panel[data-id=map]");
  // A small picture goes on the stage when it is pressed.
  await map.locator("canvas").click();
  await page.waitForURL(/view=map/);
  await map.getByRole("button", { name: "Show in three dimensions" }).click();
  await page.waitForURL(/3d=map/);
  assert.equal(await map.evaluate((panel) => panel.picture.kind()), "surface");
  await page.waitForURL(/view=map/);
  const staged = page.locator(".views orrery-panel");
  assert.equal(await staged.count(), 1);
  await page.reload();
  await over(page);
  assert.equal(await staged.count(), 1);
  assert.equal(await map.evaluate((panel) => panel.picture.kind()), "surface");
  for (const [name, file, begin] of [["SVG", "svg", "<svg"], ["PNG", "png", "\x89PNG"], ["CSV (the data)", "csv", "start x"]]) {
    await map.locator("summary").click();
    const [saved] = await Promise.all([page.waitForEvent("download"), map.getByRole("button", { name }).click()]);
    assert.equal(saved.suggestedFilename(), `diffgrad-map.${file}`);
    const chunks = [];
    for await (const chunk of await saved.createReadStream()) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).toString("latin1").startsWith(begin.slice(0, 4)), `${name}: ${Buffer.concat(chunks).subarray(0, 20)}`);
  }
  await page.getByRole("button", { name: "Show all views" }).click();
  assert.equal(await staged.count(), 2);
  assert.equal(await page.locator(".strip orrery-panel").count(), 3);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("two runs are compared with linked axes and time lines, and the URL says both", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.waitForURL(/b\.preset=break-it/);
  // What differs is shown twice, what is alike once: it moves both, until it is parted.
  assert.equal(await page.locator('[data-name="learning_rate"] input[type=text]:visible').count(), 2);
  assert.equal(await page.locator('[data-name="sharpness"] input[type=text]:visible').count(), 1);
  await page.locator('[data-name="sharpness"] input[type=text]').first().fill("2");
  await page.keyboard.press("Enter");
  await page.waitForURL(/[?&]sharpness=2.*b\.sharpness=2/);
  await page.locator('[data-name="sharpness"]').getByRole("button", { name: "A ≠ B" }).click();
  assert.equal(await page.locator('[data-name="sharpness"] input[type=text]:visible').count(), 2);
  for (const side of [0, 1]) {
    await page.locator('[data-name="sharpness"] input[type=text]').nth(side).fill("1");
    await page.keyboard.press("Enter");
  }
  await page.locator('[data-name="learning_rate"] input[type=text]').nth(1).fill("0.02");
  await page.keyboard.press("Enter");
  await page.waitForURL(/b\.learning_rate=0\.02/);
  await over(page);
  assert.equal(await page.locator("orrery-panel").count(), 10);
  const windows = () => page.locator("orrery-panel[data-id=paths]").evaluateAll((panels) => panels.map((panel) => panel.shared?.join()));
  await page.locator(".strip orrery-panel[data-id=paths] canvas").first().click();
  const [a, b] = await windows();
  assert.ok(a && a === b);
  const places = () => page.locator("orrery-panel[data-id=paths]").evaluateAll((panels) => panels.map((panel) => panel.picture.seen()?.join()));
  await page.locator("orrery-panel[data-id=paths] canvas").first().focus();
  await page.keyboard.press("+");
  await page.waitForTimeout(100);
  const [one, two] = await places();
  assert.ok(one !== a && one === two, `zoomed together: ${one} and ${two}`);
  await page.reload();
  await over(page);
  assert.match(await page.locator(".verdict").nth(0).textContent(), /✓ holds/);
  assert.match(await page.locator(".verdict").nth(1).textContent(), /does not hold/);
  await page.getByRole("button", { name: "Compare" }).click();
  assert.equal(await page.locator("orrery-panel").count(), 5);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what is shared brings back the same state", async () => {
  const page = await stage.page("?experiment=diffgrad&learning_rate=0.2&seed=3&view=paths");
  await page.getByRole("button", { name: "Share" }).click();
  const texts = () => page.locator("dialog .snippet").evaluateAll((all) => Object.fromEntries(all.map((one) => [one.querySelector("label").textContent, one.querySelector("textarea").value])));
  const told = await texts();
  assert.match(told["Web page or learning platform: frame"], /^<iframe src="http[^"]+embed\.html\?experiment=diffgrad&amp;learning_rate=0\.2&amp;seed=3&amp;view=paths/);
  assert.match(told["Web page: element"], /<orrery-experiment name="diffgrad" [^>]*learning_rate="0.2"/);
  assert.match(told["Slide for reveal.js"], /<aside class="notes">\s+Ask: .+\? Then: /);
  assert.match(told.Notebook, /IFrame\("http/);
  assert.equal(told["Reproduce this"], "orrery run diffgrad --set learning_rate=0.2 --seeds 3");
  assert.match(told["Cite the paper"], /eprint = \{1909\.11015\}/);
  assert.ok(told["Cite this run"].includes(told.Link));
  await page.waitForFunction(() => [...document.querySelectorAll("dialog textarea")].some((area) => /version [0-9a-f]{16}\}/.test(area.value)));
  // The preview is the embed that the texts make, and follows what is chosen.
  const preview = page.frameLocator("dialog iframe");
  await preview.locator("html[data-run=over]").waitFor();
  assert.equal(await preview.locator("orrery-player").count(), 1);
  await page.getByLabel("player").uncheck();
  assert.match((await texts())["Web page: element"], /ui="sentence,controls,claim,link"/);
  await preview.locator("orrery-player").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.goto(told.Link);
  await over(page);
  assert.equal(await value(page, "learning_rate"), "0.2");
  await page.locator("details.more summary").first().click();
  assert.equal(await page.getByRole("textbox", { name: "Seed" }).inputValue(), "3");
  assert.equal(await page.locator(".views orrery-panel").getAttribute("data-id"), "paths");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("links in the text set controls", async () => {
  const page = await stage.page("?experiment=diffgrad&seed=2");
  await page.locator(".text a[href*='start=-0.8']").first().click();
  await page.waitForURL(/start=-0\.8.*at=0/);
  assert.equal(parameters(page).seed, "2");
  // The run waits at its start: what comes out is told when it has been played.
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("not yet"));
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("does not hold"), null, { timeout: 20_000 });
  await page.context().close();
});

test("what cannot be understood in a URL is said, and the rest works", async () => {
  const page = await stage.page("?experiment=diffgrad&seed=abc&learning_rate=7&momentum=NaN&nonsense=1&view=nowhere&preset=none&start=-0.5&b.start=x");
  const sentences = await said(page);
  // At most four sentences are shown at a time; what is ours comes first, and nothing is left out in silence.
  assert.deepEqual(sentences.map((sentence) => sentence.match(/^(control )?\w+/)[0]), ["preset", "seed", "control learning_rate", "And"]);
  assert.equal(sentences[3], "And 4 more like these.");
  assert.equal(await value(page, "start"), "-0.5");
  assert.equal(await value(page, "learning_rate"), "0.1");
  for (const [query, expected] of [
    ["seed=abc", /^seed: 'abc' is not a whole number from 0 on; it stays at 0\.$/],
    ["learning_rate=7", /^control learning_rate: '7' is outside 0\.005 to 0\.5; it stays at 0\.1\.$/],
    ["momentum=NaN", /^control momentum: 'NaN' is not a finite number; it stays at 0\.95\.$/],
    ["nonsense=1", /^control nonsense: there is none of that name; there are function, /],
    ["utm_source=a&fbclid=b", /^controls utm_source, fbclid: there are none of those names; there are function, /],
    ["valueOf=2&__proto__=1", /^controls valueOf, __proto__: there are none of those names; there are function, /],
    ["seed=1&seed=2", /^seed: written more than once; the last one counts\.$/],
    ["learning_rate=%E2%80%AE7", /^control learning_rate: '·7' is not a finite number; it stays at 0\.1\.$/],
    ["view=nowhere", /^view: diffgrad has no view 'nowhere'; it has function, /],
    ["preset=none", /^preset: diffgrad has no preset 'none'; it has default, /],
  ]) {
    await page.goto(`${stage.base}?experiment=diffgrad&${query}`);
    await over(page);
    const [sentence, ...more] = await said(page);
    assert.match(sentence ?? "", expected);
    assert.deepEqual(more, []);
    assert.match(await verdict(page), /holds/);
  }
  assert.deepEqual(page.complaints, []);
  await page.goto(`${stage.base}?experiment=no-such-thing`);
  await page.waitForSelector(".tile");
  assert.deepEqual(await said(page), ["There is no experiment 'no-such-thing'; here is what there is."]);
  // The browser remarks that its card is not there.
  assert.ok(page.complaints.every((complaint) => complaint.includes("404")), page.complaints.join("\n"));
  await page.context().close();
});

test("what cannot be understood in an input is said beside it, and the last good run stays", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const before = await drawn(page);
  const input = page.locator('[data-name="learning_rate"] input[type=text]');
  for (const text of ["", "fast", "1e999", "-1", "0.1.2", "<script>alert(1)</script>"]) {
    await input.fill(text);
    await input.press("Enter");
    assert.match(await page.locator(".refusal:visible").textContent(), /^control learning_rate: /);
    assert.equal(await input.getAttribute("aria-invalid"), "true");
    assert.equal(await drawn(page), before);
    assert.equal(parameters(page).learning_rate, undefined);
  }
  await input.fill("0.2");
  await input.press("Enter");
  await page.waitForURL(/learning_rate=0\.2/);
  assert.equal(await page.locator(".refusal:visible").count(), 0);
  await page.context().close();
});

test("a worker that breaks down is replaced, once, and the page says so", async () => {
  const page = await stage.page("?experiment=diffgrad");
  const fell = () => page.workers()[0].evaluate(() => void setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); }));
  await fell();
  await page.waitForFunction(() => document.querySelector("orrery-notices")?.textContent.includes("started again"));
  assert.deepEqual(await said(page), ["The computation broke down; it was started again with the same settings."]);
  await page.waitForTimeout(500);
  await over(page);
  await slide(page, "learning_rate", [400]);
  await page.waitForFunction(() => document.querySelector(".verdict").textContent.includes("does not hold"));
  assert.equal(page.workers().length, 1);
  await fell();
  await page.waitForTimeout(300);
  await fell();
  await page.waitForFunction(() => document.querySelector("orrery-notices")?.textContent.includes("twice"));
  await page.context().close();
});

test("it works without a network after the first visit", async () => {
  const page = await stage.page("?experiment=diffgrad");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(async () => (await (await caches.open("orrery shell")).keys()).length > 15);
  await page.waitForTimeout(500);
  await page.context().setOffline(true);
  await page.reload();
  await over(page);
  assert.match(await verdict(page), /holds/);
  await page.goto(stage.base + "?experiment=diffgrad&preset=break-it");
  await over(page);
  assert.match(await verdict(page), /gone, as expected/);
  await page.context().close();
});

test("with little motion asked for, a run is shown when it is over", async () => {
  const page = await stage.page("?experiment=opposing-signals", { context: { reducedMotion: "reduce" } });
  assert.match(await verdict(page), /holds/);
  const drawings = Number(await page.locator("orrery-panel").first().getAttribute("data-drawn"));
  assert.ok(drawings <= 8, `${drawings} drawings`);
  await page.context().close();
});

for (const [width, theme] of [[1440, "light"], [1440, "dark"], [360, "light"], [360, "dark"]]) {
  test(`at ${width} px, ${theme}, nothing is wider than the page`, async () => {
    const page = await stage.page("?experiment=opposing-signals", { context: { viewport: { width, height: 800 }, colorScheme: theme } });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide`);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(background, theme === "dark" ? "rgb(21, 23, 28)" : "rgb(255, 255, 255)");
    await page.getByRole("button", { name: "Light or dark" }).click();
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), background);
    await page.context().close();
  });
}
