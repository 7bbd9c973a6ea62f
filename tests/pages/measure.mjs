// How fast the register's page is with a large catalog: node tests/pages/measure.mjs [--items 100000]
//
// Prints the time to its first paint, from the scanner to the painted line, from a key to the found items, and the
// frames while a basket of 100 lines is scrolled and filled. Limits are for the release build on a machine that does
// nothing else, so it fails only when something does not work.

import { parseArgs } from "node:util";
import { quantile, Stage } from "./stage.mjs";

const { values } = parseArgs({ options: { items: { type: "string", default: "100000" } } });
const ITEMS = Number(values.items);
const BATCH = 1000;
const LINES = 100;
const PATIENCE = 600_000;
/** As long as pictures are taken of a basket that moves. */
const SCROLLING = 3000;

const WORDS = ["Apple", "Barley", "Cocoa", "Date", "Endive", "Fennel", "Grape", "Hazelnut", "Iceberg", "Juniper"];
const KINDS = ["juice", "bread", "flakes", "soup", "salad", "crisps", "yoghurt", "tea", "jam", "noodles"];

/** A GTIN-13 of a number. */
function gtin(number) {
  const digits = `20${String(number).padStart(10, "0")}`;
  const sum = [...digits].reduce((sum, digit, at) => sum + Number(digit) * (at % 2 ? 3 : 1), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

const item = (number) => ({
  sku: `item-${number}`,
  gtin: gtin(number),
  description: `${WORDS[number % 10]} ${KINDS[Math.floor(number / 10) % 10]} ${number}`,
  department: "GROCERY",
  category: "TEST",
  brand: `Brand ${number % 300}`,
  package_size: "",
  price: { minor: 100 + (number % 900), per: "each" },
});

const said = (times) =>
  `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms of ${times.length}`;

/** In the page: notes when lines are painted. */
function watch() {
  window.painted = [];
  let known = 0;
  const look = () => {
    const count = document.querySelectorAll(".line").length;
    if (count > known)
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        // After the frame.
        channel.port1.onmessage = () => window.painted.push(performance.timeOrigin + performance.now());
        channel.port2.postMessage(undefined);
      });
    known = count;
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}

/** In the page: the times between frames while `milliseconds` pass, with a basket that scrolls. */
function scroll(milliseconds) {
  const lines = document.querySelector(".lines");
  return new Promise((done) => {
    const frames = [];
    const [start, step] = [performance.now(), 40];
    let [before, way] = [start, step];
    const frame = (now) => {
      frames.push(now - before);
      before = now;
      if (lines.scrollTop <= 0) way = step;
      else if (lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 1) way = -step;
      lines.scrollTop += way;
      if (now - start < milliseconds) requestAnimationFrame(frame);
      else done(frames.slice(1));
    };
    requestAnimationFrame(frame);
  });
}

/** In the page: the times from each letter of a query to the list that shows what is found. */
async function type(query) {
  const input = document.querySelector(".find input");
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const times = [];
  for (let end = 1; end <= query.length; end++) {
    const start = performance.now();
    const found = new Promise((done) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        requestAnimationFrame(() => done(performance.now() - start));
      });
      observer.observe(document.querySelector(".add"), { childList: true, subtree: true, characterData: true });
      // The same items as before are no change.
      setTimeout(() => done(undefined), 1000);
    });
    set.call(input, query.slice(0, end));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    const time = await found;
    if (time !== undefined) times.push(time);
  }
  set.call(input, "");
  input.dispatchEvent(new Event("input", { bubbles: true }));
  return times;
}

const stage = await Stage.build();
try {
  let start = Date.now();
  for (let first = 0; first < ITEMS; first += BATCH) {
    const count = Math.min(BATCH, ITEMS - first);
    await stage.ask("POST", "/items", { items: Array.from({ length: count }, (_, at) => item(first + at)) });
  }
  console.log(`${ITEMS} items loaded in ${Math.round((Date.now() - start) / 1000)} s`);

  const page = await stage.page();
  const { body } = await stage.ask("POST", "/registers/till-1/pairing-code", {});
  await page.goto(`${stage.url}/register`);
  await page.getByLabel("Pairing code").fill(body.code);
  start = Date.now();
  await page.getByRole("button", { name: "Pair", exact: true }).click();
  await page.getByText("Scan the first item").waitFor();
  console.log(`the register sells ${Date.now() - start} ms after it is paired`);
  await page.waitForFunction((count) => window.register.catalog.items.value >= count, ITEMS, { timeout: PATIENCE });
  console.log(`its catalog is complete after ${((Date.now() - start) / 1000).toFixed(1)} s`);

  const [paints, ready] = [[], []];
  for (let round = 0; round < 20; round++) {
    await page.reload();
    await page.getByText("Scan the first item").waitFor();
    paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    ready.push(
      await page.evaluate(async (count) => {
        while (!(window.register.catalog.items.value >= count)) await new Promise((done) => setTimeout(done, 5));
        return performance.now();
      }, ITEMS),
    );
  }
  console.log(`first paint: ${said(paints)}`);
  console.log(`the catalog can be searched: ${said(ready)}`);

  const found = [];
  for (const query of ["hazelnut soup", "brand 77", "2000000", "juniper tea 99", "xyz"])
    found.push(...(await page.evaluate(type, query)));
  console.log(`from a key to what is found: ${said(found)}`);

  const scans = [];
  await page.evaluate(watch);
  const scan = async (number) => {
    const count = await page.evaluate(() => window.painted.length);
    const sent = Date.now();
    await stage.control(`scan ${gtin(number)}`);
    await page.waitForFunction((count) => window.painted.length > count, count, { polling: 5 });
    scans.push((await page.evaluate((at) => window.painted[at], count)) - sent);
  };
  for (let line = 0; line < LINES; line++) await scan((line * 7919) % ITEMS);
  console.log(`from the scanner to the painted line, ${LINES} lines: ${said(scans)}`);
  const frames = await page.evaluate(scroll, SCROLLING);
  const rate = (frames.length * 1000) / frames.reduce((sum, time) => sum + time, 0);
  console.log(`scrolling ${LINES} lines: ${rate.toFixed(0)} frames a second, between two ${said(frames)}`);
  const scrolled = page.evaluate(scroll, SCROLLING);
  for (let line = 0; line < 10; line++) await stage.control(`scan ${gtin(line)}`);
  console.log(`while ten more are scanned: between two frames ${said(await scrolled)}`);
  if (stage.faults.length) throw new Error(stage.faults.join("\n"));
} finally {
  await stage.end();
}
