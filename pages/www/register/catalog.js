// The page's side of the catalog worker.

import { signal } from "../vendor/ui.js";
import { script } from "../lib/scripts.js";

/** @typedef {import("./catalog-worker.js").Item} Item */

export class Catalog {
  /** @param {string} token */
  constructor(token) {
    /**
     * The number of items; undefined until the copy is there.
     * @type {import("../vendor/ui.js").Signal<number | undefined>}
     */
    this.items = signal(undefined);
    this.asked = 0;
    /** @type {Map<number, (items: Item[]) => void>} */
    this.askers = new Map();
    this.worker = new Worker(script("/register/catalog-worker.js"), { type: "module" });
    this.worker.onmessage = ({ data }) => {
      if (data.ready) this.items.value = data.ready.items;
      else {
        this.askers.get(data.id)?.(data.items);
        this.askers.delete(data.id);
      }
    };
    this.worker.postMessage({ start: { token } });
  }

  /** Takes the hub's changes. */
  sync() {
    this.worker.postMessage({ sync: true });
  }

  /** @returns {Promise<Item[]>} */
  ask(question) {
    const id = ++this.asked;
    this.worker.postMessage({ id, ...question });
    return new Promise((done) => this.askers.set(id, done));
  }

  /** @param {string} query */
  search(query, limit = 40) {
    return this.ask({ search: query, limit });
  }

  /** Items that are sold by weight. */
  loose(limit = 24) {
    return this.ask({ loose: limit });
  }

  /** The items of numbers, in their order. @param {{gtins?: string[], skus?: string[]}} numbers */
  find({ gtins = [], skus = [] }) {
    return this.ask({ gtins, skus });
  }
}
