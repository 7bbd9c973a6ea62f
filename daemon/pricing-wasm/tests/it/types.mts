// Compiled against the package's types by `the_types_are_those_of_the_answers`.
import { Engine, PricingError, type Basket, type Priced } from "../../npm/index.js";

const basket: Basket = {
  channel: "web",
  customers: ["members"],
  coupons: [{ class: "spring", code: "SPR-1" }],
  budgets: { "from-20": { uses: 1, minor: 500 } },
  exemption: "A 7",
  lines: [
    {
      number: 1,
      sku: "cola",
      quantity: { milli: 4000, unit: "each" },
      groups: ["drinks"],
      keyed: [{ reason: "dented", minor: 5 }],
    },
    { number: 2, sku: "apples", quantity: { milli: 1250, unit: "kilogram" }, price: { minor: 299, per: "kilogram" } },
  ],
};

export async function total(text: string): Promise<number> {
  try {
    const book = (await Engine.start()).load(text, { store: "store-1", zone: "Europe/Berlin" });
    const priced: Priced = book.price(basket, { at: new Date(), explain: true });
    for (const line of priced.lines) {
      for (const adjustment of line.adjustments ?? []) {
        if (adjustment.by === "offer") console.log(adjustment.offer, adjustment.version, adjustment.amount);
      }
    }
    for (const one of priced.rejected ?? []) if (one.reason === "beaten") console.log(one.by, one.would_be);
    book.release();
    return priced.total;
  } catch (error) {
    if (error instanceof PricingError) console.log(error.problems.map((problem) => problem.field));
    throw error;
  }
}
