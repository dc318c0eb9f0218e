// Works without a network after the first visit.
//
// Names with a hash never change what they name: they are taken from the store. Everything else is asked of the network first,
// so that a new version of the site is seen at once, and taken from the store when there is no answer.

/** The files with a hash in their names; the build writes the list. */
const FILES = [/* files */];
const STORE = "orrery";
const HASHED = /[.-][0-9a-f]{8,}\.\w+$/;
/** When the store has grown to so many files, the oldest quarter goes. */
const MOST = 400;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(Promise.all(FILES.map((file) => stored(new Request(file)))));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const ours = (url) => url.startsWith(self.registration.scope);
/** The page is one file, whatever state its query describes. */
const key = (request) => request.url.split(/[?#]/)[0];

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !ours(request.url)) return;
  event.respondWith(HASHED.test(key(request)) ? stored(request) : fresh(request));
});

self.addEventListener("message", (event) => {
  const keep = event.data?.keep;
  if (!Array.isArray(keep) || !event.source) return;
  event.waitUntil(
    Promise.all(keep.filter((url) => typeof url === "string" && ours(url)).map((url) => stored(new Request(url)).catch(() => {}))),
  );
});

async function stored(request) {
  const store = await caches.open(STORE);
  return (await store.match(key(request))) ?? put(store, request, await fetch(request));
}

async function fresh(request) {
  const store = await caches.open(STORE);
  try {
    return await put(store, request, await fetch(request));
  } catch (error) {
    const kept = await store.match(key(request));
    if (kept) return kept;
    throw error;
  }
}

async function put(store, request, answer) {
  if (answer.ok && answer.type === "basic") {
    const names = await store.keys();
    if (names.length > MOST) await Promise.all(names.slice(0, MOST / 4).map((name) => store.delete(name)));
    await store.put(key(request), answer.clone());
  }
  return answer;
}
