// What can be done with the selected line.

import { html, useState } from "../vendor/ui.js";
import { money, t } from "../texts/index.js";
import { Button, Dialog, Input, Keypad, Tabs } from "../look/index.js";
import { minor } from "./money.js";

/** @param {{register: import("./register.js").Register, line: import("./register.js").ShownLine}} properties */
export function LineActions({ register, line }) {
  const [open, setOpen] = useState("");
  const isPaid = register.totals.value.paid.length > 0;
  if (isPaid || line.ofOrder)
    return html`<p class="line-actions quiet small">${line.ofOrder ? t("register.line-of-order")
      : t("register.line-paid")}</p>`;
  if (line.returned)
    return html`<div class="line-actions">
      ${line.net < 0 && html`<${Button} icon="refresh" onClick=${() =>
        (register.exchange.value = line)}>${t("register.exchange.even")}<//>`}
      <${Button} kind="danger" icon="trash" onClick=${() =>
        register.remove(line)}>${t("register.return.remove")}<//>
    </div>`;
  const isKnown = line.number !== undefined;
  const isCounted = line.unit === "each" && isKnown && Boolean(line.sku);
  return html`<div class="line-actions">
    ${
      isCounted &&
      html`<${Button} icon="minus" aria-label=${t("register.less")} onClick=${() => register.setQuantity(line,
        line.milli - 1000)} />
      <${Button} aria-label=${`${t("register.quantity")} × ${line.milli / 1000}`}
        onClick=${() => setOpen("quantity")}>× ${line.milli / 1000}<//>
      <${Button} icon="add" aria-label=${t("register.more")} onClick=${() => register.setQuantity(line, line.milli
        + 1000)} />`
    }
    ${
      isKnown &&
      html`<${Button} icon="percent" onClick=${() => setOpen("discount")}>${t("register.discount")}<//>
      <${Button} icon="label" onClick=${() => setOpen("price")}>${t("register.price")}<//>`
    }
    <${Button} kind="danger" icon="trash" onClick=${() => register.remove(line)}>${t("register.remove")}<//>
    ${open === "quantity" && html`<${Quantity} register=${register} line=${line} onClose=${() => setOpen("")} />`}
    ${open === "discount" && html`<${Discount} register=${register} line=${line} onClose=${() => setOpen("")} />`}
    ${open === "price" && html`<${Price} register=${register} line=${line} onClose=${() => setOpen("")} />`}
  </div>`;
}

function Quantity({ register, line, onClose }) {
  const [digits, setDigits] = useState("");
  const set = (event) => {
    event.preventDefault();
    onClose();
    void register.setQuantity(line, Number(digits) * 1000);
  };
  return html`<${Dialog} title=${t("register.quantity")} onClose=${onClose}>
    <form class="stack" onSubmit=${set}>
      <${Input} label=${line.description} inputmode="numeric" pattern="[0-9]{1,4}" autofocus value=${digits}
        onInput=${(text) => setDigits(text.replace(/\D/g, "").slice(0, 4))} />
      <${Keypad} value=${digits} most=${4} onChange=${setDigits} />
      <${Button} kind="main" large type="submit" disabled=${!digits}>${t("register.set")}<//>
    </form>
  <//>`;
}

/** Reasons that are printed on the receipt. */
const DISCOUNTS = ["damaged", "short-date", "goodwill", "price-match"];

function Discount({ register, line, onClose }) {
  const [kind, setKind] = useState("percent");
  const [digits, setDigits] = useState("");
  const [reason, setReason] = useState("damaged");
  const amount = kind === "percent" ? Math.round((line.net * Math.min(Number(digits), 100)) / 100) : Number(digits);
  const give = (event) => {
    event.preventDefault();
    onClose();
    void register.discount(line, amount, t(`register.reason.${reason}`));
  };
  return html`<${Dialog} title=${t("register.discount")} onClose=${onClose}>
    <form class="stack" onSubmit=${give}>
      <p><strong>${line.description}</strong> ${money(line.net, register.lane.value)}</p>
      <${Tabs} label=${t("register.discount")} tabs=${[
        ["percent", t("register.percent")],
        ["amount", t("register.amount")],
      ]} value=${kind} onChange=${setKind} />
      <div class="row" role="group" aria-label=${t("register.reason")}>
        ${DISCOUNTS.map((one) => html`<${Button} key=${one} aria-pressed=${one === reason}
          onClick=${() => setReason(one)}>${t(`register.reason.${one}`)}<//>`)}
      </div>
      <output class="entered">${kind === "percent" ? `${digits || 0} %` : money(amount, register.lane.value)} <span
        class="quiet">−${money(amount, register.lane.value)}</span></output>
      <${Keypad} value=${digits} most=${kind === "percent" ? 2 : 7} onChange=${setDigits} />
      <${Button} kind="main" large type="submit" disabled=${!amount}>${t("register.discount.give")}<//>
    </form>
  <//>`;
}

const PRICES = ["shelf", "damaged", "price-match", "manager"];

function Price({ register, line, onClose }) {
  const [digits, setDigits] = useState("");
  const [reason, setReason] = useState("shelf");
  const amount = minor(digits);
  const set = (event) => {
    event.preventDefault();
    onClose();
    void register.setAmount(line, amount, t(`register.reason.${reason}`));
  };
  return html`<${Dialog} title=${t("register.price")} onClose=${onClose}>
    <form class="stack" onSubmit=${set}>
      <p><strong>${line.description}</strong> ${money(line.regular, register.lane.value)}</p>
      <div class="row" role="group" aria-label=${t("register.reason")}>
        ${PRICES.map((one) => html`<${Button} key=${one} aria-pressed=${one === reason}
          onClick=${() => setReason(one)}>${t(`register.reason.${one}`)}<//>`)}
      </div>
      <output class="entered">${money(amount, register.lane.value)}</output>
      <${Keypad} value=${digits} most=${8} onChange=${setDigits} />
      <${Button} kind="main" large type="submit" disabled=${!digits}>${t("register.price.set")}<//>
    </form>
  <//>`;
}
