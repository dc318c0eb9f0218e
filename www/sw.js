// Works without a network after the first visit.
//
// Names with a hash never change what they name: they are taken from the store. Everything else is asked of the network first,
// so that a new version of the site is seen at once, and taken from the store when there is no answer.
//
// There are two stores: the shell, which every page needs and which is never cleared for the sake of others, and what was visited:
// experiments' modules, cards, texts, data, pictures. Of these the ones that were not used for longest go first.

/** The shell's files with a hash in their names; the build writes the list. */
const FILES = [/* files */];
const SHELL = "orrery shell";
const VISITED = "orrery visited";
const HASHED = /[.-][0-9a-f]{8,}\.\w+$/;
/** When so many files were visited, a quarter of them goes. */
const MOST = 3000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // The page's wasm comes with the first experiment.
  event.waitUntil(Promise.all(FILES.filter((file) => !file.endsWith(".wasm")).map((file) => stored(new Request(file)))));
});
self.addEventListener("activate", (event) => event.waitUntil(Promise.all([retire(), self.clients.claim()])));

const ours = (url) => url.startsWith(self.registration.scope);
/** The page is one file, whatever state its query describes. */
const key = (request) => request.url.split(/[?#]/)[0];
const shell = new Set(FILES.map((file) => new URL(file, self.registration.scope).href));

/** The store that a file belongs in: the shell's hashed files are listed, its others are those at the top. */
function storeOf(url) {
  const top = !url.slice(self.registration.scope.length).includes("/");
  return (HASHED.test(url) ? shell.has(url) : top) ? SHELL : VISITED;
}

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
  return (await find(key(request))) ?? put(key(request), await fetch(request));
}

async function fresh(request) {
  try {
    return await put(key(request), await fetch(request));
  } catch (error) {
    const kept = await find(key(request));
    if (kept) return kept;
    throw error;
  }
}

/** What is kept of that name. A store lists its files in the order in which they were put: what is used is put once more. */
async function find(url) {
  const name = storeOf(url);
  const store = await caches.open(name);
  const kept = await store.match(url);
  if (kept && name === VISITED) store.put(url, kept.clone()).catch(() => {});
  return kept;
}

async function put(url, answer) {
  if (!answer.ok || answer.type !== "basic") return answer;
  const store = await caches.open(storeOf(url));
  try {
    await store.put(url, answer.clone());
    await clear(MOST);
  } catch {
    // The browser gives no more room: what was visited makes some.
    await clear(0);
    await store.put(url, answer.clone()).catch(() => {});
  }
  return answer;
}

/** If more than `most` files were visited, those of them go that were not used for longest. */
async function clear(most) {
  const visited = await caches.open(VISITED);
  const names = await visited.keys();
  if (names.length <= most) return;
  await Promise.all(names.slice(0, Math.ceil(names.length / 4)).map((name) => visited.delete(name)));
}

/** What an earlier version of the site had in its shell is not of the shell any more. A page of it may still be open. */
async function retire() {
  const [before, visited] = await Promise.all([caches.open(SHELL), caches.open(VISITED)]);
  for (const request of await before.keys()) {
    if (storeOf(request.url) === SHELL) continue;
    const kept = await before.match(request);
    if (kept) await visited.put(request, kept);
    await before.delete(request);
  }
  await caches.delete("orrery");
}
