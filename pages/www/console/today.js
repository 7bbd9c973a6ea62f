// Today at a glance: takings by the hour, what sells, what waits, and what needs a person.

import { html } from "../vendor/ui.js";
import { number, t, time } from "../texts/index.js";
import { to } from "../lib/route.js";
import { Figure, Icon, LinkButton, Table } from "../look/index.js";
import { ActButton, Loaded, useLoad } from "../look/load.js";
import { Bars, Shares } from "../look/chart.js";
import { State, word } from "../look/words.js";
import { alarms } from "./alarms.js";
import { FirstSteps } from "./first-steps.js";
import { amount, api, command, milli, scale, span, status } from "./state.js";

const ICONS = { bad: "alarm", busy: "alarm", note: "note" };

export function Today() {
  const now = status.value;
  const { today } = now;
  return html`<div class="head">
      <h1>${t("console.view.today")}</h1>
      <span class="quiet">${today.business_day}</span>
    </div>
    <${FirstSteps} />
    <${Alarms} all=${alarms(now)} />
    <section class="figures" aria-label=${t("console.today.figures")}>
      <${Figure}
        name=${t("console.today.net")}
        value=${amount(today.net)}
        small=${t("console.today.discounts", { amount: amount(today.discount) })}
      />
      <${Figure}
        name=${t("console.today.sales")}
        value=${number(today.sales)}
        small=${t("console.today.lines", { n: today.lines })}
      />
      <${Figure}
        name=${t("console.today.average")}
        value=${today.sales ? amount(Math.round(today.net / today.sales)) : "–"}
        small=${today.sales ? t("console.today.per_basket", { n: number(today.lines / today.sales, 1) }) : ""}
      />
      <${Figure} name=${t("console.today.orders")} value=${number(now.orders.open)} small=${late(now.orders.urgent)} />
      <${Headquarters} hq=${now.headquarters} />
    </section>
    <${Wan} />
    <${Sold} />`;
}

/** Only a demo has a connection to HQ that can be cut from here. */
function Wan() {
  const wan = useLoad(async () => {
    const answer = await fetch("/demo/wan");
    return answer.ok ? answer.json() : { up: undefined };
  });
  if (wan.data?.up === undefined) return null;
  const toggle = async () => {
    await fetch("/demo/wan", { method: "POST" });
    wan.again();
  };
  return html`<div class="row">
    <${ActButton} icon=${wan.data.up ? "offline" : "online"} onAct=${toggle}
      >${wan.data.up ? t("console.hq.cut") : t("console.hq.restore")}<//
    >
  </div>`;
}

function late(urgent) {
  const count = urgent.filter((order) => order.due_ms < Date.now()).length;
  return count ? t("console.today.late", { n: count }) : t("console.today.none_late");
}

function Headquarters({ hq }) {
  if (!hq) return html`<${Figure} name=${t("console.hq")} value="–" small=${t("console.hq.none")} />`;
  const value =
    hq.lacks > 0
      ? t("console.hq.pending", { n: hq.lacks })
      : hq.connected
        ? t("console.hq.current")
        : t("console.hq.offline");
  return html`<${Figure}
    name=${t("console.hq")}
    value=${value}
    small=${hq.connected ? t("console.hq.has", { n: hq.has }) : t("console.hq.sells_on")}
  />`;
}

function Alarms({ all }) {
  if (all.length === 0) {
    return html`<p class="notice good" role="status"><${Icon} name="check" />${t("console.today.no_alarms")}</p>`;
  }
  return html`<section class="card alarms" aria-labelledby="alarms-name">
    <h2 id="alarms-name">${t("console.today.alarms", { n: all.length })}</h2>
    <ul class="list">
      ${all.map(
        ({ id, kind, title, todo, href, act }) =>
          html`<li key=${id} class=${kind}>
            <${Icon} name=${ICONS[kind]} />
            <div class="grow">
              <strong>${title}</strong>
              <p class="quiet small">${todo}</p>
            </div>
            ${href && html`<${LinkButton} href=${href}>${t("console.show")}<//>`}
            ${
              act === "clock" &&
              html`<${ActButton} onAct=${() => command("/clock/agree", {}, t("console.clock.agreed"))}
                >${t("console.clock.agree")}<//
              >`
            }
          </li>`,
      )}
    </ul>
  </section>`;
}

function Sold() {
  const sold = useLoad(() => api.get("/status/sold-today"), [], 5000);
  return html`<div class="two">
      <div class="stack wide">
        <section class="card">
          <h2>${t("console.today.by_hour")}</h2>
          <${Loaded} of=${sold}
            >${(data) =>
              html`<${Bars}
                label=${t("console.today.by_hour")}
                name=${t("console.hour")}
                value=${t("console.today.net")}
                scale=${scale}
                rows=${hours(data.hours)}
              />`}<//
          >
        </section>
        <section class="card">
          <h2>${t("console.today.top")}</h2>
          <${Loaded} of=${sold}>${({ top_items: items }) => html`<${Top} items=${items} />`}<//>
        </section>
        <section class="card">
          <h2>${t("console.today.urgent")}</h2>
          <${Urgent} orders=${status.value.orders.urgent} />
        </section>
      </div>
      <${Beside} now=${status.value} />
    </div>
    <section class="card">
      <h2>${t("console.today.receipts")}</h2>
      <${Receipts} receipts=${status.value.receipts} />
    </section>`;
}

function Top({ items }) {
  if (items.length === 0) return html`<p class="quiet">${t("console.today.nothing_sold")}</p>`;
  return html`<${Table}
    label=${t("console.today.top")}
    rows=${items.slice(0, 10)}
    id=${(row) => row.sku + row.unit}
    columns=${[
      { title: t("console.item"), cell: (row) => html`${row.description} <span class="quiet small">${row.sku}</span>` },
      { title: t("console.quantity"), number: true, cell: (row) => milli(row.milli, row.unit) },
      { title: t("console.today.net"), number: true, cell: (row) => amount(row.net) },
    ]}
  />`;
}

/** How it was paid, and what the store is made of. */
function Beside({ now: { today, registers, devices } }) {
  const tenders = ["card", "cash", "gift_card", "manufacturer_coupon", "prepaid"].map((kind) => [kind, today[kind]]);
  const shares = tenders.map(([kind, value]) => ({ name: word("tender", kind), value, text: amount(value) }));
  return html`<div class="stack wide">
    <section class="card">
      <h2>${t("console.today.tenders")}</h2>
      <${Shares} label=${t("console.today.tenders")} rows=${shares} />
    </section>
    <section class="card">
      <h2>${t("console.today.registers")}</h2>
      <${Table}
        label=${t("console.today.registers")}
        rows=${registers}
        id=${(row) => row.register}
        columns=${[
          { title: t("console.register"), cell: (row) => row.register },
          { title: t("console.today.sales"), number: true, cell: (row) => number(row.sales) },
          { title: t("console.today.net"), number: true, cell: (row) => amount(row.net) },
        ]}
      />
    </section>
    <section class="card">
      <h2>${t("console.view.devices")}</h2>
      <ul class="devices">
        ${devices.map(
          (device) =>
            html`<li key=${device.device}>
              <a href=${to("devices", device.device)}>${device.device}</a
              ><${State} group="device" value=${device.health.state} />
            </li>`,
        )}
      </ul>
    </section>
  </div>`;
}

function Receipts({ receipts }) {
  if (receipts.length === 0) return html`<p class="quiet">${t("console.today.receipts.none")}</p>`;
  return html`<div class="papers" tabindex="0" role="region" aria-label=${t("console.today.receipts")}>
    ${receipts.map(
      (one) =>
        html`<figure key=${one.sale}>
          <pre class="paper">${one.lines.join("\n")}</pre>
          <figcaption><a href=${to("sales", one.sale)}>${t("console.sale", { id: one.sale })}</a></figcaption>
        </figure>`,
    )}
  </div>`;
}

/** From the first hour with a sale to the last, at least from 8 to 20. */
function hours(sold) {
  const all = sold.map(({ hour }) => hour);
  const [first, last] = [Math.min(8, ...all), Math.max(20, ...all)];
  const short = (hour) => String(hour).padStart(2, "0");
  return Array.from({ length: last - first + 1 }, (_, place) => {
    const hour = first + place;
    const { net = 0, sales = 0 } = sold.find((one) => one.hour === hour) ?? {};
    return {
      name: `${short(hour)}:00`,
      short: short(hour),
      value: net,
      text: `${amount(net)} · ${t("console.today.n_sales", { n: sales })}`,
    };
  });
}

function Urgent({ orders }) {
  if (orders.length === 0) return html`<p class="quiet">${t("console.today.no_orders")}</p>`;
  return html`<ul class="list">
    ${orders.map((order) => {
      const left = order.due_ms - Date.now();
      return html`<li key=${`${order.order}/${order.part}`}>
        <a class="grow" href=${to("orders", order.order, String(order.part))}
          >${order.order} · ${order.customer ?? t("console.order.transfer")}</a
        >
        <${State} group="order" value=${order.state} />
        <small
          >${
            left < 0
              ? html`<span class="overdue">${t("console.order.late", { time: span(left) })}</span>`
              : t("console.order.due", { time: time(order.due_ms) })
          }${" · "}${order.lines.map((line) => line.description).join(" · ")}</small
        >
      </li>`;
    })}
  </ul>`;
}
