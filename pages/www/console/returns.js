// Goods that came back, the rules that were overridden, refused attempts, and what is unusual about a shift, from the
// audit trail.

import { html } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { to } from "../lib/route.js";
import { Badge, Notice, Table } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { amount, api, who } from "./state.js";

const ACTS = ["goods_returned", "return_overridden", "return_alert", "return_refused"];
/** Entries per request, and requests: how far back the view looks. */
const SIZE = 100;
const PAGES = 12;

/** The latest entries about returns. */
async function latest() {
  const found = [];
  let before;
  for (let page = 0; page < PAGES; page++) {
    const entries = await api.get("/audit", { limit: SIZE, before });
    found.push(...entries.filter(({ act }) => ACTS.includes(act)));
    if (entries.length < SIZE) break;
    before = entries.at(-1).number;
  }
  return found;
}

export function Returns() {
  const entries = useLoad(latest, [], 30_000);
  return html`<div class="head"><h1>${t("console.view.returns")}</h1></div>
    <${Loaded}
      of=${entries}
      empty=${{ icon: "check", title: t("console.returns.none"), text: t("console.returns.none.text") }}
      >${(all) => html`<${Shown} all=${all} />`}<//
    >`;
}

const rules = (names) => names.map((name) => word("return_rule", name)).join(", ");

function Shown({ all }) {
  const of = (act) => all.filter((entry) => entry.act === act);
  const [returned, overridden, alerts, refused] = ACTS.map(of);
  return html`${alerts.map(
      ({ number, at_ms: at, who: actor, details }) =>
        html`<${Notice} key=${number} kind="bad"
          ><span class="grow"
            ><strong>${word("return_alert", details.alert)}</strong><br /><span class="small"
              >${[
                who(actor),
                dateTime(at),
                t("console.returns.alert", { n: details.returns, keyed: details.keyed }),
              ].join(" · ")}</span
            ></span
          ><a href=${to("cash", "shifts", details.shift)}>${details.shift}</a><//
        >`,
    )}
    ${
      overridden.length > 0 &&
      html`<section class="card">
        <h2>${t("console.returns.overridden")}</h2>
        <${Table}
          label=${t("console.returns.overridden")}
          rows=${overridden}
          id=${(row) => row.number}
          columns=${[
            { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
            { title: t("console.returns.rules"), cell: (row) => rules(row.details.rules) },
            { title: t("console.reason"), cell: (row) => row.details.reason },
            { title: t("console.by"), cell: (row) => who(row.who) },
            { title: t("console.amount"), number: true, cell: (row) => amount(row.details.amount) },
          ]}
        />
      </section>`
    }
    ${
      refused.length > 0 &&
      html`<section class="card">
        <h2>${t("console.returns.refused")}</h2>
        <${Table}
          label=${t("console.returns.refused")}
          rows=${refused}
          id=${(row) => row.number}
          columns=${[
            { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
            {
              title: t("console.receipt"),
              cell: ({ details: { of } }) => (of ? html`<${Origin} of=${of} />` : t("console.returns.no_receipt")),
            },
            { title: t("console.returns.rules"), cell: (row) => rules(row.details.rules) },
            { title: t("console.by"), cell: (row) => who(row.who) },
            { title: t("console.amount"), number: true, cell: (row) => amount(row.details.refund) },
          ]}
        />
      </section>`
    }
    <section class="card">
      <h2>${t("console.returns.returned")}</h2>
      <${Table}
        label=${t("console.returns.returned")}
        rows=${returned}
        id=${(row) => row.number}
        columns=${[
          { title: t("console.time"), brief: true, cell: (row) => dateTime(row.at_ms) },
          {
            title: t("console.receipt"),
            cell: ({ details: { of } }) => (of ? html`<${Origin} of=${of} />` : t("console.returns.no_receipt")),
          },
          {
            title: t("console.returns.sale"),
            cell: ({ details: { sale } }) => html`<a href=${to("sales", sale)}>${sale}</a>`,
          },
          {
            title: t("console.returns.rules"),
            cell: (row) =>
              row.details.rules.length > 0 ? html`<${Badge} kind="busy">${rules(row.details.rules)}<//>` : "–",
          },
          { title: t("console.by"), cell: (row) => who(row.who) },
          {
            title: t("console.returns.given"),
            cell: (row) =>
              Object.entries(row.details.given)
                .map(([tender, given]) => `${word("tender", tender)} ${amount(given)}`)
                .join(", "),
          },
          { title: t("console.amount"), number: true, cell: (row) => amount(row.details.refund) },
        ]}
      />
    </section>`;
}

/** The sale of the goods: a link, if this store sold them. */
const Origin = ({ of }) => (of.includes("/") ? of : html`<a href=${to("sales", of)}>${of}</a>`);
