// The front page's film: ways down a valley, drawn by the page itself before any program is there. Touched, it becomes the live experiment.

import { calm, h } from "./dom.js";
import { dark, onTheme } from "./theme.js";

/** Milliseconds that the ways take, and that their ends stay. */
const RUN = 7000;
const REST = 2500;

/** The film; `live(place, {experiment, preset})` puts the experiment into its place when it is touched. */
export function film(live) {
  const canvas = h("canvas", { width: 760, height: 460, "aria-hidden": "true" });
  const under = (name, theme) => h("img", { class: `for-${theme}`, src: `./${name}.svg`, alt: "", width: 760, height: 460 });
  const touch = h("button", { type: "button", class: "touch" }, "Drag the ball yourself");
  const place = h("div", { class: "film", role: "img", "aria-label": "Optimizers on their way down a bent valley" }, under("film", "light"), under("film-dark", "dark"), canvas);
  const whole = h("div", { class: "film-and-touch" }, place, touch);
  play(canvas).then((told) => {
    const begin = () => {
      place.removeEventListener("pointerdown", begin);
      touch.remove();
      live(place, told);
    };
    place.addEventListener("pointerdown", begin);
    touch.addEventListener("click", begin);
  }, () => whole.classList.add("still"));
  return whole;
}

/** Plays for as long as the canvas is on the page and in sight. */
async function play(canvas) {
  const answer = await fetch(new URL("./film.json", import.meta.url));
  if (!answer.ok) throw new Error(answer.statusText);
  const told = await answer.json();
  if (!told) throw new Error("there is none");
  const pen = canvas.getContext("2d");
  let began = performance.now();
  let seen = true;
  const draw = (share) => {
    const scale = (canvas.width = canvas.clientWidth * (devicePixelRatio || 1)) / told.size[0];
    canvas.height = told.size[1] * scale;
    pen.scale(scale, scale);
    for (const way of told.ways) trail(pen, way.points, share, dark() ? way.dark : way.light);
    legend(pen, told.ways);
  };
  const turn = (now) => {
    if (!canvas.isConnected) return;
    draw(Math.min(1, ((now - began) % (RUN + REST)) / RUN));
    if (seen) requestAnimationFrame(turn);
  };
  if (calm()) {
    draw(1);
    onTheme(() => canvas.isConnected && draw(1));
    return told;
  }
  new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting && !seen) requestAnimationFrame(turn);
    seen = entry.isIntersecting;
  }).observe(canvas);
  requestAnimationFrame((now) => (began = now, turn(now)));
  return told;
}

/** A way as far as it has gone: what is long past is thin, and the walker is a ball. */
function trail(pen, points, share, colour) {
  const last = Math.max(0, Math.min(points.length / 2 - 1, Math.floor((share * points.length) / 2)));
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineJoin = "round";
  for (const [from, width, alpha] of [[0, 1.5, 0.55], [Math.max(0, last - 25), 3.5, 1]]) {
    pen.globalAlpha = alpha;
    pen.lineWidth = width;
    pen.beginPath();
    for (let i = from; i <= last; i++) pen.lineTo(points[2 * i], points[2 * i + 1]);
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.beginPath();
  pen.arc(points[2 * last], points[2 * last + 1], 8, 0, 7);
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = "#fff";
  pen.stroke();
}

function legend(pen, ways) {
  pen.font = "600 13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  ways.forEach(({ name: whole, light, dark: night }, row) => {
    const [name] = whole.split(" (");
    const y = 52 + 20 * row;
    pen.fillStyle = "rgb(0 0 0 / 0.55)";
    pen.fillRect(62, y - 10, pen.measureText(name).width + 28, 20);
    pen.fillStyle = dark() ? night : light;
    pen.beginPath();
    pen.arc(73, y, 5, 0, 7);
    pen.fill();
    pen.fillStyle = "#fff";
    pen.fillText(name, 84, y);
  });
}
