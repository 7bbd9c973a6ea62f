// Prices the cases on standard input, one JSON value a line, and prints one answer a line:
// {"book": text, "store": ..., "zone": ...} loads a book, {"basket": ...} prices by it, {"resolve": [zone, time, ...]} and
// {"moment": [zone, ms]} ask for times, {"measure": [basket, times]} for the microseconds of a pricing.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, wasm] = process.argv.slice(2);
const { Engine } = await import(pathToFileURL(`${folder}/index.js`));
const { Zone } = await import(pathToFileURL(`${folder}/zone.js`));
const engine = await Engine.start(wasm && readFileSync(wasm));
let book;

function answer(ask) {
  if (ask.book !== undefined) {
    book?.release();
    book = engine.load(ask.book, ask);
    return { version: book.version, currency: book.currency, items: book.items };
  }
  if (ask.basket) return book.price(ask.basket, { explain: true, ...ask.options });
  if (ask.resolve) return ask.resolve.slice(1).map((time) => new Zone(ask.resolve[0]).resolve(time));
  if (ask.moment) return new Zone(ask.moment[0]).moment(ask.moment[1]);
  const [basket, times] = ask.measure;
  const took = Array.from({ length: times }, () => {
    const began = performance.now();
    book.price(basket);
    return (performance.now() - began) * 1000;
  });
  return took.sort((a, b) => a - b);
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = answer(JSON.parse(line));
  } catch (error) {
    said = { error: error.message, kind: error.name };
  }
  process.stdout.write(JSON.stringify(said) + "\n");
}
