// What HQ has published: how far each publication has come, and what it changes. Publishing needs the signing key,
// which is on no server: the command line does it.

import { html } from "../vendor/ui.js";
import { dateTime, number, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, LinkButton, Notice, Progress, Table } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { State, word } from "../look/words.js";
import { ago, api, effective } from "./state.js";

export const Publications = ({ path: [kind, version] }) =>
  version ? html`<${One} key=${`${kind}/${version}`} kind=${kind} version=${version} />` : html`<${List} />`;

const COMMAND = `store-hub-hq publish prices book.ndjson --group all --effective 2026-12-01T05:00 --dry-run \\
    --objects /srv/publications --ledger hq.db`;

const DONE = ["active", "former", "refused", "superseded"];
const done = ({ progress }) =>
  progress.filter(({ state }) => DONE.includes(state)).reduce((sum, { stores }) => sum + stores, 0);
const stores = ({ progress }) => progress.reduce((sum, one) => sum + one.stores, 0);

const States = ({ progress }) =>
  progress.map(
    ({ state, stores: count }) =>
      html`<span key=${state} class="row">${count} <${State} group="publication_state" value=${state} /></span>`,
  );

function List() {
  const publications = useLoad(() => api.get("/publications"), [], 5000);
  return html`<div class="head"><h1>${t("fleet.view.publications")}</h1></div>
    <section class="card stack">
      <h2>${t("fleet.publish")}</h2>
      <p class="quiet">${t("fleet.publish.text")}</p>
      <pre class="paper">${COMMAND}</pre>
    </section>
    <section class="card">
      <${Loaded}
        of=${publications}
        empty=${{ icon: "note", title: t("fleet.no_publications"), text: t("fleet.no_publications.text") }}
        >${(rows) =>
          html`<${Table}
            label=${t("fleet.view.publications")}
            rows=${rows}
            id=${(row) => row.kind + row.version}
            onOpen=${(row) => go("publications", row.kind, String(row.version))}
            columns=${[
              { title: t("fleet.publication"), cell: (row) => `${word("publication", row.kind)} ${row.version}` },
              { title: t("fleet.made"), cell: (row) => dateTime(row.made_at_ms) },
              { title: t("fleet.effective"), cell: (row) => effective(row.effective) },
              { title: t("fleet.records"), number: true, cell: (row) => number(row.records) },
              {
                title: t("fleet.progress"),
                cell: (row) => html`<${Progress} label="" value=${done(row)} max=${stores(row)} />`,
              },
              { title: t("fleet.state"), cell: (row) => html`<${States} progress=${row.progress} />` },
            ]}
          />`}<//
      >
    </section>`;
}

function One({ kind, version }) {
  const path = `/publications/${encodeURIComponent(kind)}/${version}`;
  const read = useLoad(() => api.get(path), [path], 3000);
  const changes = useLoad(() => api.get(`${path}/changes`), [path]);
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("publications")} aria-label=${t("fleet.back")} />
        <h1>${word("publication", kind)} ${version}</h1>
      </div>
    </div>
    <${Loaded} of=${read}
      >${({ publication, stores: rows }) =>
        html`<section class="card stack">
          <dl class="facts">
            <dt>${t("fleet.made")}</dt>
            <dd>${dateTime(publication.made_at_ms)}</dd>
            <dt>${t("fleet.effective")}</dt>
            <dd>${effective(publication.effective)}</dd>
            <dt>${t("fleet.records")}</dt>
            <dd>${number(publication.records)}</dd>
          </dl>
          <${Progress} label=${t("fleet.progress")} value=${done(publication)} max=${stores(publication)} />
          <${Table}
            label=${t("fleet.view.stores")}
            rows=${rows}
            id=${(row) => row.store}
            columns=${[
              { title: t("fleet.store"), cell: (row) => html`<a href=${to("stores", row.store)}>${row.store}</a>` },
              {
                title: t("fleet.state"),
                cell: (row) => html`<${State} group="publication_state" value=${row.state ?? "unknown"} />`,
              },
              { title: t("fleet.why"), cell: (row) => row.why ?? "" },
              { title: t("fleet.heard"), cell: (row) => (row.heard_at_ms ? ago(row.heard_at_ms) : "–") },
            ]}
          />
        </section>`}<//
    >
    <section class="card stack">
      <h2>${t("fleet.changes")}</h2>
      <${Loaded} of=${changes}
        >${(data) =>
          html`<div class="row">
              <${Badge} kind="good">${t("fleet.added", { n: data.added })}<//
              ><${Badge} kind="busy">${t("fleet.changed", { n: data.changed })}<//
              ><${Badge} kind="bad">${t("fleet.removed", { n: data.removed })}<//>
              <span class="quiet small"
                >${data.from ? t("fleet.compared", { version: data.from }) : t("fleet.first")}</span
              >
            </div>
            ${
              data.lines.length === 0
                ? html`<${Notice}>${t("fleet.no_changes")}<//>`
                : html`<ul class="diff">
                    ${data.lines.map(
                      (line) =>
                        html`<li key=${line} class=${{ "+": "added", "~": "changed", "-": "removed" }[line[0]] ?? ""}>
                          ${line}
                        </li>`,
                    )}
                  </ul>`
            }`}<//
      >
    </section>`;
}
