// The shift of this register: opened with a float, cash in and out, its X report, counted, closed with its Z report.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, number, t } from "../texts/index.js";
import { Button, Dialog, Input, Keypad, Notice, Spinner, toast } from "../look/index.js";
import { minor } from "./money.js";

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Shift({ register, onClose }) {
  const [shift, setShift] = useState(/** @type {any} */ (undefined));
  const [wrong, setWrong] = useState("");
  const [step, setStep] = useState("");

  const read = async () => {
    const all = await register.api.get("/shifts", { limit: 50 });
    const own = all.find(({ registers, state }) => state === "open" && registers.includes(register.name));
    // Ended here, and not closed yet: the till is still to be counted.
    const ended = all.find(({ state, till }) => state === "ended" && till === (own?.till ?? register.name));
    setShift(own ?? ended ?? null);
  };
  const attempt = async (work) => {
    setWrong("");
    try {
      const answer = await work();
      await read();
      setStep("");
      return answer;
    } catch (error) {
      if (error?.type === "override-needed") {
        onClose();
        register.ask({ kind: "override", problem: error, again: work });
      } else setWrong(explain(error));
      return undefined;
    }
  };
  useEffect(() => void attempt(async () => {}), []);

  const post = (path, body) => register.api.post(path, body, { patience: 5000 });
  const close = async () => {
    const closed = await attempt(() => post(`/shifts/${shift.id}/close`));
    if (!closed) return;
    onClose();
    register.report.value = closed;
  };
  return html`<${Dialog} title=${t("register.shift")} onClose=${onClose}>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${shift === undefined && !wrong && html`<${Spinner} />`}
    ${shift === null && html`<${Amount} register=${register} title=${t("register.shift.float")}
      action=${t("register.shift.open")} onDone=${(amount) => attempt(() => post("/shifts", { float: amount }))} />`}
    ${
      shift &&
      html`<div class="stack">
      <p><strong>${t("register.shift.number", { number: String(shift.number) })}</strong> <span
        class="quiet">${t(`register.shift.state.${shift.state}`)} · ${dateTime(shift.opened_at_ms)}</span></p>
      ${
        shift.state === "open" &&
        html`<div class="menu">
        <${Button} large icon="add" onClick=${() => setStep("paid_in")}>${t("register.shift.paid_in")}<//>
        <${Button} large icon="minus" onClick=${() => setStep("paid_out")}>${t("register.shift.paid_out")}<//>
        <${Button} large icon="lock" onClick=${() => setStep("safe_drop")}>${t("register.shift.safe_drop")}<//>
        <${Button} large icon="chart" onClick=${() => (onClose(),
          readXReport(register, shift.id, false))}>${t("register.shift.x.read")}<//>
        <${Button} large icon="check" onClick=${() => attempt(() =>
          post(`/shifts/${shift.id}/end`))}>${t("register.shift.end")}<//>
      </div>`
      }
      ${shift.state === "ended" && html`<${Count} register=${register} isCounted=${shift.counted}
        onCount=${(pieces) => attempt(() => post(`/shifts/${shift.id}/count`, { pieces }))} onClose=${close} />`}
      ${step && html`<${Move} register=${register} kind=${step} onDone=${(body) => attempt(() =>
        post(`/shifts/${shift.id}/movements`, body))} />`}
    </div>`
    }
  <//>`;
}

function Amount({ register, title, action, onDone }) {
  const [digits, setDigits] = useState("");
  return html`<form class="stack" onSubmit=${(event) => (event.preventDefault(), onDone(minor(digits)))}>
    <p>${title}</p>
    <output class="entered">${money(minor(digits), register.lane.value)}</output>
    <${Keypad} value=${digits} most=${8} onChange=${setDigits} />
    <${Button} kind="main" large type="submit">${action}<//>
  </form>`;
}

function Move({ register, kind, onDone }) {
  const [reason, setReason] = useState("");
  return html`<div class="card stack">
    <${Input} label=${t("register.reason")} maxlength="100" value=${reason} onInput=${setReason} />
    <${Amount} register=${register} title=${t(`register.shift.${kind}`)} action=${t("register.set")}
      onDone=${(amount) => onDone({ kind, amount, reason: reason.trim() || undefined })} />
  </div>`;
}

/** Pieces by coin and note; the sum is not compared before it is sent, so nobody counts towards it. */
function Count({ register, isCounted, onCount, onClose }) {
  const unit = 10 ** register.lane.value.currency_exponent;
  const values = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]
    .map((value) => Math.round(value * unit))
    .filter((value) => value >= 1);
  const [pieces, setPieces] = useState(/** @type {Record<number, number>} */ ({}));
  const sum = Object.entries(pieces).reduce((total, [value, count]) => total + Number(value) * count, 0);
  const send = (event) => {
    event.preventDefault();
    void onCount(
      Object.entries(pieces)
        .filter(([, count]) => count > 0)
        .map(([denomination, count]) => ({ denomination: Number(denomination), pieces: count })),
    );
  };
  return html`<form class="stack" onSubmit=${send}>
    <p>${t("register.shift.count.how")}</p>
    <div class="count">${values.map(
      (
        value,
      ) => html`<${Input} key=${value} label=${money(value, register.lane.value)} inputmode="numeric"
        value=${pieces[value] ?? ""}
      onInput=${(text) => setPieces({ ...pieces, [value]: Number(text.replace(/\D/g, "").slice(0, 5)) })} />`,
    )}</div>
    <output class="entered">${money(sum, register.lane.value)}</output>
    <div class="actions">
      <${Button} large type="submit">${t("register.shift.count")}<//>
      <${Button} kind="main" large disabled=${!isCounted} onClick=${onClose}>${t("register.shift.close")}<//>
    </div>
  </form>`;
}

/**
 * Reads what the open shift has taken, and prints it if asked. Who may not see it needs another's signature.
 * @param {import("./register.js").Register} register @param {string} shift @param {boolean} print
 */
async function readXReport(register, shift, print) {
  try {
    const how = { patience: print ? 0 : 5000, timeout: 30_000 };
    register.report.value = await register.api.post(`/shifts/${shift}/x-report`, { print }, how);
    if (print) toast(t("register.receipt.printed"));
  } catch (error) {
    if (error?.type === "override-needed")
      register.ask({ kind: "override", problem: error, again: () => readXReport(register, shift, print) });
    else toast(explain(error), { kind: "bad" });
  }
}

/** Movements that put cash into a till; the others take it out. */
const PUT_IN = ["float_entry", "paid_in"];

/** The X report of an open shift, or the Z report of one that was closed. */
export function Report({ register }) {
  const { lane, report } = register;
  const { id, till, state, total, moved, float, expected, closing } = report.value;
  const [busy, setBusy] = useState(false);
  const close = () => (report.value = undefined);
  const print = async () => {
    setBusy(true);
    await readXReport(register, id, true);
    setBusy(false);
  };
  const signed = (amount) => `${amount < 0 ? "−" : ""}${money(Math.abs(amount), lane.value)}`;
  const row = (name, amount, kind = "") => html`<dt class=${kind}>${name}</dt><dd
    class="number ${kind}">${signed(amount)}</dd>`;
  const isClosed = state === "closed";
  return html`<${Dialog} title=${isClosed ? t("register.shift.z", { till }) : t("register.shift.x", { till })}
    onClose=${close}>
    <dl class="report">
      <dt>${t("register.sales")}</dt><dd class="number">${number(total.sales)}</dd>
      ${total.discount !== 0 && row(t("register.saved"), -total.discount)}
      ${Object.entries(total.tenders ?? {}).map(([tender, { amount }]) => row(t(`register.tender.${tender}`), amount))}
      ${row(t("register.total"), total.owed, "grand")}
      ${row(t("register.shift.float"), float)}
      ${Object.entries(moved ?? {}).map(([kind, { amount }]) => row(t(`register.shift.${kind}`),
        PUT_IN.includes(kind) ? amount : -amount))}
      ${row(t("register.shift.expected"), expected, isClosed ? "" : "grand")}
      ${closing && row(t("register.shift.counted"), closing.counted ?? 0)}
      ${closing && row(t("register.shift.difference"), closing.difference ?? 0)}
    </dl>
    <div class="actions">
      ${!isClosed && html`<${Button} large icon="printer" busy=${busy} onClick=${print}>${t("register.print")}<//>`}
      <${Button} kind="main" large onClick=${close}>${t("look.close")}<//>
    </div>
  <//>`;
}
