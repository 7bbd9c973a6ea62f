// Labels: choose items, see the label, print a batch and follow it; what changed its price comes first.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { Button, Check, Empty, Input, Notice, Progress, Select, Table } from "../look/index.js";
import { ActButton, Loaded, useLoad } from "../look/load.js";
import { State } from "../look/words.js";
import { ItemSearch } from "./items.js";
import { amount, api, command, status, who } from "./state.js";

/** Labels in a job. */
const MOST = 5000;

export function Labels() {
  const printers = status.value.devices
    .filter((device) => device.kind === "label_printer")
    .map((device) => device.device);
  const templates = useLoad(() => api.get("/label-templates"));
  const [chosen, setChosen] = useState([]);
  const [printer, setPrinter] = useState(printers[0] ?? "");
  const [template, setTemplate] = useState("shelf");
  const [shown, setShown] = useState(/** @type {any} */ (undefined));
  const [jobs, setJobs] = useState(0);
  const add = (items) =>
    setChosen((before) =>
      [...before, ...items.filter((item) => !before.some(({ sku }) => sku === item.sku))].slice(0, MOST),
    );
  const copies = (sku, typed) =>
    setChosen(
      chosen.map((item) =>
        item.sku === sku ? { ...item, copies: Math.min(Math.max(Number(typed) || 1, 1), 999) } : item,
      ),
    );
  const print = async () => {
    const labels = chosen.map(({ sku, copies: number }) => ({ sku, copies: number }));
    if (
      !(await command(
        `/devices/${printer}/labels`,
        { template, labels },
        t("console.labels.queued", { n: labels.length }),
      ))
    )
      return;
    setChosen([]);
    setJobs(jobs + 1);
  };
  const preview = chosen.find(({ sku }) => sku === shown) ?? chosen[0];
  const ofItem = preview ? `?sku=${encodeURIComponent(preview.sku)}` : "";
  return html`<div class="head"><h1>${t("console.view.labels")}</h1></div>
    ${printers.length === 0 && html`<${Notice} kind="busy">${t("console.labels.no_printer")}<//>`}
    <div class="two">
      <section class="card stack">
        <h2>${t("console.labels.choose")}</h2>
        <${ItemSearch}
          onChoose=${(item) => (add([{ sku: item.sku, description: item.description, copies: 1 }]), setShown(item.sku))}
        />
        <${Outdated} onAdd=${add} key=${jobs} />
        ${
          chosen.length === 0
            ? html`<${Empty} icon="label" title=${t("console.labels.empty")} text=${t("console.labels.empty.text")} />`
            : html`<ul class="list chosen">
                ${chosen.map(
                  (item) =>
                    html`<li key=${item.sku}>
                      <button
                        type="button"
                        class="button plain grow"
                        aria-pressed=${preview?.sku === item.sku}
                        onClick=${() => setShown(item.sku)}
                      >
                        ${item.description ?? item.sku}
                      </button>
                      <input
                        class="input copies"
                        type="number"
                        min="1"
                        max="999"
                        value=${item.copies}
                        aria-label=${t("console.labels.copies", { item: item.description ?? item.sku })}
                        onChange=${(event) => copies(item.sku, event.currentTarget.value)}
                      />
                      <${Button}
                        kind="plain"
                        icon="close"
                        aria-label=${t("console.labels.remove", { item: item.description ?? item.sku })}
                        onClick=${() => setChosen(chosen.filter(({ sku }) => sku !== item.sku))}
                      />
                    </li>`,
                )}
              </ul>`
        }
      </section>
      <section class="card stack">
        <h2>${t("console.labels.preview_title")}</h2>
        <${Loaded} of=${templates}
          >${(all) =>
            html`<${Select}
              label=${t("console.labels.template")}
              options=${all.map(({ name, title }) => [name, title])}
              value=${template}
              onChange=${setTemplate}
            />`}<//
        >
        <div class="preview">
          <img
            key=${template + ofItem}
            src="/api/v1/label-templates/${encodeURIComponent(template)}/preview${ofItem}"
            alt=${t("console.labels.preview", { name: preview?.description ?? template })}
          />
        </div>
        ${
          printers.length > 0 &&
          html`<${Select}
            label=${t("console.labels.printer")}
            options=${printers.map((name) => [name, name])}
            value=${printer}
            onChange=${setPrinter}
          />`
        }
        <${ActButton} kind="main" wide icon="printer" disabled=${!printer || chosen.length === 0} onAct=${print}
          >${t("console.labels.print", { n: chosen.reduce((sum, item) => sum + item.copies, 0) })}<//
        >
      </section>
    </div>
    ${
      printer &&
      html`<section class="card">
        <h2>${t("console.labels.jobs", { printer })}</h2>
        <${Jobs} key=${`${printer} ${jobs}`} printer=${printer} />
      </section>`
    }`;
}

function Outdated({ onAdd }) {
  const outdated = useLoad(() => api.get("/shelf-labels/outdated", { limit: 500 }), [], 30_000);
  const count = outdated.data?.length ?? 0;
  if (count === 0) return null;
  const changes = outdated.data
    .slice(0, 3)
    .map((one) => `${one.sku}: ${amount(one.price.minor)} → ${one.now ? amount(one.now.minor) : "–"}`);
  return html`<${Notice} kind="busy"
    ><span class="grow"
      ><strong>${t("console.labels.outdated", { n: count })}</strong><br /><span class="small"
        >${changes.join(" · ")}${count > 3 ? " …" : ""}</span
      ></span
    >
    <${Button}
      icon="add"
      onClick=${() => onAdd(outdated.data.filter((one) => one.now).map(({ sku }) => ({ sku, copies: 1 })))}
      >${t("console.labels.add_outdated")}<//
    ><//
  >`;
}

function Jobs({ printer }) {
  const jobs = useLoad(() => api.get(`/devices/${printer}/label-jobs`, { limit: 20 }), [printer], 1000);
  const [all, setAll] = useState(false);
  const act = async (number, what, body, done) => {
    await command(`/devices/${printer}/label-jobs/${number}/${what}`, body, done);
    jobs.again();
  };
  const isOpen = ({ state }) => state === "accepted" || state === "printing";
  return html`<${Loaded} of=${jobs} empty=${{ icon: "printer", title: t("console.labels.no_jobs") }}
    >${(rows) =>
      html`<${Check} label=${t("console.labels.again.all")} checked=${all} onChange=${setAll} />
        <${Table}
          label=${t("console.labels.jobs", { printer })}
          rows=${rows}
          id=${(row) => row.number}
          columns=${[
            { title: t("console.number"), cell: (row) => row.number },
            {
              title: t("console.time"),
              cell: (row) => html`${dateTime(row.at_ms)}<br /><span class="quiet small">${who(row.by)}</span>`,
            },
            { title: t("console.labels.template"), cell: (row) => row.template },
            {
              title: t("console.state"),
              cell: (row) =>
                html`<${State}
                    group="job"
                    value=${row.state}
                  />${row.why && html`<br /><span class="small">${row.why}</span>`}`,
            },
            {
              title: t("console.labels.progress"),
              cell: (row) =>
                html`<${Progress}
                  label=${row.unconfirmed ? t("console.labels.unconfirmed", { n: row.unconfirmed }) : ""}
                  value=${row.begun}
                  max=${row.labels}
                />`,
            },
            {
              title: t("console.action"),
              cell: (row) =>
                isOpen(row)
                  ? html`<${ActButton} onAct=${() => act(row.number, "cancel", {}, t("console.labels.cancelled"))}
                      >${t("console.cancel")}<//
                    >`
                  : html`<${ActButton} onAct=${() => act(row.number, "again", { all }, t("console.labels.again.done"))}
                      >${t("console.labels.again")}<//
                    >`,
            },
          ]}
        />`}<//
  >`;
}
