/**
 * The service worker: the app itself, for while the network is away. Never mail, never an answer of
 * the API: it looks at the page and at files whose names are their hashes, and lets all else pass.
 *
 * It is there on devices that their owner trusts. A new build comes with new files; those of before
 * stay until no page uses them.
 */

/** Paths of the app's files, and a hash of them; the build puts them here. */
declare const __FILES__: string[];
declare const __VERSION__: string;

const worker = globalThis as unknown as ServiceWorkerGlobalScope;
const PREFIX = 'shell-';
const CACHE = PREFIX + __VERSION__;
const PAGE = '/';

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([PAGE, ...__FILES__]))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(PREFIX) && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== worker.location.origin) return;
  if (pathname.startsWith('/assets/')) event.respondWith(kept(request));
  else if (request.mode === 'navigate' && request.destination === 'document') {
    event.respondWith(page(request));
  }
});

/** A file whose name is its hash never changes. */
async function kept(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

/** The page is asked for each time, and is what it was while nobody answers. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await caches.match(PAGE);
    if (found) return found;
    throw error;
  }
}
