// Keeps the shell, so that a page still answers where there is no line. Pages with readings are
// never kept: they are somebody's, and the phone may change hands.
const KEPT = "plomba-3";
const SHELL = [
  "/offline", "/static/resident.css", "/static/resident.js", "/static/queue.js", "/static/smaller.js",
  "/static/camera.js", "/static/corners.js", "/static/seal.svg",
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match("/offline")));
  } else if (new URL(request.url).pathname.startsWith("/static/")) {
    // Fresh where there is a line, so that a new version is never mixed with an old one.
    event.respondWith(fetch(request).catch(() => caches.match(request)));
  }
});
