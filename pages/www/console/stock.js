// Stock: positions, movements, receiving, counts, transfers, and what to order.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { go } from "../lib/route.js";
import { Badge, Table, Tabs } from "../look/index.js";
import { ActButton, attempt, First, Loaded, More, usePages } from "../look/load.js";
import { word } from "../look/words.js";
import { Counts } from "./counts.js";
import { ItemSearch, Name } from "./items.js";
import { New, Receiving } from "./receiving.js";
import { api, milli, who } from "./state.js";
import { Transfers } from "./transfers.js";

const TABS = {
  positions: Positions,
  movements: Movements,
  receiving: Receiving,
  counts: Counts,
  transfers: Transfers,
  reorder: Reorder,
};

export function Stock({ path: [tab = "positions", id] }) {
  const name = tab in TABS ? tab : "positions";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("console.view.stock")}</h1></div>
    <${Tabs}
      label=${t("console.view.stock")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`console.stock.${one}`)])}
      value=${name}
      onChange=${(one) => go("stock", one)}
    />
    <${Tab} key=${name} id=${id} />`;
}

const quantities = (row, name) => (row[name] === undefined ? "–" : milli(row[name], row.unit));

function Positions({ id }) {
  const size = 100;
  const positions = usePages(
    (last) =>
      id
        ? api.get(`/stock/positions/${encodeURIComponent(id)}`)
        : api.get("/stock/positions", { limit: size, after: last?.sku }),
    [id],
    size,
  );
  const column = (name) => ({ title: word("stock_state", name), number: true, cell: (row) => quantities(row, name) });
  return html`<section class="card stack">
    <${ItemSearch} onChoose=${(item) => go("stock", "positions", item.sku)} />
    <${Loaded}
      of=${positions}
      empty=${{ icon: "stock", title: t("console.stock.positions.none"), text: t("console.stock.positions.none.text") }}
      >${(rows) =>
        html`<${Table}
            label=${t("console.stock.positions")}
            rows=${rows}
            id=${(row) => row.sku + row.unit}
            columns=${[
              { title: t("console.item"), cell: (row) => html`<${Name} sku=${row.sku} />` },
              {
                title: t("console.stock.sellable"),
                number: true,
                cell: (row) => html`<strong>${milli(row.available_to_sell, row.unit)}</strong>`,
              },
              column("on_hand"),
              column("reserved"),
              column("in_transit"),
              column("quarantined"),
              column("damaged"),
              { title: t("console.stock.web"), number: true, cell: (row) => milli(row.kept_for_web, row.unit) },
              {
                title: t("console.stock.rule"),
                cell: (row) => (row.rule ? html`<${Badge}>${word("rule", row.rule)}<//>` : "–"),
              },
            ]}
          /><${More} of=${positions} />`}<//
    >
  </section>`;
}

function Movements() {
  const size = 50;
  const movements = usePages((last) => api.get("/stock/movements", { limit: size, before: last?.number }), [], size);
  const line = ({ sku, milli: value, unit, from, to }, place) =>
    html`<li key=${place}>
      <${Name} sku=${sku} />: ${milli(value, unit)}
      <span class="quiet small"
        >${" "}${[from, to].map((state) => (state ? word("stock_state", state) : "·")).join(" → ")}</span
      >
    </li>`;
  return html`<section class="card">
    <${Loaded} of=${movements} empty=${{ icon: "stock", title: t("console.stock.movements.none") }}
      >${(rows) =>
        html`<${Table}
            label=${t("console.stock.movements")}
            rows=${rows}
            id=${(row) => row.number}
            columns=${[
              { title: t("console.number"), cell: (row) => row.number },
              { title: t("console.kind"), cell: (row) => word("movement", row.kind) },
              { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
              { title: t("console.by"), cell: (row) => who(row.by) },
              { title: t("console.reference"), cell: (row) => row.reference },
              {
                title: t("console.stock.goods"),
                cell: (row) =>
                  html`<ul class="bare">
                    <${First} rows=${row.lines} size=${3}>${line}<//>
                  </ul>`,
              },
            ]}
          /><${More} of=${movements} />`}<//
    >
  </section>`;
}

function Reorder() {
  const size = 100;
  const rows = usePages((last) => api.get("/stock/reorder", { limit: size, after: last?.sku }), [], size);
  const column = (title, name) => ({ title, number: true, cell: (row) => milli(row[name], row.unit) });
  const [chosen, setChosen] = useState(/** @type {any[]} */ ([]));
  const [goods, setGoods] = useState(/** @type {any[] | undefined} */ (undefined));
  const choose = (row, isChosen) =>
    setChosen(isChosen ? [...chosen, row] : chosen.filter(({ sku, unit }) => sku !== row.sku || unit !== row.unit));
  const announce = () =>
    attempt(async () => {
      const named = chosen.map(async ({ sku, unit, order }) => {
        const { description } = await api.get(`/items/${encodeURIComponent(sku)}`);
        return { sku, unit, description, typed: String(order / 1000) };
      });
      setGoods(await Promise.all(named));
    });
  return html`<section class="card stack">
    ${
      rows.data?.length > 0 &&
      html`<div class="row spread">
        <p class="quiet grow">${t("console.stock.reorder.how")}</p>
        <${ActButton} kind="main" icon="add" disabled=${chosen.length === 0} onAct=${announce}
          >${t("console.stock.reorder.announce", { n: chosen.length })}<//
        >
      </div>`
    }
    <${Loaded}
      of=${rows}
      empty=${{ icon: "check", title: t("console.stock.reorder.none"), text: t("console.stock.reorder.none.text") }}
      >${(all) =>
        html`<${Table}
            label=${t("console.stock.reorder")}
            rows=${all}
            id=${(row) => row.sku + row.unit}
            columns=${[
              {
                title: t("console.item"),
                cell: (row) =>
                  html`<label class="check"
                    ><input
                      type="checkbox"
                      checked=${chosen.some(({ sku, unit }) => sku === row.sku && unit === row.unit)}
                      onChange=${(event) => choose(row, event.currentTarget.checked)}
                    /><${Name} sku=${row.sku}
                  /></label>`,
              },
              {
                title: t("console.stock.order"),
                number: true,
                cell: (row) => html`<strong>${milli(row.order, row.unit)}</strong>`,
              },
              column(word("stock_state", "on_hand"), "on_hand"),
              column(t("console.stock.announced"), "announced"),
              column(t("console.stock.reorder_point"), "reorder_point"),
              column(t("console.stock.demand"), "demand_28_days"),
            ]}
          /><${More} of=${rows} />`}<//
    >
    ${goods && html`<${New} goods=${goods} onClose=${() => setGoods(undefined)} />`}
  </section>`;
}
