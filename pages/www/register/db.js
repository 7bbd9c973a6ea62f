// What a register keeps in the browser: its token, baskets that the hub has not settled, commands that it has not
// answered, and a copy of the catalog. The hub is where sales live; this is the second line.

import { openDB } from "../vendor/idb.js";

/**
 * A basket at this register.
 * @typedef {{id: string, hub?: string, state: "open" | "closing" | "trouble", why?: string, opened: number, change?:
 * number, total?: number, refund?: {key: string,
 * body: any}, credit?: string, training?: boolean}} LocalBasket
 * `hub`: the hub's id, once it has answered. `closing`: paid here; its commands are on their way. `trouble`: the hub
 * refused one of them. `refund`: the step that was sent and not answered; `credit`: the number of the store credit that
 * a step gave. `training`: nothing of it counts.
 *
 * A command on its way to the hub.
 * @typedef {{seq: number, key: string, basket: string, path: string, body: any, opens?: boolean, tried: boolean, at:
 * number, line?: Draft, needs?: string, training?: boolean}} Command
 * `tried`: it may have reached the hub. `needs`: the key of a command without which it makes no sense.
 *
 * What is known of a line before the hub has priced it.
 * @typedef {{sku?: string, description: string, milli: number, unit: import("../pricing/index.js").Unit, price?:
 * import("../pricing/index.js").Price, amount?: number, age?: number}} Draft
 */

export const db = await openDB("store-hub-register", 1, {
  upgrade(made) {
    made.createObjectStore("settings");
    made.createObjectStore("baskets", { keyPath: "id" });
    made.createObjectStore("outbox", { keyPath: "seq" });
    made.createObjectStore("items", { keyPath: "sku" });
  },
});

/** @param {string} name */
export const setting = (name) => db.get("settings", name);
/** @param {string} name */
export const keep = (name, value) => db.put("settings", value, name);

/**
 * A change of some stores. `isMoney`: it is on disk before anybody is told. Lines need not wait for the disk: the hub
 * has them a moment later.
 * @param {string[]} stores
 */
export function change(stores, isMoney = false) {
  return db.transaction(stores, "readwrite", { durability: isMoney ? "strict" : "relaxed" });
}
