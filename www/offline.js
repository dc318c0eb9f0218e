// What has been fetched is kept, so that the first visit is enough to come back without a network.

/** Keeps what this page has fetched so far, and `more`; what it fetches on later visits the service worker sees itself. */
export async function keep(more = []) {
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    const got = performance.getEntriesByType("resource").map(({ name }) => name);
    active.postMessage({ keep: [document.baseURI, location.href.split(/[?#]/)[0], ...got, ...more] });
  } catch {
    // Private windows and file systems have no service workers; the site works without.
  }
}

/** Files under way at a time. */
const LANES = 6;

/** Keeps every file of the site; `told(done, of)` hears how far it is. Resolves to a sentence that says what came of it. */
export async function keepAll(told) {
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) return "Reload the page once; then everything can be kept.";
    const answer = await fetch(new URL("files.json", document.baseURI));
    const { files, bytes } = await answer.json();
    const left = [...files];
    let done = 0;
    const lane = async () => {
      while (left.length > 0) {
        // The service worker sees what is fetched, and keeps it.
        const got = await fetch(new URL(left.pop(), document.baseURI));
        if (!got.ok) throw new Error(got.statusText);
        await got.arrayBuffer();
        told((done += 1), files.length);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const kept = await Promise.all(files.map((file) => caches.match(new URL(file, document.baseURI))));
    const missing = kept.filter((answer) => !answer).length;
    if (missing > 0) return `The browser gives too little room: ${missing} of ${files.length} files are not kept.`;
    return `Kept: ${files.length} files, ${Math.ceil(bytes / 1e6)} MB. Everything here works without a network now.`;
  } catch {
    return "Not everything could be kept: there is no network, or this window may store nothing.";
  }
}
