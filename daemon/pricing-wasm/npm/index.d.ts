/** An amount in minor units, such as cents. */
export type Minor = number;

export type Unit = "each" | "kilogram" | "pound" | "litre" | "gallon";

/** Thousandths of a unit. */
export interface Quantity { milli: number; unit: Unit }

export interface Price { minor: Minor; per: Unit }

export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/** A moment, and what the store's clock shows. */
export interface Moment {
  /** Milliseconds since 1970, UTC. */
  at_ms: number;
  weekday: Weekday;
  /** The minute of the day, from 0 to 1439. */
  minute: number;
}

/** A basket as it was entered. */
export interface Basket {
  /** Default: now, or the moment that is asked for. */
  moment?: Moment;
  /** `store` (the default), `web`, … */
  channel?: string;
  /** The groups that the customer belongs to. */
  customers?: string[];
  coupons?: { class: string; code: string }[];
  /** What is left of the budgets of offers, by offer. */
  budgets?: Record<string, { uses?: number; minor?: Minor }>;
  /** The number of a certificate of tax exemption. */
  exemption?: string;
  lines: BasketLine[];
}

export interface BasketLine {
  number: number;
  sku: string;
  quantity: Quantity;
  /** Groups of the item beside those of the book. */
  groups?: string[];
  /** Replaces the price of the book for the whole line. */
  amount?: Minor;
  /** The price if the book has none. */
  price?: Price;
  /** Discounts that a person keyed. */
  keyed?: { reason: string; minor: Minor }[];
}

/** A basket with its prices. Parts sum to the whole. */
export interface Priced {
  /** The version of the book. */
  book: string;
  lines: PricedLine[];
  /** Before adjustments. */
  regular: Minor;
  discount: Minor;
  /** `regular - discount`. */
  net: Minor;
  /** Deposits and fees. */
  linked: Minor;
  taxes: TaxTotal[];
  /** What rounding taxes by document adds. */
  rounding: Minor;
  /** What the customer pays. */
  total: Minor;
  /** Whether this is proven to be the best deal. */
  exact: boolean;
  /** The offers that took nothing off; with `explain`. */
  rejected?: Rejected[];
}

export type PriceKind = "regular" | "member" | "promotional" | "clearance" | "override";

export interface PricedLine {
  number: number;
  /** The entry of the book. */
  entry?: string;
  kind?: PriceKind;
  /** The price of a unit. */
  price?: Price;
  regular: Minor;
  adjustments?: Adjustment[];
  net: Minor;
  linked?: { name: string; amount: Minor }[];
  taxes?: LineTax[];
  /** The customer's minimum age, in years. */
  minimum_age?: number;
  /** When it may be sold, if not always: milliseconds since 1970, UTC; the end is not included. */
  sold_within?: { from_ms: number; until_ms: number };
}

/** What was taken off a line, and by what. */
export type Adjustment = Granted & {
  name: string;
  /** What it was computed on. */
  basis: Minor;
  amount: Minor;
  units: number;
  /** Units of all lines with the same number got it together. */
  group?: number;
  evidence?: { line: number; units: number }[];
};

export type Granted =
  | { by: "multi_price" }
  | { by: "offer"; offer: string; version: number; funded_by?: string }
  | { by: "person" };

/** A tax: of a line, or summed over all lines. */
export interface LineTax {
  tax: string;
  /** Parts per million; absent if it is an amount on each unit. */
  rate_ppm?: number;
  /** Without this tax. */
  base: Minor;
  amount: Minor;
  /** It is part of the price. */
  included: boolean;
}

export type TaxTotal = LineTax;

/** An offer that took nothing off, and why. */
export type Rejected = Reason & { offer: string; name: string };

export type Reason =
  | { reason: "time" | "hours" | "channel" | "customer" | "coupon" | "budget" | "no_goods" | "not_reached" }
  | { reason: "beaten"; by: string[]; would_be: Minor };

/** What is wrong with a record of a book. */
export interface Problem { line: number; field: string; why: string }

/** A price book or a basket that the engine refuses. */
export class PricingError extends Error {
  /** What is wrong with a book. */
  readonly problems: Problem[];
}

/** The price engine. One is enough for a page. */
export class Engine {
  /** Starts it. The default source is `pricing.wasm` beside this file. */
  static start(source?: BufferSource | WebAssembly.Module | Response | Promise<Response>): Promise<Engine>;
  /**
   * Loads a price book, one JSON record per line, for a store and its time zone, such as `Europe/Berlin`.
   * Throws a {@link PricingError} that lists the problems of the book.
   */
  load(text: string, options: { store?: string; zone: string }): Book;
}

/** A price book that is loaded for a store. */
export class Book {
  private constructor();
  readonly version: string;
  readonly currency: string;
  /** The number of items with a price. */
  readonly items: number;
  /** Prices a basket at a moment: `at`, the basket's own, or now. Throws a {@link PricingError}. */
  price(basket: Basket, options?: { at?: Date | number; explain?: boolean }): Priced;
  /** Frees its memory. */
  release(): void;
}
