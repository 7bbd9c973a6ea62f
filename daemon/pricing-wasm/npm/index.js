import { Zone } from "./zone.js";

/** A price book or a basket that the engine refuses. `problems` says what is wrong with a book, by line and field. */
export class PricingError extends Error {
  constructor({ message, problems = [] }) {
    const listed = problems.map(({ line, field, why }) => `\n- line ${line}: ${field}: ${why}`);
    super(message + listed.join(""));
    this.name = "PricingError";
    this.problems = problems;
  }
}

/** The price engine. One is enough for a page. */
export class Engine {
  #exports;

  constructor(instance) {
    this.#exports = instance.exports;
  }

  /**
   * Starts the engine.
   * @param source the bytes of `pricing.wasm`, a compiled module, or a response; default: the file beside this one
   */
  static async start(source) {
    source = await (source ?? bundled());
    if (source instanceof WebAssembly.Module) return new Engine(await WebAssembly.instantiate(source));
    const bytes = typeof source.arrayBuffer === "function" ? await source.arrayBuffer() : source;
    return new Engine((await WebAssembly.instantiate(bytes)).instance);
  }

  /** Loads a price book for a store and its time zone. */
  load(text, { store = "", zone }) {
    const clock = new Zone(zone);
    const times = Object.fromEntries(this.#call("pricing_read", text).map((local) => [local, clock.resolve(local)]));
    const { book, ...facts } = this.#call("pricing_compile", JSON.stringify({ store, times }));
    const price = (basket, explain) =>
      this.#call("pricing_price", JSON.stringify({ book, basket, explain }));
    return new Book(facts, clock, price, () => this.#exports.pricing_release(book));
  }

  #call(name, request) {
    const bytes = new TextEncoder().encode(request);
    const { memory, pricing_input, pricing_output, pricing_output_bytes } = this.#exports;
    const at = pricing_input(bytes.length);
    // The memory may have grown: a view of before is empty.
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    this.#exports[name]();
    const answer = new Uint8Array(memory.buffer, pricing_output(), pricing_output_bytes());
    const { ok, error } = JSON.parse(new TextDecoder().decode(answer));
    if (error) throw new PricingError(error);
    return ok;
  }
}

/** A price book that is loaded for a store. */
export class Book {
  #clock;
  #price;
  #release;

  constructor({ version, currency, items }, clock, price, release) {
    Object.assign(this, { version, currency, items });
    this.#clock = clock;
    this.#price = price;
    this.#release = release;
  }

  /** Prices a basket at a moment; default: the basket's own, or now. */
  price(basket, { at, explain = false } = {}) {
    const moment = at === undefined && basket.moment ? basket.moment : this.#clock.moment(Number(at ?? Date.now()));
    return this.#price({ channel: "store", ...basket, moment }, explain);
  }

  /** Frees the book's memory. */
  release() {
    this.#release();
  }
}

async function bundled() {
  const url = new URL("./pricing.wasm", import.meta.url);
  if (url.protocol !== "file:") return fetch(url);
  const { readFile } = await import("node:fs/promises");
  return readFile(url);
}
