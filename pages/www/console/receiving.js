// Receiving goods: notices of suppliers and other stores, and the deliveries against them. Made for a phone, too.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Select, Table, Tabs, TextArea } from "../look/index.js";
import { ActButton, attempt, First, Loaded, More, useLoad, usePages } from "../look/load.js";
import { word } from "../look/words.js";
import { Amount, Goods, Name, portions } from "./items.js";
import { api, command, milli } from "./state.js";

export const Receiving = ({ id }) => (id ? html`<${Notice} key=${id} id=${id} />` : html`<${Notices} />`);

const sender = (notice) =>
  notice.source === "supplier"
    ? `${notice.supplier} · ${notice.order}`
    : `${t("console.store", { store: notice.store })} · ${notice.transfer}`;

function Notices() {
  const size = 50;
  const [adds, setAdds] = useState(false);
  const notices = usePages((last) => api.get("/stock/notices", { limit: size, before: last?.id }), [], size);
  return html`<section class="card stack">
      <div class="row">
        <${Button} kind="main" icon="add" onClick=${() => setAdds(true)}>${t("console.receiving.new")}<//>
      </div>
      <${Loaded}
        of=${notices}
        empty=${{ icon: "stock", title: t("console.receiving.none"), text: t("console.receiving.none.text") }}
        >${(rows) =>
          html`<${Table}
              label=${t("console.stock.receiving")}
              rows=${rows}
              id=${(row) => row.id}
              onOpen=${(row) => go("stock", "receiving", String(row.id))}
              columns=${[
                { title: t("console.receiving.from"), cell: sender },
                { title: t("console.time"), brief: true, cell: (row) => dateTime(row.entered_at_ms) },
                { title: t("console.lines"), number: true, cell: (row) => row.lines.length },
                { title: t("console.receiving.deliveries"), number: true, cell: (row) => row.deliveries },
                {
                  title: t("console.state"),
                  cell: (row) =>
                    html`<${Badge} kind=${row.closed_at_ms ? "" : "note"}
                      >${row.closed_at_ms ? t("console.closed") : t("console.open")}<//
                    >`,
                },
              ]}
            /><${More} of=${notices} />`}<//
      >
    </section>
    ${adds && html`<${New} onClose=${() => setAdds(false)} />`}`;
}

/** Announces goods. `goods`: lines to begin with. */
export function New({ goods = [], onClose }) {
  const [source, setSource] = useState("supplier");
  const [supplier, setSupplier] = useState("");
  const [order, setOrder] = useState("");
  const [lines, setLines] = useState(goods);
  const [pasted, setPasted] = useState("");
  const enter = async () => {
    const body =
      source === "supplier"
        ? { source, supplier: supplier.trim(), order: order.trim(), lines: portions(lines) }
        : await attempt(async () => parsed(pasted));
    if (!body) return;
    const opened = await command("/stock/notices", body, t("console.receiving.entered"));
    if (opened) go("stock", "receiving", String(opened.id));
  };
  const isReady = source === "supplier" ? supplier.trim() && order.trim() && portions(lines) : parsed(pasted);
  return html`<${Dialog} title=${t("console.receiving.new")} wide onClose=${onClose}>
    <${Tabs}
      label=${t("console.receiving.from")}
      tabs=${[
        ["supplier", t("console.receiving.supplier")],
        ["store", t("console.receiving.store")],
      ]}
      value=${source}
      onChange=${setSource}
    />
    ${
      source === "supplier"
        ? html`<div class="fields">
              <${Input}
                label=${t("console.receiving.supplier")}
                value=${supplier}
                onInput=${setSupplier}
                maxlength="80"
              /><${Input} label=${t("console.receiving.order")} value=${order} onInput=${setOrder} maxlength="80" />
            </div>
            <${Goods} lines=${lines} onChange=${setLines} />`
        : html`<${TextArea}
            label=${t("console.receiving.paste")}
            hint=${t("console.receiving.paste.hint")}
            value=${pasted}
            onInput=${setPasted}
            rows="8"
          />`
    }
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${!isReady} onAct=${enter}>${t("console.receiving.enter")}<//>
    </div>
  <//>`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function Notice({ id }) {
  const notice = useLoad(() => api.get(`/stock/notices/${id}`), [id]);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("stock", "receiving")}>${t("console.stock.receiving")}<//>
    </div>
    <${Loaded} of=${notice}
      >${(data) => html`<${Receive} key=${data.deliveries} notice=${data} again=${notice.again} />`}<//
    >`;
}

function Receive({ notice, again }) {
  const missing = ({ announced, good, doubtful, damaged }) => Math.max(announced - good - doubtful - damaged, 0);
  const [lines, setLines] = useState(
    notice.lines.map((line) => ({
      sku: line.sku,
      unit: line.unit,
      typed: String(missing(line) / 1000),
      condition: "good",
    })),
  );
  const [note, setNote] = useState("");
  const change = (sku, more) => setLines(lines.map((line) => (line.sku === sku ? { ...line, ...more } : line)));
  const isOpen = !notice.closed_at_ms;
  const came = portions(lines)?.map((line) => ({
    ...line,
    condition: lines.find(({ sku }) => sku === line.sku).condition,
  }));
  const receive = async () => {
    const body = { lines: came, ...(note.trim() && { delivery_note: note.trim() }) };
    if (await command(`/stock/notices/${notice.id}/deliveries`, body, t("console.receiving.received"))) again();
  };
  const close = async () => {
    if ((await command(`/stock/notices/${notice.id}/close`, {}, t("console.receiving.closed"))) !== undefined) again();
  };
  const conditions = ["good", "doubtful", "damaged"].map((one) => [one, word("condition", one)]);
  return html`<section class="card stack">
    <div class="row spread">
      <h2>${sender(notice)}</h2>
      <${Badge} kind=${isOpen ? "note" : ""}>${isOpen ? t("console.open") : t("console.closed")}<//>
    </div>
    <ul class="list">
      <${First} rows=${notice.lines}
        >${(line) => {
          const typed = lines.find(({ sku }) => sku === line.sku);
          return html`<li key=${line.sku}>
            <span class="grow"><${Name} sku=${line.sku} /></span>
            <span class="quiet small"
              >${t("console.receiving.so_far", {
                got: milli(line.good + line.doubtful + line.damaged, line.unit),
                of: milli(line.announced, line.unit),
              })}</span
            >
            ${
              isOpen &&
              html`<${Amount} line=${typed} label=${line.sku} onTyped=${(text) => change(line.sku, { typed: text })} />
                <${Select}
                  label=${t("console.receiving.condition")}
                  options=${conditions}
                  value=${typed.condition}
                  onChange=${(condition) => change(line.sku, { condition })}
                />`
            }
          </li>`;
        }}<//
      >
    </ul>
    ${
      isOpen &&
      html`<${Input} label=${t("console.receiving.note")} value=${note} onInput=${setNote} maxlength="80" />
        <div class="row">
          <${ActButton} kind="main" icon="check" disabled=${!came} onAct=${receive}>${t("console.receiving.receive")}<//
          ><${ActButton} onAct=${close}>${t("console.receiving.close")}<//>
        </div>`
    }
  </section>`;
}
