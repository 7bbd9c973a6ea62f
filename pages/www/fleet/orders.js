// Web orders: what is open or late, one order's story with the reasons of its routing, and refunds to pay.

import { html, useState } from "../vendor/ui.js";
import { dateTime, number, quantity, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Check, Dialog, Input, LinkButton, Notice, Table, Tabs } from "../look/index.js";
import { ActButton, attempt, Loaded, useLoad } from "../look/load.js";
import { State, word } from "../look/words.js";
import { ago, all, amount, api } from "./state.js";

const TABS = { orders: List, refunds: Refunds };

export function Orders({ path: [first = "orders", id] }) {
  if (first === "order" && id) return html`<${One} key=${id} order=${id} />`;
  const name = first in TABS ? first : "orders";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("fleet.view.orders")}</h1></div>
    <${Tabs}
      label=${t("fleet.view.orders")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`fleet.orders.${one}`)])}
      value=${name}
      onChange=${(one) => go("orders", one)}
    />
    <${Tab} key=${name} />`;
}

function List() {
  const [open, setOpen] = useState(true);
  const [late, setLate] = useState(false);
  const [typed, setTyped] = useState("");
  const orders = useLoad(
    () => all("/orders", { ...(open && { open }), ...(late && { late }) }, 1000),
    [open, late],
    5000,
  );
  const find = (event) => {
    event.preventDefault();
    if (typed.trim()) go("orders", "order", typed.trim());
  };
  return html`<section class="card stack">
    <form class="row" onSubmit=${find}>
      <${Input} label=${t("fleet.order.find")} value=${typed} onInput=${setTyped} maxlength="40" /><${Button}
        type="submit"
        icon="search"
        >${t("fleet.look_up")}<//
      >
      <${Check} label=${t("fleet.order.open")} checked=${open} onChange=${setOpen} /><${Check}
        label=${t("fleet.order.late")}
        checked=${late}
        onChange=${setLate}
      />
    </form>
    <${Loaded} of=${orders} empty=${{ icon: "order", title: t("fleet.no_orders") }}
      >${(rows) =>
        html`<${Table}
          label=${t("fleet.view.orders")}
          rows=${rows}
          id=${(row) => row.order}
          onOpen=${(row) => go("orders", "order", row.order)}
          columns=${[
            { title: t("fleet.order"), cell: (row) => row.order },
            { title: t("fleet.kind"), cell: (row) => word("order_kind", row.kind) },
            { title: t("fleet.state"), cell: (row) => html`<${State} group="order" value=${row.state} />` },
            { title: t("fleet.order.placed"), cell: (row) => dateTime(row.placed_at_ms) },
            {
              title: t("fleet.order.due"),
              cell: (row) =>
                !row.ended_at_ms && row.due_ms < Date.now()
                  ? html`<${Badge} kind="bad">${dateTime(row.due_ms)}<//>`
                  : dateTime(row.due_ms),
            },
          ]}
        />`}<//
    >
  </section>`;
}

function One({ order }) {
  const path = `/orders/${encodeURIComponent(order)}`;
  const story = useLoad(() => api.get(path), [path], 5000);
  const routing = useLoad(async () => (await api.get(`${path}/routing`)).items, [path], 10_000);
  const [sure, setSure] = useState(false);
  const cancel = async () => {
    const done = await attempt(() => api.post(`${path}/cancel`, {}, { patience: 10_000 }), t("fleet.order.cancelled"));
    setSure(false);
    if (done) story.again();
  };
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("orders")} aria-label=${t("fleet.back")} />
        <h1>${order}</h1>
      </div>
      ${
        story.data &&
        !story.data.is_over &&
        html`<${Button} kind="danger" onClick=${() => setSure(true)}>${t("fleet.order.cancel")}<//>`
      }
    </div>
    <${Loaded} of=${story}>${(data) => html`<${Story} story=${data} />`}<//>
    <section class="card stack">
      <h2>${t("fleet.routing")}</h2>
      <${Loaded} of=${routing} empty=${{ icon: "note", title: t("fleet.no_routing") }}
        >${(rows) =>
          rows.map(
            (row) => html`<${Decision} key=${row.decision} decision=${row} currency=${story.data?.currency} />`,
          )}<//
      >
    </section>
    ${
      sure &&
      html`<${Dialog} title=${t("fleet.order.cancel")} onClose=${() => setSure(false)}
        ><p>${t("fleet.order.cancel.text")}</p>
        <div class="actions">
          <${Button} onClick=${() => setSure(false)}>${t("fleet.back")}<//
          ><${ActButton} kind="danger" onAct=${cancel}>${t("fleet.order.cancel")}<//>
        </div><//
      >`
    }`;
}

/** Where an order goes. */
const place = ({ store, zone, point }) => store ?? zone ?? (point ? `${point.lat}, ${point.lon}` : "–");

function Story({ story }) {
  const money = (minor) => amount(minor, story.currency);
  return html`<div class="two">
    <div class="stack">
      <section class="card">
        <h2>${t("fleet.order.lines")}</h2>
        <ul class="list">
          ${story.lines.map(
            (line) =>
              html`<li key=${line.number}>
                <span class="grow">${line.description} <span class="quiet small">${line.sku}</span></span
                ><span class="number">${quantity(line.quantity)}</span
                ><span class="number">${money(line.price.minor)}</span>
              </li>`,
          )}
        </ul>
      </section>
      ${story.parts.map(
        (part) =>
          html`<section key=${part.part} class="card stack">
            <div class="row spread">
              <h2><a href=${to("stores", part.store)}>${part.store}</a></h2>
              <${State} group="order" value=${part.state} />
            </div>
            <dl class="facts">
              <dt>${t("fleet.order.offered")}</dt>
              <dd>${dateTime(part.offered_at_ms)}</dd>
              <dt>${t("fleet.order.answer")}</dt>
              <dd>${part.is_answered ? t("fleet.order.answered") : dateTime(part.answer_by_ms)}</dd>
              ${
                part.ready_at_ms &&
                html`<dt>${t("fleet.order.ready")}</dt>
                  <dd>${dateTime(part.ready_at_ms)}</dd>`
              }
              ${
                part.breached?.length > 0 &&
                html`<dt>${t("fleet.order.breached")}</dt>
                  <dd><${Badge} kind="bad">${part.breached.map((clock) => word("clock", clock)).join(", ")}<//></dd>`
              }
              ${
                part.tracking?.length > 0 &&
                html`<dt>${t("fleet.order.tracking")}</dt>
                  <dd>${part.tracking.join(", ")}</dd>`
              }
              ${
                part.sales?.length > 0 &&
                html`<dt>${t("fleet.sales")}</dt>
                  <dd>${part.sales.join(", ")}</dd>`
              }
            </dl>
            <ul class="list">
              ${part.lines.map(
                (line) =>
                  html`<li key=${line.line}>
                    <span class="grow">${line.sku}</span>${line.units.map(
                      (units) =>
                        html`<span key=${units.state} class="row"
                          >${number(units.milli / 1000, 3)} <${State} group="order" value=${units.state}
                        /></span>`,
                    )}
                  </li>`,
              )}
            </ul>
          </section>`,
      )}
    </div>
    <section class="card">
      <h2>${t("fleet.order")}</h2>
      <dl class="facts">
        <dt>${t("fleet.state")}</dt>
        <dd><${State} group="order" value=${story.state} /></dd>
        <dt>${t("fleet.kind")}</dt>
        <dd>${word("order_kind", story.kind)}</dd>
        <dt>${t("fleet.order.customer")}</dt>
        <dd>${story.customer ?? "–"}</dd>
        <dt>${t("fleet.order.placed")}</dt>
        <dd>${dateTime(story.placed_at_ms)}</dd>
        <dt>${t("fleet.order.due")}</dt>
        <dd>${dateTime(story.due_ms)}</dd>
        <dt>${t("fleet.order.to")}</dt>
        <dd>${place(story.to)}</dd>
        <dt>${t("fleet.order.charged")}</dt>
        <dd>${money(story.charged)}</dd>
        <dt>${t("fleet.order.refund")}</dt>
        <dd>${money(story.refund)}</dd>
      </dl>
    </section>
  </div>`;
}

/** Why a store is not in the plan, with its values. */
function reason({ why, store, ...values }) {
  const shown = Object.entries(values).map(
    ([name, value]) =>
      `${name.replaceAll(
        "_",
        " ",
      )} ${name.endsWith("_ms") ? dateTime(value) : typeof value === "number" ? number(value) : value}`,
  );
  return [word("routing", why), ...shown].join(" · ");
}

function Decision({ decision: { at_ms: at, why, plan }, currency }) {
  const money = (minor) => (currency ? amount(minor, currency) : number(minor));
  return html`<div class="plan">
    <h3>${dateTime(at)} · ${why}</h3>
    ${
      plan.cost &&
      html`<p class="quiet small">
        ${word("routing_method", plan.method)}${" · "}${t("fleet.routing.cost", {
          total: money(plan.cost.total),
          money: money(plan.cost.money),
          waiting: money(plan.cost.waiting),
          balance: money(plan.cost.balance),
          splits: money(plan.cost.splits),
        })}
      </p>`
    }
    ${
      plan.unplaced?.length > 0 &&
      html`<${Notice} kind="busy">${t("fleet.routing.unplaced", { n: plan.unplaced.length })}<//>`
    }
    <ul class="list">
      ${(plan.parts ?? []).map(
        (part) =>
          html`<li key=${part.store}>
            <span class="grow"><strong>${part.store}</strong></span
            ><${Badge} kind="good">${t("fleet.routing.chosen")}<//>
            <small
              >${[
                t("fleet.routing.lines", { n: part.lines.length }),
                part.metres ? t("fleet.routing.km", { n: number(part.metres / 1000, 1) }) : "",
                t("fleet.routing.there", { time: dateTime(part.there_at_ms) }),
                money(part.money),
              ]
                .filter(Boolean)
                .join(" · ")}</small
            >
          </li>`,
      )}
      ${(plan.others ?? []).map(
        (other) =>
          html`<li key=${other.store}>
            <span class="grow">${other.store}</span><span class="quiet small">${reason(other)}</span>
          </li>`,
      )}
    </ul>
  </div>`;
}

function Refunds() {
  const [every, setEvery] = useState(false);
  const refunds = useLoad(() => all("/refunds", { all: every }, 1000), [every], 10_000);
  const [pays, setPays] = useState(/** @type {any} */ (undefined));
  return html`<section class="card stack">
      <${Check} label=${t("fleet.refunds.all")} checked=${every} onChange=${setEvery} />
      <${Loaded} of=${refunds} empty=${{ icon: "check", title: t("fleet.no_refunds") }}
        >${(rows) =>
          html`<${Table}
            label=${t("fleet.orders.refunds")}
            rows=${rows}
            id=${(row) => `${row.order}/${row.task}`}
            columns=${[
              {
                title: t("fleet.order"),
                cell: (row) => html`<a href=${to("orders", "order", row.order)}>${row.order}</a>`,
              },
              { title: t("fleet.refunds.created"), cell: (row) => ago(row.created_at_ms) },
              { title: t("fleet.refunds.payment"), cell: (row) => row.reference },
              { title: t("fleet.refunds.amount"), number: true, cell: (row) => amount(row.amount, row.currency) },
              {
                title: t("fleet.state"),
                cell: (row) =>
                  row.done_at_ms
                    ? html`<${Badge} kind="good">${t("fleet.refunds.paid", { reference: row.refunded_by ?? "" })}<//>`
                    : html`<${Button} onClick=${() => setPays(row)}>${t("fleet.refunds.pay")}<//>`,
              },
            ]}
          />`}<//
      >
    </section>
    ${pays && html`<${Pay} refund=${pays} onClose=${() => (setPays(undefined), refunds.again())} />`}`;
}

function Pay({ refund, onClose }) {
  const [reference, setReference] = useState("");
  const pay = async () => {
    const path = `/refunds/${encodeURIComponent(refund.order)}/${refund.task}/done`;
    if (
      await attempt(
        () => api.post(path, { reference: reference.trim() }, { patience: 10_000 }),
        t("fleet.refunds.done"),
      )
    )
      onClose();
  };
  return html`<${Dialog} title=${t("fleet.refunds.pay")} onClose=${onClose}
    ><p>${t("fleet.refunds.text", { amount: amount(refund.amount, refund.currency) })}</p>
    <${Input} label=${t("fleet.refunds.reference")} value=${reference} onInput=${setReference} maxlength="64" />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("fleet.back")}<//
      ><${ActButton} kind="main" disabled=${!reference.trim()} onAct=${pay}>${t("fleet.refunds.pay")}<//>
    </div><//
  >`;
}
