// Goods that came back in all stores: the newest first, with the decision and its rules. Alarms of returns are under
// alarms.

import { html, useState } from "../vendor/ui.js";
import { dateTime, number, t } from "../texts/index.js";
import { to } from "../lib/route.js";
import { Badge, Figure, Select, Table } from "../look/index.js";
import { Loaded, useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { all, amount } from "./state.js";

const SPANS = [1, 7, 30];
const DAY_MS = 24 * 60 * 60 * 1000;

const OUTCOMES = { authorize: "good", authorize_with_override: "busy", deny_overrideable: "bad" };

export function Returns() {
  const [days, setDays] = useState("7");
  const returns = useLoad(
    async () => (await all("/returns", { since_ms: Date.now() - Number(days) * DAY_MS })).reverse(),
    [days],
    30_000,
  );
  return html`<div class="head">
      <h1>${t("fleet.view.returns")}</h1>
      <${Select}
        label=${t("fleet.span")}
        options=${SPANS.map((one) => [String(one), t("fleet.last_days", { n: one })])}
        value=${days}
        onChange=${setDays}
      />
    </div>
    <${Loaded} of=${returns} empty=${{ icon: "check", title: t("fleet.no_returns") }}
      >${(rows) => html`<${Shown} rows=${rows} />`}<//
    >`;
}

function Shown({ rows }) {
  const flagged = rows.filter(({ outcome }) => outcome !== "authorize");
  const without = rows.filter(({ of_sale: sale }) => !sale);
  return html`<section class="figures" aria-label=${t("fleet.view.figures")}>
      <${Figure} name=${t("fleet.returns.tickets")} value=${number(rows.length)} />
      <${Figure} name=${t("fleet.returns.flagged")} value=${number(flagged.length)} />
      <${Figure} name=${t("fleet.returns.without")} value=${number(without.length)} />
    </section>
    <section class="card">
      <${Table}
        label=${t("fleet.view.returns")}
        rows=${rows.slice(0, 500)}
        id=${(row) => [row.store, row.sale, row.place].join(" ")}
        columns=${[
          { title: t("fleet.at"), brief: true, cell: (row) => dateTime(row.at_ms) },
          { title: t("fleet.store"), cell: (row) => html`<a href=${to("stores", row.store)}>${row.store}</a>` },
          {
            title: t("fleet.returns.receipt"),
            cell: (row) => (row.of_sale ? `${row.of_store ?? row.store} · ${row.of_sale}` : t("fleet.returns.none")),
          },
          { title: t("fleet.returns.verified"), cell: (row) => word("validated", row.validated) },
          {
            title: t("fleet.returns.decision"),
            cell: (row) => html`<${Badge} kind=${OUTCOMES[row.outcome] ?? ""}>${word("outcome", row.outcome)}<//>`,
          },
          {
            title: t("fleet.returns.rules"),
            cell: (row) =>
              row.rules
                .split(" ")
                .filter(Boolean)
                .map((name) => word("return_rule", name))
                .join(", "),
          },
          {
            title: t("fleet.by"),
            cell: (row) => [row.operator ?? row.register, row.approved_by].filter(Boolean).join(", "),
          },
          { title: t("fleet.refunds.amount"), number: true, cell: (row) => amount(row.refund, row.currency) },
        ]}
      />
    </section>`;
}
