// Registers and people: pairing, who may sign in, and who did what.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { generate } from "../vendor/lean-qr.js";
import { dateTime, number, t } from "../texts/index.js";
import { go } from "../lib/route.js";
import { Badge, Button, Dialog, Input, Notice, Select, Table, Tabs } from "../look/index.js";
import { ActButton, attempt, Loaded, More, useLoad, usePages } from "../look/load.js";
import { word } from "../look/words.js";
import { amount, api, command, status, who } from "./state.js";

const TABS = { registers: Registers, operators: Operators, audit: Audit };
const ROLES = ["cashier", "supervisor", "picker"];

export function People({ path: [tab = "registers"] }) {
  const name = tab in TABS ? tab : "registers";
  const Tab = TABS[name];
  return html`<div class="head"><h1>${t("console.view.people")}</h1></div>
    <${Tabs}
      label=${t("console.view.people")}
      tabs=${Object.keys(TABS).map((one) => [one, t(`console.people.${one}`)])}
      value=${name}
      onChange=${(one) => go("people", one)}
    />
    <${Tab} key=${name} />`;
}

function Registers() {
  const [pairs, setPairs] = useState(/** @type {any} */ (undefined));
  const [unpairs, setUnpairs] = useState(/** @type {any} */ (undefined));
  const draw = async ({ register }) => {
    const drawn = await command(`/registers/${register}/pairing-code`);
    if (drawn) setPairs(drawn);
  };
  return html`<section class="card">
      <${Table}
        label=${t("console.people.registers")}
        rows=${status.value.registers}
        id=${(row) => row.register}
        columns=${[
          { title: t("console.register"), cell: (row) => row.register },
          {
            title: t("console.state"),
            cell: (row) =>
              html`<${Badge} kind=${row.paired ? "good" : "busy"}
                >${row.paired ? t("console.people.paired") : t("console.people.unpaired")}<//
              >`,
          },
          { title: t("console.today.sales"), number: true, cell: (row) => number(row.sales) },
          { title: t("console.today.net"), number: true, cell: (row) => amount(row.net) },
          {
            title: t("console.action"),
            cell: (row) =>
              html`<div class="row">
                <${ActButton} onAct=${() => draw(row)}
                  >${row.paired ? t("console.people.pair_again") : t("console.people.pair")}<//
                >
                ${
                  row.paired &&
                  html`<${Button} kind="danger" onClick=${() => setUnpairs(row)}>${t("console.people.unpair")}<//>`
                }
              </div>`,
          },
        ]}
      />
    </section>
    ${pairs && html`<${Pair} drawn=${pairs} onClose=${() => setPairs(undefined)} />`}
    ${
      unpairs &&
      html`<${Dialog} title=${t("console.people.unpair")} onClose=${() => setUnpairs(undefined)}
        ><p>${t("console.people.unpair.text", { register: unpairs.register })}</p>
        <div class="actions">
          <${Button} onClick=${() => setUnpairs(undefined)}>${t("console.cancel")}<//>
          <${ActButton}
            kind="danger"
            onAct=${async () =>
              (await command(`/registers/${unpairs.register}/unpair`, {}, t("console.people.unpair.done"))) !==
                undefined && setUnpairs(undefined)}
            >${t("console.people.unpair")}<//
          >
        </div><//
      >`
    }`;
}

function Pair({ drawn: { code, register }, onClose }) {
  const canvas = useRef(null);
  const address = `${location.origin}/register#/pair?code=${encodeURIComponent(code)}`;
  useEffect(() => void (/** @type {any} */ (generate)(address).toCanvas(canvas.current)), [address]);
  return html`<${Dialog} title=${t("console.people.pair.title", { register })} onClose=${onClose}>
    <p>${t("console.people.pair.text", { address: `${location.origin}/register` })}</p>
    <div class="pair">
      <canvas ref=${canvas} role="img" aria-label=${t("console.people.pair.qr")}></canvas
      ><output class="code">${code}</output>
    </div>
    <${Notice}>${t("console.people.pair.secret")}<//>
  <//>`;
}

const nobody = () => ({
  icon: "person",
  title: t("console.people.no_operators"),
  text: t("console.people.no_operators.text"),
});

function Operators() {
  const operators = useLoad(() => api.get("/operators"));
  const [adds, setAdds] = useState(false);
  const revoke = async ({ id }) => {
    if ((await command(`/operators/${encodeURIComponent(id)}/revoke`, {}, t("console.people.revoked"))) !== undefined)
      operators.again();
  };
  return html`<section class="card stack">
      <div class="row">
        <${Button} kind="main" icon="add" onClick=${() => setAdds(true)}>${t("console.people.add")}<//>
      </div>
      <${Loaded} of=${operators} empty=${nobody()}
        >${(rows) =>
          html`<${Table}
            label=${t("console.people.operators")}
            rows=${rows}
            id=${(row) => row.id}
            columns=${[
              {
                title: t("console.people.name"),
                cell: (row) => html`${row.name} <span class="quiet small">${row.id}</span>`,
              },
              { title: t("console.people.role"), cell: (row) => html`<${Badge}>${word("role", row.role)}<//>` },
              {
                title: t("console.people.until"),
                cell: (row) => (row.until_ms ? dateTime(row.until_ms) : t("console.people.from_hq")),
              },
              {
                title: t("console.action"),
                cell: (row) =>
                  row.until_ms && html`<${ActButton} onAct=${() => revoke(row)}>${t("console.people.revoke")}<//>`,
              },
            ]}
          />`}<//
      >
    </section>
    ${adds && html`<${Add} onClose=${() => (setAdds(false), operators.again())} />`}`;
}

function Add({ onClose }) {
  const [form, setForm] = useState({ id: "", name: "", pin: "", days: "1", role: ROLES[0] });
  const set = (more) => setForm({ ...form, ...more });
  const add = async () => {
    const body = {
      id: form.id.trim(),
      name: form.name.trim(),
      pin: form.pin,
      role: form.role,
      days: Number(form.days),
    };
    if (await attempt(() => api.post("/operators", body), t("console.people.added"))) onClose();
  };
  const isReady = form.id.trim() && form.name.trim() && /^\d{4,12}$/.test(form.pin) && Number(form.days) >= 1;
  return html`<${Dialog} title=${t("console.people.add")} onClose=${onClose}>
    <p class="quiet">${t("console.people.add.text")}</p>
    <div class="fields">
      <${Input}
        label=${t("console.people.name")}
        value=${form.name}
        onInput=${(name) => set({ name })}
        maxlength="60"
      />
      <${Input}
        label=${t("console.people.id")}
        hint=${t("console.people.id.hint")}
        value=${form.id}
        onInput=${(id) => set({ id })}
        maxlength="32"
        autocapitalize="none"
      />
      <${Select}
        label=${t("console.people.role")}
        options=${ROLES.map((role) => [role, word("role", role)])}
        value=${form.role}
        onChange=${(role) => set({ role })}
      />
      <${Input}
        label=${t("console.people.pin")}
        type="password"
        inputmode="numeric"
        autocomplete="new-password"
        value=${form.pin}
        onInput=${(pin) => set({ pin })}
        maxlength="12"
      />
      <${Input}
        label=${t("console.people.days")}
        type="number"
        min="1"
        max="31"
        value=${form.days}
        onInput=${(days) => set({ days })}
      />
    </div>
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${!isReady} onAct=${add}>${t("console.people.add")}<//>
    </div>
  <//>`;
}

function Audit() {
  const size = 50;
  const entries = usePages((last) => api.get("/audit", { limit: size, before: last?.number }), [], size);
  const details = (all) =>
    Object.entries(all)
      .map(
        ([name, value]) => `${name.replaceAll("_", " ")}: ${typeof value === "object" ? JSON.stringify(value) : value}`,
      )
      .join(" · ");
  return html`<section class="card">
    <${Loaded} of=${entries} empty=${{ icon: "note", title: t("console.people.no_audit") }}
      >${(rows) =>
        html`<${Table}
            label=${t("console.people.audit")}
            rows=${rows}
            id=${(row) => row.number}
            columns=${[
              { title: t("console.number"), cell: (row) => row.number },
              { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
              { title: t("console.by"), cell: (row) => who(row.who) },
              { title: t("console.people.act"), cell: (row) => word("act", row.act) },
              {
                title: t("console.people.details"),
                cell: (row) => html`<span class="small">${details(row.details)}</span>`,
              },
            ]}
          /><${More} of=${entries} />`}<//
    >
  </section>`;
}
