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
