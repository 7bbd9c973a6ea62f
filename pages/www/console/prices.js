// Prices: the book in force and when it changes, prices that the store set, what HQ published, recalls.

import { html, useState } from "../vendor/ui.js";
import { dateTime, number, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, Notice, Table, Tabs, TextArea } from "../look/index.js";
import { ActButton, First, Loaded, useLoad } from "../look/load.js";
import { State, word } from "../look/words.js";
import { ItemSearch, Name } from "./items.js";
import { amount, api, command, minor } from "./state.js";

const TABS = { book: Book, overrides: Overrides, publications: Publications, recalls: Recalls };

export function Prices({ path: [tab = "book"] }) {
  const name = tab in TABS ? tab : "book";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("console.view.prices")}</h1></div>
    <${Tabs}
      label=${t("console.view.prices")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`console.prices.${one}`)])}
      value=${name}
      onChange=${(one) => go("prices", one)}
    />
    <${Tab} key=${name} />`;
}

const per = ({ minor: value, per: unit }) =>
  unit === "each" ? amount(value) : `${amount(value)} / ${word("unit", unit)}`;

/** What changes prices, and when: versions that wait, the book itself, and prices of the store that end. */
async function coming() {
  const [{ changes_ms: changes }, { publications }, overrides] = await Promise.all(
    ["/prices", "/publications", "/prices/overrides"].map((path) => api.get(path)),
  );
  const versions = publications.filter(({ kind, state }) => kind === "prices" && state === "waiting");
  return [
    ...versions.map(({ version, effective_ms: at, records }) => ({ at, version, records: records ?? 0 })),
    ...changes.map((at) => ({ at })),
    // Local times of the store; this page is mostly there.
    ...overrides.filter(({ until }) => until).map(({ sku, until }) => ({ at: Date.parse(until), until, sku })),
  ].sort((one, other) => (one.at ?? 0) - (other.at ?? 0));
}

function Coming() {
  const all = useLoad(coming, [], 30_000);
  const what = ({ version, records, sku }) =>
    version !== undefined
      ? html`<a href=${to("prices", "publications")}>${t("console.prices.coming.version", { version, records })}</a>`
      : sku
        ? html`${t("console.prices.coming.override")} <${Name} sku=${sku} />`
        : t("console.prices.coming.book");
  return html`<${Loaded} of=${all}
    >${(rows) =>
      rows.length
        ? html`<ul class="list">
            <${First} rows=${rows} size=${8}
              >${(row) =>
                html`<li key=${`${row.at} ${row.version ?? row.sku ?? ""}`}>
                  <span class="number">${row.until?.replace("T", " ") ?? (row.at ? dateTime(row.at) : "–")}</span
                  ><span class="grow">${what(row)}</span>
                </li>`}<//
            >
          </ul>`
        : html`<p class="quiet">${t("console.prices.no_changes")}</p>`}<//
  >`;
}

function Book() {
  const book = useLoad(() => api.get("/prices"), [], 30_000);
  const [item, setItem] = useState(/** @type {any} */ (undefined));
  return html`<${Loaded} of=${book}
      >${({ version, items }) =>
        html`<div class="half">
          <section class="card">
            <h2>${t("console.prices.active")}</h2>
            ${
              version
                ? html`<dl class="facts">
                    <dt>${t("console.version")}</dt>
                    <dd>${version}</dd>
                    <dt>${t("console.prices.items")}</dt>
                    <dd>${number(items)}</dd>
                  </dl>`
                : html`<${Notice}>${t("console.prices.no_book")}<//>`
            }
          </section>
          <section class="card" aria-labelledby="coming-name">
            <h2 id="coming-name">${t("console.prices.coming")}</h2>
            <${Coming} />
          </section>
        </div>`}<//
    >
    <section class="card stack">
      <h2>${t("console.prices.look_up")}</h2>
      <${ItemSearch} onChoose=${setItem} />${item && html`<${ItemPrice} key=${item.sku} item=${item} />`}
    </section>`;
}

function ItemPrice({ item }) {
  const price = useLoad(() => api.get(`/items/by-sku/${encodeURIComponent(item.sku)}/price`), [item.sku]);
  const [sets, setSets] = useState(false);
  return html`<${Loaded} of=${price}
    >${(data) =>
      html`<div class="row spread">
          <h3>${item.description} <span class="quiet small">${item.sku} ${item.gtin ?? ""}</span></h3>
          ${data.book && html`<${Button} onClick=${() => setSets(true)}>${t("console.prices.set")}<//>`}
        </div>
        <dl class="facts">
          <dt>${t("console.price")}</dt>
          <dd>
            <strong>${per(data.price)}</strong
            >${" "}${data.price_kind ? html`<${Badge}>${word("price_kind", data.price_kind)}<//>` : ""}
          </dd>
          ${
            data.multi &&
            html`<dt>${t("console.prices.multi")}</dt>
              <dd>${t("console.prices.multi.value", { n: data.multi.count, amount: amount(data.multi.minor) })}</dd>`
          }
          <dt>${t("console.prices.from")}</dt>
          <dd>
            ${
              data.book
                ? t("console.prices.entry", { book: data.book, entry: data.entry ?? "–" })
                : t("console.sale.catalog")
            }
          </dd>
          <dt>${t("console.prices.in_catalog")}</dt>
          <dd>${per(item.price)}</dd>
          ${
            data.minimum_age &&
            html`<dt>${t("console.prices.age")}</dt>
              <dd>${data.minimum_age}</dd>`
          }
        </dl>
        ${
          sets &&
          html`<${SetPrice} item=${item} unit=${data.price.per} onClose=${() => (setSets(false), price.again())} />`
        }`}<//
  >`;
}

function SetPrice({ item, unit, onClose }) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const value = minor(typed);
  const set = async () => {
    const body = { price: { minor: value, per: unit }, reason: reason.trim(), ...(until && { until }) };
    if (await command(`/prices/overrides/${encodeURIComponent(item.sku)}`, body, t("console.prices.set.done")))
      onClose();
  };
  return html`<${Dialog} title=${t("console.prices.set.title", { item: item.description })} onClose=${onClose}>
    <${Input}
      label=${t("console.price")}
      inputmode="decimal"
      value=${typed}
      onInput=${setTyped}
      wrong=${typed && value === undefined ? t("console.amount.wrong") : ""}
    />
    <${Input}
      label=${t("console.prices.until")}
      hint=${t("console.prices.until.hint")}
      type="datetime-local"
      value=${until}
      onInput=${setUntil}
    />
    <${Input} label=${t("console.reason")} value=${reason} onInput=${setReason} maxlength="120" />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${value === undefined || !reason.trim()} onAct=${set}
        >${t("console.prices.set")}<//
      >
    </div>
  <//>`;
}

function Overrides() {
  const overrides = useLoad(() => api.get("/prices/overrides"), [], 30_000);
  const remove = async (sku) => {
    if (
      (await command(`/prices/overrides/${encodeURIComponent(sku)}/remove`, {}, t("console.prices.removed"))) !==
      undefined
    )
      overrides.again();
  };
  return html`<section class="card">
    <${Loaded}
      of=${overrides}
      empty=${{ icon: "percent", title: t("console.prices.no_overrides"), text: t("console.prices.no_overrides.text") }}
      >${(rows) =>
        html`<${Table}
          label=${t("console.prices.overrides")}
          rows=${rows}
          id=${(row) => row.sku}
          columns=${[
            { title: t("console.item"), cell: (row) => html`<${Name} sku=${row.sku} />` },
            { title: t("console.price"), number: true, cell: (row) => per(row.price) },
            { title: t("console.prices.until"), cell: (row) => row.until?.replace("T", " ") ?? "–" },
            { title: t("console.reason"), cell: (row) => row.reason },
            {
              title: t("console.by"),
              cell: (row) => html`${row.author}<br /><span class="quiet small">${dateTime(row.at_ms)}</span>`,
            },
            {
              title: t("console.action"),
              cell: (row) => html`<${ActButton} onAct=${() => remove(row.sku)}>${t("console.prices.remove")}<//>`,
            },
          ]}
        />`}<//
    >
  </section>`;
}

function Publications() {
  const publications = useLoad(async () => (await api.get("/publications")).publications, [], 10_000);
  const back = async ({ kind, version }) => {
    if (await command(`/publications/${kind}/go-back`, { version }, t("console.prices.back.done")))
      publications.again();
  };
  return html`<section class="card">
    <${Loaded} of=${publications} empty=${{ icon: "note", title: t("console.prices.no_publications") }}
      >${(rows) =>
        html`<${Table}
          label=${t("console.prices.publications")}
          rows=${rows}
          id=${(row) => row.kind + row.version}
          columns=${[
            { title: t("console.kind"), cell: (row) => word("publication", row.kind) },
            { title: t("console.version"), number: true, cell: (row) => row.version },
            {
              title: t("console.state"),
              cell: (row) =>
                html`<${State}
                    group="publication_state"
                    value=${row.state}
                  />${row.why && html`<br /><span class="small">${row.why}</span>`}`,
            },
            {
              title: t("console.prices.effective"),
              cell: (row) => (row.effective_ms ? dateTime(row.effective_ms) : "–"),
            },
            {
              title: t("console.prices.records"),
              number: true,
              cell: (row) => (row.records ? number(row.records) : "–"),
            },
            {
              title: t("console.action"),
              cell: (row) =>
                row.state === "former" && html`<${ActButton} onAct=${() => back(row)}>${t("console.prices.back")}<//>`,
            },
          ]}
        />`}<//
    >
  </section>`;
}

function Recalls() {
  const recalls = useLoad(() => api.get("/recalls"), [], 30_000);
  const [item, setItem] = useState(/** @type {any} */ (undefined));
  const end = async (sku) => {
    if ((await command(`/items/${encodeURIComponent(sku)}/recall/end`, {}, t("console.recalls.ended"))) !== undefined)
      recalls.again();
  };
  return html`<section class="card stack">
      <${ItemSearch} label=${t("console.recalls.new")} onChoose=${setItem} />
      <${Loaded} of=${recalls} empty=${{ icon: "check", title: t("console.recalls.none") }}
        >${(rows) =>
          html`<${Table}
            label=${t("console.prices.recalls")}
            rows=${rows}
            id=${(row) => row.sku}
            columns=${[
              { title: t("console.item"), cell: (row) => html`<${Name} sku=${row.sku} />` },
              {
                title: t("console.recalls.batches"),
                cell: (row) => row.batches.join(", ") || t("console.recalls.all"),
              },
              { title: t("console.reason"), cell: (row) => row.reason },
              { title: t("console.recalls.since"), cell: (row) => dateTime(row.since_ms) },
              {
                title: t("console.action"),
                cell: (row) => html`<${ActButton} onAct=${() => end(row.sku)}>${t("console.recalls.end")}<//>`,
              },
            ]}
          />`}<//
      >
    </section>
    ${item && html`<${Recall} item=${item} onClose=${() => (setItem(undefined), recalls.again())} />`}`;
}

function Recall({ item, onClose }) {
  const [reason, setReason] = useState("");
  const [batches, setBatches] = useState("");
  const recall = async () => {
    const body = { reason: reason.trim(), batches: batches.split(/[\s,]+/).filter(Boolean) };
    if ((await command(`/items/${encodeURIComponent(item.sku)}/recall`, body, t("console.recalls.done"))) !== undefined)
      onClose();
  };
  return html`<${Dialog} title=${t("console.recalls.title", { item: item.description })} onClose=${onClose}>
    <${Notice} kind="busy">${t("console.recalls.text")}<//>
    <${TextArea}
      label=${t("console.recalls.batches")}
      hint=${t("console.recalls.batches.hint")}
      value=${batches}
      onInput=${setBatches}
    />
    <${Input} label=${t("console.reason")} value=${reason} onInput=${setReason} maxlength="120" />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="danger" disabled=${!reason.trim()} onAct=${recall}>${t("console.recalls.recall")}<//>
    </div>
  <//>`;
}
