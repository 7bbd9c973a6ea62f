// The fleet: every store with how far HQ has followed it and what needs a person; and one store's page.

import { html, useState } from "../vendor/ui.js";
import { dateTime, number, quantity, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Check, Empty, Figure, Input, LinkButton, Notice, Table } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { Bars } from "../look/chart.js";
import { State, word } from "../look/words.js";
import { ago, all, amount, api, dayBefore, lag, major } from "./state.js";
import { Alarms } from "./trouble.js";

/** Events that a store may lack without being called behind. */
const FEW = 100;
const DAYS = 14;

export const Stores = ({ path: [store] }) =>
  store ? html`<${Store} key=${store} store=${store} />` : html`<${Fleet} />`;

const broken = ({ newest }) => (newest?.sample.devices ?? []).filter(({ health }) => health !== "ready");
const told = ({ newest }) => newest?.sample.alarms ?? [];

/** What is wrong with a store, the worst first. */
function state(store, alarms) {
  if (store.stopped) return ["bad", t("fleet.state.stopped")];
  if (store.connection && !store.connection.is_online)
    return ["bad", t("fleet.state.offline", { ago: ago(store.connection.since_ms) })];
  if (alarms > 0 || told(store).length > 0)
    return ["busy", t("fleet.state.alarms", { n: alarms + told(store).length })];
  if (lag(store) > FEW) return ["busy", t("fleet.state.behind")];
  if (broken(store).length > 0) return ["busy", t("fleet.state.devices", { n: broken(store).length })];
  return ["good", t("fleet.state.good")];
}

function Fleet() {
  const fleet = useLoad(
    async () => {
      const [stores, alarms] = await Promise.all([all("/stores"), all("/alarms")]);
      const count = (store) => alarms.filter((alarm) => alarm.store === store).length;
      return stores.map((store) => ({ ...store, state: state(store, count(store.store)) }));
    },
    [],
    5000,
  );
  const [typed, setTyped] = useState("");
  const [troubled, setTroubled] = useState(false);
  const version = (row, kind) => row.publications.find((one) => one.kind === kind)?.version ?? "–";
  return html`<div class="head"><h1>${t("fleet.view.stores")}</h1></div>
    <${Loaded} of=${fleet}
      >${(stores) => {
        const shown = stores.filter(
          (one) => one.store.includes(typed.trim()) && (!troubled || one.state[0] !== "good"),
        );
        const online = stores.filter((one) => one.connection?.is_online).length;
        return html`<section class="figures" aria-label=${t("fleet.view.figures")}>
            <${Figure}
              name=${t("fleet.figure.stores")}
              value=${number(stores.length)}
              small=${t("fleet.figure.online", { n: online })}
            />
            <${Figure}
              name=${t("fleet.figure.attention")}
              value=${number(stores.filter((one) => one.state[0] !== "good").length)}
              small=${t("fleet.figure.attention.text")}
            />
            <${Figure}
              name=${t("fleet.figure.lag")}
              value=${number(stores.reduce((sum, one) => sum + lag(one), 0))}
              small=${t("fleet.figure.lag.text")}
            />
          </section>
          <section class="card stack">
            <div class="row">
              <${Input} label=${t("fleet.find")} type="search" value=${typed} onInput=${setTyped} /><${Check}
                label=${t("fleet.only_troubled")}
                checked=${troubled}
                onChange=${setTroubled}
              />
            </div>
            ${
              shown.length === 0
                ? html`<${Empty} icon="home" title=${t("fleet.no_stores")} text=${t("fleet.no_stores.text")} />`
                : html`<${Table}
                    label=${t("fleet.view.stores")}
                    rows=${shown}
                    id=${(row) => row.store}
                    onOpen=${(row) => go("stores", row.store)}
                    columns=${[
                      { title: t("fleet.store"), cell: (row) => row.store },
                      {
                        title: t("fleet.state"),
                        cell: (row) => html`<${Badge} kind=${row.state[0]}>${row.state[1]}<//>`,
                      },
                      { title: t("fleet.lag"), number: true, cell: (row) => number(lag(row)) },
                      { title: t("fleet.heard"), cell: (row) => ago(row.newest?.received_at_ms ?? row.heard_at_ms) },
                      { title: word("publication", "catalog"), number: true, cell: (row) => version(row, "catalog") },
                      { title: word("publication", "prices"), number: true, cell: (row) => version(row, "prices") },
                      {
                        title: t("fleet.disk"),
                        number: true,
                        cell: (row) =>
                          row.newest
                            ? t("fleet.gigabytes", { n: number(row.newest.sample.disk_free_bytes / 1e9, 1) })
                            : "–",
                      },
                      { title: t("fleet.software"), cell: (row) => row.software },
                    ]}
                  />`
            }
          </section>`;
      }}<//
    >`;
}

function Store({ store }) {
  const read = useLoad(() => api.get(`/stores/${encodeURIComponent(store)}`), [store], 5000);
  const alarms = useLoad(async () => (await all("/alarms")).filter((alarm) => alarm.store === store), [store], 10_000);
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("stores")} aria-label=${t("fleet.back")} />
        <h1>${store}</h1>
      </div>
    </div>
    <${Loaded} of=${read}>${(data) => html`<${About} data=${data} count=${alarms.data?.length ?? 0} />`}<//>
    <section class="card">
      <h2>${t("fleet.alarms")}</h2>
      <${Loaded} of=${alarms} empty=${{ icon: "check", title: t("fleet.no_alarms") }}
        >${(rows) => html`<${Alarms} rows=${rows} />`}<//
      >
    </section>
    <section class="card">
      <h2>${t("fleet.days", { n: DAYS })}</h2>
      <${Days} store=${store} />
    </section>
    <section class="card stack">
      <h2>${t("fleet.stock")}</h2>
      <${Stock} store=${store} />
    </section>`;
}

function About({ data, count }) {
  const [kind, text] = state(data, count);
  const sample = data.newest?.sample;
  return html`${data.stopped && html`<${Notice} kind="bad">${data.stopped}<//>`}
    ${told(data).map((alarm) => html`<${Notice} key=${alarm} kind="busy">${alarm}<//>`)}
    <div class="half">
      <section class="card">
        <h2>${t("fleet.hub")}</h2>
        <dl class="facts">
          <dt>${t("fleet.state")}</dt>
          <dd><${Badge} kind=${kind}>${text}<//></dd>
          <dt>${t("fleet.hello")}</dt>
          <dd>${ago(data.heard_at_ms)} · ${dateTime(data.heard_at_ms)}</dd>
          <dt>${t("fleet.software")}</dt>
          <dd>${data.software}</dd>
          <dt>${t("fleet.epoch")}</dt>
          <dd>${data.epoch}</dd>
          ${
            sample &&
            html`<dt>${t("fleet.disk")}</dt>
              <dd>${t("fleet.gigabytes", { n: number(sample.disk_free_bytes / 1e9, 1) })}</dd>
              <dt>${t("fleet.uptime")}</dt>
              <dd>${t("fleet.hours", { n: Math.floor(sample.uptime_s / 3600) })}</dd>
              ${
                sample.clock &&
                html`<dt>${t("fleet.clock")}</dt>
                  <dd>${sample.clock}</dd>`
              }`
          }
          ${data.publications.map(
            (one) =>
              html`<dt key=${one.kind}>${word("publication", one.kind)}</dt>
                <dd><a href=${to("publications", one.kind, String(one.version))}>${one.version}</a></dd>`,
          )}
        </dl>
      </section>
      <section class="card">
        <h2>${t("fleet.devices")}</h2>
        ${
          sample?.devices?.length
            ? html`<ul class="list">
                ${sample.devices.map(
                  (device) =>
                    html`<li key=${device.device}>
                      <span class="grow"
                        >${device.device} <span class="quiet small">${word("device_kind", device.kind)}</span></span
                      ><${State} group="device" value=${device.health} />
                    </li>`,
                )}
              </ul>`
            : html`<p class="quiet">${t("fleet.no_sample")}</p>`
        }
      </section>
    </div>
    <section class="card">
      <h2>${t("fleet.streams")}</h2>
      <${Table}
        label=${t("fleet.streams")}
        rows=${data.streams}
        id=${(row) => row.stream}
        columns=${[
          { title: t("fleet.stream"), cell: (row) => word("stream", row.stream) },
          { title: t("fleet.up_to"), number: true, cell: (row) => number(row.up_to) },
          { title: t("fleet.last"), number: true, cell: (row) => (row.last === undefined ? "–" : number(row.last)) },
          {
            title: t("fleet.lag"),
            number: true,
            cell: (row) => number(Math.max((row.last ?? row.up_to) - row.up_to, 0)),
          },
          { title: t("fleet.received"), cell: (row) => (row.received_at_ms ? ago(row.received_at_ms) : "–") },
        ]}
      />
    </section>`;
}

function Days({ store }) {
  const days = useLoad(() => all("/days", { store, from: dayBefore(DAYS - 1), to: dayBefore(-1) }), [store], 30_000);
  return html`<${Loaded} of=${days} empty=${{ icon: "chart", title: t("fleet.no_days") }}
    >${(rows) => {
      const [{ currency }] = rows;
      const shown = rows.filter((row) => row.currency === currency);
      return html`<${Bars}
        label=${t("fleet.net_by_day")}
        name=${t("fleet.day")}
        value=${t("fleet.net")}
        scale=${(value) => number(major(value, currency))}
        rows=${shown.map((row) => ({
          name: row.business_day,
          short: row.business_day.slice(5),
          value: row.net,
          text: `${amount(row.net, currency)} · ${t("fleet.n_sales", { n: row.sales })}`,
        }))}
      />`;
    }}<//
  >`;
}

function Stock({ store }) {
  const [typed, setTyped] = useState("");
  const [sku, setSku] = useState("");
  const found = useLoad(async () => (sku ? (await api.get("/stock", { store, sku })).items : []), [store, sku]);
  const find = (event) => {
    event.preventDefault();
    setSku(typed.trim());
  };
  const column = (name) => ({
    title: word("stock_state", name),
    number: true,
    cell: (row) => quantity({ milli: row[name], unit: row.unit }),
  });
  return html`<form class="row" onSubmit=${find}>
      <${Input} label=${t("fleet.sku")} value=${typed} onInput=${setTyped} maxlength="32" /><${Button}
        type="submit"
        icon="search"
        >${t("fleet.look_up")}<//
      >
    </form>
    ${
      sku &&
      html`<${Loaded} of=${found} empty=${{ icon: "stock", title: t("fleet.no_stock") }}
        >${(rows) =>
          html`<${Table}
            label=${t("fleet.stock")}
            rows=${rows}
            id=${(row) => row.sku + row.unit}
            columns=${[
              { title: t("fleet.sku"), cell: (row) => row.sku },
              column("available_to_sell"),
              column("on_hand"),
              column("reserved"),
              column("in_transit"),
              column("quarantined"),
              column("damaged"),
              { title: t("fleet.as_of"), cell: (row) => (row.as_of_ms ? ago(row.as_of_ms) : "–") },
            ]}
          />`}<//
      >`
    }`;
}
