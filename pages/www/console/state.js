// What all views of the console share: the API, the store's status as it changes, and how it is shown.

import { signal } from "../vendor/ui.js";
import { Api } from "../lib/api.js";
import { money, number, quantity, t } from "../texts/index.js";
import { attempt } from "../look/load.js";
import { word } from "../look/words.js";

export const api = new Api();

/** The newest status of the store. @type {import("../vendor/ui.js").Signal<any>} */
export const status = signal(undefined);

/** @param {number} minor */
export const amount = (minor) => money(minor, status.value);

/** An amount without its currency, for the scale of a chart. @param {number} minor */
export const scale = (minor) => number(minor / 10 ** status.value.currency_exponent, 2);

/** Thousandths of a unit. */
export const milli = (value, unit) => quantity({ milli: value, unit });

/** An actor for people. */
export function who({ station, operator }) {
  const [kind, name] = typeof station === "string" ? [station, ""] : Object.entries(station)[0];
  const at = kind === "register" ? name : name ? `${word("station", kind)} ${name}` : word("station", kind);
  return operator ? t("console.who", { operator, at }) : at;
}

/** Sends a command; tells `done` or the problem. */
export const command = (path, body = {}, done = "") => attempt(() => api.post(path, body, { patience: 10_000 }), done);

/** A receipt's number as printed. */
export const receipt = ({ receipt_prefix, receipt }) => `${receipt_prefix ? `${receipt_prefix}-` : ""}${receipt}`;

/** Minutes and hours as they are said. @param {number} ms */
export function span(ms) {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  if (minutes < 60) return t("console.minutes", { n: minutes });
  return minutes < 2880
    ? t("console.hours", { n: Math.round(minutes / 60) })
    : t("console.days", { n: Math.round(minutes / 1440) });
}

/** Digits with at most `exponent` decimals, as typed with point or comma, in minor units; `undefined` for others. */
export function minor(typed, exponent = status.value.currency_exponent) {
  const found = /^(\d{1,9})(?:[.,](\d*))?$/.exec(typed.trim());
  if (!found || (found[2] ?? "").length > exponent) return undefined;
  return Number(found[1] + (found[2] ?? "").padEnd(exponent, "0"));
}
