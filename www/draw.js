// Drawing, spread over display frames so that the page never stands still.

/** Milliseconds of drawing in one display frame, after which the rest waits for the next. */
const BUDGET = 10;

const due = new Set();
let waiting = [];
let asked = false;

/** Asks for `panel.draw()` in the next display frame, once however often it is asked. */
export function soon(panel) {
  due.add(panel);
  ask();
}

/** Resolves when everything that has been asked for is drawn. */
export function settled() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    ask();
  });
}

function ask() {
  if (asked) return;
  asked = true;
  // A hidden page has no display frames, but a run may go on in it.
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

function draw() {
  asked = false;
  const end = performance.now() + BUDGET;
  for (const panel of due) {
    due.delete(panel);
    panel.draw();
    if (performance.now() > end) break;
  }
  if (due.size > 0) return ask();
  const told = waiting;
  waiting = [];
  for (const tell of told) tell();
}
