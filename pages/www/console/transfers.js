// Transfers to other stores: dispatch, the notice that the other store needs, and what arrived.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Table } from "../look/index.js";
import { ActButton, attempt, First, Loaded, More, useLoad, usePages } from "../look/load.js";
import { Amount, Goods, Name, portions } from "./items.js";
import { api, command, milli } from "./state.js";

export const Transfers = ({ id }) => (id ? html`<${Transfer} key=${id} id=${id} />` : html`<${List} />`);

const Arrived = ({ row }) =>
  html`<${Badge} kind=${row.arrived_at_ms ? "good" : "note"}
    >${row.arrived_at_ms ? t("console.transfers.arrived") : t("console.transfers.under_way")}<//
  >`;

function List() {
  const size = 50;
  const [adds, setAdds] = useState(false);
  const transfers = usePages((last) => api.get("/stock/transfers", { limit: size, before: last?.id }), [], size);
  return html`<section class="card stack">
      <div class="row">
        <${Button} kind="main" icon="add" onClick=${() => setAdds(true)}>${t("console.transfers.new")}<//>
      </div>
      <${Loaded}
        of=${transfers}
        empty=${{ icon: "order", title: t("console.transfers.none"), text: t("console.transfers.none.text") }}
        >${(rows) =>
          html`<${Table}
              label=${t("console.stock.transfers")}
              rows=${rows}
              id=${(row) => row.id}
              onOpen=${(row) => go("stock", "transfers", String(row.id))}
              columns=${[
                { title: t("console.transfers.transfer"), cell: (row) => row.transfer },
                { title: t("console.transfers.to"), cell: (row) => row.to },
                { title: t("console.time"), brief: true, cell: (row) => dateTime(row.dispatched_at_ms) },
                { title: t("console.lines"), number: true, cell: (row) => row.lines.length },
                { title: t("console.state"), cell: (row) => html`<${Arrived} row=${row} />` },
              ]}
            /><${More} of=${transfers} />`}<//
      >
    </section>
    ${adds && html`<${New} onClose=${() => setAdds(false)} />`}`;
}

function New({ onClose }) {
  const [store, setStore] = useState("");
  const [lines, setLines] = useState([]);
  const dispatch = async () => {
    const opened = await command(
      "/stock/transfers",
      { to: store.trim(), lines: portions(lines) },
      t("console.transfers.dispatched"),
    );
    if (opened) go("stock", "transfers", String(opened.id));
  };
  return html`<${Dialog} title=${t("console.transfers.new")} wide onClose=${onClose}>
    <${Input}
      label=${t("console.transfers.to")}
      hint=${t("console.transfers.to.hint")}
      value=${store}
      onInput=${setStore}
      maxlength="64"
    />
    <${Goods} lines=${lines} onChange=${setLines} />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${!store.trim() || !portions(lines)} onAct=${dispatch}
        >${t("console.transfers.dispatch")}<//
      >
    </div>
  <//>`;
}

function Transfer({ id }) {
  const transfer = useLoad(() => api.get(`/stock/transfers/${id}`), [id]);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("stock", "transfers")}>${t("console.stock.transfers")}<//>
    </div>
    <${Loaded} of=${transfer}>${(data) => html`<${Told} transfer=${data} again=${transfer.again} />`}<//>`;
}

function Told({ transfer, again }) {
  const [lines, setLines] = useState(
    transfer.lines.map(({ sku, unit, sent }) => ({ sku, unit, typed: String(sent / 1000) })),
  );
  const isOpen = !transfer.arrived_at_ms;
  const confirm = async () => {
    if (
      (await command(
        `/stock/transfers/${transfer.id}/arrival`,
        { lines: portions(lines) ?? [] },
        t("console.transfers.confirmed"),
      )) !== undefined
    )
      again();
  };
  const copy = () =>
    attempt(async () => {
      await navigator.clipboard.writeText(JSON.stringify(await api.get(`/stock/transfers/${transfer.id}/notice`)));
    }, t("console.copied"));
  return html`<section class="card stack">
    <div class="row spread">
      <h2>${transfer.transfer} → ${transfer.to}</h2>
      <${Arrived} row=${transfer} />
    </div>
    <ul class="list">
      <${First} rows=${transfer.lines}
        >${(line, place) =>
          html`<li key=${line.sku}>
            <span class="grow"><${Name} sku=${line.sku} /></span>
            <span class="quiet small"
              >${t("console.transfers.sent", {
                quantity: milli(line.sent, line.unit),
              })}${
                line.arrived === undefined || line.arrived === null
                  ? ""
                  : ` · ${t("console.transfers.got", { quantity: milli(line.arrived, line.unit) })}`
              }</span
            >
            ${
              isOpen &&
              html`<${Amount}
                line=${lines[place]}
                label=${line.sku}
                onTyped=${(typed) => setLines(lines.map((one, at) => (at === place ? { ...one, typed } : one)))}
              />`
            }
          </li>`}<//
      >
    </ul>
    <div class="row">
      ${
        isOpen && html`<${ActButton} kind="main" icon="check" onAct=${confirm}>${t("console.transfers.confirm")}<//>`
      }<${ActButton} icon="note" onAct=${copy}>${t("console.transfers.copy")}<//>
    </div>
  </section>`;
}
