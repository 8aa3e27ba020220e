// Keeps the files of an exported folder for when there is no network: a service worker. Its address names the version
// of the folder; another version fetches everything anew.

const FILES = ["./", "index.html", "page.js", "network.bin", "litert.bin"];
const mine = `dance-demo ${registration.scope} `;  // folders beside this one have caches of their own
const cache = mine + new URL(location).searchParams.get("version");

async function keep() {
  const all = await caches.open(cache);
  await all.addAll(FILES.map(name => new Request(name, {cache: "reload"})));
}

async function forget() {
  const others = (await caches.keys()).filter(name => name.startsWith(mine) && name !== cache);
  await Promise.all(others.map(name => caches.delete(name)));
}

async function answer(request) {
  const kept = await caches.open(cache);
  return await kept.match(request, {ignoreSearch: true}) ?? fetch(request);
}

addEventListener("install", event => event.waitUntil(keep()));
addEventListener("activate", event => event.waitUntil(forget()));
addEventListener("fetch", event => event.respondWith(answer(event.request)));
