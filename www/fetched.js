// What is fetched, and one sentence when it does not come.

/** Was there no such file? */
export class Missing extends Error {}

/** The answer to `url` (relative to the site's root). */
export async function answer(url) {
  const got = await fetch(new URL(url, import.meta.url));
  if (got.status === 404) throw new Missing("404");
  if (!got.ok) throw new Error(String(got.status));
  return got;
}

/** What `get()` resolves to; where it fails, one sentence says that `what` could not be loaded, and why. */
export async function fetched(what, get) {
  try {
    return await get();
  } catch (error) {
    throw new Error(unloaded(what, reason(error)), { cause: error });
  }
}

/** The sentence for `what`, which could not be loaded. */
export const unloaded = (what, why = HALF) => `${what} could not be loaded: ${why}.`;

const HALF = "what came is not whole";

function reason(error) {
  if (/^\d{3}$/.test(error.message)) return `the server says ${error.message}`;
  return error instanceof WebAssembly.CompileError || error instanceof SyntaxError ? HALF : "there is no answer";
}
