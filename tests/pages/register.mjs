// A cashier's day at the real hub with simulated devices: by scanner, keyboard and touch, with the hub cut off
// mid-sale, at two registers. Prints the times of scans and the web vitals.

import assert from "node:assert/strict";
import { camera } from "./camera.mjs";
import { Orders } from "./orders.mjs";
import { key, Returning } from "./returning.mjs";
import { accessibility, picture, Play, quantile, Stage } from "./stage.mjs";
import { training } from "./training.mjs";

const CEREAL = "0400008189811"; // 3.69
const CAT_FOOD = "0400008192279"; // 0.59
const SAUCE = "0400008193047"; // 1.66

const WINE = "0400008205801"; // 9.99, from 21

const stage = await Stage.build();
const play = new Play();
const step = play.step.bind(play);

const items = [
  {
    sku: "bananas",
    description: "Bananas",
    department: "PRODUCE",
    category: "FRUIT",
    brand: "",
    package_size: "",
    price: { minor: 79, per: "kilogram" },
  },
  {
    sku: "tomatoes",
    description: "Tomatoes on the vine",
    department: "PRODUCE",
    category: "VEGETABLES",
    brand: "",
    package_size: "",
    price: { minor: 249, per: "kilogram" },
  },
  {
    sku: "walnuts",
    description: "Walnuts, loose",
    department: "PRODUCE",
    category: "NUTS",
    brand: "",
    package_size: "",
    price: { minor: 899, per: "kilogram" },
  },
  {
    sku: "oranges",
    description: "Oranges",
    department: "PRODUCE",
    category: "FRUIT",
    brand: "",
    package_size: "",
    price: { minor: 129, per: "kilogram" },
  },
];

/** A paired register in a browser of its own. */
async function pair(name, options) {
  const page = await stage.page(options);
  const { body } = await stage.ask("POST", `/registers/${name}/pairing-code`, {});
  await page.goto(`${stage.url}/register`);
  await page.getByLabel("Pairing code").fill(body.code);
  await page.getByRole("button", { name: "Pair", exact: true }).click();
  await hears(page);
  return page;
}

/** Waits until a register hears its scanner. */
async function hears(page) {
  await page.getByText("Scan the first item").waitFor();
  await page.waitForFunction(() => window.register.lastScan.boot !== "" && !document.querySelector("dialog[open]"));
}

/** The lines' amounts. A line that is not drawn yet, or is scrolled away, has no inner text. */
const amounts = (page) => page.locator(".line-amount").allTextContents();
const due = async (page) => (await page.locator("dd.grand").innerText()).trim();
const lines = (page, count) => page.locator(`.line >> nth=${count - 1}`).waitFor();
const settled = (page) => page.waitForFunction(() => window.register.outbox.waiting.value.length === 0);
/** A scanner that types: the keys come as fast as they are sent, then Enter. */
const wedge = (page, code) =>
  page.evaluate(
    (keys) => {
      for (const key of keys)
        (document.activeElement ?? document.body).dispatchEvent(
          new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
        );
    },
    [...code, "Enter"],
  );

const serious = [];
/** A picture, and what axe-core finds in both themes. */
const look = async (page, name) => {
  await picture(page, name);
  const theme = await page.evaluate(() => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    serious.push(...(await accessibility(page, `${name}, ${colorScheme}`)));
  }
  await page.emulateMedia({ colorScheme: theme });
};

try {
  await step("goods by weight are loaded", () => stage.ask("POST", "/items", { items }));
  const till = await step("a register is paired by its code", () => pair("till-1", {}));
  await step("its catalog is complete", () => till.waitForFunction(() => window.register.catalog.items.value > 2000));
  await step("the empty register", () => look(till, "register-empty"));

  // A first sale: scanner, quantity, cash.
  await step("the hub's scanner adds a line", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    assert.equal(await due(till), "$3.69");
  });
  await step("a second one", async () => {
    await stage.control(`scan ${CAT_FOOD}`);
    await lines(till, 2);
    await settled(till);
    assert.equal(await due(till), "$4.28");
  });
  await step("a line is selected and counted up", async () => {
    await till.getByRole("button", { name: "One more" }).click();
    await till.waitForFunction(
      () => window.register.totals.value.owed === 487 && !window.register.totals.value.isEstimate,
    );
  });
  await step("three by the pad", async () => {
    await till.getByRole("button", { name: "Quantity" }).click();
    await till.getByRole("dialog").getByRole("button", { name: "5", exact: true }).click();
    await till.getByRole("button", { name: "Set", exact: true }).click();
    await till.waitForFunction(
      () => window.register.totals.value.owed === 664 && !window.register.totals.value.isEstimate,
    );
  });
  await step("the basket", () => look(till, "register-basket"));
  await step("paying suggests amounts", async () => {
    await till.getByRole("button", { name: "Pay", exact: true }).click();
    await till.getByRole("button", { name: "Exact $6.64" }).waitFor();
    await look(till, "register-pay");
  });
  await step("ten are given: the change", async () => {
    await till.getByRole("button", { name: "$10.00", exact: true }).click();
    await till.locator("[data-change]", { hasText: "$3.36" }).waitFor();
    await look(till, "register-change");
  });
  await step("the receipt is shown, with its code", async () => {
    await till.getByRole("button", { name: "Show the receipt" }).click();
    await till.locator(".paper").getByText("All Family Cereal").waitFor();
    await look(till, "register-receipt");
    await till.keyboard.press("Escape");
  });
  await step("and printed again", async () => {
    await till.getByRole("button", { name: "Print again" }).click();
    await till.getByText("The printer has it.").waitFor();
  });

  await camera({ till, step, look, lines, settled });

  // Search, weight, open price, discount, price.
  await step("search as you type, Enter adds the first", async () => {
    await key(till, "F2");
    await till.keyboard.type("mainstream", { delay: 60 });
    await till.locator(".found li").first().waitFor();
    await look(till, "register-search");
    await till.keyboard.press("Enter");
    await lines(till, 1);
    await settled(till);
  });
  await step("an item becomes a favourite", async () => {
    await till.getByLabel("Search the catalog").fill("cereal");
    await till.locator(".found li").first().getByRole("button", { name: "Favourite" }).click();
    await till.getByLabel("Search the catalog").fill("");
    await till.locator(".tile").first().waitFor();
  });
  await step("bananas are weighed", async () => {
    await stage.control("weigh 1.25");
    await till.locator(".tile", { hasText: "Bananas" }).click();
    await till.getByRole("button", { name: "Weigh and add" }).click();
    await lines(till, 2);
    await settled(till);
    assert.match((await amounts(till)).at(-1), /\$0\.99/);
  });
  await step("an unknown code is sold with an open price", async () => {
    await stage.control("scan 4006381333931");
    await till.getByText("is not in the catalog").waitFor();
    await till.getByLabel("What is it?").fill("Marker");
    for (const digit of "199") await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await look(till, "register-unknown");
    await till.getByRole("button", { name: "Sell", exact: true }).click();
    await lines(till, 3);
    await settled(till);
  });
  await step("a discount of ten percent", async () => {
    await till.getByRole("button", { name: "Discount", exact: true }).click();
    for (const digit of "10") await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await till.getByRole("button", { name: "Give the discount" }).click();
    await till.getByText("−$0.20").first().waitFor();
    await settled(till);
  });
  await step("a price from the shelf", async () => {
    await till.locator(".line-main", { hasText: "Mainstream" }).click();
    await till.getByRole("button", { name: "Price", exact: true }).click();
    for (const digit of "150") await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await till.getByRole("button", { name: "Set the price" }).click();
    await till.waitForFunction(
      () =>
        window.register.lines.value.some(({ net, keyed }) => keyed && net === 150) &&
        !window.register.totals.value.isEstimate,
    );
  });
  await step("a line is removed", async () => {
    await till.locator(".line-main", { hasText: "Bananas" }).click();
    await till.getByRole("button", { name: "Remove", exact: true }).click();
    await till.waitForFunction(
      () => window.register.lines.value.length === 2 && !window.register.totals.value.isEstimate,
    );
  });
  await step("a reload keeps the basket", async () => {
    await till.reload();
    await lines(till, 2);
    await till.waitForFunction(() => window.register.totals.value.owed === 329);
  });
  await step("a part in cash", async () => {
    await till.getByRole("button", { name: "Pay", exact: true }).click();
    for (const digit of "100") await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await till.getByRole("button", { name: "Take a part in cash" }).click();
    await till.locator("[data-due]", { hasText: "$2.29" }).waitFor();
  });
  await step("the rest by card", async () => {
    await till.getByRole("button", { name: "Card", exact: true }).click();
    await till.getByRole("button", { name: "Show the receipt" }).waitFor({ timeout: 30_000 });
  });

  // The card terminal.
  await step("a declined card leaves the basket", async () => {
    await stage.control("terminal decline");
    await stage.control(`scan ${SAUCE}`);
    await lines(till, 1);
    await settled(till);
    await key(till, "F8");
    await till.getByText("Card not charged").waitFor({ timeout: 30_000 });
    await stage.control("terminal none");
    await look(till, "register-declined");
  });
  await step("the next card pays", async () => {
    await till.getByRole("button", { name: "Close" }).first().click();
    await key(till, "F8");
    await till.getByRole("button", { name: "Show the receipt" }).waitFor({ timeout: 30_000 });
  });

  // Offers and ages, by the price book that HQ has published.
  await step("the price book is here", async () => {
    for (let attempt = 0; !(await stage.ask("GET", "/prices")).body.version; attempt++) {
      assert.ok(attempt < 300, "the hub has no price book");
      await new Promise((done) => setTimeout(done, 200));
    }
    await till.evaluate(() => window.register.prices.follow());
  });
  await step("two sauces are on offer, which the line says", async () => {
    for (const place of [1, 2]) {
      await stage.control(`scan ${SAUCE}`);
      await lines(till, place);
    }
    await settled(till);
    await till.getByText("2 sauces for 3.00").first().waitFor();
    assert.equal(await due(till), "$3.00");
  });
  await step("wine asks for the age", async () => {
    await stage.control(`scan ${WINE}`);
    await till.getByText("21 years or older").waitFor();
    await look(till, "register-age");
    await till.getByRole("button", { name: "Yes, checked" }).click();
    await settled(till);
    await till.getByText("10 % off wine").waitFor();
    await look(till, "register-offers");
  });
  await step("and is sold", async () => {
    await key(till, "F9");
    await till.getByRole("button", { name: "Exact $11.99" }).click();
    await till.getByRole("button", { name: "Show the receipt" }).waitFor();
  });

  // A gift card is sold, and pays.
  let card = "";
  await step("a gift card is sold", async () => {
    await key(till, "F10");
    await till.getByRole("button", { name: "Sell a gift card" }).click();
    for (const digit of "2000")
      await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await till.getByRole("button", { name: "Add", exact: true }).click();
    const said = till.getByText(/Card \d{20} is loaded/);
    [card] = (await said.innerText()).match(/\d{20}/);
    await key(till, "F9");
    await till.getByRole("button", { name: "Exact $20.00" }).click();
    await till.getByRole("button", { name: "Show the receipt" }).waitFor();
  });
  await step("and pays for cereal", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await key(till, "F9");
    await till.getByRole("button", { name: "Gift card" }).click();
    await till.getByLabel("Card number").fill(card);
    await look(till, "register-gift-card");
    await till.getByRole("button", { name: "Pay up to $3.69" }).click();
    await till.getByRole("button", { name: "Show the receipt" }).waitFor();
  });

  // Goods that come back, and customers.
  const returning = new Returning({ till, stage, step, look, lines, settled, due });
  await returning.returns();
  await returning.customers();
  const orders = new Orders({ till, stage, step, look, lines, settled });
  await orders.elsewhere();
  await orders.placed();

  await step("another window of the browser does not sell as well", async () => {
    const second = await till.context().newPage();
    await second.goto(`${stage.url}/register`);
    await second.getByText("open in another window").waitFor();
    await look(second, "register-elsewhere");
    await second.close();
  });

  // Two registers and one parked basket.
  const other = await step("a second register", () =>
    pair("till-2", { width: 834, height: 1112, dark: true, touch: true }),
  );
  await step("the first parks", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await key(till, "F4");
    await till.getByText("Any register can recall it").waitFor();
  });
  await step("a basket waits with a note", async () => {
    await stage.control(`scan ${CAT_FOOD}`);
    await lines(till, 1);
    await settled(till);
    await key(till, "F10");
    await till.getByRole("button", { name: "Park with a note" }).click();
    await till.getByRole("textbox", { name: "Note" }).fill("Lady with a blue coat");
    await look(till, "register-park-note");
    await till.getByRole("dialog").getByRole("button", { name: "Park", exact: true }).click();
    await till.getByText("Scan the first item").waitFor();
    await key(till, "F6");
    const waits = till.getByRole("dialog").getByRole("listitem").filter({ hasText: "Lady with a blue coat" });
    await waits.getByRole("button", { name: "Recall" }).click();
    await lines(till, 1);
    await till.getByRole("button", { name: "Discard the basket" }).click();
    await till.getByRole("button", { name: "Really discard?" }).click();
    await till.getByText("Scan the first item").waitFor();
  });
  await step("the second recalls", async () => {
    await other.getByRole("button", { name: "Recall" }).click();
    await other.getByRole("dialog").getByText("till-1").waitFor();
    await look(other, "register-parked-tablet-dark");
    await other.getByRole("dialog").getByRole("button", { name: "Recall" }).click();
    await lines(other, 1);
    await look(other, "register-basket-tablet-dark");
  });
  await step("nobody else can", async () => {
    await key(till, "F6");
    await till.getByText("No baskets are parked").waitFor();
    await till.keyboard.press("Escape");
  });
  await step("and sells it", async () => {
    await other.getByRole("button", { name: "Pay", exact: true }).click();
    await other.getByRole("button", { name: "Exact $3.69" }).click();
    await other.getByRole("button", { name: "Show the receipt" }).waitFor();
  });

  // The hub is cut off mid-sale.
  const before = (await stage.ask("GET", "/sales?limit=100")).body.length;
  await step("a scan, then the network is cut", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await till.context().setOffline(true);
  });
  await step("a scanner that types still adds, and the price is known", async () => {
    await wedge(till, CAT_FOOD);
    await lines(till, 2);
    assert.equal(await due(till), "$4.28");
    await till.getByText("The hub does not answer").first().waitFor();
    await look(till, "register-offline");
  });
  await step("a reload without the hub keeps everything", async () => {
    await till.reload();
    await lines(till, 2);
    assert.equal(await due(till), "$4.28");
  });
  await step("cards are refused, cash is taken", async () => {
    await till.getByRole("button", { name: "Pay", exact: true }).click();
    await till.getByText("Cards need the hub").waitFor();
    await till.getByRole("button", { name: "$5.00", exact: true }).click();
    await till.locator("[data-change]", { hasText: "$0.72" }).waitFor();
    await till.getByText("1 not sent").waitFor();
    await look(till, "register-unsent");
  });
  await step("the next customer, too, with the offer", async () => {
    await wedge(till, SAUCE);
    await lines(till, 1);
    await wedge(till, SAUCE);
    await lines(till, 2);
    await till.getByText("2 sauces for 3.00").first().waitFor();
    await key(till, "F9");
    await till.getByRole("button", { name: "Exact $3.00" }).click();
    await till.getByText("2 not sent").waitFor();
  });
  await step("a reload keeps both", async () => {
    await till.reload();
    await till.getByText("2 not sent").waitFor();
  });
  await step("the hub is back: both are sales, once", async () => {
    await till.context().setOffline(false);
    await till.waitForFunction(() => window.register.outbox.baskets.value.length === 0, undefined, { timeout: 20_000 });
    const sales = (await stage.ask("GET", "/sales?limit=100")).body;
    assert.equal(sales.length, before + 2);
    assert.deepEqual(
      sales
        .slice(0, 2)
        .map(({ totals }) => totals.net)
        .sort(),
      [300, 428],
    );
  });
  await step("an answer that is lost sells once", async () => {
    let lost = 0;
    await till.route("**/complete", async (route) => {
      // The hub does it, and its answer goes nowhere.
      if (lost++ === 0) {
        await route.fetch();
        await route.abort();
      } else await route.continue();
    });
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await key(till, "F9");
    await till.getByRole("button", { name: "Exact $3.69" }).click();
    await till.getByRole("button", { name: "Show the receipt" }).waitFor({ timeout: 20_000 });
    await till.unroute("**/complete");
    assert.equal((await stage.ask("GET", "/sales?limit=100")).body.length, before + 3);
    assert.ok(lost >= 2);
  });

  await training({ till, stage, step, look, lines, settled });

  // People.
  await step("operators are added", async () => {
    for (const [id, name, role, pin] of [
      ["17", "Ada", "cashier", "1234"],
      ["18", "Grace", "supervisor", "9876"],
    ]) {
      await stage.ask("POST", "/operators", { id, name, role, pin, days: 1 });
    }
    await till.reload();
    await till.getByText("Scan your badge").waitFor();
    await look(till, "register-sign-in");
  });
  await step("a wrong PIN", async () => {
    await till.getByRole("button", { name: /Ada/ }).click();
    await till.getByLabel("PIN").fill("1111");
    await till.getByRole("button", { name: "Sign in", exact: true }).click();
    await till.getByText("Wrong number, PIN or badge").waitFor();
  });
  await step("the right one", async () => {
    await till.getByLabel("PIN").fill("1234");
    await till.getByRole("button", { name: "Sign in", exact: true }).click();
    await till.getByText("· Ada").waitFor();
  });
  await returning.large(async () => {
    await till.getByRole("button", { name: /Grace/ }).click();
    await till.getByLabel("PIN").fill("9876");
    await till.getByRole("button", { name: "Sign in", exact: true }).click();
  });
  await step("a cashier's discount of a half needs a supervisor", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await till.getByRole("button", { name: "Discount", exact: true }).click();
    for (const digit of "25") await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
    await till.getByRole("button", { name: "Give the discount" }).click();
    await till.getByText("A supervisor signs").waitFor();
    await look(till, "register-override");
  });
  await step("who signs on the spot", async () => {
    await till.getByRole("button", { name: /Grace/ }).click();
    await till.getByLabel("PIN").fill("9876");
    await till.getByRole("button", { name: "Sign in", exact: true }).click();
    await till.getByText("−$0.92").first().waitFor();
    await settled(till);
  });
  await step("the keyboard alone sells", async () => {
    await key(till, "F9");
    await till.getByRole("button", { name: "Exact $2.77" }).waitFor();
    await till.keyboard.press("Enter");
    await till.getByRole("button", { name: "Show the receipt" }).waitFor();
  });

  await step("a whole sale by keyboard, from the search to the receipt", async () => {
    await key(till, "F2");
    await till.keyboard.type("all family cereal", { delay: 60 });
    await till.locator(".found li", { hasText: "All Family Cereal" }).first().waitFor();
    await till.keyboard.press("Enter");
    await lines(till, 1);
    await settled(till);
    const one = await till.evaluate(() => window.register.totals.value.owed);
    await till.keyboard.press("Escape");
    await till.keyboard.press("+");
    await till.waitForFunction(
      (both) => window.register.totals.value.owed === both && !window.register.totals.value.isEstimate,
      2 * one,
    );
    await key(till, "F9");
    await till.getByRole("button", { name: /^Exact/ }).waitFor();
    await till.keyboard.press("Enter");
    await till.getByRole("button", { name: "Show the receipt" }).waitFor();
  });

  // The shift.
  await step("the shift", async () => {
    await key(till, "F10");
    await look(till, "register-menu");
    await till.getByRole("button", { name: "Shift", exact: true }).click();
    await till.getByText(/Shift \d+/).waitFor();
    await look(till, "register-shift");
  });
  const sign = async () => {
    await till.getByText("A supervisor signs").waitFor();
    await till.getByRole("button", { name: /Grace/ }).click();
    await till.getByLabel("PIN").fill("9876");
    await till.getByRole("button", { name: "Sign in", exact: true }).click();
  };
  await step("its X report needs a supervisor's signature", async () => {
    await till.getByRole("button", { name: "X report" }).click();
    await sign();
    await till.getByText("X report of till-1").waitFor();
    await till.getByText("Should be in the till").waitFor();
    await look(till, "register-x-report");
  });
  await step("and so does its copy on paper", async () => {
    await till.getByRole("dialog").getByRole("button", { name: "Print", exact: true }).click();
    await sign();
    await till.getByText("The printer has it.").waitFor();
    await till.keyboard.press("Escape");
  });
  await step("it ends", async () => {
    await key(till, "F10");
    await till.getByRole("button", { name: "Shift", exact: true }).click();
    await till.getByRole("button", { name: "End and count" }).click();
    await till.getByText("Count the till").waitFor();
  });
  await step("is counted", async () => {
    await till.getByLabel("$1.00", { exact: true }).fill("3");
    await till.getByRole("button", { name: "Record the count" }).click();
    await till.waitForFunction(() => !document.querySelector("dialog .button.main")?.disabled);
  });
  await step("sales are found", async () => {
    await till.keyboard.press("Escape");
    await key(till, "F10");
    await till.getByRole("button", { name: "Sales", exact: true }).click();
    await till.getByRole("dialog").getByRole("button", { name: "Show", exact: true }).first().click();
    await till.getByRole("button", { name: "Void the sale" }).waitFor();
    await look(till, "register-sale");
  });
  await step("a sale is voided, with a supervisor's signature", async () => {
    await till.getByRole("button", { name: "Void the sale" }).click();
    await till.getByLabel("Reason").fill("Wrong customer");
    await till.getByRole("button", { name: "Void the sale" }).click();
    await sign();
    await till.getByText(/Voided\. Give back .+ in cash/).waitFor();
  });

  // The picker's phone, and an order that is handed over.
  const phone = await step("a phone", async () => {
    const page = await stage.page({ width: 390, height: 844, touch: true });
    const { body } = await stage.ask("POST", "/registers/till-3/pairing-code", {});
    await page.goto(`${stage.url}/register/#/?code=${body.code}`);
    await page.getByRole("button", { name: "Pair", exact: true }).click();
    await page.getByText("Scan your badge").waitFor();
    await page.getByRole("button", { name: /Grace/ }).click();
    await page.getByLabel("PIN").fill("9876");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await hears(page);
    return page;
  });
  await step("sells", async () => {
    await stage.control(`scan ${CEREAL}`, 3);
    await lines(phone, 1);
    await settled(phone);
    await look(phone, "register-phone");
    assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
  });
  await step("what else the register does fits a phone, too", async () => {
    const dialog = phone.getByRole("dialog");
    const fits = async (name) => {
      await look(phone, `register-${name}-phone`);
      const over = await phone.evaluate(() => {
        const { scrollWidth, clientWidth } = document.querySelector("dialog[open]");
        return Math.max(scrollWidth - clientWidth, document.documentElement.scrollWidth - innerWidth);
      });
      assert.ok(over <= 0, `${name} is ${over} pixels wider than a phone`);
      await phone.keyboard.press("Escape");
      await phone.waitForFunction(() => !document.querySelector("dialog[open]"));
    };
    await phone.getByRole("button", { name: "Pay", exact: true }).click();
    await fits("pay");
    for (const [button, name] of [
      ["Customer", "customer"],
      ["Return", "return"],
      ["Sales", "sales"],
      ["Shift", "shift"],
    ]) {
      await phone.getByRole("button", { name: "Menu" }).click();
      await dialog.getByRole("button", { name: button, exact: true }).click();
      await fits(name);
    }
  });
  await step("and picks", async () => {
    await phone.goto(`${stage.url}/register/#/picking`);
    await phone.getByText("Nothing to pick").waitFor();
    await look(phone, "register-picking-phone");
  });
  await orders.picked(phone);
  await orders.handedOver();

  await step("German, dark", async () => {
    await key(till, "F10");
    await till.getByLabel("Language").selectOption("de");
    await till.getByLabel("Darstellung").selectOption("dark");
    await till.keyboard.press("Escape");
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await look(till, "register-german-dark");
  });

  // The customer's screen.
  await step("the customer sees the basket", async () => {
    const display = await till.context().newPage();
    await display.goto(`${stage.url}/register/#/display`);
    await display.getByText("All Family Cereal").waitFor();
    await look(display, "register-display");
    await display.close();
  });

  // Times.
  await step("a scan of a register that nobody has signed in to waits for a PIN", async () => {
    await stage.control(`scan ${SAUCE}`, 2);
    await other.getByText("Scan your badge").waitFor();
    await other.getByRole("button", { name: /Grace/ }).click();
    await other.getByLabel("PIN").fill("9876");
    await other.getByRole("button", { name: "Sign in", exact: true }).click();
    await settled(other);
    assert.equal(await due(other), "$1.66");
  });
  await step("thirty scans", async () => {
    await other.evaluate(() => (window.register.scanTimes.length = 0));
    for (let scan = 0; scan < 30; scan++) {
      await stage.control(`scan ${[CEREAL, CAT_FOOD, SAUCE][scan % 3]}`, 2);
      await lines(other, scan + 2);
    }
    await settled(other);
  });
  const scans = await other.evaluate(() => window.register.scanTimes);
  const vitals = await till.evaluate(async () => {
    const [navigation] = performance.getEntriesByType("navigation");
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const shifts = await new Promise((done) => {
      const all = [];
      new PerformanceObserver((list) => all.push(...list.getEntries())).observe({
        type: "layout-shift",
        buffered: true,
      });
      setTimeout(
        () => done(all.filter(({ hadRecentInput }) => !hadRecentInput).reduce((sum, { value }) => sum + value, 0)),
        300,
      );
    });
    return { paint: paint?.startTime, loaded: navigation.loadEventEnd, shifts, interactions: window.interactions };
  });
  console.log(
    `register: ${play.steps} steps; scan to line p50 ${quantile(scans, 0.5).toFixed(1)} ms, p99 ${quantile(scans,
      0.99).toFixed(1)} ms of ${scans.length}; ` +
      `first paint ${vitals.paint?.toFixed(0)} ms, loaded ${vitals.loaded.toFixed(0)} ms, ` +
      `from a key or a press to the next paint p98 ${quantile(vitals.interactions, 0.98)} ms of ${
        vitals.interactions.length
      }, layout shift ${vitals.shifts.toFixed(3)}`,
  );
  assert.ok(vitals.shifts < 0.1, `the layout shifts by ${vitals.shifts}`);
  assert.deepEqual(serious, [], "axe-core");
  assert.deepEqual(stage.faults, [], "errors in the browser's console");
} catch (error) {
  const pages = stage.browser.contexts().flatMap((context) => context.pages());
  for (const [place, page] of pages.entries()) {
    const path = `${process.env.PICTURES ?? "/tmp"}/store-hub-failed-${place}.png`;
    await page.screenshot({ path }).catch(() => {});
    console.error(`${page.url()}: ${path}`);
  }
  console.error(stage.faults.join("\n"));
  console.error(error);
  process.exitCode = 1;
} finally {
  await stage.end();
}
