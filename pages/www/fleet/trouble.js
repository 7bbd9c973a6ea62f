// What needs a person: alarms of stores, and events that HQ keeps but that have no effect.

import { html } from "../vendor/ui.js";
import { dateTime, number, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Table, Tabs } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { ago, all } from "./state.js";

const TABS = { alarms: AllAlarms, quarantine: Quarantine };

export function Trouble({ path: [tab = "alarms"] }) {
  const name = tab in TABS ? tab : "alarms";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("fleet.view.trouble")}</h1></div>
    <${Tabs}
      label=${t("fleet.view.trouble")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`fleet.trouble.${one}`)])}
      value=${name}
      onChange=${(one) => go("trouble", one)}
    />
    <${Tab} key=${name} />`;
}

export const Alarms = ({ rows }) =>
  html`<${Table}
    label=${t("fleet.alarms")}
    rows=${rows}
    id=${(row) => [row.store, row.kind, row.subject].join(" ")}
    columns=${[
      { title: t("fleet.store"), cell: (row) => html`<a href=${to("stores", row.store)}>${row.store}</a>` },
      {
        title: t("fleet.what"),
        cell: (row) =>
          html`${row.what}<br /><span class="quiet small">${word("alarm", row.kind)} · ${row.subject}</span>`,
      },
      { title: t("fleet.first_seen"), cell: (row) => dateTime(row.first_at_ms) },
      { title: t("fleet.latest"), cell: (row) => ago(row.last_at_ms) },
      { title: t("fleet.times"), number: true, cell: (row) => number(row.times) },
    ]}
  />`;

function AllAlarms() {
  const alarms = useLoad(() => all("/alarms"), [], 10_000);
  return html`<section class="card">
    <${Loaded} of=${alarms} empty=${{ icon: "check", title: t("fleet.no_alarms"), text: t("fleet.no_alarms.text") }}
      >${(rows) => html`<${Alarms} rows=${rows} />`}<//
    >
  </section>`;
}

function Quarantine() {
  const events = useLoad(() => all("/quarantine", {}, 1000), [], 10_000);
  return html`<section class="card">
    <${Loaded}
      of=${events}
      empty=${{ icon: "check", title: t("fleet.no_quarantine"), text: t("fleet.no_quarantine.text") }}
      >${(rows) =>
        html`<${Table}
          label=${t("fleet.trouble.quarantine")}
          rows=${rows}
          id=${(row) => [row.store, row.epoch, row.stream, row.sequence].join(" ")}
          columns=${[
            { title: t("fleet.store"), cell: (row) => html`<a href=${to("stores", row.store)}>${row.store}</a>` },
            {
              title: t("fleet.event"),
              cell: (row) =>
                html`${row.kind}<br /><span class="quiet small"
                    >${row.epoch} · ${word("stream", row.stream)} · ${row.sequence}</span
                  >`,
            },
            { title: t("fleet.why"), cell: (row) => row.why },
            { title: t("fleet.received"), cell: (row) => dateTime(row.received_at_ms) },
          ]}
        />`}<//
    >
  </section>`;
}
