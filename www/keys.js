// The explorer's keys, for hands that are on nothing that has keys of its own.

import { h, iconButton } from "./dom.js";

/** Where keys have a meaning of their own. */
const USING = "input, select, textarea, button, canvas, summary, a, mark, [contenteditable], dialog";

const KEYS = [
  ["space", "play or pause"], ["← →", "one step back or on; the story's steps while presenting"], ["R", "start again"],
  ["1 – 9", "the presets, in their order"], ["N, P", "next and previous step of the story"], ["F", "present: stage, player and story, large"], ["B", "blank the screen while presenting"], ["?", "these keys"],
  ["on a picture", "arrows move or turn it, + and − zoom, 0 shows all, shift and arrows move its handle"],
];

/** Listens; `bench()` is what is on the bench, or null; `present()` begins or ends presenting and says whether it is on. */
export function listen(bench, present, presenting) {
  addEventListener("keydown", (event) => {
    const on = bench();
    if (!on || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && presenting()) return present(false);
    if (event.target.closest?.(USING)) return;
    const act = action(on, event.key, presenting(), present);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function action(bench, key, presenting, present) {
  const { player, story } = bench;
  const told = (by) => story.at + by >= 1 && story.at + by <= story.count && (() => bench.toStep(story.at + by));
  if (/^[1-9]$/.test(key)) return bench.card.presets[key - 1] && (() => bench.choose(bench.card.presets[key - 1].name));
  switch (key.toLowerCase()) {
    case " ": return () => player.toggle();
    case "arrowright": return presenting ? told(1) : () => player.walk(1);
    case "arrowleft": return presenting ? told(-1) : () => player.walk(-1);
    case "pagedown": return presenting && told(1);
    case "pageup": return presenting && told(-1);
    case "r": return () => player.again();
    case "n": return told(1);
    case "p": return told(-1);
    case "f": return () => present(!presenting);
    case "b": return presenting && (() => document.body.classList.toggle("blank"));
    case "?": return help;
  }
}

function help() {
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("header", {}, h("h2", { id: "keys-title" }, "Keys"), iconButton("close", "Close", () => dialog.close())),
    h("dl", { class: "keys" }, KEYS.flatMap(([key, words]) => [h("dt", {}, key), h("dd", {}, words)])));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
