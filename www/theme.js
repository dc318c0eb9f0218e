// Light or dark: what the system says, until the reader says otherwise.

const KEY = "orrery theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** Is the page dark now? */
export function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

/** Calls `listener` whenever the theme changes, until what is given back is called. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The other theme, remembered. */
export function toggle() {
  choose(dark() ? "light" : "dark", { keep: true });
}

/** Shows `theme`, "light" or "dark", and keeps it for the next visit if asked to. */
export function choose(theme, { keep = false } = {}) {
  document.documentElement.dataset.theme = theme;
  if (keep) remember(theme);
  for (const listener of listeners) listener();
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden, in an iframe for one; then the choice lasts as long as the page.
  }
}

try {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // See above.
}
system.addEventListener("change", () => listeners.forEach((listener) => listener()));
