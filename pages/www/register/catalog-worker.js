// The copy of the catalog: kept in IndexedDB, followed from the hub, searched here so that the page never waits.
//
// In: {start: {token}}, {sync}, {id, search, limit}, {id, gtins, skus}. Out: {ready: {items}}, {id, items}.

import { Api } from "../lib/api.js";

// Not a static import: messages that come while the database opens would be lost.
const stored = import("./db.js");

const PAGE = 500;

/**
 * @typedef {{sku: string, gtin?: string, description: string, brand?: string, price:
 * import("../pricing/index.js").Price, department?: string, delisted?: boolean}} Item
 */

/** @type {Map<string, Item>} */
const bySku = new Map();
/** @type {Map<string, Item>} */
const byGtin = new Map();
/** Items with what is searched, in the order of their names. @type {{text: string, item: Item}[] | undefined} */
let sorted;
/** @type {Api} */
let api;
let isSyncing = false;

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {Item} item */
function take(item) {
  const before = bySku.get(item.sku);
  if (before?.gtin) byGtin.delete(before.gtin);
  if (item.delisted) return bySku.delete(item.sku);
  bySku.set(item.sku, item);
  if (item.gtin) byGtin.set(pad(item.gtin), item);
}

const pad = (gtin) => gtin.padStart(14, "0");

/** @param {string} query @param {number} limit */
function search(query, limit) {
  sorted ??= [...bySku.values()]
    .map((item) => ({ text: fold(`${item.description} ${item.brand ?? ""} ${item.sku} ${item.gtin ?? ""}`), item }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  const words = fold(query).split(/\s+/).filter(Boolean);
  const first = [];
  const others = [];
  for (const { text, item } of sorted) {
    if (!words.every((word) => text.includes(word))) continue;
    // What begins with the word is meant first.
    (text.startsWith(words[0] ?? "") ? first : others).push(item);
    if (first.length >= limit) break;
  }
  return [...first, ...others].slice(0, limit);
}

async function sync() {
  if (isSyncing) return;
  isSyncing = true;
  const { db, keep, setting } = await stored;
  try {
    const known = await setting("catalog-version");
    let version;
    for (let after; ;) {
      const page = await api.get("/items", { limit: PAGE, after, changed_after: known });
      version ??= page.version;
      if (page.items.length) {
        const tx = db.transaction("items", "readwrite");
        for (const item of page.items) {
          take(item);
          if (item.delisted) tx.store.delete(item.sku);
          else tx.store.put(item);
        }
        await tx.done;
        sorted = undefined;
      }
      after = page.next;
      if (!after) break;
    }
    await keep("catalog-version", version);
    tell();
  } catch {
    // The hub is away; the copy stays as it is.
  } finally {
    isSyncing = false;
  }
}

const tell = () => postMessage({ ready: { items: bySku.size } });

addEventListener("message", async ({ data }) => {
  if (data.start) {
    api = new Api(data.start);
    for (const item of await (await stored).db.getAll("items")) take(item);
    if (bySku.size) tell();
    await sync();
  } else if (data.sync) {
    await sync();
  } else if (data.search !== undefined) {
    postMessage({ id: data.id, items: search(data.search, data.limit) });
  } else if (data.loose) {
    const loose = [...bySku.values()]
      .filter(({ price }) => price.per === "kilogram" || price.per === "pound")
      .slice(0, data.loose);
    postMessage({ id: data.id, items: loose });
  } else {
    const found = [
      ...(data.gtins ?? []).map((gtin) => byGtin.get(pad(gtin))),
      ...(data.skus ?? []).map((sku) => bySku.get(sku)),
    ];
    postMessage({ id: data.id, items: found.filter(Boolean) });
  }
});
