// Every text of the pages, in the language of the browser or the one that was chosen. The texts are in the JSON files
// beside this one: a folder per language, a file per area, flat keys. A text may have {values}, and forms for numbers:
// {"one": "{n} item", "other": "{n} items"}.

import { signal } from "../vendor/ui.js";

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español" };
const CHOSEN = "language";

/** @returns {string} */
function preferred() {
  const asked = [localStorage.getItem(CHOSEN), ...navigator.languages].filter((one) => one !== null);
  return asked.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES) ?? "en";
}

export const language = signal(preferred());
/** @type {Record<string, string | Record<string, string>>} */
let texts = {};
/** @type {string[]} */
let areas = [];
/** @type {Intl.PluralRules} */
let plural;

/** @param {string} to */
async function read(to) {
  const one = async (area) => {
    const answer = await fetch(`/texts/${to}/${area}.json`);
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    return answer.json();
  };
  texts = Object.assign({}, ...(await Promise.all(areas.map(one))));
  plural = new Intl.PluralRules(to);
  formats.clear();
  document.documentElement.lang = to;
  language.value = to;
}

/** Loads the texts of areas, and always those of the components and of the problems. @param {string[]} names */
export function load(...names) {
  areas = ["look", "problem", ...names];
  return read(language.peek());
}

/** Changes the language, for this browser. @param {string} to */
export function choose(to) {
  localStorage.setItem(CHOSEN, to);
  return read(to);
}

/**
 * A text.
 * @param {string} key
 * @param {Record<string, string | number>} [values] `n` chooses the form
 */
export function t(key, values = {}) {
  language.value; // Whatever shows a text follows the language.
  const found = texts[key];
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : (found[plural.select(Number(values.n))] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/** Whether there is a text. @param {string} key */
export const has = (key) => key in texts;

/** @type {Map<string, any>} */
const formats = new Map();

function format(key, make) {
  language.value;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = make(language.value)));
  return found;
}

/** @param {number} value */
export const number = (value, digits = 0) =>
  format(`number ${digits}`, (l) => new Intl.NumberFormat(l, { maximumFractionDigits: digits })).format(value);

/** An amount in minor units, with a minus sign rather than a hyphen. @param {number} minor @param {{currency: string, currency_exponent: number}} of */
export const money = (minor, { currency, currency_exponent: exponent }) =>
  format(
    `money ${currency}`,
    (l) => new Intl.NumberFormat(l, { style: "currency", currency, minimumFractionDigits: exponent }),
  )
    .format(minor / 10 ** exponent)
    .replace("-", "−");

/** A quantity: pieces have no unit. @param {{milli: number, unit: string}} quantity */
export const quantity = ({ milli, unit }) =>
  unit === "each"
    ? number(milli / 1000)
    : format(unit, (l) => new Intl.NumberFormat(l, { style: "unit", unit, minimumFractionDigits: 3 })).format(
        milli / 1000,
      );

/** @param {number} ms */
export const time = (ms) =>
  format("time", (l) => new Intl.DateTimeFormat(l, { hour: "2-digit", minute: "2-digit" })).format(ms);
/** @param {number} ms */
export const date = (ms) => format("date", (l) => new Intl.DateTimeFormat(l, { dateStyle: "medium" })).format(ms);
/** @param {number} ms */
export const dateTime = (ms) =>
  format("both", (l) => new Intl.DateTimeFormat(l, { dateStyle: "medium", timeStyle: "short" })).format(ms);
