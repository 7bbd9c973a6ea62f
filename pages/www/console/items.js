// Looking up an item: by words, SKU or barcode.

import { html, signal, useEffect, useId, useState } from "../vendor/ui.js";
import { t } from "../texts/index.js";
import { Button, Input } from "../look/index.js";
import { useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { amount, api } from "./state.js";

/** How long typing must rest before the hub is asked. */
const REST_MS = 150;

/** `onChoose` gets the item. */
export function ItemSearch({ onChoose, label = t("console.items.find") }) {
  const [typed, setTyped] = useState("");
  const [wanted, setWanted] = useState("");
  const list = useId();
  useEffect(() => {
    const timer = setTimeout(() => setWanted(typed.trim()), REST_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const found = useLoad(async () => (wanted ? find(wanted) : []), [wanted]);
  const items = wanted && typed.trim() ? (found.data ?? []) : [];
  const choose = (item) => {
    setTyped("");
    onChoose(item);
  };
  const enter = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (items.length > 0) choose(items[0]);
    } else if (event.key === "Escape") setTyped("");
  };
  return html`<div class="search">
    <${Input}
      label=${label}
      value=${typed}
      onInput=${setTyped}
      onKeyDown=${enter}
      type="search"
      maxlength="60"
      aria-controls=${list}
    />
    <ul id=${list} class="found list" aria-live="polite">
      ${items.map(
        (item) =>
          html`<li key=${item.sku}>
            <button type="button" class="button plain" onClick=${() => choose(item)}>
              <span class="grow">${item.description}</span><span class="quiet small">${item.sku}</span
              ><span class="number">${amount(item.price.minor)}</span>
            </button>
          </li>`,
      )}
      ${
        wanted &&
        typed.trim() &&
        found.data?.length === 0 &&
        html`<li class="quiet">${t("console.items.none", { query: wanted })}</li>`
      }
    </ul>
  </div>`;
}

async function find(query) {
  if (/^\d{8,14}$/.test(query)) {
    const item = await api.get(`/gtins/${query}`).catch(() => undefined);
    if (item) return [item];
  }
  return (await api.get("/items", { query, limit: 8 })).items;
}

/** Names of items by SKU, each a signal of its own, so that a name that arrives changes its own place alone. */
const names = new Map();
/** @type {string[]} */
const waiting = [];
let underWay = 0;
/** Names that are asked for at once. */
const AT_ONCE = 4;

function nameOf(sku) {
  if (!names.has(sku)) {
    names.set(sku, signal(""));
    waiting.push(sku);
    ask();
  }
  return names.get(sku);
}

function ask() {
  while (underWay < AT_ONCE && waiting.length > 0) {
    const sku = waiting.pop();
    underWay++;
    api
      .get(`/items/${encodeURIComponent(sku)}`)
      .then(
        ({ description }) => (names.get(sku).value = description),
        () => names.delete(sku),
      )
      .finally(() => {
        underWay--;
        ask();
      });
  }
}

/** An item's name and SKU; its name arrives a moment later. */
export const Name = ({ sku }) => html`<span>${nameOf(sku)} <span class="quiet small">${sku}</span></span>`;

/** The unit in which an item is sold, as far as it is known. */
const unitOf = (item) => item.price?.per ?? "each";

/** Lines of goods: items with quantities. `lines`: {sku, description, unit, typed}. */
export function Goods({ lines, onChange }) {
  const add = (item) => {
    if (lines.some(({ sku }) => sku === item.sku)) return;
    onChange([...lines, { sku: item.sku, description: item.description, unit: unitOf(item), typed: "1" }]);
  };
  return html`<${ItemSearch} onChoose=${add} />
    <ul class="list">
      ${lines.map(
        (line) =>
          html`<li key=${line.sku}>
            <span class="grow">${line.description} <span class="quiet small">${line.sku}</span></span>
            <${Amount}
              line=${line}
              onTyped=${(typed) => onChange(lines.map((one) => (one === line ? { ...one, typed } : one)))}
            />
            <${Button}
              kind="plain"
              icon="close"
              aria-label=${t("console.remove", { what: line.description })}
              onClick=${() => onChange(lines.filter((one) => one !== line))}
            />
          </li>`,
      )}
    </ul>`;
}

/** A quantity to type. `line`: {description, unit, typed}. */
export const Amount = ({ line, onTyped, label = line.description }) =>
  html`<span class="row"
    ><input
      class="input quantity"
      type="text"
      inputmode="decimal"
      value=${line.typed}
      aria-label=${t("console.quantity_of", { item: label })}
      aria-invalid=${line.typed !== "" && thousandths(line.typed) === undefined ? "true" : undefined}
      onInput=${(event) => onTyped(event.currentTarget.value)}
    /><span class="quiet small">${line.unit === "each" ? "" : word("unit", line.unit)}</span></span
  >`;

/** Typed decimals as thousandths; `undefined` if they are none. @param {string} typed */
export function thousandths(typed) {
  const found = /^(\d{1,6})(?:[.,](\d{1,3}))?$/.exec(typed.trim());
  return found ? Number(found[1]) * 1000 + Number((found[2] ?? "").padEnd(3, "0")) : undefined;
}

/** Lines as the API takes them; `undefined` if a quantity can't be read or none is left. */
export function portions(lines) {
  const all = lines.map(({ sku, unit, typed }) => ({ sku, quantity: { milli: thousandths(typed), unit } }));
  if (all.some(({ quantity }) => quantity.milli === undefined)) return undefined;
  const some = all.filter(({ quantity }) => quantity.milli > 0);
  return some.length ? some : undefined;
}
