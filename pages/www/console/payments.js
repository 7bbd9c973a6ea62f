// Card payments that need a person: in doubt, approved without their bank, declined later.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { Button, Dialog, Empty, Input, Notice, Table } from "../look/index.js";
import { ActButton, Loaded, useLoad } from "../look/load.js";
import { State } from "../look/words.js";
import { amount, api, command, status } from "./state.js";

export function Payments() {
  const doubts = status.value.payments_in_doubt ?? [];
  const key = JSON.stringify([
    doubts.map(({ payment }) => payment),
    status.value.payments_to_collect,
    status.value.offline_payments,
  ]);
  const lists = useLoad(async () => {
    const [unresolved, offline, collect] = await Promise.all(
      ["unresolved", "offline", "to_collect"].map((state) => api.get("/payments", { state })),
    );
    return { unresolved, offline, collect };
  }, [key]);
  const [decides, setDecides] = useState(/** @type {any} */ (undefined));
  const [collects, setCollects] = useState(/** @type {any} */ (undefined));
  const columns = (action) => [
    { title: t("console.payment.short"), cell: (row) => row.id },
    { title: t("console.time"), brief: true, cell: (row) => dateTime(row.started_at_ms) },
    { title: t("console.payment.terminal"), cell: (row) => row.terminal },
    { title: t("console.register"), cell: (row) => row.register },
    {
      title: t("console.state"),
      cell: (row) =>
        html`<${State}
            group="payment"
            value=${row.state}
          />${row.why && html`<br /><span class="small">${row.why}</span>`}`,
    },
    { title: t("console.amount"), number: true, cell: (row) => amount(row.amount) },
    ...(action ? [{ title: t("console.action"), cell: action }] : []),
  ];
  const list = (title, rows, action) =>
    rows.length > 0 &&
    html`<section class="card">
      <h2>${title}</h2>
      <${Table} label=${title} rows=${rows} id=${(row) => row.id} columns=${columns(action)} />
    </section>`;
  return html`<${Loaded} of=${lists}
      >${({ unresolved, offline, collect }) =>
        html`${
          unresolved.length + offline.length + collect.length === 0 &&
          html`<section class="card">
            <${Empty} icon="check" title=${t("console.payments.none")} text=${t("console.payments.none.text")} />
          </section>`
        }
        ${list(
          t("console.payments.unresolved"),
          unresolved,
          (row) =>
            doubts.some(({ payment }) => payment === row.id) &&
            html`<${Button} onClick=${() => setDecides(row)}>${t("console.payments.decide")}<//>`,
        )}
        ${list(t("console.payments.offline"), offline)}
        ${list(
          t("console.payments.collect"),
          collect,
          (row) => html`<${Button} onClick=${() => setCollects(row)}>${t("console.payments.collected")}<//>`,
        )}`}<//
    >
    ${decides && html`<${Decide} payment=${decides} onClose=${() => (setDecides(undefined), lists.again())} />`}
    ${collects && html`<${Collect} payment=${collects} onClose=${() => (setCollects(undefined), lists.again())} />`}`;
}

function Decide({ payment, onClose }) {
  const decide = async (charged) => {
    if ((await command(`/payments/${payment.id}/decision`, { charged }, t("console.payments.decided"))) !== undefined)
      onClose();
  };
  return html`<${Dialog} title=${t("console.payments.decide")} onClose=${onClose}>
    <${Notice} kind="busy"
      >${t("console.payments.decide.text", { terminal: payment.terminal, amount: amount(payment.amount) })}<//
    >
    <div class="actions">
      <${ActButton} onAct=${() => decide(false)}>${t("console.payments.not_charged")}<//
      ><${ActButton} kind="main" onAct=${() => decide(true)}>${t("console.payments.charged")}<//>
    </div>
  <//>`;
}

function Collect({ payment, onClose }) {
  const [how, setHow] = useState("");
  const keep = async () => {
    if (
      (await command(`/payments/${payment.id}/collected`, { how: how.trim() }, t("console.payments.kept"))) !==
      undefined
    )
      onClose();
  };
  return html`<${Dialog} title=${t("console.payments.collected")} onClose=${onClose}>
    <p>${t("console.payments.collect.text", { amount: amount(payment.amount) })}</p>
    <${Input} label=${t("console.payments.how")} value=${how} onInput=${setHow} maxlength="120" />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="main" disabled=${!how.trim()} onAct=${keep}>${t("console.payments.collected")}<//>
    </div>
  <//>`;
}
