// Devices: their state, what they said last, trying them out, and adding one.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t, time } from "../texts/index.js";
import { to } from "../lib/route.js";
import { Badge, Empty, LinkButton, Notice } from "../look/index.js";
import { ActButton, attempt, Loaded, useLoad } from "../look/load.js";
import { State, word } from "../look/words.js";
import { api, command, milli, span, status } from "./state.js";

const ICONS = {
  scale: "scale",
  scanner: "scan",
  label_printer: "label",
  receipt_printer: "printer",
  payment_terminal: "card",
  customer_display: "device",
};

export function Devices({ path: [name] }) {
  if (name === "add") return html`<${Add} />`;
  const device = status.value.devices.find((one) => one.device === name);
  return device ? html`<${One} key=${name} device=${device} />` : html`<${All} />`;
}

function All() {
  const { devices } = status.value;
  return html`<div class="head">
      <h1>${t("console.view.devices")}</h1>
      <${LinkButton} icon="add" href=${to("devices", "add")}>${t("console.devices.add")}<//>
    </div>
    ${
      devices.length === 0 &&
      html`<section class="card">
        <${Empty} icon="device" title=${t("console.devices.none")} text=${t("console.devices.none.text")} />
      </section>`
    }
    <div class="columns">
      ${devices.map(
        (device) =>
          html`<section key=${device.device} class="card stack device">
            <div class="row spread">
              <h2><a href=${to("devices", device.device)}>${device.device}</a></h2>
              <${State} group="device" value=${device.health.state} />
            </div>
            <p class="quiet small">${word("device_kind", device.kind)} · ${device.address}</p>
            ${
              device.health.why &&
              html`<${Notice} kind=${device.health.state === "offline" ? "bad" : "busy"}>${device.health.why}<//>`
            }
            <p class="said">${device.last ?? "–"}</p>
            <p class="quiet small">
              ${seen(device)}${device.held_by ? ` · ${t("console.devices.held", { register: device.held_by })}` : ""}
            </p>
          </section>`,
      )}
    </div>`;
}

const seen = ({ seen_at_ms: ms }) =>
  ms ? t("console.devices.seen", { ago: span(Date.now() - ms) }) : t("console.devices.never_seen");

function One({ device }) {
  const Try = {
    scale: TryScale,
    label_printer: TryLabels,
    receipt_printer: TryReceipts,
    payment_terminal: TryTerminal,
  }[device.kind];
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("devices")} aria-label=${t("console.back")} />
        <h1>${device.device}</h1>
      </div>
      <${State} group="device" value=${device.health.state} />
    </div>
    ${
      device.health.why &&
      html`<${Notice} kind=${device.health.state === "offline" ? "bad" : "busy"}>${device.health.why}<//>`
    }
    <div class="half">
      <section class="card">
        <h2>${t("console.devices.live")}</h2>
        <p class="said large" aria-live="polite">${device.last ?? t("console.devices.silent")}</p>
        <p class="quiet small">${seen(device)}</p>
      </section>
      <section class="card">
        <h2>${t("console.devices.about")}</h2>
        <dl class="facts">
          <dt>${t("console.kind")}</dt>
          <dd>${word("device_kind", device.kind)}</dd>
          <dt>${t("console.devices.address")}</dt>
          <dd>${device.address}</dd>
          <dt>${t("console.devices.lease")}</dt>
          <dd>${device.held_by ?? t("console.devices.free")}</dd>
          <dt>${t("console.devices.attentions")}</dt>
          <dd>${device.attentions}</dd>
          <dt>${t("console.devices.losses")}</dt>
          <dd>${device.losses}</dd>
          <dt>${t("console.devices.trouble")}</dt>
          <dd>${device.last_trouble ?? "–"}</dd>
        </dl>
      </section>
    </div>
    ${
      Try &&
      html`<section class="card stack">
        <h2>${t("console.devices.try")}</h2>
        <${Try} name=${device.device} />
      </section>`
    }`;
}

function TryScale({ name }) {
  const [weighed, set] = useState(/** @type {any} */ (undefined));
  const weigh = async () => {
    const answer = await command(`/devices/${name}/weigh`, { within_ms: 3000 });
    if (answer) set({ ...answer, at: Date.now() });
  };
  return html`<div class="row">
    <${ActButton} kind="main" icon="scale" onAct=${weigh}>${t("console.devices.weigh")}<//>
    ${
      weighed &&
      html`<output class="said"
        >${milli(weighed.milli, weighed.unit)}${" "}<span class="quiet small"
          >${time(weighed.at)} · ${weighed.sent}</span
        ></output
      >`
    }
  </div>`;
}

function TryReceipts({ name }) {
  const print = async () => {
    const page = await command(`/devices/${name}/test-page`);
    if (page)
      await attempt(
        async () => page,
        page.confirmed ? t("console.devices.printed") : t("console.devices.unconfirmed", { why: page.why }),
      );
  };
  return html`<p class="quiet">${t("console.devices.test_page")}</p>
    <div class="row"><${ActButton} kind="main" icon="printer" onAct=${print}>${t("console.devices.print")}<//></div>
    <img
      class="receipt"
      src="/api/v1/devices/${encodeURIComponent(name)}/test-page"
      alt=${t("console.devices.preview")}
    />`;
}

function TryLabels({ name }) {
  const templates = useLoad(() => api.get("/label-templates"));
  const print = async (template) => {
    const fields = Object.fromEntries(template.fields.map((field) => [field.name, field.example]));
    await command(
      `/devices/${name}/labels`,
      { template: template.name, labels: [{ fields }] },
      t("console.devices.queued"),
    );
  };
  return html`<${Loaded} of=${templates}
    >${(all) =>
      html`<div class="columns">
        ${all.map(
          (template) =>
            html`<figure key=${template.name} class="stack preview">
              <img
                src="/api/v1/label-templates/${template.name}/preview"
                alt=${t("console.labels.preview", { name: template.title })}
                loading="lazy"
              />
              <figcaption class="row spread">
                <span
                  >${template.title}${" "}<span class="quiet small"
                    >${t("console.labels.size", { width: template.width / 10, height: template.height / 10 })}</span
                  ></span
                >
                <${ActButton} icon="printer" onAct=${() => print(template)}>${t("console.devices.print")}<//>
              </figcaption>
            </figure>`,
        )}
      </div>`}<//
  >`;
}

function TryTerminal({ name }) {
  const [report, set] = useState(/** @type {any} */ (undefined));
  const ask = async (what) => {
    const answer = await attempt(() => api.post(`/terminals/${name}/${what}`, {}, { timeout: 120_000 }));
    if (answer) set(answer);
  };
  return html`<div class="row">
      <${ActButton} icon="refresh" onAct=${() => ask("diagnosis")}>${t("console.devices.diagnosis")}<//>
      <${ActButton} icon="check" onAct=${() => ask("closing")}>${t("console.devices.closing")}<//>
    </div>
    ${report && html`<pre class="paper">${[report.report].flat().join("\n")}</pre>`}`;
}

function Add() {
  const found = useLoad(() => api.get("/devices/found"));
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("devices")} aria-label=${t("console.back")} />
        <h1>${t("console.devices.add")}</h1>
      </div>
      <${ActButton} icon="refresh" onAct=${async () => found.again()}>${t("console.devices.look")}<//>
    </div>
    <section class="card">
      <h2>${t("console.devices.steps")}</h2>
      <ol class="steps">
        ${[1, 2, 3, 4].map((step) => html`<li key=${step}>${t(`console.devices.step.${step}`)}</li>`)}
      </ol>
    </section>
    <${Loaded} of=${found}
      >${({ usb, serial, trouble }) =>
        html`${trouble && html`<${Notice} kind="busy">${trouble}<//>`}
          ${
            usb.length + serial.length === 0 &&
            html`<section class="card">
              <${Empty} icon="device" title=${t("console.devices.nothing")} text=${t("console.devices.nothing.text")} />
            </section>`
          }
          <div class="columns">
            ${usb.map(
              (one) =>
                html`<section key=${one.port} class="card stack">
                  <div class="row spread">
                    <h2>${one.name ?? `${hex(one.vendor)}:${hex(one.product)}`}</h2>
                    <${Badge} kind=${one.suggestion ? "good" : ""}
                      >${one.suggestion ? t("console.devices.fits") : t("console.devices.no_driver")}<//
                    >
                  </div>
                  <p class="quiet small">
                    ${[one.manufacturer, `USB ${hex(one.vendor)}:${hex(one.product)}`, one.serial, one.port]
                      .filter(Boolean)
                      .join(" · ")}
                  </p>
                  ${one.suggestion && html`<pre class="paper">${one.suggestion}</pre>`}
                </section>`,
            )}
            ${serial.map(
              (one, place) =>
                html`<section key=${place} class="card">
                  <pre class="paper">${JSON.stringify(one, null, 2)}</pre>
                </section>`,
            )}
          </div>
          <p class="quiet small">${t("console.devices.as_of", { time: dateTime(Date.now()) })}</p>`}<//
    >`;
}

const hex = (number) => number.toString(16).padStart(4, "0");
