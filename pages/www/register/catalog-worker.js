// The copy of the catalog: kept in IndexedDB, followed from the hub, searched here so that the page never waits.
//
// In: {start: {token}}, {sync}, {id, search, limit}, {id, gtins, skus}. Out: {ready: {items}}, {id, items}.

import { Api } from "../lib/api.js";

// Not a static import: messages that come while the database opens would be lost.
const stored = import("./db.js");

/** Items of a request: the most that the hub gives. */
const PAGE = 500;
/** Items that are prepared for searches at once. */
const CHUNK = 1000;

/**
 * @typedef {{sku: string, gtin?: string, description: string, brand?: string, price:
 * import("../pricing/index.js").Price, department?: string, delisted?: boolean}} Item
 */

/** @type {Map<string, Item>} */
const bySku = new Map();
/** @type {Map<string, Item>} */
const byGtin = new Map();
/** What is searched, by SKU: made when it is needed, or before. @type {Map<string, string>} */
const texts = new Map();
/** @type {Api} */
let api;
let isSyncing = false;

const fold = (text) =>
  (/^[ -~]*$/.test(text) ? text : text.normalize("NFD").replace(/\p{M}/gu, "")).toLowerCase();

/** @param {Item} item */
function take(item) {
  const before = bySku.get(item.sku);
  // Another item may have its number by now.
  if (before?.gtin && byGtin.get(pad(before.gtin)) === before) byGtin.delete(pad(before.gtin));
  texts.delete(item.sku);
  if (item.delisted) return bySku.delete(item.sku);
  bySku.set(item.sku, item);
  if (item.gtin) byGtin.set(pad(item.gtin), item);
}

const pad = (gtin) => gtin.padStart(14, "0");

/** @param {Item} item */
function textOf(item) {
  let text = texts.get(item.sku);
  if (text === undefined) {
    text = fold(`${item.description} ${item.brand ?? ""} ${item.sku} ${item.gtin ?? ""}`);
    texts.set(item.sku, text);
  }
  return text;
}

/** Prepares searches, so that the first letter finds as fast as the next. Scans come in between. */
async function prepare() {
  let done = 0;
  for (const item of [...bySku.values()]) {
    if (bySku.get(item.sku) === item) textOf(item);
    if (++done % CHUNK === 0) await new Promise((next) => setTimeout(next));
  }
}

/** Puts a match in its place among the first `limit`, in the order of texts. Sorting all matches would take longer. */
function place(kept, match, limit) {
  if (kept.length === limit && match.text >= kept[limit - 1].text) return;
  const at = kept.findIndex(({ text }) => text > match.text);
  kept.splice(at < 0 ? kept.length : at, 0, match);
  if (kept.length > limit) kept.pop();
}

/** @param {string} query @param {number} limit */
function search(query, limit) {
  const words = fold(query).split(/\s+/).filter(Boolean);
  const [first, others] = [[], []];
  for (const item of bySku.values()) {
    const text = textOf(item);
    // What begins with the word is meant first.
    if (words.every((word) => text.includes(word)))
      place(text.startsWith(words[0] ?? "") ? first : others, { text, item }, limit);
  }
  return [...first, ...others].slice(0, limit).map(({ item }) => item);
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
      }
      after = page.next;
      if (!after) break;
    }
    await keep("catalog-version", version);
    tell();
    void prepare();
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
