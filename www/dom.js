// Elements and icons in one call each.

/** An element: `h("button", { class: "quiet", onclick: f }, "text", child, …)`; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Makes `place` hold these children in this order; one that is in its place is not moved and keeps the focus. */
export function put(place, children) {
  for (const child of [...place.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, index) => place.children[index] !== child && place.insertBefore(child, place.children[index] ?? null));
}

/** A sentence whose "λ_H" is set with a subscript: what an experiment's declaration can write in plain text. */
export function typeset(text) {
  return text.split(/(?<=\p{L}~?)_([\p{L}\d]+)/u).map((part, index) => (index % 2 ? h("sub", {}, part) : part));
}

const SHAPES = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 2.5v11l7-5.5zM11 3h2v10h-2z",
  restart: "M8 3a5 5 0 1 1-4.6 3l1.4.6A3.5 3.5 0 1 0 8 4.5V7L4.2 3.8 8 .6z",
  expand: "M2 2h5v1.5H3.5V7H2zM14 14H9v-1.5h3.5V9H14z",
  shrink: "M7 7H2V5.5h3.5V2H7zM9 9h5v1.5h-3.5V14H9z",
  reset: "M7 2a5 5 0 1 0 3 9l3 3 1-1-3-3A5 5 0 0 0 7 2zm0 1.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM4.5 6.300h5v1.400h-5z",
  solid: "M8 1l6 3.300v7.400L8 15l-6-3.300V4.300zm0 1.700L4.4 4.7 8 6.700l3.6-2zM3.4 5.900v5l3.9 2.100V8zm9.2 0L8.7 8v5l3.9-2.100z",
  save: "M7.250 1.5h1.5v6.300l2.2-2.2 1.1 1.100L8 10.8 3.950 6.700l1.1-1.1 2.2 2.200zM2 12.5h12V14H2z",
  close: "M4 2.900L8 6.900l4-4L13.1 4l-4 4 4 4-1.1 1.1-4-4-4 4L2.9 12l4-4-4-4z",
  light: "M8 4.500a3.5 3.5 0 1 1 0 7zM8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm0 1.5v10A5 5 0 0 1 8 3z",
  more: "M2 6.5h3v3H2zM6.5 6.500h3v3h-3zM11 6.500h3v3h-3z",
  menu: "M2 3.5h12V5H2zM2 7.250h12v1.5H2zM2 11h12v1.5H2z",
};

/** A 16-pixel icon that says nothing to those who cannot see it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  for (const [key, value] of [["viewBox", "0 0 16 16"], ["width", "16"], ["height", "16"], ["aria-hidden", "true"]]) {
    svg.setAttribute(key, value);
  }
  svg.append(path);
  return svg;
}

/** A button that is an icon, with its name for those who cannot see it and under the pointer. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/** Hands `blob` to the reader as a file. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Does the reader ask for little motion? */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A number for reading, as the sentences of experiments have it: three significant digits, a true minus, "3×10⁻⁷". */
export function readable(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const [digits, power] = value.toExponential(2).split("e");
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    const raised = [...String(Number(power))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
    return `${Number(digits)}×10${raised}`.replace("-", "−");
  }
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 }).replace("-", "−");
}
