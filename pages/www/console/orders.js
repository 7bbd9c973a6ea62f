// Customer orders at this store: what is open and when it is due, one order's story, and what a manager decides.

import { html, useState } from "../vendor/ui.js";
import { dateTime, quantity, t, time } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Notice, Select, Table, Tabs } from "../look/index.js";
import { ActButton, attempt, Loaded, useLoad } from "../look/load.js";
import { State, word } from "../look/words.js";
import { amount, api, command, milli, span } from "./state.js";

/** The states of a tab, in the order of the work. */
const TABS = {
  open: ["offered", "accepted", "picking", "picked", "packed", "ready", "arrived"],
  back: ["cancelled", "expired", "returning"],
  placed: [],
};
const REASONS = ["no_stock", "damaged", "no_capacity", "closing", "too_late"];
const DAY_MS = 24 * 60 * 60 * 1000;

export function Orders({ path: [first, part] }) {
  return part !== undefined
    ? html`<${One} key=${`${first}/${part}`} order=${first} part=${part} />`
    : html`<${List} tab=${first in TABS ? first : "open"} />`;
}

function List({ tab }) {
  const orders = useLoad(
    async () => {
      const all = await Promise.all(TABS[tab].map((state) => api.get("/orders", { state, limit: 100 })));
      return all.flat().sort((one, other) => one.fulfilment.terms.due_ms - other.fulfilment.terms.due_ms);
    },
    [tab],
    5000,
  );
  return html`<div class="head">
      <h1>${t("console.view.orders")}</h1>
      <${Find} />
    </div>
    <${Tabs}
      label=${t("console.view.orders")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`console.orders.${one}`)])}
      value=${tab}
      onChange=${(one) => go("orders", one)}
    />
    <section class="card">
      ${
        tab === "placed"
          ? html`<${Placed} />`
          : html`<${Loaded}
              of=${orders}
              empty=${{ icon: "order", title: t("console.orders.none"), text: t("console.orders.none.text") }}
              >${(rows) =>
                html`<${Table}
                  label=${t("console.view.orders")}
                  rows=${rows}
                  id=${({ fulfilment }) => `${fulfilment.terms.order}/${fulfilment.part}`}
                  onOpen=${({ fulfilment }) => go("orders", fulfilment.terms.order, String(fulfilment.part))}
                  columns=${[
                    { title: t("console.orders.order"), cell: ({ fulfilment }) => fulfilment.terms.order },
                    {
                      title: t("console.customer"),
                      cell: ({ fulfilment: { terms } }) => terms.customer?.name ?? terms.receiver ?? "–",
                    },
                    { title: t("console.kind"), cell: ({ fulfilment }) => word("order_kind", fulfilment.terms.kind) },
                    { title: t("console.state"), cell: (row) => html`<${State} group="order" value=${row.state} />` },
                    { title: t("console.orders.due"), cell: (row) => html`<${Due} part=${row} />` },
                    { title: t("console.lines"), number: true, cell: ({ fulfilment }) => fulfilment.lines.length },
                    { title: t("console.orders.to_pay"), number: true, cell: (row) => amount(row.due) },
                  ]}
                />`}<//
            >`
      }
    </section>`;
}

/** When a part is due; whether that has passed, or the store has broken a promise. */
function Due({ part: { state, fulfilment } }) {
  const { due_ms: due } = fulfilment.terms;
  const waits = ["ready", "arrived", "handed_over", "shipped"].includes(state);
  const left = due - Date.now();
  if (!waits && left < 0) return html`<${Badge} kind="bad">${t("console.order.late", { time: span(left) })}<//>`;
  if (!waits && left < 30 * 60_000)
    return html`<${Badge} kind="busy">${t("console.order.soon", { time: span(left) })}<//>`;
  return html`${left < DAY_MS ? time(due) : dateTime(due)}${" "}${
    fulfilment.breached?.length ? html`<${Badge} kind="bad">${t("console.orders.breached")}<//>` : ""
  }`;
}

function Find() {
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const find = async (event) => {
    event.preventDefault();
    const wanted = typed.trim();
    if (!wanted) return;
    const by = /^\d{4,8}$/.test(wanted) ? "code" : /\d/.test(wanted) && /-/.test(wanted) ? "order" : "name";
    const answer = await attempt(() => api.get("/orders/found", { [by]: wanted }));
    if (answer?.orders.length === 1)
      go("orders", answer.orders[0].fulfilment.terms.order, String(answer.orders[0].fulfilment.part));
    else if (answer) setFound(answer.orders);
  };
  return html`<form class="row" onSubmit=${find}>
      <${Input}
        label=${t("console.orders.find")}
        hint=${t("console.orders.find.hint")}
        value=${typed}
        onInput=${setTyped}
        maxlength="64"
      /><${Button} type="submit" icon="search">${t("console.search")}<//>
    </form>
    ${
      found &&
      html`<${Dialog} title=${t("console.orders.found", { n: found.length })} onClose=${() => setFound(undefined)}
        >${
          found.length === 0
            ? html`<p>${t("console.orders.not_found", { query: typed })}</p>`
            : html`<ul class="list">
                ${found.map(
                  ({ state, fulfilment: { terms, part } }) =>
                    html`<li key=${terms.order + part}>
                      <a
                        class="grow"
                        href=${to("orders", terms.order, String(part))}
                        onClick=${() => setFound(undefined)}
                        >${terms.order} · ${terms.customer?.name ?? ""}</a
                      ><${State} group="order" value=${state} />
                    </li>`,
                )}
              </ul>`
        }<//
      >`
    }`;
}

function One({ order, part }) {
  const path = `/orders/${encodeURIComponent(order)}/${part}`;
  const told = useLoad(() => api.get(path), [path], 5000);
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("orders")} aria-label=${t("console.back")} />
        <h1>${order}</h1>
      </div>
    </div>
    <${Loaded} of=${told}>${(data) => html`<${Part} part=${data} path=${path} again=${told.again} />`}<//>`;
}

function Part({ part, path, again }) {
  const { state, fulfilment, due, charged, basket } = part;
  const { terms } = fulfilment;
  const act = async (step, body, done) => {
    if ((await command(`${path}/${step}`, body, done)) !== undefined) again();
  };
  return html`<div class="two">
    <div class="stack">
      <section class="card">
        <h2>${t("console.sale.lines")}</h2>
        <ul class="list">
          ${fulfilment.lines.map(
            (line) =>
              html`<li key=${line.ordered.number}>
                <span class="grow"
                  >${line.ordered.description} <span class="quiet small">${line.ordered.sku}</span></span
                ><span class="number">${quantity(line.ordered.quantity)}</span>
                <span class="row"
                  >${Object.entries(line.units).map(
                    ([one, value]) =>
                      html`<${Badge} key=${one} kind=${one === "short" || one === "rejected" ? "bad" : ""}
                        >${milli(value, line.ordered.quantity.unit)} ${word("order", one)}<//
                      >`,
                  )}</span
                >
                <small
                  >${[
                    line.claim && t("console.orders.claimed", { picker: line.claim.picker }),
                    ...(line.staged ?? []).map(({ place }) => `${place.name} (${word("zone", place.zone)})`),
                    line.instead_of && t("console.orders.instead", { line: line.instead_of }),
                  ]
                    .filter(Boolean)
                    .join(" · ")}</small
                >
              </li>`,
          )}
        </ul>
      </section>
    </div>
    <div class="stack">
      <section class="card">
        <h2>${t("console.sale.about")}</h2>
        <dl class="facts">
          <dt>${t("console.state")}</dt>
          <dd><${State} group="order" value=${state} /></dd>
          <dt>${t("console.kind")}</dt>
          <dd>${word("order_kind", terms.kind)}</dd>
          <dt>${t("console.customer")}</dt>
          <dd>
            ${terms.customer?.name ?? terms.receiver ?? "–"}${
              terms.customer?.phone ? html`<br />${terms.customer.phone}` : ""
            }
          </dd>
          <dt>${t("console.orders.due")}</dt>
          <dd><${Due} part=${part} /></dd>
          <dt>${t("console.orders.placed_at")}</dt>
          <dd>${dateTime(terms.placed_at_ms)}</dd>
          ${
            fulfilment.ready_at_ms &&
            html`<dt>${t("console.orders.ready_at")}</dt>
              <dd>${dateTime(fulfilment.ready_at_ms)}</dd>`
          }
          ${
            fulfilment.arrival &&
            html`<dt>${t("console.orders.arrived_at")}</dt>
              <dd>${time(fulfilment.arrival.at_ms)} ${fulfilment.arrival.bay ?? ""}</dd>`
          }
          ${
            terms.keep_until_ms &&
            html`<dt>${t("console.orders.kept")}</dt>
              <dd>${dateTime(fulfilment.extended_to_ms ?? terms.keep_until_ms)}</dd>`
          }
          <dt>${t("console.orders.paid")}</dt>
          <dd>${terms.payment.by === "prepaid" ? word("tender", "prepaid") : t("console.orders.at_pickup")}</dd>
          <dt>${t("console.orders.to_pay")}</dt>
          <dd>${amount(due)}</dd>
          <dt>${t("console.orders.charged")}</dt>
          <dd>${amount(charged)}</dd>
          ${
            basket &&
            html`<dt>${t("console.orders.basket")}</dt>
              <dd>${basket}</dd>`
          }
          ${
            (fulfilment.breached ?? []).length > 0 &&
            html`<dt>${t("console.orders.breached")}</dt>
              <dd>${fulfilment.breached.map((clock) => word("clock", clock)).join(", ")}</dd>`
          }
        </dl>
      </section>
      <${Decisions} state=${state} act=${act} terms=${terms} fulfilment=${fulfilment} />
    </div>
  </div>`;
}

function Decisions({ state, act, terms, fulfilment }) {
  const [reason, setReason] = useState(REASONS[0]);
  const [bay, setBay] = useState("");
  const [sure, setSure] = useState(false);
  const isOpen = TABS.open.includes(state);
  if (!isOpen) return null;
  const kept = fulfilment.extended_to_ms ?? terms.keep_until_ms;
  return html`<section class="card stack">
    <h2>${t("console.orders.decide")}</h2>
    ${
      state === "offered" &&
      html`<${ActButton} kind="main" wide icon="check" onAct=${() => act("accept", {}, t("console.orders.accepted"))}
          >${t("console.orders.accept")}<//
        >
        <div class="fields">
          <${Select}
            label=${t("console.reason")}
            options=${REASONS.map((one) => [one, word("rejection", one)])}
            value=${reason}
            onChange=${setReason}
          />
          <${ActButton} kind="danger" onAct=${() => act("reject", { reason }, t("console.orders.rejected"))}
            >${t("console.orders.reject")}<//
          >
        </div>`
    }
    ${
      state === "ready" &&
      html`<div class="fields">
        <${Input} label=${t("console.orders.bay")} value=${bay} onInput=${setBay} maxlength="20" />
        <${ActButton} onAct=${() => act("arrival", bay.trim() ? { bay: bay.trim() } : {}, t("console.orders.noted"))}
          >${t("console.orders.arrive")}<//
        >
      </div>`
    }
    ${
      (state === "ready" || state === "arrived") &&
      kept &&
      html`<${ActButton} onAct=${() => act("extend", { until_ms: kept + DAY_MS }, t("console.orders.extended"))}
        >${t("console.orders.extend")}<//
      >`
    }
    ${
      state !== "offered" &&
      html`<${Button} kind="danger" onClick=${() => setSure(true)}>${t("console.orders.cancel")}<//>`
    }
    ${
      sure &&
      html`<${Dialog} title=${t("console.orders.cancel")} onClose=${() => setSure(false)}
        ><p>${t("console.orders.cancel.text")}</p>
        <div class="actions">
          <${Button} onClick=${() => setSure(false)}>${t("console.back")}<//
          ><${ActButton}
            kind="danger"
            onAct=${() => act("cancel", {}, t("console.orders.cancelled")).then(() => setSure(false))}
            >${t("console.orders.cancel")}<//
          >
        </div><//
      >`
    }
  </section>`;
}

function Placed() {
  const placed = useLoad(() => api.get("/placed-orders", { limit: 100 }), [], 10_000);
  return html`<${Loaded}
    of=${placed}
    empty=${{ icon: "order", title: t("console.orders.none_placed"), text: t("console.orders.none_placed.text") }}
    >${(rows) =>
      html`<${Table}
        label=${t("console.orders.placed")}
        rows=${rows}
        id=${(row) => row.placed.order.terms.order}
        columns=${[
          { title: t("console.orders.order"), cell: (row) => row.placed.order.terms.order },
          { title: t("console.transfers.to"), cell: (row) => row.placed.to.store ?? row.placed.to.zone ?? "–" },
          { title: t("console.time"), brief: true, cell: (row) => dateTime(row.placed.at_ms) },
          {
            title: t("console.state"),
            cell: (row) =>
              html`<${Badge} kind=${row.state === "answered" ? "good" : "busy"}>${word("placed", row.state)}<//>${
                  row.tracked?.answer.answer === "refused"
                    ? html`<${Notice} kind="bad">${row.tracked.answer.why}<//>`
                    : ""
                }`,
          },
        ]}
      />`}<//
  >`;
}
