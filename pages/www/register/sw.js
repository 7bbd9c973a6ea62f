// Keeps the register usable while the hub is away: everything that the page may load is cached when this worker is
// installed, all or nothing; what is LATER, when it is first used, and with each build from then on. The hub puts
// BUILD, FILES and LATER before this text.
/* global BUILD, FILES, LATER */

const CACHE = `register-${BUILD}`;
const PAGE = "/register/index.html";
const PATIENCE = 1500;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE).then(async (cache) => {
      // Not from the browser's cache: these are the files of this build.
      const isUsed = await Promise.all(LATER.map((path) => caches.match(path)));
      const now = Object.keys(FILES).filter((path) => !LATER.includes(path) || isUsed[LATER.indexOf(path)]);
      await Promise.all(now.map((path) => cache.add(new Request(path, { cache: "no-cache" }))));
    }),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys())
        if (name.startsWith("register-") && name !== CACHE) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

// The page says when nobody sells.
self.addEventListener("message", ({ data }) => data === "take-over" && self.skipWaiting());

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (origin !== location.origin || event.request.method !== "GET" || pathname.startsWith("/api/")) return;
  if (event.request.mode === "navigate") {
    if (/^\/register\/?$/.test(pathname)) event.respondWith(page(event.request));
  } else if (pathname in FILES) {
    event.respondWith(file(event.request, pathname));
  }
});

/** The kept file. */
async function file(request, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && LATER.includes(path)) await cache.put(path, answer.clone());
  return answer;
}

/** The hub's page if it answers soon and well, else the kept one. */
async function page(request) {
  const kept = await (await caches.open(CACHE)).match(PAGE);
  if (!kept) return fetch(request);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? answer : kept;
  } catch {
    return kept;
  }
}
