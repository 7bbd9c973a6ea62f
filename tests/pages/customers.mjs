// Customers at the console: what console.mjs plays with its page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const NAME = "Rosalind Park";
const PHONE = "+1 212 555 0123";

/** @param {{page: any, stage: any, step: any, look: any, go: any, said: any, press: any, token: string}} play */
export async function customers({ page, stage, step, look, go, said, press, token }) {
  const find = async (words) => {
    await page.getByRole("searchbox").fill(words);
    await press(page, "Search");
  };
  const { customer, sale } = await step("a customer buys something", async () => {
    const { customer } = (
      await stage.ask(
        "POST",
        "/customers",
        {
          ...{ name: NAME, phones: [PHONE], emails: ["rosalind@example.com"], cards: ["CARD-77"], language: "fr" },
          consents: [{ purpose: "email_marketing", text_version: "2026-1", given: true }],
        },
        { token },
      )
    ).body;
    const { items } = (await stage.ask("GET", "/items?query=cheese&limit=1", undefined, { token })).body;
    const basket = { lines: [{ sku: items[0].sku }], tenders: [{ tender: "cash", amount: 100_00 }], customer };
    const { sale } = (await stage.ask("POST", "/sales", basket, { token })).body;
    return { customer, sale };
  });
  await step("and is found by name, e-mail and phone", async () => {
    await go(page, "customers");
    await page.getByText("Whom are you looking for?").waitFor();
    await find("nobody of this name");
    await page.getByText("No customer found").waitFor();
    for (const words of ["ros par", "rosalind@example.com", "CARD-77", PHONE]) {
      await find(words);
      await page.getByRole("button", { name: NAME }).waitFor();
    }
    await look(page, "console-customers");
  });
  await step("profile, points, consents and purchases", async () => {
    await page.getByRole("button", { name: NAME }).click();
    await page.getByRole("heading", { name: NAME }).waitFor();
    await page.getByText("French").waitFor();
    await page.getByText("No account of points").or(page.getByText(/Worth .+ here/)).waitFor();
    await page.getByRole("region", { name: "Purchases in this store" }).getByRole("row").nth(1).waitFor();
    await look(page, "console-customer");
  });
  await step("a consent is withdrawn", async () => {
    await press(page, "Withdraw");
    await said(page, "The consent is withdrawn");
    await page.getByText("Refused", { exact: true }).waitFor();
    const { name, phones, consents } = (await stage.ask("GET", `/customers/${customer}`)).body;
    assert.deepEqual([name, phones.length, consents[0].given], [NAME, 1, false], "the rest stays");
  });
  await step("a purchase leads to its sale, and the sale to its customer", async () => {
    await page.getByRole("region", { name: "Purchases in this store" }).getByRole("row").nth(1).click();
    await page.getByRole("heading", { name: `Sale ${sale}` }).waitFor();
    await page.getByRole("link", { name: customer }).click();
    await page.getByRole("heading", { name: NAME }).waitFor();
  });
  await step("a copy is saved for the customer", async () => {
    const saving = page.waitForEvent("download");
    await press(page, "Save a copy for the customer");
    const { profile } = JSON.parse(await readFile(await (await saving).path(), "utf8"));
    assert.deepEqual([profile.id, profile.name], [customer, NAME]);
  });
  await step("the customer is erased, once somebody is sure", async () => {
    await press(page, "Erase");
    const dialog = page.getByRole("dialog");
    assert.ok(await dialog.getByRole("button", { name: "Erase" }).isDisabled());
    await dialog.getByRole("checkbox").check();
    await look(page, "console-customer-erase");
    await dialog.getByRole("button", { name: "Erase" }).click();
    await said(page, "The customer is erased");
    await page.getByText("Whom are you looking for?").waitFor();
    await find("ros par");
    await page.getByText("No customer found").waitFor();
    await stage.ask("GET", `/customers/${customer}`, undefined, { accept: [404] });
    assert.equal((await stage.ask("GET", `/sales/${sale}`)).body.customer, customer, "the sale stays");
  });
}
