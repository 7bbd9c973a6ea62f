// Shifts of tills, business days, cash movements, and card payments that need attention.

import { html, useState } from "../vendor/ui.js";
import { dateTime, number, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Notice, Table, Tabs } from "../look/index.js";
import { ActButton, Loaded, More, useLoad, usePages } from "../look/load.js";
import { Bars } from "../look/chart.js";
import { State, word } from "../look/words.js";
import { Payments } from "./payments.js";
import { amount, api, command, minor, scale, status, who } from "./state.js";

const TABS = { shifts: Shifts, days: Days, movements: Movements, payments: Payments };

export function Cash({ path: [tab = "shifts", id] }) {
  const name = tab in TABS ? tab : "shifts";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("console.view.cash")}</h1></div>
    <${Tabs}
      label=${t("console.view.cash")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`console.cash.${one}`)])}
      value=${name}
      onChange=${(one) => go("cash", one)}
    />
    <${Tab} key=${name} id=${id} />`;
}

function Shifts({ id }) {
  return id ? html`<${Shift} key=${id} id=${id} />` : html`<${ShiftList} />`;
}

function ShiftList() {
  const size = 50;
  const shifts = usePages(
    (last) => api.get("/shifts", { limit: size, before: last?.number }),
    [status.value.today.sales > 0],
    size,
  );
  return html`<section class="card">
    <${Loaded}
      of=${shifts}
      empty=${{ icon: "cash", title: t("console.cash.no_shifts"), text: t("console.cash.no_shifts.text") }}
      >${(rows) =>
        html`<${Table}
            label=${t("console.cash.shifts")}
            rows=${rows}
            id=${(row) => row.id}
            onOpen=${(row) => go("cash", "shifts", row.id)}
            columns=${[
              { title: t("console.shift"), cell: (row) => row.id },
              { title: t("console.cash.till"), cell: (row) => row.till },
              { title: t("console.register"), cell: (row) => row.registers.join(", ") || "–" },
              { title: t("console.cash.opened"), cell: (row) => dateTime(row.opened_at_ms) },
              {
                title: t("console.state"),
                cell: (row) =>
                  html`<${State}
                      group="shift"
                      value=${row.state}
                    />${" "}${row.counted && html`<${Badge} kind="note">${t("console.cash.counted")}<//>`}`,
              },
            ]}
          /><${More} of=${shifts} />`}<//
    >
  </section>`;
}

/** What a shift or a day has taken, by tender, and what was moved. */
function Figures({ of: { total, moved = {}, float, expected, counted, difference } }) {
  const row = (name, value, isWhole = false) =>
    html`<dt class=${isWhole ? "whole" : ""}>${name}</dt>
      <dd class=${isWhole ? "whole" : ""}>${value}</dd>`;
  const tenders = Object.entries(total.tenders ?? {});
  const sum = (value) => (typeof value === "number" ? value : value.amount);
  return html`<dl class="facts money">
    ${row(t("console.today.sales"), number(total.sales))} ${row(t("console.today.net"), amount(total.net), true)}
    ${row(t("console.sale.saved"), amount(total.discount))}
    ${tenders.map(
      ([kind, value]) =>
        html`<dt key=${kind}>${word("tender", kind)}${value.count ? ` (${value.count})` : ""}</dt>
          <dd>${amount(sum(value))}</dd>`,
    )}
    ${float !== undefined && row(t("console.cash.float"), amount(float))}
    ${Object.entries(moved).map(
      ([kind, value]) =>
        html`<dt key=${kind}>${word("cash_movement", kind)}${value.count ? ` (${value.count})` : ""}</dt>
          <dd>${amount(sum(value))}</dd>`,
    )}
    ${expected !== undefined && row(t("console.cash.expected"), amount(expected), true)}
    ${counted !== undefined && counted !== null && row(t("console.cash.counted"), amount(counted))}
    ${difference !== undefined && row(t("console.cash.difference"), amount(difference), true)}
  </dl>`;
}

function Shift({ id }) {
  const shift = useLoad(() => api.get(`/shifts/${id}`), [id], 10_000);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("cash", "shifts")}>${t("console.cash.shifts")}<//>
    </div>
    <${Loaded} of=${shift}>${(data) => html`<${ShiftReport} shift=${data} again=${shift.again} />`}<//>`;
}

function ShiftReport({ shift, again }) {
  const [counts, setCounts] = useState(false);
  const { state, closing, count } = shift;
  const act = async (step, done) => {
    if ((await command(`/shifts/${shift.id}/${step}`, {}, done)) !== undefined) again();
  };
  const figures = { ...shift, counted: closing ? closing.counted : count?.total, difference: closing?.difference };
  return html`<div class="two">
      <section class="card">
        <h2>${closing ? t("console.cash.z", { id: shift.id }) : t("console.cash.x", { id: shift.id })}</h2>
        <${Figures} of=${figures} />
      </section>
      <div class="stack">
        <section class="card">
          <h2>${t("console.sale.about")}</h2>
          <dl class="facts">
            <dt>${t("console.state")}</dt>
            <dd><${State} group="shift" value=${state} /></dd>
            <dt>${t("console.cash.till")}</dt>
            <dd>${shift.till}</dd>
            <dt>${t("console.register")}</dt>
            <dd>${(shift.registers ?? []).join(", ") || "–"}</dd>
            <dt>${t("console.cash.opened")}</dt>
            <dd>${dateTime(shift.opened_at_ms)}${shift.opened_by ? ` · ${who(shift.opened_by)}` : ""}</dd>
            ${
              count &&
              html`<dt>${t("console.cash.counted")}</dt>
                <dd>${dateTime(count.at_ms)} · ${who(count.by)}</dd>`
            }
            ${
              closing &&
              html`<dt>${t("console.cash.closed")}</dt>
                <dd>
                  ${[dateTime(closing.at_ms), who(closing.by), closing.approved && t("console.cash.approved")]
                    .filter(Boolean)
                    .join(" · ")}
                </dd>`
            }
          </dl>
        </section>
        ${
          state !== "closed" &&
          html`<section class="card stack">
            <h2>${t("console.cash.steps")}</h2>
            ${
              state !== "ended" &&
              html`<${ActButton} wide onAct=${() => act("end", t("console.cash.ended"))}>${t("console.cash.end")}<//>`
            }
            <${Button} wide kind=${count ? "" : "main"} icon="cash" onClick=${() => setCounts(true)}
              >${t("console.cash.count")}<//
            >
            <${ActButton}
              wide
              kind=${count ? "main" : ""}
              icon="check"
              disabled=${!count}
              onAct=${() => act("close", t("console.cash.closed_now"))}
              >${t("console.cash.close")}<//
            >
          </section>`
        }
      </div>
    </div>
    ${counts && html`<${Count} shift=${shift} onClose=${() => (setCounts(false), again())} />`}`;
}

/** The notes and coins of a currency, in minor units; of others, the usual steps. */
const NOTES = {
  EUR: [50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1],
  USD: [10000, 5000, 2000, 1000, 500, 100, 50, 25, 10, 5, 1],
};

function Count({ shift, onClose }) {
  const [typed, setTyped] = useState({});
  const notes = NOTES[shift.currency] ?? NOTES.EUR;
  const pieces = notes
    .map((denomination) => ({ denomination, pieces: Number(typed[denomination] ?? 0) }))
    .filter((one) => one.pieces > 0);
  const total = pieces.reduce((sum, one) => sum + one.denomination * one.pieces, 0);
  const keep = async () => {
    if ((await command(`/shifts/${shift.id}/count`, { pieces }, t("console.cash.count.kept"))) !== undefined) onClose();
  };
  return html`<${Dialog} title=${t("console.cash.count")} onClose=${onClose}>
    <div class="notes">
      ${notes.map(
        (denomination) =>
          html`<label key=${denomination}
            ><span class="number">${amount(denomination)}</span>
            <input
              class="input"
              type="text"
              inputmode="numeric"
              pattern="[0-9]*"
              maxlength="5"
              value=${typed[denomination] ?? ""}
              onInput=${(event) => setTyped({ ...typed, [denomination]: event.currentTarget.value.replace(/\D/g, "") })}
          /></label>`,
      )}
    </div>
    <p class="row spread">
      <span>${t("console.cash.count.total")}</span><strong class="number">${amount(total)}</strong>
    </p>
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${pieces.length === 0} onAct=${keep}>${t("console.cash.count.keep")}<//>
    </div>
  <//>`;
}

function Days({ id }) {
  return id ? html`<${Day} key=${id} id=${id} />` : html`<${DayList} />`;
}

function DayList() {
  const size = 30;
  const days = usePages((last) => api.get("/days", { limit: size, before: last?.number }), [], size);
  const [sure, setSure] = useState(false);
  const close = async () => {
    const closed = await command("/days/close", {}, t("console.cash.day_closed"));
    setSure(false);
    if (closed) go("cash", "days", String(closed.number));
  };
  return html`<section class="card stack">
      <div class="row"><${Button} icon="check" onClick=${() => setSure(true)}>${t("console.cash.close_day")}<//></div>
      <${Loaded} of=${days} empty=${{ icon: "cash", title: t("console.cash.no_days") }}
        >${(rows) =>
          html`<${Bars}
              label=${t("console.cash.by_day")}
              name=${t("console.day")}
              value=${t("console.today.net")}
              scale=${scale}
              rows=${rows.toReversed().map(({ business_day: day, number: id, total }) => ({
                name: `${day} (${id})`,
                short: day.slice(5),
                value: total.net,
                text: amount(total.net),
              }))}
            />
            <${Table}
              label=${t("console.cash.days")}
              rows=${rows}
              id=${(row) => row.number}
              onOpen=${(row) => go("cash", "days", String(row.number))}
              columns=${[
                { title: t("console.day"), cell: (row) => row.business_day },
                { title: t("console.today.sales"), number: true, cell: (row) => number(row.total.sales) },
                { title: t("console.today.net"), number: true, cell: (row) => amount(row.total.net) },
                {
                  title: t("console.cash.difference"),
                  number: true,
                  cell: (row) => (row.closing ? amount(row.difference ?? 0) : "–"),
                },
                {
                  title: t("console.state"),
                  cell: (row) =>
                    html`<${Badge} kind=${row.closing ? "" : "good"}
                      >${row.closing ? t("console.closed") : t("console.open")}<//
                    >`,
                },
              ]}
            /><${More} of=${days} />`}<//
      >
    </section>
    ${
      sure &&
      html`<${Dialog} title=${t("console.cash.close_day")} onClose=${() => setSure(false)}
        ><p>${t("console.cash.close_day.text")}</p>
        <div class="actions">
          <${Button} onClick=${() => setSure(false)}>${t("console.cancel")}<//
          ><${ActButton} kind="main" onAct=${close}>${t("console.cash.close_day")}<//>
        </div><//
      >`
    }`;
}

function Day({ id }) {
  const day = useLoad(() => api.get(`/days/${id}`), [id], 5000);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("cash", "days")}>${t("console.cash.days")}<//>
    </div>
    <${Loaded} of=${day}
      >${(data) =>
        html`${
            data.open?.length > 0 &&
            html`<${Notice} kind="busy"
              >${t("console.cash.open_shifts")}${" "}${data.open.map(
                (shift) => html`<a key=${shift} href=${to("cash", "shifts", shift)}>${shift}</a> `,
              )}<//
            >`
          }
          <section class="card">
            <h2>${t("console.cash.day", { day: data.business_day })}</h2>
            <${Figures} of=${data} />
            <${PrintDay} id=${id} />
          </section>
          ${data.terminals.map(
            (one) => html`<${Terminal} key=${one.number} of=${one} day=${data.number} onAgain=${day.again} />`,
          )}`}<//
    >`;
}

function PrintDay({ id }) {
  const printers = useLoad(async () =>
    (await api.get("/devices")).filter(({ kind }) => kind === "receipt_printer").map(({ name }) => name),
  );
  return html`<${Loaded} of=${printers}
    >${(names) => html`<div class="actions">
      ${names.map(
        (printer) => html`<${ActButton}
          key=${printer}
          icon="printer"
          onAct=${() => command(`/days/${id}/print`, { printer }, t("console.cash.printed"))}
          >${t("console.cash.print_at", { printer })}<//
        >`,
      )}
    </div>`}<//
  >`;
}

const TERMINAL_BADGES = { agrees: "good", differs: "bad", not_reconciled: "busy" };

// A payment terminal at the end of the day: its totals against the store's bookings.
function Terminal({ of, day, onAgain }) {
  const { state, result } = of;
  const shown = state === "reconciled" ? (result.agrees ? "agrees" : "differs") : state;
  const again = async () => {
    await command(`/terminals/${encodeURIComponent(of.terminal)}/closing`, { day }, t("console.cash.terminal.asked"));
    onAgain();
  };
  return html`<section class="card stack">
    <div class="row spread">
      <h2>${t("console.cash.terminal", { terminal: of.terminal })}</h2>
      <${Badge} kind=${TERMINAL_BADGES[shown] ?? ""}>${word("reconciliation", shown)}<//>
    </div>
    ${state === "not_reconciled" && html`<${Notice} kind="busy">${of.why}<//>`}
    ${
      result &&
      html`<${Table}
        label=${t("console.cash.terminal.schemes")}
        rows=${result.schemes}
        id=${(row) => row.scheme}
        columns=${[
          { title: t("console.cash.terminal.scheme"), cell: (row) => word("card_scheme", row.scheme) },
          { title: t("console.cash.terminal.by_terminal"), number: true, cell: (row) => amount(row.terminal.amount) },
          { title: t("console.cash.terminal.by_store"), number: true, cell: (row) => amount(row.store.amount) },
          {
            title: t("console.cash.difference"),
            number: true,
            cell: (row) => amount(row.terminal.amount - row.store.amount),
          },
        ]}
      />`
    }
    ${
      result?.suspects?.length > 0 &&
      html`<${Notice} kind="bad">${t("console.cash.terminal.differs", { difference: amount(result.difference) })}<//>
        <${Table}
          label=${t("console.cash.terminal.suspects")}
          rows=${result.suspects}
          id=${(row) => row.number}
          columns=${[
            { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
            { title: t("console.cash.terminal.payment"), cell: (row) => row.payment },
            { title: t("console.cash.terminal.register"), cell: (row) => row.register },
            { title: t("console.amount"), number: true, cell: (row) => amount(row.amount) },
            {
              title: t("console.state"),
              cell: (row) =>
                [
                  row.explains && t("console.cash.terminal.explains"),
                  row.decided && t("console.cash.terminal.decided"),
                ]
                  .filter(Boolean)
                  .join(", ") || "–",
            },
          ]}
        />`
    }
    ${
      (state === "not_reconciled" || shown === "differs") &&
      html`<div class="actions"><${ActButton} onAct=${again}>${t("console.cash.terminal.again")}<//></div>`
    }
  </section>`;
}

function Movements() {
  const size = 50;
  const movements = usePages((last) => api.get("/cash/movements", { limit: size, before: last?.number }), [], size);
  const [adds, setAdds] = useState(false);
  return html`<section class="card stack">
      <div class="row"><${Button} icon="add" onClick=${() => setAdds(true)}>${t("console.cash.move")}<//></div>
      <${Loaded} of=${movements} empty=${{ icon: "cash", title: t("console.cash.no_movements") }}
        >${(rows) =>
          html`<${Table}
              label=${t("console.cash.movements")}
              rows=${rows}
              id=${(row) => row.number}
              columns=${[
                { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
                { title: t("console.kind"), cell: (row) => word("cash_movement", row.kind) },
                { title: t("console.cash.till"), cell: (row) => row.till },
                { title: t("console.by"), cell: (row) => who(row.by) },
                { title: t("console.reason"), cell: (row) => row.reason ?? "–" },
                { title: t("console.amount"), number: true, cell: (row) => amount(row.amount) },
              ]}
            /><${More} of=${movements} />`}<//
      >
    </section>
    ${adds && html`<${Move} onClose=${() => (setAdds(false), movements.again())} />`}`;
}

function Move({ onClose }) {
  const shifts = useLoad(async () =>
    (await api.get("/shifts", { limit: 50 })).filter(({ state }) => state !== "closed"),
  );
  const [form, setForm] = useState({ shift: "", kind: "safe_drop", typed: "", reason: "" });
  const set = (more) => setForm({ ...form, ...more });
  const value = minor(form.typed);
  const move = async (shift) => {
    const body = { kind: form.kind, amount: value, ...(form.reason.trim() && { reason: form.reason.trim() }) };
    if (await command(`/shifts/${shift}/movements`, body, t("console.cash.moved"))) onClose();
  };
  const kinds = ["safe_drop", "paid_in", "paid_out", "float_entry", "removal"].map((kind) => [
    kind,
    word("cash_movement", kind),
  ]);
  return html`<${Dialog} title=${t("console.cash.move")} onClose=${onClose}
    ><${Loaded} of=${shifts} empty=${{ icon: "cash", title: t("console.cash.no_shifts") }}
      >${(open) =>
        html`<div class="field">
            <label for="move-shift">${t("console.shift")}</label
            ><select id="move-shift" class="input" onChange=${(event) => set({ shift: event.currentTarget.value })}>
              ${open.map((one) => html`<option key=${one.id} value=${one.id}>${one.till} · ${one.id}</option>`)}
            </select>
          </div>
          <div class="field">
            <label for="move-kind">${t("console.kind")}</label
            ><select id="move-kind" class="input" onChange=${(event) => set({ kind: event.currentTarget.value })}>
              ${kinds.map(([kind, text]) => html`<option key=${kind} value=${kind}>${text}</option>`)}
            </select>
          </div>
          <${Input}
            label=${t("console.amount")}
            inputmode="decimal"
            value=${form.typed}
            onInput=${(typed) => set({ typed })}
            wrong=${form.typed && value === undefined ? t("console.amount.wrong") : ""}
          />
          <${Input}
            label=${t("console.reason")}
            value=${form.reason}
            onInput=${(reason) => set({ reason })}
            maxlength="120"
          />
          <div class="actions">
            <${Button} onClick=${onClose}>${t("console.cancel")}<//
            ><${ActButton} kind="main" disabled=${!value} onAct=${() => move(form.shift || open[0].id)}
              >${t("console.cash.move")}<//
            >
          </div>`}<//
    ><//
  >`;
}
