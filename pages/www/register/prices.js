// Prices while the hub is away: the same engine and the same book as at the hub.

import { Engine } from "../pricing/index.js";
import { keep, setting } from "./db.js";

export class Prices {
  /** @param {import("../lib/api.js").Api} api */
  constructor(api) {
    this.api = api;
    /** @type {Engine | undefined} */
    this.engine = undefined;
    /** @type {import("../pricing/index.js").Book | undefined} */
    this.book = undefined;
    this.generation = 0;
  }

  /** Takes the hub's book, or the one that was kept. */
  async follow() {
    try {
      const book = await this.api.get("/prices/book");
      await keep("price-book", book);
      await this.load(book);
    } catch {
      const kept = this.book ? undefined : await setting("price-book");
      if (kept) await this.load(kept).catch(() => {});
    }
  }

  async load({ generation, store, time_zone: zone, records }) {
    if (!records || generation === this.generation) return;
    this.engine ??= await Engine.start(fetch("/pricing/pricing.wasm"));
    const book = this.engine.load(records, { store, zone });
    this.book?.release();
    this.book = book;
    this.generation = generation;
  }

  /**
   * What lines cost. Without a book: their own prices.
   * @param {{number: number, sku?: string, milli: number, unit: import("../pricing/index.js").Unit, price?:
   * import("../pricing/index.js").Price, amount?: number, keyed?: {reason: string, minor: number}[]}[]} lines
   * @param {{groups?: string[], coupons?: {class: string, code: string}[], exemption?: string}} [buyer]
   */
  of(lines, buyer = {}) {
    const inBook = lines.filter(({ sku }) => sku);
    if (this.book && inBook.length === lines.length) {
      try {
        const entered = inBook.map(({ number, sku, milli, unit, price, amount, keyed }) => ({
          number,
          sku,
          quantity: { milli, unit },
          price,
          amount,
          keyed,
        }));
        const priced = this.book.price({
          customers: buyer.groups,
          coupons: buyer.coupons,
          exemption: buyer.exemption,
          lines: entered,
        });
        return {
          nets: new Map(priced.lines.map((line) => [line.number, line])),
          total: priced.total,
          discount: priced.discount,
        };
      } catch {
        // A line that the engine refuses: better a price without offers than none.
      }
    }
    /** @type {Map<number, Partial<import("../pricing/index.js").PricedLine> & {net: number, regular: number}>} */
    const nets = new Map(
      lines.map((line) => {
        const regular = line.amount ?? Math.round(((line.price?.minor ?? 0) * line.milli) / 1000);
        const net = regular - (line.keyed ?? []).reduce((sum, { minor }) => sum + minor, 0);
        return [line.number, { number: line.number, regular, net }];
      }),
    );
    const total = [...nets.values()].reduce((sum, { net }) => sum + net, 0);
    return { nets, total, discount: 0 };
  }
}
