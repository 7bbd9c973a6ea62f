// Key figures by store and channel over some days.

import { html, useState } from "../vendor/ui.js";
import { number, t } from "../texts/index.js";
import { Figure, Select, Table } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { Bars, Shares } from "../look/chart.js";
import { word } from "../look/words.js";
import { all, amount, dayBefore, major } from "./state.js";

const SPANS = [1, 7, 30, 90];

const web = ({ tenders }) => tenders.find(({ kind }) => kind === "prepaid")?.amount ?? 0;

/** The sums of days. */
function sum(days) {
  const total = { sales: 0, lines: 0, regular: 0, discount: 0, net: 0, web: 0, tenders: new Map() };
  for (const day of days) {
    for (const name of ["sales", "lines", "regular", "discount", "net"]) total[name] += day[name];
    total.web += web(day);
    for (const { kind, amount: value } of day.tenders) total.tenders.set(kind, (total.tenders.get(kind) ?? 0) + value);
  }
  return total;
}

/** @param {any[]} rows @param {(row: any) => string} by @returns {Map<string, any[]>} */
function grouped(rows, by) {
  const groups = new Map();
  for (const row of rows) groups.set(by(row), [...(groups.get(by(row)) ?? []), row]);
  return groups;
}

const percent = (part, whole) => (whole ? `${number((100 * part) / whole, 1)} %` : "–");

export function Figures() {
  const [days, setDays] = useState("7");
  const [currency, setCurrency] = useState("");
  const read = useLoad(
    () => all("/days", { from: dayBefore(Number(days) - 1), to: dayBefore(-1) }, 50_000),
    [days],
    60_000,
  );
  const currencies = [...new Set((read.data ?? []).map((row) => row.currency))].sort();
  const shown = currencies.includes(currency) ? currency : currencies[0];
  return html`<div class="head">
      <h1>${t("fleet.view.figures")}</h1>
      <div class="row">
        ${
          currencies.length > 1 &&
          html`<${Select}
            label=${t("fleet.currency")}
            options=${currencies.map((one) => [one, one])}
            value=${shown}
            onChange=${setCurrency}
          />`
        }
        <${Select}
          label=${t("fleet.span")}
          options=${SPANS.map((one) => [String(one), t("fleet.last_days", { n: one })])}
          value=${days}
          onChange=${setDays}
        />
      </div>
    </div>
    <${Loaded} of=${read} empty=${{ icon: "chart", title: t("fleet.no_days"), text: t("fleet.no_days.text") }}
      >${(rows) => html`<${Shown} rows=${rows.filter((row) => row.currency === shown)} currency=${shown} />`}<//
    >`;
}

function Shown({ rows, currency }) {
  const total = sum(rows);
  const money = (minor) => amount(minor, currency);
  const byDay = [...grouped(rows, (row) => row.business_day)]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([day, some]) => ({ day, ...sum(some) }));
  const stores = [...grouped(rows, (row) => row.store)]
    .map(([store, some]) => ({ store, ...sum(some) }))
    .sort((one, other) => other.net - one.net);
  const average = ({ net, sales }) => (sales ? money(Math.round(net / sales)) : "–");
  return html`<section class="figures" aria-label=${t("fleet.view.figures")}>
      <${Figure} name=${t("fleet.net")} value=${money(total.net)} small=${t("fleet.n_sales", { n: total.sales })} />
      <${Figure}
        name=${t("fleet.average")}
        value=${average(total)}
        small=${t("fleet.per_basket", { n: total.sales ? number(total.lines / total.sales, 1) : "–" })}
      />
      <${Figure}
        name=${t("fleet.discounts")}
        value=${money(total.discount)}
        small=${t("fleet.of_regular", { share: percent(total.discount, total.regular) })}
      />
      <${Figure}
        name=${t("fleet.channel.web")}
        value=${money(total.web)}
        small=${t("fleet.of_net", { share: percent(total.web, total.net) })}
      />
    </section>
    <div class="two">
      <section class="card">
        <h2>${t("fleet.net_by_day")}</h2>
        <${Bars}
          label=${t("fleet.net_by_day")}
          name=${t("fleet.day")}
          value=${t("fleet.net")}
          scale=${(value) => number(major(value, currency))}
          rows=${byDay.map((row) => ({
            name: row.day,
            short: row.day.slice(5),
            value: row.net,
            text: `${money(row.net)} · ${t("fleet.n_sales", { n: row.sales })}`,
          }))}
        />
      </section>
      <section class="card stack">
        <h2>${t("fleet.channels")}</h2>
        <${Shares}
          label=${t("fleet.channels")}
          rows=${[
            { name: t("fleet.channel.store"), value: total.net - total.web, text: money(total.net - total.web) },
            { name: t("fleet.channel.web"), value: total.web, text: money(total.web) },
          ]}
        />
        <h2>${t("fleet.tenders")}</h2>
        <${Shares}
          label=${t("fleet.tenders")}
          rows=${[...total.tenders].map(([kind, value]) => ({ name: word("tender", kind), value, text: money(value) }))}
        />
      </section>
    </div>
    <section class="card">
      <h2>${t("fleet.by_store")}</h2>
      <${Table}
        label=${t("fleet.by_store")}
        rows=${stores}
        id=${(row) => row.store}
        columns=${[
          { title: t("fleet.store"), cell: (row) => row.store },
          { title: t("fleet.net"), number: true, cell: (row) => money(row.net) },
          { title: t("fleet.sales"), number: true, cell: (row) => number(row.sales) },
          { title: t("fleet.average"), number: true, cell: average },
          { title: t("fleet.discount_rate"), number: true, cell: (row) => percent(row.discount, row.regular) },
          { title: t("fleet.channel.web"), number: true, cell: (row) => percent(row.web, row.net) },
        ]}
      />
    </section>`;
}
