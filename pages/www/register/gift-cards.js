// Gift cards and store credit: paid with, and sold.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { money, t } from "../texts/index.js";
import { Button, Dialog, Input, Keypad, Notice } from "../look/index.js";
import { minor } from "./money.js";

/**
 * The number of a card, scanned or typed.
 * @param {import("./register.js").Register} register
 * @param {(number: string) => void} onNumber
 */
function useCardScan(register, onNumber) {
  useEffect(() => {
    const before = register.scanTaker;
    register.scanTaker = ({ data }) => onNumber(data);
    return () => (register.scanTaker = before);
  }, []);
}

/** Pays what is due, or what the card has. */
export function GiftCard({ register, onClose }) {
  const { totals, lane } = register;
  const [card, setCard] = useState("");
  const [pin, setPin] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  useCardScan(register, setCard);
  const pay = async (event) => {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    try {
      const due = totals.value.due;
      const { presented, available } = await register.api.post("/gift-cards/present", {
        card: card.trim(),
        pin: pin || undefined,
        amount: due,
      });
      const amount = Math.min(available, due);
      if (amount > 0) {
        await register.payGiftCard({ presented, amount });
        return onClose();
      }
      setWrong(t("register.gift-card.empty"));
    } catch (error) {
      setWrong(explain(error));
    }
    setBusy(false);
  };
  return html`<form class="card stack" onSubmit=${pay}>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    <${Input} label=${t("register.gift-card.number")} hint=${t("register.gift-card.how")} autofocus value=${card}
      onInput=${setCard} />
    <${Input} label=${t("register.pin")} type="password" inputmode="numeric" maxlength="12" value=${pin}
      onInput=${setPin} />
    <div class="row"><${Button} kind="main" type="submit" busy=${busy}
      disabled=${!card.trim()}>${t("register.gift-card.pay", { amount: money(totals.value.due, lane.value) })}<//>
      <${Button} kind="plain" onClick=${onClose}>${t("register.cancel")}<//></div>
  </form>`;
}

/** Puts a new card, or more on a card, into the basket. */
export function SellGiftCard({ register, onClose }) {
  const [card, setCard] = useState("");
  const [digits, setDigits] = useState("");
  useCardScan(register, setCard);
  const sell = (event) => {
    event.preventDefault();
    onClose();
    void register.sellGiftCard({ amount: minor(digits), card: card.trim() || undefined });
  };
  return html`<${Dialog} title=${t("register.gift-card.sell")} onClose=${onClose}>
    <form class="stack" onSubmit=${sell}>
      <${Input} label=${t("register.gift-card.number")} hint=${t("register.gift-card.new")} value=${card}
        onInput=${setCard} />
      <output class="entered">${money(minor(digits), register.lane.value)}</output>
      <${Keypad} value=${digits} most=${6} onChange=${setDigits} />
      <${Button} kind="main" large type="submit" disabled=${!minor(digits)}>${t("register.add-line")}<//>
    </form>
  <//>`;
}
