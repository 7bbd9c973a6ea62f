// Counts: open one, count without knowing what should be there, decide about what differs. Made for a phone, too.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, LinkButton, Progress, Table } from "../look/index.js";
import { ActButton, First, Loaded, More, useLoad, usePages } from "../look/load.js";
import { State } from "../look/words.js";
import { Amount, ItemSearch, Name, thousandths } from "./items.js";
import { api, command, milli, who } from "./state.js";

export const Counts = ({ id }) => (id ? html`<${Count} key=${id} id=${id} />` : html`<${List} />`);

function List() {
  const size = 50;
  const [adds, setAdds] = useState(false);
  const counts = usePages((last) => api.get("/stock/counts", { limit: size, before: last?.id }), [], size);
  return html`<section class="card stack">
      <div class="row">
        <${Button} kind="main" icon="add" onClick=${() => setAdds(true)}>${t("console.counts.new")}<//>
      </div>
      <${Loaded}
        of=${counts}
        empty=${{ icon: "stock", title: t("console.counts.none"), text: t("console.counts.none.text") }}
        >${(rows) =>
          html`<${Table}
              label=${t("console.stock.counts")}
              rows=${rows}
              id=${(row) => row.id}
              onOpen=${(row) => go("stock", "counts", String(row.id))}
              columns=${[
                { title: t("console.number"), cell: (row) => row.id },
                { title: t("console.time"), brief: true, cell: (row) => dateTime(row.opened_at_ms) },
                {
                  title: t("console.counts.counted"),
                  cell: (row) =>
                    html`<${Progress}
                      label=""
                      value=${row.lines.filter((line) => line.counted).length}
                      max=${row.lines.length}
                    />`,
                },
                {
                  title: t("console.state"),
                  cell: (row) =>
                    html`<${Badge} kind=${row.closed_at_ms ? "" : "note"}
                      >${row.closed_at_ms ? t("console.closed") : t("console.open")}<//
                    >`,
                },
              ]}
            /><${More} of=${counts} />`}<//
      >
    </section>
    ${adds && html`<${New} onClose=${() => setAdds(false)} />`}`;
}

function New({ onClose }) {
  const [items, setItems] = useState([]);
  const add = (item) => items.some(({ sku }) => sku === item.sku) || setItems([...items, item]);
  const open = async () => {
    const opened = await command("/stock/counts", { skus: items.map(({ sku }) => sku) });
    if (opened) go("stock", "counts", String(opened.id));
  };
  return html`<${Dialog} title=${t("console.counts.new")} wide onClose=${onClose}>
    <${ItemSearch} onChoose=${add} />
    <ul class="list">
      ${items.map(
        (item) =>
          html`<li key=${item.sku}>
            <span class="grow">${item.description}</span
            ><${Button}
              kind="plain"
              icon="close"
              aria-label=${t("console.remove", { what: item.description })}
              onClick=${() => setItems(items.filter((one) => one !== item))}
            />
          </li>`,
      )}
    </ul>
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${items.length === 0} onAct=${open}>${t("console.counts.begin")}<//>
    </div>
  <//>`;
}

function Count({ id }) {
  const count = useLoad(() => api.get(`/stock/counts/${id}`), [id]);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("stock", "counts")}>${t("console.stock.counts")}<//>
    </div>
    <${Loaded} of=${count}
      >${(data) =>
        html`<${Tally} count=${data} again=${count.again} /><${Variances} count=${data} again=${count.again} />`}<//
    >`;
}

function Tally({ count, again }) {
  const [typed, setTyped] = useState({});
  const isOpen = !count.closed_at_ms;
  const name = ({ sku, unit }) => `${sku} ${unit}`;
  const lines = count.lines.filter((line) => thousandths(typed[name(line)] ?? "") !== undefined);
  const keep = async () => {
    const all = lines.map((line) => ({
      sku: line.sku,
      quantity: { milli: thousandths(typed[name(line)]), unit: line.unit },
    }));
    if (!(await command(`/stock/counts/${count.id}/quantities`, { lines: all }, t("console.counts.kept")))) return;
    setTyped({});
    again();
  };
  return html`<section class="card stack">
    <div class="row spread">
      <h2>${t("console.counts.count", { id: count.id })}</h2>
      <${Badge} kind=${isOpen ? "note" : ""}>${isOpen ? t("console.open") : t("console.closed")}<//>
    </div>
    <p class="quiet">${t("console.counts.blind")}</p>
    <ul class="list">
      <${First} rows=${count.lines}
        >${(line) =>
          html`<li key=${name(line)}>
            <span class="grow"><${Name} sku=${line.sku} /></span>
            <${Badge} kind=${line.again ? "busy" : line.counted ? "good" : ""}
              >${
                line.again
                  ? t("console.counts.again")
                  : line.counted
                    ? t("console.counts.done")
                    : t("console.counts.to_do")
              }<//
            >
            ${
              isOpen &&
              html`<${Amount}
                line=${{ unit: line.unit, typed: typed[name(line)] ?? "" }}
                label=${line.sku}
                onTyped=${(text) => setTyped({ ...typed, [name(line)]: text })}
              />`
            }
          </li>`}<//
      >
    </ul>
    ${
      isOpen &&
      html`<div class="row">
        <${ActButton} kind="main" icon="check" disabled=${lines.length === 0} onAct=${keep}
          >${t("console.counts.keep", { n: lines.length })}<//
        >
      </div>`
    }
  </section>`;
}

function Variances({ count, again }) {
  const variances = useLoad(
    () => api.get(`/stock/counts/${count.id}/variances`),
    [count.id, count.lines.filter((line) => line.counted).length],
  );
  const isOpen = !count.closed_at_ms;
  const decide = async (row, decision) => {
    const body = { lines: [{ sku: row.sku, decision, variance: row.variance }] };
    if ((await command(`/stock/counts/${count.id}/decisions`, body)) !== undefined) variances.again();
  };
  const close = async () => {
    if ((await command(`/stock/counts/${count.id}/close`, {}, t("console.counts.closed"))) !== undefined) again();
  };
  const signed = (value, unit) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${milli(Math.abs(value), unit)}`;
  return html`<section class="card stack">
    <h2>${t("console.counts.variances")}</h2>
    <${Loaded} of=${variances} empty=${{ icon: "check", title: t("console.counts.no_variances") }}
      >${(rows) =>
        html`<${Table}
          label=${t("console.counts.variances")}
          rows=${rows}
          id=${(row) => row.sku + row.unit}
          columns=${[
            { title: t("console.item"), cell: (row) => html`<${Name} sku=${row.sku} />` },
            { title: t("console.counts.expected"), number: true, cell: (row) => milli(row.expected, row.unit) },
            { title: t("console.counts.counted"), number: true, cell: (row) => milli(row.counted, row.unit) },
            {
              title: t("console.counts.variance"),
              number: true,
              cell: (row) =>
                html`<strong class=${row.variance < 0 ? "overdue" : ""}>${signed(row.variance, row.unit)}</strong>`,
            },
            { title: t("console.by"), cell: (row) => who(row.by) },
            {
              title: t("console.counts.decision"),
              cell: (row) =>
                row.decision
                  ? html`<${State} group="decision" value=${row.decision} />`
                  : row.variance !== 0 &&
                    isOpen &&
                    html`<div class="row">
                      <${ActButton} onAct=${() => decide(row, "approved")}>${t("console.counts.approve")}<//
                      ><${ActButton} onAct=${() => decide(row, "rejected")}>${t("console.counts.reject")}<//>
                    </div>`,
            },
          ]}
        />`}<//
    >
    ${isOpen && html`<div class="row"><${ActButton} onAct=${close}>${t("console.counts.close")}<//></div>`}
  </section>`;
}
