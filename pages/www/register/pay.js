// Paying: cash with suggestions, card with the terminal's progress, coupons; several of them for one basket.

import { html, useEffect, useState } from "../vendor/ui.js";
import { money, t } from "../texts/index.js";
import { Button, Dialog, Icon, Input, Keypad, Notice, Spinner, Tabs } from "../look/index.js";
import { Points } from "./customers.js";
import { GiftCard } from "./gift-cards.js";
import { likelyCash, minor } from "./money.js";
import { isTraining } from "./training.js";

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Pay({ register, onClose }) {
  const { totals, lane, payment, isOnline, view } = register;
  const [how, setHow] = useState("cash");
  const [digits, setDigits] = useState("");
  const [busy, setBusy] = useState(false);
  const [giftCard, setGiftCard] = useState(false);
  const training = isTraining(register);
  const { due, paid } = totals.value;
  const inCash = Math.max(0, view.value?.due_in_cash ?? due);
  // A tender that was taken leaves another amount.
  useEffect(() => setDigits(""), [due]);

  const run = async (work) => {
    setBusy(true);
    await work();
    setBusy(false);
  };

  if (payment.value) {
    return html`<${Dialog} title=${t("register.card")} onClose=${() => {}}>
      <div class="card-progress" aria-live="assertive">
        <${Icon} name="card" />
        <strong>${money(payment.value.amount, lane.value)}</strong>
        <${Spinner} label=${payment.value.text} />
        <p class="quiet">${t("register.card.at-terminal")}</p>
        <${Button} kind="danger" large onClick=${() => register.abortCard()}>${t("register.card.abort")}<//>
      </div>
    <//>`;
  }

  const given = minor(digits);
  return html`<${Dialog} title=${t("register.pay")} wide onClose=${onClose}>
    <div class="pay">
      <div class="stack">
        <div class="due"><span class="quiet">${t("register.due")}</span><strong class="number"
          data-due>${money(inCash, lane.value)}</strong></div>
        ${paid.map(
          (tender) => html`<div key=${tender.number} class="row spread paid">
          <span>${t(`register.tender.${tender.tender}`)}</span><span class="number">${money(tender.amount,
            lane.value)}</span>
          <${Button} icon="back" onClick=${() => register.voidTender(tender.number)}>${t("register.give-back")}<//>
        </div>`,
        )}
        ${training && html`<${Notice} kind="note">${t("register.training.cash")}<//>`}
        <${Button} kind="main" large wide icon="card" disabled=${training || !isOnline.value || busy || due <= 0}
          onClick=${() => run(() => register.payCard(how === "part" && given > 0 && given < due ? given : undefined))}>
          ${how === "part" && given > 0 && given < due ? t("register.card.part", { amount: money(given, lane.value) })
            : t("register.card")}
        <//>
        ${!isOnline.value && html`<${Notice} kind="busy">${t("register.card.offline")}<//>`}
        ${due <= 0 && (paid.length > 0 || due === 0) && !busy && html`<${Button} kind="main" large wide
          onClick=${() => run(() => register.complete())}>${t("register.complete")}<//>`}
        ${
          training
            ? undefined
            : giftCard
            ? html`<${GiftCard} register=${register} onClose=${() => setGiftCard(false)} />`
            : html`<${Button} wide icon="card" disabled=${!isOnline.value || busy || due <= 0}
              onClick=${() => setGiftCard(true)}>${t("register.gift-card")}<//>`
        }
        ${!training && html`<${Points} register=${register} disabled=${!isOnline.value || busy || due <= 0} />`}
        <${Coupon} register=${register} />
      </div>
      <form class="stack" onSubmit=${(event) => {
        event.preventDefault();
        if (given > 0 && how === "cash") void run(() => register.payCash(given));
      }}>
        <${Tabs} label=${t("register.amount")} tabs=${[
          ["cash", t("register.cash")],
          ["part", t("register.part")],
        ]} value=${how} onChange=${setHow} />
        ${
          how === "cash" &&
          inCash > 0 &&
          html`<div class="suggestions" role="group" aria-label=${t("register.cash.suggestions")}>
          ${likelyCash(inCash, lane.value.currency_exponent).map(
            (
              amount,
              place,
            ) => html`<${Button} key=${amount} large disabled=${busy} autofocus=${place === 0}
              onClick=${() => run(() => register.payCash(amount))}>
            ${place === 0 ? t("register.cash.exact", { amount: money(amount, lane.value) }) : money(amount, lane.value)}
          <//>`,
          )}
        </div>`
        }
        <output class="entered" aria-live="polite">${money(given, lane.value)}
          ${how === "cash" && inCash > 0 && given > inCash && html`<span
            class="quiet small">${t("register.change-of", { amount: money(given - inCash, lane.value) })}</span>`}
        </output>
        <${Keypad} value=${digits} most=${9} onChange=${setDigits} />
        <${Button} large type=${how === "cash" ? "submit" : "button"} disabled=${!given || busy}
          onClick=${how === "part" ? () => run(() => register.payCash(Math.min(given, due - 1))) : undefined}>
          ${how === "cash" && given >= inCash ? t("register.cash.take") : t("register.cash.part")}
        <//>
      </form>
    </div>
  <//>`;
}

/** A coupon of the store changes prices; a manufacturer's is money. */
function Coupon({ register }) {
  const [open, setOpen] = useState(false);
  const [kind, setKind] = useState("store");
  const [code, setCode] = useState("");
  const [digits, setDigits] = useState("");
  useEffect(() => {
    if (!open) return undefined;
    register.scanTaker = ({ data }) => setCode(data);
    return () => (register.scanTaker = undefined);
  }, [open]);
  if (!open)
    return html`<${Button} wide icon="label" disabled=${!register.isOnline.value}
      onClick=${() => setOpen(true)}>${t("register.coupon")}<//>`;
  const use = async (event) => {
    event.preventDefault();
    if (kind === "store") {
      const { coupons = [] } = register.view.value?.buyer ?? {};
      await register.setBuyer({ coupons: [...coupons.map((one) => one.code), code] });
    } else await register.payCoupon({ amount: minor(digits), code: code || undefined });
    setOpen(false);
    setCode("");
  };
  return html`<form class="card stack" onSubmit=${use}>
    <${Tabs} label=${t("register.coupon")} tabs=${[
      ["store", t("register.coupon.store")],
      ["manufacturer", t("register.coupon.manufacturer")],
    ]} value=${kind} onChange=${setKind} />
    <${Input} label=${t("register.coupon.code")} value=${code} autofocus onInput=${setCode} />
    ${kind === "manufacturer" && html`<${Input} label=${t("register.amount")} inputmode="numeric"
      hint=${money(minor(digits), register.lane.value)} value=${digits}
        onInput=${(text) => setDigits(text.replace(/\D/g, "").slice(0, 7))} />`}
    <div class="row"><${Button} kind="main" type="submit" disabled=${kind === "store" ? !code
      : !minor(digits)}>${t("register.coupon.use")}<//><${Button} kind="plain"
        onClick=${() => setOpen(false)}>${t("register.cancel")}<//></div>
  </form>`;
}
