// After a sale: the change, and what becomes of the receipt. The next scan begins the next basket.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { generate } from "../vendor/lean-qr.js";
import { explain } from "../lib/explain.js";
import { money, t } from "../texts/index.js";
import { Button, Dialog, Icon, Notice, Spinner, toast } from "../look/index.js";
import { Steps } from "./refund.js";

/** @param {{register: import("./register.js").Register}} properties */
export function Done({ register }) {
  const { done, lane } = register;
  const [receipt, setReceipt] = useState(false);
  const sale = done.value;
  const change = sale.isWaiting ? sale.change : sale.totals.change;
  const print = async () => {
    try {
      await register.api.post(`/sales/${sale.sale}/reprint`);
      toast(t("register.receipt.printed"));
    } catch (error) {
      toast(explain(error), { kind: "bad" });
    }
  };
  return html`<div class="done" role="status">
    <${Icon} name="check" />
    ${
      sale.refund?.length
        ? html`<${Refunded} sale=${sale} lane=${lane.value} />`
        : change > 0
          ? html`<p class="quiet">${t("register.change")}</p><strong class="number"
          data-change>${money(change, lane.value)}</strong>`
          : html`<strong>${t("register.done")}</strong>`
    }
    ${
      sale.isWaiting
        ? html`<${Notice} kind="busy">${t("register.done.waits")}<//>`
        : html`<p class="quiet">${t("register.receipt.number", { number: `${sale.receipt_prefix ??
          ""}${sale.receipt}` })}</p>
        <div class="row">
          <${Button} icon="receipt" onClick=${() => setReceipt(true)}>${t("register.receipt.show")}<//>
          ${!sale.training && html`<${Button} icon="printer" onClick=${print}>${t("register.receipt.print")}<//>`}
          ${sale.customer && html`<${Email} register=${register} sale=${sale.sale} />`}
        </div>`
    }
    ${receipt && html`<${Receipt} register=${register} sale=${sale.training ? sale.receipt : sale.sale}
      training=${sale.training} onClose=${() => setReceipt(false)} />`}
  </div>`;
}

/** Sends the receipt to the customer of the sale, by way of HQ. */
export function Email({ register, sale }) {
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    try {
      await register.api.post(`/sales/${sale}/email`, {}, { patience: 5000 });
      toast(t("register.receipt.emailed"));
    } catch (error) {
      toast(explain(error), { kind: "bad" });
    }
    setBusy(false);
  };
  return html`<${Button} icon="send" busy=${busy} onClick=${send}>${t("register.receipt.email")}<//>`;
}

/** What the customer gets: cash first, because somebody has to hand it over. */
function Refunded({ sale, lane }) {
  const done = sale.refund.filter(({ status }) => status.state === "done");
  const cash = done.filter(({ refund }) => refund.to === "cash").reduce((sum, { amount }) => sum + amount, 0);
  return html`
    ${cash > 0 ? html`<p class="quiet">${t("register.refund.cash")}</p><strong class="number"
      data-refund>${money(cash, lane)}</strong>` : html`<strong>${t("register.refund.done")}</strong>`}
    ${(done.length > 1 || cash === 0) && html`<${Steps} steps=${done} lane=${lane} />`}
    ${sale.credit && html`<${Notice} kind="busy">${t("register.refund.credit", { card: sale.credit })}<//>`}`;
}

/** A receipt as it was printed, with a code by which it is found again; one of training is not. */
export function Receipt({ register, sale, training = false, onClose }) {
  const [lines, setLines] = useState(/** @type {string[] | undefined} */ (undefined));
  const [wrong, setWrong] = useState("");
  const code = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    const root = training ? "/training" : "";
    register.api.get(`${root}/sales/${sale}/receipt`).then(setLines, (error) => setWrong(explain(error)));
  }, [sale]);
  useEffect(() => {
    if (lines && code.current)
      generate(sale).toCanvas(code.current, { on: [27, 31, 35, 255], off: [255, 255, 255, 255], padX: 4, padY: 4 });
  }, [lines]);
  return html`<${Dialog} title=${t("register.receipt")} onClose=${onClose}>
    ${
      wrong
        ? html`<${Notice} kind="bad">${wrong}<//>`
        : !lines
          ? html`<${Spinner} />`
          : html`<div class="receipt">
      <div class="paper" tabindex="0" role="region" aria-label=${t("register.receipt")}>${lines.join("\n")}</div>
      ${!training && html`<figure><canvas ref=${code} role="img"
        aria-label=${t("register.receipt.code")}></canvas><figcaption
        class="quiet small">${t("register.receipt.code")}</figcaption></figure>`}
    </div>`
    }
  <//>`;
}
