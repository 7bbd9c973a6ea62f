// What all views of headquarters share: the API with its key, and how amounts and moments are shown.

import { signal } from "../vendor/ui.js";
import { Api } from "../lib/api.js";
import { date, money, t } from "../texts/index.js";

/** The key stays in this tab: it is in no address, no cookie and no file. */
const KEY = "hq-key";

export const api = new Api({ token: sessionStorage.getItem(KEY) ?? undefined });
export const isIn = signal(api.token !== undefined);

/** @param {string | undefined} key */
export function keep(key) {
  api.token = key;
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
  isIn.value = key !== undefined;
}

/** All pages of a list. @param {string} path @param {Record<string, any>} [query] @param {number} [most] */
export async function all(path, query = {}, most = 5000) {
  const rows = [];
  for (let after; rows.length < most;) {
    const { items, next } = await api.get(path, { ...query, limit: 500, after });
    rows.push(...items);
    if (!next) break;
    after = next;
  }
  return rows;
}

const decimals = (currency) =>
  new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;

/** @param {number} minor @param {string} currency */
export const amount = (minor, currency) => money(minor, { currency, currency_exponent: decimals(currency) });

/** An amount without its currency, for the scale of a chart. */
export const major = (minor, currency) => minor / 10 ** decimals(currency);

/** How long ago. @param {number} ms */
export function ago(ms) {
  const minutes = Math.round((Date.now() - ms) / 60_000);
  if (minutes < 1) return t("fleet.now");
  if (minutes < 120) return t("fleet.minutes_ago", { n: minutes });
  if (minutes < 2880) return t("fleet.hours_ago", { n: Math.round(minutes / 60) });
  return t("fleet.days_ago", { n: Math.round(minutes / 1440) });
}

/** The events of a store that HQ lacks, as its hub last said. */
export const lag = ({ streams }) =>
  streams.reduce((sum, { last, up_to }) => sum + Math.max((last ?? up_to) - up_to, 0), 0);

/** When something takes effect. */
export const effective = ({ at_ms: ms, local }) =>
  local ? t("fleet.local", { time: local.replace("T", " ") }) : ms > 0 ? date(ms) : t("fleet.at_once");

/** A business day before today, such as `2026-11-24`. @param {number} days */
export function dayBefore(days) {
  const day = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
