// The sales of this store: shown, printed again, voided on their day.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, t, time } from "../texts/index.js";
import { Button, Dialog, Empty, Input, Notice, Spinner, toast } from "../look/index.js";
import { Email, Receipt } from "./done.js";

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Sales({ register, onClose }) {
  const [sales, setSales] = useState(/** @type {any[] | undefined} */ (undefined));
  const [wrong, setWrong] = useState("");
  const [wanted, setWanted] = useState("");
  const [chosen, setChosen] = useState(/** @type {any} */ (undefined));
  const [shown, setShown] = useState("");
  useEffect(
    () => void register.api.get("/sales", { limit: 100 }).then(setSales, (error) => setWrong(explain(error))),
    [],
  );
  const open = (id) => register.api.get(`/sales/${id}`).then(setChosen, (error) => setWrong(explain(error)));
  // A receipt's code is its sale's id.
  useEffect(() => {
    register.scanTaker = ({ data }) => void open(data);
    return () => (register.scanTaker = undefined);
  }, []);
  const found = (sales ?? []).filter(({ receipt, receipt_prefix: prefix }) =>
    `${prefix ?? ""}${receipt}`.includes(wanted.trim()),
  );
  if (chosen)
    return html`<${One} register=${register} sale=${chosen} onBack=${() => setChosen(undefined)} onClose=${onClose} />`;
  return html`<${Dialog} title=${t("register.sales")} wide onClose=${onClose}>
    <${Input} label=${t("register.sales.find")} hint=${t("register.sales.find.how")} inputmode="numeric" value=${wanted}
      onInput=${setWanted} />
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${!sales && !wrong && html`<${Spinner} />`}
    ${sales && found.length === 0 && html`<${Empty} icon="receipt" title=${t("register.sales.none")} />`}
    <ul class="list" role="list">
      ${found.slice(0, 40).map(
        ({
          sale,
          receipt,
          receipt_prefix: prefix,
          register: by,
          sold_at_ms: at,
          lines,
          totals,
        }) => html`<li key=${sale}>
        <span class="grow"><strong>${prefix}${receipt}</strong> <span
          class="quiet">${time(at)} · ${by} · ${t("register.lines", { n: lines })}</span></span>
        <span class="number">${money(totals.net + (totals.charges ?? 0) + (totals.added_tax ?? 0),
          register.lane.value)}</span>
        <${Button} onClick=${() => open(sale)}>${t("register.show")}<//>
      </li>`,
      )}
    </ul>
    ${shown && html`<${Receipt} register=${register} sale=${shown} onClose=${() => setShown("")} />`}
  <//>`;
}

function One({ register, sale, onBack, onClose }) {
  const [shown, setShown] = useState(false);
  const [reason, setReason] = useState("");
  const [isVoiding, setVoiding] = useState(false);
  const lane = register.lane.value;
  const print = () =>
    register.api.post(`/sales/${sale.id}/reprint`).then(
      () => toast(t("register.receipt.printed")),
      (error) => toast(explain(error), { kind: "bad" }),
    );
  const voided = async () => {
    try {
      const { cash } = await register.api.post(`/sales/${sale.id}/void`, { reason }, { timeout: 100_000 });
      toast(cash > 0 ? t("register.void.cash", { amount: money(cash, lane) }) : t("register.void.done"));
      onBack();
    } catch (error) {
      if (error?.type === "override-needed") {
        onClose();
        register.ask({ kind: "override", problem: error, again: voided });
      } else toast(explain(error), { kind: "bad" });
    }
  };
  return html`<${Dialog} title=${t("register.receipt.number", { number: `${sale.receipt_prefix ??
    ""}${sale.receipt}` })} onClose=${onBack}>
    <p class="quiet">${dateTime(sale.sold_at_ms)} · ${sale.register}</p>
    <ul class="list" role="list">${sale.lines.filter(({ voided: gone }) => !gone).map((line) => html`<li
      key=${line.number}><span class="grow">${line.description}</span><span
        class="number">${money(line.regular, lane)}</span></li>`)}</ul>
    <p class="row spread"><strong>${t("register.total")}</strong><strong
      class="number">${money(sale.totals.net + (sale.totals.charges ?? 0) + (sale.totals.added_tax ?? 0),
        lane)}</strong></p>
    ${
      isVoiding
        ? html`<form class="stack" onSubmit=${(event) => (event.preventDefault(), void voided())}>
          <${Input} label=${t("register.reason")} maxlength="100" autofocus value=${reason} onInput=${setReason} />
          <div class="actions"><${Button} onClick=${() => setVoiding(false)}>${t("register.cancel")}<//><${Button}
            kind="danger" type="submit" disabled=${!reason.trim()}>${t("register.void")}<//></div>
        </form>`
        : html`<div class="actions">
          <${Button} icon="receipt" onClick=${() => setShown(true)}>${t("register.receipt.show")}<//>
          <${Button} icon="printer" onClick=${print}>${t("register.receipt.print")}<//>
          ${sale.customer && html`<${Email} register=${register} sale=${sale.id} />`}
          ${!sale.voids && html`<${Button} kind="danger" icon="trash" onClick=${() =>
            setVoiding(true)}>${t("register.void")}<//>`}
        </div>`
    }
    ${shown && html`<${Receipt} register=${register} sale=${sale.id} onClose=${() => setShown(false)} />`}
  <//>`;
}
