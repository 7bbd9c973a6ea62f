// The selling screen: the basket on one side, what goes into it on the other.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { money, quantity, t } from "../texts/index.js";
import { Badge, Button, Empty, Icon, Notice, toast } from "../look/index.js";
import { Add } from "./add.js";
import { CustomerRow, Customers } from "./customers.js";
import { Done } from "./done.js";
import { OrderElsewhere } from "./elsewhere.js";
import { SellGiftCard } from "./gift-cards.js";
import { LineActions } from "./line-actions.js";
import { Menu } from "./menu.js";
import { Orders } from "./orders.js";
import { Parked, ParkNote } from "./parked.js";
import { Pay } from "./pay.js";
import { Question } from "./questions.js";
import { Refund } from "./refund.js";
import { Return } from "./returns.js";
import { Sales } from "./sales.js";
import { Report, Shift } from "./shift.js";
import { SignIn } from "./sign-in.js";
import { Suggestions } from "./suggestions.js";
import { isTraining, mayOpen, TrainingBand } from "./training.js";
import { Unsent } from "./unsent.js";

/** @typedef {import("./register.js").Register} Register */

/** Dialogs by name. */
const DIALOGS = {
  customer: Customers,
  elsewhere: OrderElsewhere,
  "gift-card": SellGiftCard,
  pay: Pay,
  parked: Parked,
  "park-note": ParkNote,
  menu: Menu,
  orders: Orders,
  refund: Refund,
  return: Return,
  sales: Sales,
  shift: Shift,
  unsent: Unsent,
};

/** @param {{register: Register}} properties */
export function Sell({ register }) {
  const [open, setOpenNow] = useState(/** @type {keyof typeof DIALOGS | ""} */ (""));
  const setOpen = (/** @type {keyof typeof DIALOGS | ""} */ name) =>
    (name === "" || mayOpen(register, name)) && setOpenNow(name);
  const search = useRef(/** @type {HTMLInputElement | null} */ (null));
  const { lines, totals, selected, isLocked, question, payment, done, report, isOnline } = register;
  const hasLines = lines.value.length > 0;
  const pay = () => setOpen(totals.value.owed < 0 ? "refund" : "pay");

  // A basket that comes or goes closes what was open.
  useEffect(() => {
    if (done.value) setOpen("");
  }, [done.value]);

  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      if (document.querySelector("dialog[open]") || isLocked.value) return;
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      const act = {
        F2: () => search.current?.focus(),
        F4: () => park(register),
        F6: () => setOpen("parked"),
        F7: () => setOpen("customer"),
        F8: () => totals.value.due > 0 && void register.payCard(),
        F9: () => hasLines && pay(),
        F10: () => setOpen("menu"),
      }[event.key];
      if (act) {
        event.preventDefault();
        return act();
      }
      if (isTyping) return;
      if (event.key === "/") {
        event.preventDefault();
        search.current?.focus();
      }
      const at = lines.value.findIndex(({ id }) => id === selected.value);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const next =
          lines.value[Math.max(0, Math.min(lines.value.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))];
        selected.value = next?.id;
      }
      if (event.key === "Delete" && at >= 0) void register.remove(lines.value[at]);
      if (event.key === "+" && at >= 0) void register.setQuantity(lines.value[at], lines.value[at].milli + 1000);
      if (event.key === "-" && at >= 0) void register.setQuantity(lines.value[at], lines.value[at].milli - 1000);
      if (event.key === "Escape") selected.value = undefined;
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  const Open = open ? DIALOGS[open] : undefined;
  return html`
    <${TrainingBand} register=${register} />
    <${Header} register=${register} onOpen=${setOpen} />
    <main class="sell">
      <section class="basket" aria-label=${t("register.basket")}>
        <div class="troubles">
          <${Troubles} register=${register} onOpen=${setOpen} />
          <${CustomerRow} register=${register} onOpen=${setOpen} />
          <${Exchange} register=${register} />
        </div>
        ${done.value && !hasLines ? html`<${Done} register=${register} />` : html`<${Lines} register=${register} />`}
        <${Suggestions} register=${register} />
        <${Total} register=${register} onPay=${pay} onPark=${() => (hasLines ? park(register)
          : setOpen("parked"))} />
      </section>
      <${Add} register=${register} search=${search} />
    </main>
    ${Open && html`<${Open} register=${register} onClose=${() => setOpen("")} onOpen=${setOpen} />`}
    ${payment.value && open !== "pay" && html`<${Pay} register=${register} onClose=${() => {}} />`}
    ${report.value && html`<${Report} register=${register} />`}
    ${question.value && html`<${Question} register=${register} />`}
    ${isLocked.value && html`<${SignIn} register=${register} />`}`;
}

/** @param {Register} register */
async function park(register) {
  if (!register.lines.value.length || !mayOpen(register, "parked")) return;
  if (!register.isOnline.value) return toast(t("register.park.offline"), { kind: "bad" });
  await register.park("");
}

function Header({ register, onOpen }) {
  const { lane, name, operator, operators, isOnline, outbox } = register;
  const unsent = outbox.closing.value.length + outbox.trouble.value.length;
  return html`<header class="top">
    <div class="grow">
      <strong>${lane.value?.store ?? t("register.title")}</strong>
      <span class="quiet small">${name}${operator.value ? ` · ${operator.value.name}` : ""}</span>
    </div>
    ${unsent > 0 && html`<${Button} kind=${outbox.trouble.value.length ? "danger" : ""} icon="receipt"
      onClick=${() => onOpen("unsent")}>${t("register.unsent.count", { n: unsent })}<//>`}
    <${Badge} kind=${isOnline.value ? "good" : "busy"}>${isOnline.value ? t("register.online")
      : t("register.offline")}<//>
    <${Button} kind="plain" icon="person" class="button plain wide-only"
      onClick=${() => onOpen("customer")}>${t("register.customer")}<//>
    <${Button} kind="plain" icon="order" class="button plain wide-only"
      onClick=${() => onOpen("orders")}>${t("register.orders")}<//>
    ${operators.value.length > 0 && html`<${Button} kind="plain" icon="lock" aria-label=${t("register.lock")}
      onClick=${() => register.lock()} />`}
    <${Button} kind="plain" icon="menu" onClick=${() => onOpen("menu")}>${t("register.menu")}<//>
  </header>`;
}

/** What keeps this register from working, where, and what to do. */
function Troubles({ register, onOpen }) {
  const { lane, isOnline, outbox, weight } = register;
  const devices = (lane.value?.devices ?? []).filter(
    ({ health, kind }) => ["offline", "attention"].includes(health.state) && kind !== "label_printer",
  );
  return html`
    ${!isOnline.value && html`<${Notice} kind="busy">${t("register.offline.why")}<//>`}
    ${outbox.trouble.value.length > 0 && html`<${Notice} kind="bad">${t("register.trouble.why", {
      n: outbox.trouble.value.length })}<${Button} onClick=${() => onOpen("unsent")}>${t("register.show")}<//><//>`}
    ${
      isOnline.value &&
      devices.map(
        ({ device, kind, health }) => html`<${Notice} key=${device} kind=${health.state === "offline" ? "bad" : "busy"}>
      <span><strong>${t(`register.device.${kind}`)}</strong> ${t(`register.device-trouble.${kind}`)} <span
        class="quiet small">${health.why}</span></span>
    <//>`,
      )
    }`;
}

/** The next item is the exchange for goods that come back. */
function Exchange({ register }) {
  const { exchange } = register;
  if (!exchange.value) return undefined;
  return html`<${Notice} kind="note"><span class="grow">${t("register.exchange.scan", {
    name: exchange.value.description })}</span><${Button} onClick=${() =>
    (exchange.value = undefined)}>${t("register.cancel")}<//><//>`;
}

function Lines({ register }) {
  const { lines, selected, lane } = register;
  const last = useRef(/** @type {HTMLElement | null} */ (null));
  const count = lines.value.length;
  useEffect(() => last.current?.scrollIntoView({ block: "nearest" }), [count, selected.value]);
  if (!count) {
    return html`<div class="lines"><${Empty} icon="scan" title=${t("register.empty")} text=${t("register.empty.how")}
      /></div>`;
  }
  return html`<div class="lines"><ul role="list">
    ${lines.value.map((line, place) => {
      const isSelected = line.id === selected.value;
      return html`<li key=${line.id} class=${`line ${isSelected ? "selected" : ""} ${line.waiting ? "waiting" : ""} ${
        line.returned ? "returned" : ""}`}
        ref=${isSelected || place === count - 1 ? last : undefined}>
        <button type="button" class="line-main" aria-expanded=${isSelected}
          onClick=${() => (selected.value = isSelected ? undefined : line.id)}>
          <span class="line-quantity number">${quantity(line)}</span>
          <span class="line-name">${line.description}
            ${line.returned && html`<span class="return-mark small">${line.net < 0 ? t("register.return.line")
              : t("register.exchange")}</span>`}
            ${line.price && (line.milli !== 1000 || line.unit !== "each") && html`<span
              class="quiet small">${t("register.unit-price", { price: money(line.price.minor, lane.value),
                unit: t(`register.unit.${line.price.per}`) })}</span>`}
            ${line.why.map(({ name, amount }, at) => html`<span key=${at} class="offer small">${name} <span
              class="number">−${money(amount, lane.value)}</span></span>`)}
          </span>
          <span class="line-amount number">${line.net !== line.regular && html`<s
            class="quiet small">${money(line.regular, lane.value)}</s>`}${money(line.net, lane.value)}</span>
          ${line.waiting && html`<span class="only-read">${t("register.line-waits")}</span>`}
        </button>
        ${isSelected && html`<${LineActions} register=${register} line=${line} />`}
      </li>`;
    })}
  </ul></div>`;
}

function Total({ register, onPay, onPark }) {
  const { totals, lines, lane, isOnline } = register;
  const { owed, due, discount, charges, tax, paid, pieces, isEstimate } = totals.value;
  const [sure, setSure] = useState(false);
  const hasLines = lines.value.length > 0;
  // More comes back than is sold.
  const owes = owed < 0;
  useEffect(() => setSure(false), [hasLines]);
  if (!lane.value) return html`<div class="total"></div>`;
  return html`<div class="total">
    <dl>
      ${discount > 0 && html`<dt>${t("register.saved")}</dt><dd class="offer">−${money(discount, lane.value)}</dd>`}
      ${charges !== 0 && html`<dt>${t("register.charges")}</dt><dd>${money(charges, lane.value)}</dd>`}
      ${tax !== 0 && html`<dt>${t("register.tax")}</dt><dd>${money(tax, lane.value)}</dd>`}
      ${paid.map((tender) => html`<dt
        key=${tender.number}>${t(`register.tender.${tender.tender}`)}</dt><dd>${tender.amount > 0 ? "−" : ""}${
          money(Math.abs(tender.amount), lane.value)}</dd>`)}
      <dt class="grand">${owes ? t("register.refund.owed") : paid.length ? t("register.due")
        : t("register.total")} <span
        class="quiet small">${hasLines ? t("register.pieces", { n: pieces }) : ""}</span></dt>
      <dd class="grand" aria-live="polite" data-estimate=${isEstimate ? "" : undefined}>${money(owes ? -due
        : paid.length ? Math.max(0, due) : owed, lane.value)}</dd>
    </dl>
    <div class="total-keys">
      ${
        hasLines &&
        paid.length === 0 &&
        (sure
          ? html`<${Button} kind="danger" large icon="trash" onClick=${() =>
            register.abandon()}>${t("register.abandon.sure")}<//>`
          : html`<${Button} kind="plain" large icon="trash" aria-label=${t("register.abandon")}
            onClick=${() => setSure(true)} />`)
      }
      <${Button} large icon="park" disabled=${isTraining(register) || !isOnline.value || paid.length > 0}
        onClick=${onPark}>${hasLines ? t("register.park") : t("register.recall")}<//>
      <${Button} kind="main" large class="button main large grow" icon=${owes ? "return" : "cash"}
        disabled=${!hasLines} onClick=${onPay}>${owes ? t("register.refund") : t("register.pay")}<//>
    </div>
  </div>`;
}
