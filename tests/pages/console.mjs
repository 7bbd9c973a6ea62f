// A manager's day and an IT person's at the console of the real hub with simulated devices, and a look at HQ's pages.

import assert from "node:assert/strict";
import { customers } from "./customers.mjs";
import { accessibility, picture, Play, Stage } from "./stage.mjs";

const stage = await Stage.build();
const play = new Play();
const step = play.step.bind(play);
const serious = [];

const loaded = (page) => page.waitForFunction(() => !document.querySelector(".loading"));

/** The pictures of the documentation. Those of today and of a sale are of the demo with `--sell`. */
const PICTURES = [
  ...["console-labels", "console-returns", "console-customer", "console-prices"],
  ...["hq-store", "hq-figures"],
];

/** A view in both themes: findings of axe-core. */
async function look(page, name) {
  await loaded(page);
  if (PICTURES.includes(name)) await picture(page, name);
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme });
    serious.push(...(await accessibility(page, `${name}, ${theme}`)));
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** How much of the page has moved by itself since it was opened. */
const shifts = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        let sum = 0;
        new PerformanceObserver((list) =>
          list.getEntries().forEach(({ value, hadRecentInput }) => (sum += hadRecentInput ? 0 : value)),
        ).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 50);
      }),
  );

/** Nothing is wider than the screen. */
async function fits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${name} is ${over} pixels wider than the screen`);
}

async function signIn(options) {
  const page = patient(await stage.page(options));
  await page.goto(`${stage.url}/`);
  await page.getByRole("textbox").fill(stage.code);
  await page.keyboard.press("Enter");
  await page.locator(".frame").waitFor();
  return page;
}

/** A slow machine is no fault. */
function patient(page) {
  page.setDefaultTimeout(30_000);
  return page;
}

const go = (page, ...path) => page.goto(`${page.url().split("#")[0]}#/${path.join("/")}`);
const said = (page, text) => page.getByRole("status").filter({ hasText: text }).first().waitFor();
const pieces = (count) => ({ milli: count * 1000, unit: "each" });
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** Finds an item in the search of a view or dialog, and chooses the first. */
async function find(place, words) {
  await place.getByRole("searchbox").fill(words);
  await place.locator(".found button").first().click();
}

try {
  const { token, sale } = await step("a register sells", async () => {
    const { code } = (await stage.ask("POST", "/registers/till-1/pairing-code", {})).body;
    const { token } = (await stage.ask("POST", "/pairing", { code })).body;
    const { items } = (await stage.ask("GET", "/items?query=cheese&limit=3", undefined, { token })).body;
    const lines = items.map(({ sku }) => ({ sku }));
    await stage.ask("POST", "/sales", { lines, card: true }, { token });
    const cash = { lines, tenders: [{ tender: "cash", amount: 100_00 }] };
    const { sale } = (await stage.ask("POST", "/sales", cash, { token })).body;
    return { token, sale };
  });

  // The manager.
  const page = await step("a wrong code is refused in words, the right one signs in", async () => {
    const page = patient(await stage.page());
    await page.goto(`${stage.url}/`);
    await page.getByRole("textbox").fill("00000000");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    serious.push(...(await accessibility(page, "sign in")));
    await page.getByRole("textbox").fill(stage.code);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Today" }).waitFor();
    return page;
  });
  await step("today shows both sales, by the hour, and the top items", async () => {
    await page.locator(".figure", { hasText: "Sales" }).getByText("2", { exact: true }).waitFor();
    await page.getByRole("img", { name: "Takings by hour" }).waitFor();
    await page.getByRole("region", { name: "Top items" }).getByRole("row").nth(3).waitFor();
    await look(page, "console-today");
    const moved = await shifts(page);
    assert.ok(moved < 0.1, `the layout shifts by ${moved}`);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
    console.log(`console: first paint after ${Math.round(paint)} ms, layout shift ${moved.toFixed(3)}`);
  });
  await step("a sale appears without a reload", async () => {
    await stage.ask(
      "POST",
      "/sales",
      {
        lines: [{ description: "Postcard", keyed: { amount: 150, reason: "open price" } }],
        tenders: [{ tender: "cash", amount: 150 }],
      },
      { token },
    );
    await page.locator(".figure", { hasText: "Sales" }).getByText("3", { exact: true }).waitFor();
  });
  await step("the story of the card sale: payment, receipt, HQ", async () => {
    await go(page, "sales");
    await page.getByRole("row").nth(3).getByRole("button").click();
    await page.getByText("Approved", { exact: true }).waitFor();
    await page.getByText("has it").waitFor();
    await page.getByRole("img", { name: /Receipt .* as printed/ }).evaluate((image) => image.decode());
    await look(page, "console-sale");
  });
  await step("it is voided, and the void is shown", async () => {
    await press(page, "Void the sale");
    await page.getByLabel("Reason").fill("wrong customer");
    await page.getByRole("dialog").getByRole("button", { name: "Void the sale" }).click();
    await page.getByText("This is the void of").waitFor();
  });
  await customers({ page, stage, step, look, go, said, press, token });
  await step("goods that came back, by their receipt and without one", async () => {
    const register = async (path, body) => (await stage.ask("POST", path, body, { token })).body;
    const finish = async (basket) => {
      while ((await register(`/baskets/${basket}/refunds`, {})).due < 0);
      await register(`/baskets/${basket}/complete`, {});
    };
    const { items } = (await stage.ask("GET", "/items?query=cheese&limit=1", undefined, { token })).body;
    const { id: first } = await register("/baskets", {});
    const line = { line: 1, quantity: pieces(1), reason: "defective", disposition: "damaged" };
    await register(`/baskets/${first}/returns`, { sale, lines: [line] });
    await finish(first);
    const { id: second } = await register("/baskets", {});
    const blind = { line: { sku: items[0].sku }, reason: "unwanted", override_reason: "Good customer" };
    await register(`/baskets/${second}/returns/without-receipt`, blind);
    await finish(second);
    await go(page, "returns");
    await page.getByRole("link", { name: sale }).waitFor();
    await page.getByText("Good customer").waitFor();
    await look(page, "console-returns");
  });
  await step("labels: choose, see, print, and the job is printed", async () => {
    await go(page, "labels");
    await find(page, "cheese");
    await page.getByRole("spinbutton").fill("3");
    await page.getByRole("spinbutton").blur();
    await page.getByRole("img", { name: /^Label/ }).evaluate((image) => image.decode());
    await look(page, "console-labels");
    await press(page, "Print 3 labels");
    await page.getByText("Printed", { exact: true }).waitFor();
  });
  await step("goods are announced and received", async () => {
    await go(page, "stock", "receiving");
    await press(page, "Announce goods");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Supplier", { exact: true }).fill("Dairy");
    await dialog.getByLabel("Order number").fill("PO-1");
    await find(dialog, "cheese");
    await dialog.getByLabel(/^Quantity of/).fill("12");
    await dialog.getByRole("button", { name: "Enter" }).click();
    await press(page, "Receive the goods");
    await page.getByText("12 of 12 came").waitFor();
    await look(page, "console-receiving");
  });
  await step("they are counted, and the difference is approved", async () => {
    await go(page, "stock", "counts");
    await press(page, "New count");
    await find(page.getByRole("dialog"), "cheese");
    await press(page, "Begin to count");
    await page.getByLabel(/^Quantity of/).fill("5");
    await press(page, "Keep 1 quantity");
    await press(page, "Approve");
    await page.getByText("Approved", { exact: true }).waitFor();
    await look(page, "console-count");
  });
  await step("what is to be ordered is chosen, announced, and not proposed again", async () => {
    const { items } = (await stage.ask("GET", "/items?query=cheese&limit=1")).body;
    const [{ sku, description }] = items;
    const safety = { rule: "below_zero", lead_time_days: 2, cover_days: 7, safety_stock: pieces(20) };
    await stage.ask("POST", `/stock/policies/${sku}`, safety);
    await go(page, "stock", "reorder");
    await page.getByRole("checkbox", { name: description }).check();
    await look(page, "console-reorder");
    await press(page, "Announce 1 item");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Supplier", { exact: true }).fill("Dairy");
    await dialog.getByLabel("Order number").fill("PO-2");
    assert.ok(Number(await dialog.getByLabel(/^Quantity of/).inputValue()) >= 15);
    await dialog.getByRole("button", { name: "Enter" }).click();
    await page.getByText("Dairy · PO-2").waitFor();
    await go(page, "stock", "reorder");
    await page.getByText("Nothing to order").waitFor();
  });
  await step("an item's price, and where it comes from", async () => {
    await go(page, "prices");
    await find(page, "cheese");
    await page.getByText("Comes from").waitFor();
    // A price of the store, which ends.
    const { items } = (await stage.ask("GET", "/items?query=cheese&limit=1")).body;
    const price = { price: { minor: 199, per: "each" }, reason: "damaged package", until: "2099-12-31T20:00" };
    await stage.ask("POST", `/prices/overrides/${items[0].sku}`, price);
    await page.reload();
    const coming = page.getByRole("region", { name: "What changes, and when" });
    await coming.getByRole("listitem").filter({ hasText: "2099-12-31 20:00" }).getByText(/cheese/i).waitFor();
    await look(page, "console-prices");
  });
  await step("an item is recalled, registers refuse it, and the recall ends", async () => {
    await go(page, "prices", "recalls");
    await find(page, "cheese");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("glass found");
    await dialog.getByRole("button", { name: "Recall", exact: true }).click();
    await page.getByText("glass found").waitFor();
    const [{ sku }] = (await stage.ask("GET", "/recalls")).body;
    const sale = { lines: [{ sku }], tenders: [{ tender: "cash", amount: 100_00 }] };
    const { body } = await stage.ask("POST", "/sales", sale, { token, accept: [422] });
    assert.equal(body.type, "/problems/item-recalled");
    await press(page, "End the recall");
    await page.getByText("No recalls in force").waitFor();
  });
  await step("a till is counted and its shift closed: the Z report", async () => {
    await go(page, "cash");
    await page.getByRole("row").nth(1).getByRole("button").click();
    await page.getByText(/^X report/).waitFor();
    await press(page, "End the shift");
    await said(page, "The shift has ended");
    const { body } = await stage.ask("GET", `/shifts/${page.url().split("/").pop()}`);
    await press(page, "Count the till");
    // In cents, so that every amount can be counted.
    await page.getByRole("dialog").getByRole("textbox").last().fill(String(body.expected));
    await press(page, "Keep the count");
    await press(page, "Close the shift");
    await page.getByText(/^Z report/).waitFor();
    await look(page, "console-shift");
  });
  await step("orders, movements, days: empty or not, they show", async () => {
    for (const path of [
      ["orders"],
      ["stock", "positions"],
      ["stock", "movements"],
      ["stock", "reorder"],
      ["stock", "transfers"],
      ["cash", "days"],
      ["cash", "movements"],
      ["cash", "payments"],
      ["prices", "publications"],
      ["prices", "recalls"],
    ]) {
      await go(page, ...path);
      await loaded(page);
      await fits(page, path.join("/"));
    }
  });

  // IT.
  await step("the scale's weight is live, and weighing works", async () => {
    await go(page, "devices", "scale-1");
    await stage.control("weigh 1.25");
    await press(page, "Weigh");
    await page.locator("output.said").filter({ hasText: "1.25" }).waitFor();
    await look(page, "console-device");
  });
  await step("a test page is printed beside its picture", async () => {
    await go(page, "devices", "receipts-1");
    await page.getByRole("img", { name: "The test page as it is printed" }).evaluate((image) => image.decode());
    await press(page, "Print");
    await said(page, "Printed and confirmed");
  });
  await step("a terminal checks its connection", async () => {
    await go(page, "devices", "terminal-1");
    await press(page, "Check its connection");
    await page.locator("pre.paper").waitFor();
  });
  await step("devices, and how to add one", async () => {
    await go(page, "devices");
    await look(page, "console-devices");
    await go(page, "devices", "add");
    await page.getByRole("heading", { name: "In four steps" }).waitFor();
  });
  await step("a register is paired by the code that is shown", async () => {
    await go(page, "people");
    await page
      .getByRole("row", { name: /till-2/ })
      .getByRole("button", { name: /Pair/ })
      .click();
    const code = await page.locator("output.code").innerText();
    await look(page, "console-pair");
    await stage.ask("POST", "/pairing", { code });
    await page.keyboard.press("Escape");
    await page
      .getByRole("row", { name: /till-2/ })
      .getByText("Paired", { exact: true })
      .waitFor();
  });
  await step("the audit trail says who did what", async () => {
    await go(page, "people", "audit");
    await page.getByText("Sale voided").waitFor();
    await page.getByText("Register paired").first().waitFor();
    await look(page, "console-audit");
  });
  await step("the settings are shown", async () => {
    await go(page, "settings");
    await page.getByText("keep_sales_days").waitFor();
    await look(page, "console-settings");
  });
  await step("by keyboard alone: to the content, through the tabs", async () => {
    await go(page, "stock");
    await page.reload();
    await page.locator(".tabs").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Movements", selected: true }).waitFor();
  });
  await step("in German", async () => {
    await press(page, "Language, appearance, sign out");
    await page.getByLabel("Language", { exact: true }).selectOption("de");
    await page.getByRole("heading", { name: "Bestand" }).waitFor();
    await page.keyboard.press("Escape");
  });
  const phone = await step("on a phone, in Spanish and dark", async () => {
    const phone = await signIn({ width: 390, height: 844, dark: true, locale: "es-ES", touch: true });
    for (const view of [
      "today",
      "sales",
      "returns",
      "customers",
      "stock",
      "labels",
      "cash",
      "devices",
      "people",
      "settings",
    ]) {
      await go(phone, view);
      await loaded(phone);
      await fits(phone, view);
    }
    await go(phone, "today");
    await picture(phone, "console-phone");
    return phone;
  });
  await step("a new store sees what it still lacks, and where to do it", async () => {
    const fresh = await signIn({});
    await fresh.getByRole("heading", { name: "Today" }).waitFor();
    assert.equal(await fresh.getByText("First steps of this store").count(), 0, "this store has what it needs");
    // The same hub as if nothing were on file: no events, and a status without items and devices.
    await fresh.route("**/events/ticket", (route) => route.abort());
    await fresh.route("**/api/v1/status", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), items: 0, devices: [] } });
    });
    await fresh.reload();
    const steps = fresh.getByRole("region", { name: "First steps of this store" });
    await steps.getByText("No item is on file.").waitFor();
    await look(fresh, "console-first-steps");
    await steps.getByRole("listitem").filter({ hasText: "Devices" }).getByRole("link", { name: "Show" }).click();
    await fresh.getByRole("heading", { name: "In four steps" }).waitFor();
    await fresh.context().close();
  });
  await step("whoever is signed out everywhere must sign in again", async () => {
    await stage.ask("POST", "/sessions/end", {});
    await phone.locator(".door").waitFor();
    await page.locator(".door").waitFor();
  });

  await step("the page of all components, and the page of the API", async () => {
    for (const path of ["look", "docs"]) {
      await page.goto(`${stage.url}/${path}`);
      await page.getByRole("heading").first().waitFor();
      await look(page, path);
    }
  });

  // HQ.
  const hq = await step("HQ refuses an unknown key in words, and takes the right one", async () => {
    const hq = patient(await stage.page());
    await hq.goto(`${stage.hq}/`);
    await hq.getByLabel("API key").fill("shk_wrong");
    await hq.keyboard.press("Enter");
    await hq.getByText("This key is unknown or revoked.").waitFor();
    await hq.getByLabel("API key").fill(stage.hqKey);
    await hq.keyboard.press("Enter");
    await hq.getByRole("heading", { name: "Stores" }).waitFor();
    assert.ok(!hq.url().includes(stage.hqKey), "the key is in no address");
    return hq;
  });
  await step("the fleet and its store", async () => {
    await look(hq, "hq-stores");
    await hq.getByRole("button", { name: "store-367" }).click();
    await hq.getByText("receipts-1").waitFor();
    await look(hq, "hq-store");
  });
  await step("figures by store and channel", async () => {
    await go(hq, "figures");
    await hq.getByRole("img", { name: "Takings by day" }).waitFor();
    await look(hq, "hq-figures");
  });
  await step("orders, publications, alarms and quarantine", async () => {
    for (const view of [
      "orders",
      "orders/refunds",
      "returns",
      "gift-cards",
      "publications",
      "trouble",
      "trouble/quarantine",
    ]) {
      await go(hq, view);
      await look(hq, `hq-${view.replace("/", "-")}`);
      await fits(hq, view);
    }
  });
  await step("signed out, the key is gone", async () => {
    await press(hq, "Language, appearance, sign out");
    await press(hq, "Sign out");
    await hq.getByLabel("API key").waitFor();
    assert.equal(await hq.evaluate(() => sessionStorage.length), 0);
  });

  assert.deepEqual(serious, [], "findings of axe-core");
  assert.deepEqual(stage.faults, [], "errors in the pages");
  console.log(`console and HQ: ${play.steps} steps`);
} finally {
  await stage.end();
}
