// Goods that come back and customers, at the register's page: what register.mjs plays with its register.

import assert from "node:assert/strict";

const CEREAL = "0400008189811"; // 3.69
const CAT_FOOD = "0400008192279"; // 0.59
const WHOLE = 14; // pieces of cereal: above what a cashier takes back alone

/** The dialogs are gone: keys and scans reach the basket. */
const closed = (page) => page.waitForFunction(() => !document.querySelector("dialog[open]"));

/** A key of the register: it is heard when no dialog is open. */
export async function key(page, name) {
  await closed(page);
  await page.keyboard.press(name);
}

/** The tools of a play: `till` is a register's page. */
export class Returning {
  /** @param {{till: any, stage: any, step: any, look: any, lines: any, settled: any, due: any}} play */
  constructor(play) {
    Object.assign(this, play);
  }

  async scan(code, count) {
    await this.stage.control(`scan ${code}`);
    await this.lines(this.till, count);
    await this.settled(this.till);
  }

  /** Pays in cash, and gives the sale. */
  async paid(amount) {
    await key(this.till, "F9");
    await this.till.getByRole("button", { name: `Exact ${amount}` }).click();
    return this.sold();
  }

  /** The sale that was just made. */
  async sold() {
    await this.till.getByRole("button", { name: "Show the receipt" }).waitFor({ timeout: 30_000 });
    return this.till.evaluate(() => window.register.done.value.sale);
  }

  /** Opens a return, and scans the receipt. */
  async receipt(sale) {
    await key(this.till, "F10");
    await this.till.getByRole("dialog").getByRole("button", { name: "Return", exact: true }).click();
    await this.till.getByText("Scan the code on the receipt.").waitFor();
    await this.stage.control(`scan ${sale}`);
    await this.till.getByRole("button", { name: "Everything" }).waitFor();
  }

  async addToBasket() {
    await this.till.getByRole("button", { name: "Add to the basket" }).click();
    await this.isInBasket();
  }

  /** The lines are in the basket, and the dialog is gone. */
  async isInBasket() {
    await this.till.getByText("Comes back").first().waitFor();
    await this.isClosed();
  }

  async isClosed() {
    await closed(this.till);
  }

  /** Nobody is signed in, because the store has no operators. */
  async returns() {
    const { till, stage, step, look, due } = this;
    let sale = "";
    await step("two cereals are sold", async () => {
      await this.scan(CEREAL, 1);
      await this.scan(CEREAL, 2);
      sale = await this.paid("$7.38");
    });
    await step("one comes back by its receipt", async () => {
      await key(till, "F10");
      await till.getByRole("dialog").getByRole("button", { name: "Return", exact: true }).click();
      await till.getByText("Scan the code on the receipt.").waitFor();
      await look(till, "register-return-find");
      await till.keyboard.press("Escape");
      await this.receipt(sale);
      await till.getByRole("button", { name: "One more" }).first().click();
      await till.getByRole("button", { name: "Defective" }).click();
      await look(till, "register-return");
      await this.addToBasket();
      assert.equal(await due(till), "$3.69");
      await look(till, "register-return-basket");
    });
    await step("its money is given back in cash", async () => {
      await key(till, "F9");
      await till.getByRole("button", { name: "Give back $3.69" }).waitFor();
      await look(till, "register-refund");
      await till.getByRole("button", { name: "Give back $3.69" }).click();
      await till.locator("[data-refund]", { hasText: "$3.69" }).waitFor();
      await look(till, "register-refunded");
      const { totals, returns } = (await stage.ask("GET", `/sales/${await this.sold()}`)).body;
      assert.equal(totals.net, -369);
      assert.equal(returns[0].sale.sale, sale);
    });
    await step("the other one is exchanged, and cat food is sold along with it", async () => {
      await this.receipt(sale);
      await till.getByText("1 line came back already").waitFor();
      await till.getByRole("button", { name: "Everything" }).click();
      await this.addToBasket();
      await till.locator(".line-main", { hasText: "Comes back" }).click();
      await till.getByRole("button", { name: "Even exchange" }).click();
      await till.getByText("Scan what the customer takes instead").waitFor();
      await this.scan(CEREAL, 2);
      await till.waitForFunction(() => window.register.view.value?.due === 0);
      await this.scan(CAT_FOOD, 3);
      await look(till, "register-exchange");
      await this.paid("$0.59");
    });
    await step("a card gets its money back on the terminal", async () => {
      await this.scan(CAT_FOOD, 1);
      await key(till, "F8");
      const byCard = await this.sold();
      await this.receipt(byCard);
      await till.getByRole("button", { name: "Everything" }).click();
      await this.addToBasket();
      await key(till, "F9");
      await till.getByText("no cash").waitFor();
      await look(till, "register-refund-card");
      await till.getByRole("button", { name: "Give back $0.59" }).click();
      await till.locator(".done").getByText("Refunded").waitFor({ timeout: 30_000 });
      await this.sold();
      await look(till, "register-refunded-card");
    });
  }

  async customers() {
    const { till, stage, step, look } = this;
    await step("a new customer is entered", async () => {
      await key(till, "F7");
      await till.getByLabel("Find a customer").fill("+1 212 555 0123");
      await till.getByRole("button", { name: "Find", exact: true }).click();
      await till.getByText("No customer found").waitFor();
      await till.getByRole("button", { name: "New customer" }).click();
      await till.getByLabel("Name", { exact: true }).fill("Rosalind Park");
      await till.getByLabel("E-mail").fill("rosalind@example.com");
      await look(till, "register-customer-new");
      await till.getByRole("button", { name: "Enter and choose" }).click();
      await till.locator(".customer", { hasText: "Rosalind Park" }).waitFor();
    });
    await step("found by name and by phone, taken off and put on again", async () => {
      await till.locator(".customer").click();
      await till.getByRole("button", { name: "Take off the basket" }).click();
      await till.locator(".customer").waitFor({ state: "detached" });
      await this.isClosed();
      await this.scan(CEREAL, 1);
      await key(till, "F7");
      await till.getByLabel("Find a customer").fill("ros par");
      await till.keyboard.press("Enter");
      await till.getByRole("dialog").getByText("Rosalind Park").waitFor();
      await till.getByLabel("Find a customer").fill("212 555 0123");
      await till.keyboard.press("Enter");
      await look(till, "register-customer");
      await till.getByRole("button", { name: "Choose" }).click();
      await till.locator(".customer", { hasText: "Rosalind Park" }).waitFor();
      await this.isClosed();
      await look(till, "register-customer-basket");
    });
    await step("the sale is the customer's", async () => {
      const sale = await this.paid("$3.69");
      const { customer } = (await stage.ask("GET", `/sales/${sale}`)).body;
      const { name } = (await stage.ask("GET", `/customers/${customer}`)).body;
      assert.equal(name, "Rosalind Park");
    });
    await step("whose receipt headquarters sends by e-mail", async () => {
      await till.getByRole("button", { name: "Send by e-mail" }).click();
      await till.getByText("Headquarters sends the receipt by e-mail.").waitFor();
      await look(till, "register-email");
    });
  }

  /** A cashier is signed in. @param {() => Promise<unknown>} sign signs as a supervisor */
  async large(sign) {
    const { till, step } = this;
    await step("a large return needs a supervisor's signature", async () => {
      await this.scan(CEREAL, 1);
      await till.getByRole("button", { name: "Quantity" }).click();
      for (const digit of String(WHOLE))
        await till.getByRole("dialog").getByRole("button", { name: digit, exact: true }).click();
      await till.getByRole("button", { name: "Set", exact: true }).click();
      await till.waitForFunction(() => window.register.totals.value.owed === 5166);
      await this.settled(till);
      const sale = await this.paid("$51.66");
      await this.receipt(sale);
      await till.getByRole("button", { name: "Everything" }).click();
      await till.getByRole("button", { name: "Add to the basket" }).click();
      await till.getByText("A supervisor signs").waitFor();
      await sign();
      await this.isInBasket();
      await key(till, "F9");
      await till.getByRole("button", { name: "Give back $51.66" }).click();
      await till.locator("[data-refund]", { hasText: "$51.66" }).waitFor();
    });
  }
}
