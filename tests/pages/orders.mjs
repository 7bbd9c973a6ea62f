// Orders of a web shop, from the picker's phone to the customer at the register, and orders that a register places:
// what register.mjs plays with its register and its phone.

import assert from "node:assert/strict";
import { key } from "./returning.mjs";

const CEREAL = "0400008189811"; // 3.69
const CAT_FOOD = "0400008192279"; // 0.59
const SAUCE = "0400008193047"; // 1.66

const ORDER = "web-4711";
const CODE = "PLUM-4711";
const HOUR = 60 * 60 * 1000;
const EACH = { milli: 1000, unit: "each" };

/** The tools of a play: `till` is a register's page. */
export class Orders {
  /** @param {{till: any, stage: any, step: any, look: any, lines: any, settled: any}} play */
  constructor(play) {
    Object.assign(this, play);
  }

  /** Asks until the answer is right. */
  async until(what, read, isRight) {
    for (let attempt = 0; attempt < 300; attempt++) {
      const answer = await read();
      if (isRight(answer)) return answer;
      await new Promise((done) => setTimeout(done, 200));
    }
    throw new Error(`${what} does not come`);
  }

  /** The order as the store has it; nothing while it has not heard of it. */
  async part() {
    const { body } = await this.stage.ask("GET", `/orders/${ORDER}/1`, undefined, { accept: [200, 404] });
    return body;
  }

  async sku(gtin) {
    return (await this.stage.ask("GET", `/gtins/${gtin}`)).body.sku;
  }

  /**
   * Two cereals, of which one can't be found; cat food, for which the customer takes sauce; sauce; and cheese, which is
   * chilled and so on a cart of its own.
   */
  async placed() {
    const { stage, step } = this;
    await step("a web shop orders at headquarters", async () => {
      const [cereal, catFood, sauce] = await Promise.all([CEREAL, CAT_FOOD, SAUCE].map((gtin) => this.sku(gtin)));
      const { items } = (await stage.ask("GET", "/items?query=cheese&limit=20")).body;
      const cheese = items.find(({ gtin, price }) => gtin && price.per === "each");
      this.cheese = cheese.gtin;
      const store = (await stage.ask("GET", "/status")).body.hub;
      for (const [sku, milli] of [
        [cereal, 2000],
        [catFood, 1000],
        [sauce, 1000],
        [cheese.sku, 1000],
      ]) {
        const path = `/availability?store=${store}&sku=${sku}`;
        await this.until(
          `the web quota of ${sku}`,
          () => stage.askHeadquarters("GET", path),
          ({ items }) => items[0]?.available >= milli,
        );
      }
      const line = (number, sku, description, minor, more = {}) => ({
        ...{ number, sku, description, price: { minor, per: "each" }, quantity: EACH },
        ...more,
      });
      await stage.askHeadquarters("POST", "/orders", {
        order: ORDER,
        kind: "reserve",
        to: { store },
        currency: "USD",
        payment: { by: "at_pickup" },
        customer: { name: "Barbara Liskov", phone: "+1 513 555 4711", code: CODE },
        due_ms: Date.now() + 2 * HOUR,
        lines: [
          line(1, cereal, "Cereal", 369, { quantity: { milli: 2000, unit: "each" } }),
          line(2, catFood, "Cat food", 59, { substitution: { choice: "chosen", substitute: sauce } }),
          line(3, sauce, "Sauce", 166),
          line(4, cheese.sku, "Cheese", cheese.price.minor, { zone: "chilled" }),
        ],
      });
      await this.until(
        "the order",
        () => this.part(),
        (part) => part?.state === "accepted",
      );
    });
  }

  /** @param {any} phone a picker's, who is signed in, at lane 3 */
  async picked(phone) {
    const { stage, step, look } = this;
    const works = {
      Cereal: async () => {
        await phone.getByRole("button", { name: "One less" }).click();
        await phone.getByText("1 of 2").waitFor();
        await look(phone, "register-pick-phone");
        await stage.control(`scan ${CEREAL}`, 3);
        await phone.locator(".pick-quantity", { hasText: "× 1" }).waitFor();
        await phone.getByRole("button", { name: "Can't be found" }).click();
      },
      "Cat food": async () => {
        await phone.getByRole("button", { name: "Take another item" }).click();
        await phone.getByText(/The customer wants .+ instead/).waitFor();
        await look(phone, "register-pick-instead-phone");
        await stage.control(`scan ${SAUCE}`, 3);
      },
      Cheese: () => stage.control(`scan ${this.cheese}`, 3),
      Sauce: async () => {
        await stage.control(`scan ${CAT_FOOD}`, 3);
        // A wrong item is refused.
        await phone.getByRole("alert").waitFor();
        await stage.control(`scan ${SAUCE}`, 3);
      },
    };
    const claim = async () => {
      await phone.getByRole("button", { name: "Next cart" }).click();
      await phone.locator(".pick").waitFor();
    };
    const pick = async () => {
      const name = await phone.locator(".pick h1").textContent();
      await works[name]();
      await phone.waitForFunction((before) => document.querySelector(".pick h1")?.textContent !== before, name);
      return name;
    };
    const put = async (place) => {
      await phone.getByText(`Stage ${ORDER}`).waitFor();
      await phone.getByLabel("Place").fill(place);
    };
    const ready = () => phone.getByRole("button", { name: "Ready for the customer" }).click();
    const ambient = async () => {
      for (let left = 3; left > 0; left--) assert.notEqual(await pick(), "Cheese");
      await put("A-1");
      await look(phone, "register-stage-phone");
    };
    const chilled = async () => {
      assert.equal(await pick(), "Cheese");
      await put("F-1");
      await phone.getByLabel("Temperature, °C").fill("3.4");
      await look(phone, "register-stage-chilled-phone");
    };
    /** Which of the two carts comes first is the hub's choice. @type {(() => Promise<void>)[]} */
    let carts = [];
    await step("the picker claims a cart", async () => {
      await claim();
      const isChilled = (await phone.locator(".pick h1").textContent()) === "Cheese";
      carts = isChilled ? [chilled, ambient] : [ambient, chilled];
    });
    await step("scans what is there, says what is not, takes another item instead, and stages it", async () => {
      await carts[0]();
      await ready();
      await phone.getByText(`The rest of ${ORDER} is on another cart`).waitFor();
      assert.notEqual((await this.part()).state, "ready");
    });
    await step("with the other cart the order is ready for the customer", async () => {
      await claim();
      await carts[1]();
      await ready();
      await phone.getByText("Nothing to pick").waitFor();
      await this.until(
        "the order that is ready",
        () => this.part(),
        (part) => part.state === "ready",
      );
    });
  }

  async handedOver() {
    const { till, stage, step, look, settled } = this;
    await step("the customer's code finds the order", async () => {
      await key(till, "F10");
      await till.getByRole("dialog").getByRole("button", { name: "Orders", exact: true }).click();
      await till.getByRole("dialog").getByText("Barbara Liskov").waitFor();
      await stage.control(`scan ${CODE}`);
      await till.waitForFunction((code) => document.querySelector("dialog input")?.value === code, CODE);
      await till.getByRole("dialog").getByRole("button", { name: "Show", exact: true }).click();
      await till.getByText("A-1").waitFor();
    });
    await step("each thing is scanned", async () => {
      const ticked = (count) =>
        till.waitForFunction((n) => document.querySelectorAll("dialog [type=checkbox]:checked").length === n, count);
      for (const [at, code] of [CEREAL, SAUCE, SAUCE, this.cheese].entries()) {
        await stage.control(`scan ${code}`);
        await ticked(at + 1);
      }
      await look(till, "register-hand-over");
    });
    await step("what is to be paid is paid, and the order is handed over", async () => {
      await till.getByRole("button", { name: "Check and pay" }).click();
      await till.locator(".line >> nth=3").waitFor();
      await settled(till);
      await look(till, "register-order-basket");
      await key(till, "F9");
      await till.getByRole("button", { name: /^Exact/ }).click();
      await till.getByRole("button", { name: "Show the receipt" }).waitFor();
      await this.until(
        "the handover",
        () => this.part(),
        (part) => part.state === "handed_over",
      );
    });
  }

  /** The basket is empty before and after. */
  async elsewhere() {
    const { till, stage, step, look, lines, settled } = this;
    const dialog = till.getByRole("dialog");
    const open = async () => {
      await stage.control(`scan ${CEREAL}`);
      await lines(till, 1);
      await settled(till);
      await key(till, "F10");
      await till.getByRole("button", { name: "Order from elsewhere" }).click();
    };
    const placed = (name) => dialog.getByRole("listitem").filter({ hasText: name });
    const place = async (name) => {
      await dialog.getByRole("button", { name: "Order", exact: true }).click();
      await till.getByText(/Ordered as .+ Headquarters confirms it/).first().waitFor();
      await placed(name).waitFor();
    };
    const closed = async () => {
      await till.keyboard.press("Escape");
      await till.getByText("Scan the first item").waitFor();
    };
    await step("what is in the basket is ordered from another store", async () => {
      await open();
      await dialog.getByLabel("Name").fill("Alan Turing");
      await dialog.getByLabel("Store", { exact: true }).fill("store-9");
      await look(till, "register-elsewhere");
      await place("Alan Turing");
    });
    await step("headquarters answers that there is no such store", async () => {
      await dialog.getByText("refused", { exact: true }).waitFor();
      await look(till, "register-elsewhere-refused");
      await closed();
    });
    await step("an order that is delivered, and paid already", async () => {
      await open();
      await dialog.getByLabel("How does the customer get it?").selectOption("endless_aisle");
      await dialog.getByLabel("Name").fill("Grace Hopper");
      await dialog.getByLabel("Delivery zone").fill("north");
      await dialog.getByRole("button", { name: "Order", exact: true }).click();
      assert.ok(await dialog.getByLabel("Number of the payment").evaluate((field) => field.matches(":invalid")));
      await dialog.getByLabel("Number of the payment").fill("4711");
      await dialog.getByLabel("Address").fill("1 Harbour Road\n\nCincinnati");
      await look(till, "register-elsewhere-delivered");
      await place("Grace Hopper");
    });
    await step("headquarters has it as it was entered, and no store that delivers there", async () => {
      await placed("Grace Hopper").getByText("refused").waitFor();
      const all = (await stage.ask("GET", "/placed-orders")).body;
      const one = all.find(({ placed: { order } }) => order.terms.kind === "endless_aisle");
      const { customer, payment } = one.placed.order.terms;
      assert.deepEqual(one.placed.to, { zone: "north" });
      assert.deepEqual(payment, { by: "prepaid", reference: "4711" });
      assert.deepEqual(customer, { name: "Grace Hopper", address: ["1 Harbour Road", "Cincinnati"] });
      assert.equal(one.tracked.answer.answer, "refused");
      await closed();
    });
  }
}
