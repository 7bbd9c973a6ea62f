// What needs a person: each with what to do, the most urgent first.

import { t } from "../texts/index.js";
import { to } from "../lib/route.js";
import { word } from "../look/words.js";
import { amount } from "./state.js";

/** Events that may wait for HQ without a word. */
const FEW = 500;

/**
 * @param {any} status
 * @typedef {{id: string, kind: Kind, title: string, todo: string, href?: string, act?: string}} Alarm
 * @typedef {"bad" | "busy" | "note"} Kind
 * @returns {Alarm[]}
 */
export function alarms(status) {
  const all = [];
  const add = (id, kind, title, todo, more = {}) => all.push({ id, kind, title, todo, ...more });
  if (status.stopped) add("stopped", "bad", t("console.alarm.stopped"), status.stopped);
  if (status.keeping.room !== "ample") {
    const kind = status.keeping.room === "low" ? "busy" : "bad";
    add("room", kind, t("console.alarm.room"), t(`console.alarm.room.${status.keeping.room}`), {
      href: to("settings"),
    });
  }
  for (const doubt of status.payments_in_doubt ?? []) {
    const title = t("console.alarm.doubt", { amount: amount(doubt.amount), terminal: doubt.terminal });
    add(doubt.payment, "bad", title, t("console.alarm.doubt.todo", { why: doubt.why }), {
      href: to("cash", "payments"),
    });
  }
  if (status.payments_to_collect) {
    const { payments, amount: sum } = status.payments_to_collect;
    add(
      "collect",
      "bad",
      t("console.alarm.collect", { n: payments, amount: amount(sum) }),
      t("console.alarm.collect.todo"),
      { href: to("cash", "payments") },
    );
  }
  if (status.clock.fault) add("clock", "bad", t("console.alarm.clock"), status.clock.fault, { act: "clock" });
  for (const fault of status.faults ?? []) add(fault, "busy", t("console.alarm.fault"), fault);
  for (const device of status.devices) {
    const { state, why } = device.health;
    if (state === "ready" || state === "connecting") continue;
    const title = `${device.device}: ${word("device", state)}`;
    add(device.device, state === "offline" ? "bad" : "busy", title, why ?? "", { href: to("devices", device.device) });
  }
  const hq = status.headquarters;
  if (hq && !hq.connected) add("hq", "busy", t("console.alarm.hq"), t("console.alarm.hq.todo", { n: hq.lacks }));
  else if (hq && hq.lacks > FEW)
    add("lag", "note", t("console.alarm.lag", { n: hq.lacks }), t("console.alarm.lag.todo"));
  if (status.offline_payments) {
    const { payments, amount: sum } = status.offline_payments;
    add(
      "offline",
      "note",
      t("console.alarm.offline", { n: payments, amount: amount(sum) }),
      t("console.alarm.offline.todo"),
      { href: to("cash", "payments") },
    );
  }
  for (const certificate of status.certificates ?? []) {
    if (certificate.days_left > 30) continue;
    const values = { n: certificate.days_left, field: certificate.field };
    add(
      certificate.field,
      certificate.days_left < 8 ? "bad" : "busy",
      t("console.alarm.certificate", values),
      t("console.alarm.certificate.todo"),
    );
  }
  for (const { register, paired } of status.registers) {
    if (!paired)
      add(register, "note", t("console.alarm.unpaired", { register }), t("console.alarm.unpaired.todo"), {
        href: to("people"),
      });
  }
  const order = { bad: 0, busy: 1, note: 2 };
  return all.sort((one, other) => order[one.kind] - order[other.kind]);
}
