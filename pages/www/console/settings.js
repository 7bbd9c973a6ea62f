// Settings as the config has them, the hub's health over time, files, certificates, sessions.

import { html, useState } from "../vendor/ui.js";
import { number, t, time } from "../texts/index.js";
import { Badge, Button, Dialog, Notice, Select } from "../look/index.js";
import { ActButton, Loaded, useLoad } from "../look/load.js";
import { Line } from "../look/chart.js";
import { word } from "../look/words.js";
import { api, command, status } from "./state.js";

const HOURS = [1, 6, 24, 168];
/** Points in a chart. */
const POINTS = 240;

const MEASURES = {
  hq_lacks: { of: (sample) => sample.hq_lacks, shown: (value) => number(value) },
  resident: { of: (sample) => sample.resident_bytes / 1e6, shown: (value) => `${number(value)} MB` },
  free: { of: (sample) => sample.free_bytes / 1e9, shown: (value) => `${number(value, 1)} GB` },
  flush: {
    of: (sample, before) =>
      before && sample.groups > before.groups
        ? (sample.flushing_us - before.flushing_us) / (sample.groups - before.groups) / 1000
        : 0,
    shown: (value) => `${number(value, 1)} ms`,
  },
};

export function Settings() {
  const settings = useLoad(() => api.get("/settings"));
  const { keeping, certificates = [], clock } = status.value;
  const megabytes = (bytes) => `${number(Math.round(bytes / 1e6))} MB`;
  return html`<div class="head"><h1>${t("console.view.settings")}</h1></div>
    <${Health} />
    <div class="half">
      <section class="card">
        <h2>${t("console.settings.files")}</h2>
        <dl class="facts">
          <dt>${t("console.settings.engine")}</dt>
          <dd>${keeping.engine}</dd>
          <dt>${t("console.settings.store")}</dt>
          <dd>${megabytes(keeping.store_bytes)}</dd>
          <dt>${t("console.settings.archive")}</dt>
          <dd>${megabytes(keeping.archive_bytes)}</dd>
          <dt>${t("console.settings.free")}</dt>
          <dd>
            ${megabytes(keeping.free_bytes)}${" "}<${Badge} kind=${keeping.room === "ample" ? "good" : "bad"}
              >${word("room", keeping.room)}<//
            >
          </dd>
          <dt>${t("console.settings.clock")}</dt>
          <dd>${word("trust", clock.trust)}${clock.timesyncd ? ` · ${t("console.settings.timesyncd")}` : ""}</dd>
          ${certificates.map(
            ({ field, days_left: days }) =>
              html`<dt key=${field}>${field}</dt>
                <dd>${t("console.settings.days_left", { n: days })}</dd>`,
          )}
        </dl>
      </section>
      <section class="card stack">
        <h2>${t("console.settings.sessions")}</h2>
        <p>${t("console.settings.sessions.text")}</p>
        <${EndAll} />
      </section>
    </div>
    <section class="card">
      <h2>${t("console.settings.config")}</h2>
      <${Notice}>${t("console.settings.config.text")}<//>
      <${Loaded} of=${settings}
        >${({ version, config }) =>
          html`<dl class="facts">
              <dt>${t("console.version")}</dt>
              <dd>${version}</dd>
            </dl>
            <div class="config"><${Tree} name="" value=${config} /></div>`}<//
      >
    </section>`;
}

function EndAll() {
  const [sure, setSure] = useState(false);
  const end = async () => {
    if ((await command("/sessions/end")) !== undefined) location.reload();
  };
  return html`<div class="row">
      <${Button} kind="danger" icon="lock" onClick=${() => setSure(true)}>${t("console.settings.sessions.end")}<//>
    </div>
    ${
      sure &&
      html`<${Dialog} title=${t("console.settings.sessions.end")} onClose=${() => setSure(false)}
        ><p>${t("console.settings.sessions.sure")}</p>
        <div class="actions">
          <${Button} onClick=${() => setSure(false)}>${t("console.cancel")}<//
          ><${ActButton} kind="danger" onAct=${end}>${t("console.settings.sessions.end")}<//>
        </div><//
      >`
    }`;
}

/** A value of the config: tables as lists of names and values. */
function Tree({ name, value }) {
  if (Array.isArray(value) && value.some((one) => typeof one === "object"))
    return value.map((one, place) => html`<${Tree} key=${place} name="${name} ${place + 1}" value=${one} />`);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return html`<dl class="facts">
      <dt>${name}</dt>
      <dd>${[value].flat().join(", ")}</dd>
    </dl>`;
  const isPlain = ([, one]) =>
    one === null || typeof one !== "object" || (Array.isArray(one) && one.every((part) => typeof part !== "object"));
  const plain = Object.entries(value).filter(isPlain);
  const deep = Object.entries(value).filter((entry) => !isPlain(entry));
  if (plain.length + deep.length === 0) return null;
  return html`<div class="tree">
    ${name && html`<h3><code>${name}</code></h3>`}
    ${
      plain.length > 0 &&
      html`<dl class="facts">
        ${plain.map(
          ([key, one]) =>
            html`<dt key=${key}><code>${key}</code></dt>
              <dd>${[one].flat().join(", ")}</dd>`,
        )}
      </dl>`
    }
    ${deep.map(([key, one]) => html`<${Tree} key=${key} name=${name ? `${name}.${key}` : key} value=${one} />`)}
  </div>`;
}

function Health() {
  const [hours, setHours] = useState("1");
  const [measure, setMeasure] = useState("hq_lacks");
  const samples = useLoad(() => api.get("/status/history", { limit: Number(hours) * 60 }), [hours], 60_000);
  const { of, shown } = MEASURES[measure];
  const rows = (all) => {
    const inOrder = all.toReversed();
    const step = Math.ceil(inOrder.length / POINTS);
    return inOrder
      .filter((_, place) => place % step === 0)
      .map((sample, place, some) => {
        const value = Math.max(of(sample, some[place - 1]), 0);
        return { name: time(sample.at_ms), value, text: shown(value) };
      });
  };
  return html`<section class="card stack">
    <div class="row spread">
      <h2>${t("console.settings.health")}</h2>
      <div class="row">
        <${Select}
          label=${t("console.settings.measure")}
          options=${Object.keys(MEASURES).map((one) => [one, t(`console.measure.${one}`)])}
          value=${measure}
          onChange=${setMeasure}
        />
        <${Select}
          label=${t("console.settings.span")}
          options=${HOURS.map((one) => [String(one), t("console.settings.hours", { n: one })])}
          value=${hours}
          onChange=${setHours}
        />
      </div>
    </div>
    <${Loaded}
      of=${samples}
      empty=${{ icon: "chart", title: t("console.settings.no_samples"), text: t("console.settings.no_samples.text") }}
      >${(all) =>
        html`<${Line}
          label=${t(`console.measure.${measure}`)}
          name=${t("console.time")}
          value=${t(`console.measure.${measure}`)}
          rows=${rows(all)}
          scale=${shown}
        />`}<//
    >
  </section>`;
}
