// All components, in all states.

import { html, render, useState } from "../vendor/ui.js";
import { load, money, number, t } from "../texts/index.js";
import {
  Badge,
  Button,
  Check,
  Dialog,
  Empty,
  Figure,
  Icon,
  Input,
  Keypad,
  Notice,
  Progress,
  Select,
  Spinner,
  Table,
  Tabs,
  TextArea,
  toast,
  Toasts,
} from "./index.js";
import { Bars, Line, Shares } from "./chart.js";
import { Preferences } from "./frame.js";
import { ICONS } from "./icons.js";

const CHARTED = [12, 30, 7, 22, 41].map((value, place) => ({
  name: `${place + 8}:00`,
  short: String(place + 8),
  value,
  text: String(value),
}));

const KINDS = ["good", "busy", "bad", "note"];

const fail = () => toast(t("look.failed", { why: "503" }), { kind: "bad" });

function Gallery() {
  const [dialog, setDialog] = useState(false);
  const [tab, setTab] = useState("1");
  const [digits, setDigits] = useState("12");
  const [checked, setChecked] = useState(true);
  const example = t("look.example");
  return html`<header class="row spread">
      <h1>${t("look.gallery")}</h1>
      <div class="row">
        <${Preferences} />
      </div>
    </header>
    <main class="stack">
      <section class="card row">
        ${["main", "", "danger", "plain"].map(
          (kind) => html`<${Button} key=${kind} kind=${kind} icon="check">${example}<//>`,
        )}
        <${Button} disabled>${example}<//><${Button} busy>${example}<//
        ><${Button} kind="main" large icon="card">${example}<//>
      </section>
      <section class="columns">
        <div class="card stack">
          <${Input} label=${example} hint=${t("look.example.hint")} placeholder="123" />
          <${Input} label=${example} value="123" wrong=${t("look.example.wrong")} />
          <${Select}
            label=${example}
            options=${[
              ["1", example],
              ["2", t("look.example.done")],
            ]}
            value="1"
            onChange=${() => {}}
          />
          <${TextArea} label=${example} />
          <${Check} label=${example} checked=${checked} onChange=${setChecked} />
        </div>
        <div class="card stack">
          <output class="number">${digits}</output><${Keypad} value=${digits} onChange=${setDigits} />
        </div>
        <div class="card stack">
          <div class="row">
            ${KINDS.map((kind) => html`<${Badge} key=${kind} kind=${kind}>${example}<//>`)}<${Badge}>${example}<//>
          </div>
          ${KINDS.map((kind) => html`<${Notice} key=${kind} kind=${kind}>${t("look.example.hint")}<//>`)}
          <${Progress} label=${example} value=${3} max=${8} />
          <${Spinner} />
          <div class="row">
            <${Button} onClick=${() => setDialog(true)}>${t("look.example")}<//>
            <${Button}
              onClick=${() => toast(t("look.example.done"), { action: example, onAction: fail })}
              >${t("look.example.done")}<//
            >
          </div>
        </div>
      </section>
      <section class="columns">
        <${Figure}
          name=${example}
          value=${money(123456, { currency: "EUR", currency_exponent: 2 })}
          small=${t("look.example.rows", { n: 3 })}
        /><${Figure} name=${example} value=${number(98765)} />
      </section>
      <section class="card stack">
        <${Tabs}
          label=${example}
          tabs=${[
            ["1", example],
            ["2", t("look.example.done")],
          ]}
          value=${tab}
          onChange=${setTab}
        />
        <${Table}
          label=${example}
          id=${(row) => row}
          rows=${[1, 2, 3]}
          columns=${[
            { title: example, cell: (row) => t("look.example.rows", { n: row }) },
            {
              title: t("look.example.done"),
              number: true,
              cell: (row) => money(row * 1234, { currency: "EUR", currency_exponent: 2 }),
            },
          ]}
        />
      </section>
      <section class="card">
        <${Empty} icon="basket" title=${example} text=${t("look.example.empty")}
          ><${Button} kind="main">${example}<//><//
        >
      </section>
      <section class="columns">
        ${[Bars, Line].map(
          (Chart) =>
            html`<div key=${Chart.name} class="card">
              <${Chart} label=${example} name=${example} value=${example} scale=${number} rows=${CHARTED} />
            </div>`,
        )}
        <div class="card"><${Shares} label=${example} rows=${CHARTED} /></div>
      </section>
      <section class="card icons">
        ${ICONS.map((name) => html`<div key=${name}><${Icon} name=${name} /><code>${name}</code></div>`)}
      </section>
    </main>
    ${
      dialog &&
      html`<${Dialog} title=${example} onClose=${() => setDialog(false)}>
        <p>${t("look.dialog.example")}</p>
        <div class="actions">
          <${Button} onClick=${() => setDialog(false)}>${t("look.close")}<//><${Button} kind="main">${example}<//>
        </div>
      <//>`
    }
    <${Toasts} />`;
}

await load();
render(html`<${Gallery} />`, document.getElementById("page"));
