// Everything that can be seen is in the URL's query, and only there.
//
//   ?experiment=SLUG            which one
//   &preset=NAME                named settings; `default` is not written
//   &NAME=VALUE …               controls that differ from the preset's
//   &seed=N                     0 is not written
//   &view=ID                    the view that has the stage for itself
//   &at=N | end                 the unit of the run that is on show
//   &step=N                     a step of the story, with all its settings
//   &3d=ID,ID                   heat maps shown as surfaces
//   &compare=1&b.NAME=VALUE …   a second run beside the first: b.preset, b.seed and its controls

const OWN = new Set(["experiment", "preset", "seed", "view", "3d", "compare", "at", "step"]);
const LARGEST_SEED = 2 ** 53 - 1;

/** One side of a comparison: {preset, values: {control: text}, seed}. */
export function sideOf(card, preset = "default") {
  const values = Object.fromEntries(card.controls.map((control) => [control.name, control.default]));
  const set = card.presets.find(({ name }) => name === preset)?.set ?? {};
  // A name out of a URL finds what is written here and nothing that every object has.
  return { preset, values: { __proto__: null, ...values, ...set }, seed: 0 };
}

/** The controls of a side that are not at their defaults, as [name, text, name, text, …]. */
export function pairs(card, side) {
  return card.controls.filter(({ name, default: text }) => side.values[name] !== text).flatMap(({ name }) => [name, side.values[name]]);
}

/**
 * The state that a query describes, as far as it can be understood, and a sentence for everything that cannot.
 *
 * @param check `(name, text) -> text` as the control writes it; throws a sentence.
 * @param ignored names that belong to somebody else.
 */
export function read(query, card, check, ignored = []) {
  const complaints = [];
  const given = [...new URLSearchParams(query)].filter(([name]) => !ignored.includes(name));
  // A step's settings lie under what else is written.
  const number = given.findLast(([name]) => name === "step")?.[1] ?? null;
  const step = number === null ? null : card.story[Number(number) - 1];
  if (step === undefined) complaints.push(`step: the story of ${card.slug} has ${card.story.length} steps, and no step '${shorten(number)}'.`);
  const under = step ? [...new URLSearchParams(step.state)].filter(([name]) => given.every(([other]) => other !== name)) : [];
  const parameters = [...under, ...given];
  const of = (prefix) => new Map(parameters.filter(([name]) => name.startsWith(prefix)).map(([name, text]) => [name.slice(prefix.length), text]));
  const plain = new Map(parameters.filter(([name]) => !name.startsWith("b.")));
  const state = { a: side(plain, ""), b: null, view: null, lifted: new Set(), at: null, step: step ? Number(number) : null };
  const b = of("b.");
  if (plain.has("compare") || b.size > 0) state.b = side(b, "b.");

  const known = (id) => card.views.some((view) => view.id === id);
  const ids = card.views.map((view) => view.id).join(", ");
  const wrong = (name, id) => complaints.push(`${name}: ${card.slug} has no view '${shorten(id)}'; it has ${ids}.`);
  if (plain.has("view")) known(plain.get("view")) ? (state.view = plain.get("view")) : wrong("view", plain.get("view"));
  for (const id of (plain.get("3d") ?? "").split(",").filter(Boolean)) known(id) ? state.lifted.add(id) : wrong("3d", id);
  if (plain.has("at")) {
    const at = plain.get("at");
    if (at === "end") state.at = at;
    else if (/^\d{1,9}$/.test(at)) state.at = Number(at);
    else complaints.push(`at: '${shorten(at)}' is neither a whole number nor 'end'; the run goes to its end.`);
  }
  const names = parameters.map(([name]) => name);
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    complaints.push(`${shorten(name)}: written more than once; the last one counts.`);
  }
  // What is none of ours comes last: others add to addresses what they like.
  const ours = (name) => OWN.has(name) || card.controls.some((control) => control.name === name);
  const strangers = [...new Set(names.map((name) => name.replace(/^b\./, "")).filter((name) => !ours(name)))].map((name) => shorten(name));
  if (strangers.length > 0) {
    const none = strangers.length === 1 ? "control % there is none of that name" : "controls % there are none of those names";
    complaints.push(`${none.replace("%", () => strangers.join(", ") + ":")}; there are ${card.controls.map(({ name }) => name).join(", ")}.`);
  }
  return { state, complaints };

  function side(given, prefix) {
    let preset = given.get("preset") ?? "default";
    if (!card.presets.some(({ name }) => name === preset)) {
      const names = card.presets.map(({ name }) => name).join(", ");
      complaints.push(`${prefix}preset: ${card.slug} has no preset '${shorten(preset)}'; it has ${names}.`);
      preset = "default";
    }
    const side = sideOf(card, preset);
    if (given.has("seed")) {
      const seed = readSeed(given.get("seed"));
      if (seed === null) complaints.push(`${prefix}seed: '${shorten(given.get("seed"))}' is not a whole number from 0 on; it stays at 0.`);
      else side.seed = seed;
    }
    for (const [name, text] of given) {
      if (!Object.hasOwn(side.values, name)) continue;
      try {
        side.values[name] = check(name, text);
      } catch (error) {
        complaints.push(`${prefix ? "B, " : ""}${error.message}; it stays at ${side.values[name]}.`);
      }
    }
    return side;
  }
}

/** The whole number from 0 on that `text` writes, or null. */
export function readSeed(text) {
  const seed = /^\s*\d{1,16}\s*$/.test(text) ? Number(text) : NaN;
  return seed <= LARGEST_SEED ? seed : null;
}

/** The query that describes a state. */
export function write(card, state) {
  const parameters = new URLSearchParams({ experiment: card.slug });
  // A step that nothing was changed at says all by its number.
  if (state.step) {
    const { step, ...others } = state;
    const told = read(`?step=${step}`, card, (_, text) => text).state;
    const bare = (state) => write(card, { ...state, at: null, step: null, a: { ...state.a, seed: 0 } });
    if (bare(told) === bare(others)) {
      parameters.set("step", step);
      if (state.a.seed !== 0) parameters.set("seed", state.a.seed);
      return "?" + parameters;
    }
  }
  side(state.a, "");
  if (state.view) parameters.set("view", state.view);
  if (state.at !== null) parameters.set("at", state.at);
  if (state.lifted.size > 0) parameters.set("3d", [...state.lifted].join(","));
  if (state.b) {
    parameters.set("compare", "1");
    side(state.b, "b.");
  }
  return "?" + parameters;

  function side({ preset, values, seed }, prefix) {
    if (preset !== "default") parameters.set(prefix + "preset", preset);
    const base = sideOf(card, preset).values;
    for (const { name } of card.controls) {
      if (values[name] !== base[name]) parameters.set(prefix + name, values[name]);
    }
    if (seed !== 0) parameters.set(prefix + "seed", seed);
  }
}

/** Is a side exactly at its preset? */
export function untouched(card, side) {
  const base = sideOf(card, side.preset).values;
  return card.controls.every(({ name }) => base[name] === side.values[name]);
}

/** Foreign words, as many as fit into a sentence. */
export function shorten(text, most = 40) {
  const letters = [...text];
  return letters.length <= most ? text : letters.slice(0, most - 1).join("") + "…";
}
