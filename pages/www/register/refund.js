// Money that a basket owes the customer: each tender of the sale gets its share back, cards first, cash last.
//
//   planned ---> done
//      +-------> failed: the card declined or was given up; store credit takes its place
//
// A step has a key that is stored with the basket before it is sent. Without an answer, or after a reload, the same
// step is sent again with the same key, so nothing is given back twice, and the number of store credit is not lost.

import { html, useState } from "../vendor/ui.js";
import { newKey, NoAnswer, Problem } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { money, t } from "../texts/index.js";
import { Badge, Button, Check, Dialog, Input, Notice } from "../look/index.js";
import { Rules } from "./returns.js";
import { sound } from "./sounds.js";

/** @typedef {import("./register.js").Register} Register */

const MOST_STEPS = 20;
const KINDS = { planned: "note", done: "good", failed: "bad" };

/** The next step, or the ways before it has begun. @param {any} view */
function ways(view) {
  if (view?.refund?.length) return view.refund.filter(({ status }) => status.state === "planned");
  const ofTicket = ({ left = [], decision }) =>
    decision.store_credit_only || !left.length ? [{ to: "store_credit" }] : left.map(({ to }) => to);
  return (view?.returns ?? []).flatMap(ofTicket).map((refund) => ({ refund }));
}

const goesToCard = (view) => ways(view).some(({ refund }) => refund.to === "card");

/**
 * Gives back what is due, step by step; stops where a card fails, so that the cashier sees it.
 * @param {Register} register @param {{skip_card?: string, cash?: boolean}} request
 */
async function giveBack(register, request) {
  let body = request;
  for (let step = 0; step < MOST_STEPS; step++) {
    const basket = register.basket();
    const view = register.view.value;
    if (!basket?.hub || !view || register.payment.value) return;
    if (view.due >= 0) return void (await register.complete());
    const asked = basket.refund ?? { key: newKey(), body };
    await register.outbox.put({ ...basket, refund: asked });
    if (goesToCard(view)) register.payment.value = { text: t("register.card-wait"), amount: -view.due };
    const failed = count(view.refund, "failed");
    try {
      const { steps, totals, due, store_credit: credit } = await register.api.post(
        `/baskets/${basket.hub}/refunds`,
        asked.body,
        { key: asked.key, patience: 20_000, timeout: 100_000 },
      );
      await register.outbox.put({ ...basket, refund: undefined, credit: credit ?? basket.credit });
      register.view.value = { ...view, refund: steps, totals, due };
      if (count(steps, "failed") > failed && due < 0) return sound("refused");
    } catch (error) {
      // A refusal has changed nothing; without an answer, or after a failure of the hub, the step may be done.
      const isRefused = error instanceof Problem && error.wait === 0 && error.status < 500;
      if (isRefused) await register.outbox.put({ ...basket, refund: undefined });
      throw error;
    } finally {
      register.payment.value = undefined;
    }
    body = {};
  }
}

const count = (steps, state) => (steps ?? []).filter(({ status }) => status.state === state).length;

/** @param {{register: Register, onClose: () => void}} properties */
export function Refund({ register, onClose }) {
  const { view, lane, isOnline } = register;
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const [skips, setSkips] = useState(false);
  const [reason, setReason] = useState("");
  const [cash, setCash] = useState(false);
  const basket = view.value;
  const due = Math.max(0, -(basket?.due ?? 0));
  const steps = basket?.refund ?? [];
  const rules = [...new Set((basket?.returns ?? []).flatMap(({ decision }) => decision.fired ?? []).map(rule))];

  const give = async (request) => {
    setBusy(true);
    setWrong("");
    setSkips(false);
    try {
      await giveBack(register, request);
    } catch (error) {
      setWrong(error instanceof NoAnswer ? t("register.refund.no-answer") : explain(error));
      await register.refresh();
    }
    setBusy(false);
  };
  return html`<${Dialog} title=${t("register.refund")} onClose=${onClose}>
    <div class="stack">
      <div class="due"><span class="quiet">${t("register.refund.owed")}</span><strong class="number"
        data-due>${money(due, lane.value)}</strong></div>
      ${!isOnline.value && html`<${Notice} kind="busy">${t("register.return.offline")}<//>`}
      ${rules.length > 0 && html`<${Notice} kind="note"><${Rules} rules=${rules} /><//>`}
      ${
        steps.length > 0
          ? html`<${Steps} steps=${steps} lane=${lane.value} />`
          : html`<p class="quiet">${t("register.refund.ways", { ways: names(ways(basket)).join(", ") })}</p>`
      }
      ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
      <${Button} kind="main" large wide icon="return" autofocus busy=${busy} disabled=${!isOnline.value}
        onClick=${() => give({})}>${due > 0 ? t("register.refund.give", { amount: money(due, lane.value) })
          : t("register.complete")}<//>
      ${
        due > 0 &&
        goesToCard(basket) &&
        !busy &&
        (skips
          ? html`<form class="card stack" onSubmit=${(event) => {
              event.preventDefault();
              void give({ skip_card: reason.trim(), cash });
            }}>
            <p>${t("register.refund.skip.how")}</p>
            <${Input} label=${t("register.reason")} maxlength="100" autofocus value=${reason} onInput=${setReason} />
            <${Check} label=${t("register.refund.skip.cash")} checked=${cash} onChange=${setCash} />
            <div class="row"><${Button} kind="danger" type="submit"
              disabled=${!reason.trim()}>${t("register.refund.skip.do")}<//><${Button} kind="plain"
              onClick=${() => setSkips(false)}>${t("register.cancel")}<//></div>
          </form>`
          : html`<${Button} kind="plain" onClick=${() => setSkips(true)}>${t("register.refund.skip")}<//>`)
      }
    </div>
  <//>`;
}

const rule = ({ rule: name }) => name;
const names = (all) => [...new Set(all.map(({ refund }) => t(`register.refund.to.${refund.to}`)))];

/** Where the money went, and how much. */
export const Steps = ({ steps, lane }) =>
  html`<ul class="list" role="list">${steps.map(
    ({ refund, amount, status }, at) => html`<li key=${at}>
    <span class="grow">${t(`register.refund.to.${refund.to}`)}${status.why && html` <span
      class="quiet small">${status.why}</span>`}</span>
    <${Badge} kind=${KINDS[status.state]}>${t(`register.refund.state.${status.state}`)}<//>
    <span class="number">${money(amount, lane)}</span>
  </li>`,
  )}</ul>`;
