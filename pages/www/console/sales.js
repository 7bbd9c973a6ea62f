// Sales, and the whole story of one: lines and why they cost what they cost, payments, the receipt, HQ, the audit
// trail.

import { html, useState } from "../vendor/ui.js";
import { date, dateTime, money, quantity, t, time } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Notice, Table } from "../look/index.js";
import { ActButton, Loaded, More, useLoad, usePages } from "../look/load.js";
import { State, word } from "../look/words.js";
import { amount, api, command, receipt, status, who } from "./state.js";

const SIZE = 50;
const DAY_MS = 24 * 60 * 60 * 1000;

export function Sales({ path: [id] }) {
  return id ? html`<${Story} key=${id} id=${id} />` : html`<${List} />`;
}

function List() {
  const sales = usePages(
    (last) => api.get("/sales", { limit: SIZE, before: last?.sequence }),
    [status.value.today.sales],
    SIZE,
  );
  const [typed, setTyped] = useState("");
  const find = (event) => {
    event.preventDefault();
    const wanted = typed.trim();
    const found = sales.data?.find((sale) => sale.sale === wanted || receipt(sale) === wanted);
    if (found || /^\d+-\d+$/.test(wanted)) go("sales", found?.sale ?? wanted);
  };
  return html`<div class="head">
      <h1>${t("console.view.sales")}</h1>
      <form class="row" onSubmit=${find}>
        <${Input}
          label=${t("console.sales.find")}
          value=${typed}
          onInput=${setTyped}
          hint=${t("console.sales.find.hint")}
        /><${Button} type="submit" icon="search">${t("console.search")}<//>
      </form>
    </div>
    <section class="card">
      <${Loaded}
        of=${sales}
        empty=${{ icon: "receipt", title: t("console.sales.none"), text: t("console.sales.none.text") }}
        >${(rows) =>
          html`<${Table}
              label=${t("console.view.sales")}
              rows=${rows}
              id=${(row) => row.sale}
              onOpen=${(row) => go("sales", row.sale)}
              columns=${[
                { title: t("console.receipt"), cell: (row) => receipt(row) },
                { title: t("console.time"), brief: true, cell: (row) => dateTime(row.sold_at_ms) },
                { title: t("console.register"), cell: (row) => row.register },
                { title: t("console.lines"), number: true, cell: (row) => row.lines },
                { title: t("console.today.net"), number: true, cell: (row) => amount(row.net) },
              ]}
            /><${More} of=${sales} />`}<//
      >
    </section>`;
}

function Story({ id }) {
  const sale = useLoad(() => api.get(`/sales/${id}`), [id]);
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("sales")} aria-label=${t("console.back")} />
        <h1>${t("console.sale", { id })}</h1>
      </div>
    </div>
    <${Loaded} of=${sale}>${(data) => html`<${Told} sale=${data} again=${sale.again} />`}<//>`;
}

function Told({ sale, again }) {
  const [voids, setVoids] = useState(false);
  const cards = sale.tenders.filter((tender) => tender.tender === "card");
  return html`${
      sale.voids &&
      html`<${Notice} kind="busy">${t("console.sale.voids")} <a href=${to("sales", sale.voids)}>${sale.voids}</a><//>`
    }
    <div class="two">
      <div class="stack">
        <section class="card">
          <h2>${t("console.sale.about")}</h2>
          <dl class="facts">
            <dt>${t("console.receipt")}</dt>
            <dd>${receipt(sale)} (${sale.fiscal_year})</dd>
            <dt>${t("console.time")}</dt>
            <dd>${dateTime(sale.sold_at_ms)} · ${t("console.sale.day", { day: sale.business_day })}</dd>
            <dt>${t("console.register")}</dt>
            <dd>${sale.register}${sale.operator ? ` · ${sale.operator}` : ""}</dd>
            ${
              sale.shift &&
              html`<dt>${t("console.shift")}</dt>
                <dd><a href=${to("cash", "shifts", sale.shift)}>${sale.shift}</a></dd>`
            }
            <dt>${t("console.sale.prices")}</dt>
            <dd>${sale.price_book ?? t("console.sale.catalog")}</dd>
            ${
              sale.customer &&
              html`<dt>${t("console.customer")}</dt>
                <dd><a href=${to("customers", sale.customer)}>${sale.customer}</a></dd>`
            }
            <${AtHeadquarters} id=${sale.id} />
          </dl>
        </section>
        <section class="card">
          <h2>${t("console.sale.lines")}</h2>
          <${Lines} sale=${sale} />
        </section>
        <section class="card">
          <h2>${t("console.sale.payment")}</h2>
          <${Tenders}
            sale=${sale}
          />${cards.map(({ slip }) => html`<${Payment} key=${slip.payment} id=${slip.payment} />`)}
        </section>
        ${
          !sale.voids &&
          html`<section class="card">
            <h2>${t("console.sale.back")}</h2>
            <${ComeBack} id=${sale.id} />
          </section>`
        }
        <section class="card">
          <h2>${t("console.audit")}</h2>
          <${Trail} id=${sale.id} soldAt=${sale.sold_at_ms} />
        </section>
      </div>
      <div class="stack">
        <div class="row">
          <${ActButton}
            icon="printer"
            onAct=${() => command(`/sales/${sale.id}/reprint`, {}, t("console.sale.reprinted"))}
            >${t("console.sale.reprint")}<//
          >
          ${
            !sale.voids &&
            html`<${Button} kind="danger" icon="close" onClick=${() => setVoids(true)}>${t("console.sale.void")}<//>`
          }
        </div>
        <img
          class="receipt"
          src="/api/v1/sales/${sale.id}/receipt/picture"
          alt=${t("console.sale.picture", { receipt: receipt(sale) })}
        />
      </div>
    </div>
    ${voids && html`<${Void} sale=${sale} onClose=${() => (setVoids(false), again())} />`}`;
}

function AtHeadquarters({ id }) {
  const hq = useLoad(() => api.get(`/sales/${id}/headquarters`), [id], 3000);
  if (!status.value.headquarters) return null;
  const { received, seen_at_ms: seen } = hq.data ?? {};
  const text =
    hq.data === undefined
      ? "…"
      : !received
        ? t("console.sale.hq.pending")
        : seen
          ? t("console.sale.hq.seen", { time: dateTime(seen) })
          : t("console.sale.hq.has");
  return html`<dt>${t("console.hq")}</dt>
    <dd><${Badge} kind=${received ? "good" : "busy"}>${text}<//></dd>`;
}

const per = ({ minor, per: unit }) => (unit === "each" ? amount(minor) : `${amount(minor)} / ${word("unit", unit)}`);

/** Where a line's price comes from. */
function basis(line) {
  if (line.basis === "keyed") return t("console.line.keyed", { reason: line.reason });
  if (line.basis === "book")
    return t("console.line.book", {
      kind: word("price_kind", line.price_kind),
      entry: line.entry,
      price: per(line.price),
    });
  return t("console.line.catalog", { price: per(line.price) });
}

function Lines({ sale }) {
  return html`<ol class="list lines">
    ${sale.lines.map(
      (line) =>
        html`<li key=${line.number} class=${line.voided ? "voided" : ""}>
          <span class="grow"
            >${line.description}${" "}${line.voided ? html`<${Badge}>${t("console.line.voided")}<//>` : ""}</span
          >
          <span class="number">${quantity(line.quantity)}</span><strong class="number">${amount(line.regular)}</strong>
          <small
            >${[
              line.sku,
              line.gtin,
              basis(line),
              line.particulars?.weighed && t("console.line.weighed", { sent: line.particulars.weighed }),
              line.particulars?.scanned && t("console.line.scanned", { code: line.particulars.scanned }),
            ]
              .filter(Boolean)
              .join(" · ")}</small
          >
          ${(line.adjustments ?? []).map(
            (one, place) =>
              html`<span key=${place} class="why row spread"
                ><span>${adjustment(one)}</span><span class="number">−${amount(one.amount)}</span></span
              >`,
          )}
          ${(line.discounts ?? []).map(
            (one, place) =>
              html`<span key=${`d${place}`} class="why row spread"
                ><span>${t("console.line.discount", { origin: word("origin", one.origin), reason: one.reason })}</span
                ><span class="number">−${amount(one.amount)}</span></span
              >`,
          )}
          ${(line.charges ?? []).map(
            (one) =>
              html`<span key=${one.name} class="why row spread"
                ><span>${one.name}</span><span class="number">${amount(one.amount)}</span></span
              >`,
          )}
          ${(line.taxes ?? []).map(
            (one) =>
              html`<span key=${one.tax} class="why row spread quiet"
                ><span
                  >${
                    one.included
                      ? t("console.line.tax.included", { tax: one.tax, base: amount(one.base) })
                      : t("console.line.tax.added", { tax: one.tax, base: amount(one.base) })
                  }</span
                ><span class="number">${amount(one.amount)}</span></span
              >`,
          )}
        </li>`,
    )}
  </ol>`;
}

function adjustment({ by, name, offer, version, units }) {
  const what =
    by === "offer"
      ? t("console.line.offer", { name, offer, version })
      : by === "person"
        ? t("console.line.person", { name })
        : t("console.line.multi", { name });
  return units > 1 ? `${what} · ${t("console.line.units", { n: units })}` : what;
}

function Tenders({ sale: { tenders, totals, currency } }) {
  const all = { currency, currency_exponent: status.value.currency_exponent };
  return html`<dl class="facts money">
    ${
      totals.discount !== 0 &&
      html`<dt>${t("console.sale.before")}</dt>
        <dd>${money(totals.regular, all)}</dd>
        <dt>${t("console.sale.saved")}</dt>
        <dd>−${money(totals.discount, all)}</dd>`
    }
    ${
      totals.added_tax &&
      html`<dt>${t("console.sale.tax")}</dt>
        <dd>${money(totals.added_tax, all)}</dd>`
    }
    <dt class="whole">${t("console.sale.total")}</dt>
    <dd class="whole">
      ${money(totals.net + (totals.charges ?? 0) + (totals.added_tax ?? 0) + (totals.cash_rounding ?? 0), all)}
    </dd>
    ${tenders.map(
      (tender, place) =>
        html`<dt key=${place}>
            ${word(
              "tender",
              tender.tender,
            )}${" "}${tender.slip ? [tender.slip.scheme, tender.slip.masked_pan].filter(Boolean).join(" ") : ""}
          </dt>
          <dd>${money(tender.amount, all)}</dd>`,
    )}
    ${
      totals.change !== 0 &&
      html`<dt>${t("console.sale.change")}</dt>
        <dd>${money(totals.change, all)}</dd>`
    }
  </dl>`;
}

function Payment({ id }) {
  const payment = useLoad(() => api.get(`/payments/${id}`), [id]);
  return html`<div class="stack payment">
    <${Loaded} of=${payment}
      >${(data) =>
        html`<div class="row spread">
            <h3>${t("console.payment", { id })}</h3>
            <${State} group="payment" value=${data.state} />
          </div>
          <dl class="facts">
            <dt>${t("console.payment.terminal")}</dt>
            <dd>${data.terminal}</dd>
            <dt>${t("console.payment.started")}</dt>
            <dd>${dateTime(data.started_at_ms)}</dd>
            ${
              data.card?.entry &&
              html`<dt>${t("console.payment.entry")}</dt>
                <dd>${word("entry", data.card.entry)}</dd>`
            }
            ${
              data.card?.authorisation &&
              html`<dt>${t("console.payment.authorisation")}</dt>
                <dd>${data.card.authorisation}</dd>`
            }
            ${
              data.why &&
              html`<dt>${t("console.payment.why")}</dt>
                <dd>${data.why}</dd>`
            }
            ${
              data.refunded > 0 &&
              html`<dt>${t("console.payment.refunded")}</dt>
                <dd>${amount(data.refunded)}</dd>`
            }
          </dl>
          ${
            data.slip?.length > 0 &&
            html`<details class="numbers">
              <summary>${t("console.payment.slip")}</summary>
              <pre class="paper">${data.slip.join("\n")}</pre>
            </details>`
          }`}<//
    >
  </div>`;
}

/** What of a sale can come back, and what has. */
function ComeBack({ id }) {
  const found = useLoad(() => api.get("/returns/sale", { sale: id }), [id]);
  return html`<${Loaded} of=${found}
    >${({ validated, returnable }) =>
      html`<p class="quiet small">${word("validated", validated)}</p>
        <ul class="list">
          ${returnable.lines.map(
            (line) =>
              html`<li key=${line.line}>
                <span class="grow">${line.description}</span>
                <span class="number"
                  >${t("console.sale.back.left", { left: line.left_milli / 1000, sold: line.sold_milli / 1000 })}</span
                >
                <span class="number">${amount(line.paid)}</span>
              </li>`,
          )}
        </ul>`}<//
  >`;
}

/** Pages of the audit trail that are read for one sale. */
const MOST_PAGES = 20;

/** The entries about a sale: none is older than its basket, which was opened at most a day before. */
async function about(id, soldAt) {
  const found = [];
  for (let page = 0, before; page < MOST_PAGES; page++) {
    const entries = await api.get("/audit", { limit: 100, before });
    found.push(...entries.filter(({ details }) => JSON.stringify(details).includes(`"${id}"`)));
    before = entries.at(-1)?.number;
    if (entries.length < 100 || entries.at(-1).at_ms < soldAt - DAY_MS) break;
  }
  return found;
}

function Trail({ id, soldAt }) {
  const trail = useLoad(() => about(id, soldAt), [id]);
  return html`<${Loaded} of=${trail}
    >${(entries) =>
      entries.length
        ? html`<ul class="list">
            ${entries.map(
              (entry) =>
                html`<li key=${entry.number}>
                  <span class="grow">${word("act", entry.act)}</span><span>${who(entry.who)}</span
                  ><small>${date(entry.at_ms)} ${time(entry.at_ms)}</small>
                </li>`,
            )}
          </ul>`
        : html`<p class="quiet">${t("console.sale.audit.none")}</p>`}<//
  >`;
}

function Void({ sale, onClose }) {
  const [reason, setReason] = useState("");
  const act = async () => {
    const voided = await command(`/sales/${sale.id}/void`, { reason: reason.trim() });
    if (!voided) return;
    onClose();
    go("sales", voided.void.sale);
  };
  return html`<${Dialog} title=${t("console.sale.void")} onClose=${onClose}>
    <p>${t("console.sale.void.text", { receipt: receipt(sale) })}</p>
    <${Input} label=${t("console.reason")} value=${reason} onInput=${setReason} maxlength="120" />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="danger" disabled=${!reason.trim()} onAct=${act}>${t("console.sale.void")}<//>
    </div>
  <//>`;
}
