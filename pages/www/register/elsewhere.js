// Orders that are placed here for another store or the warehouse: what is in the basket, at its prices. HQ confirms or
// refuses each; until then it can be withdrawn.

import { html, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, quantity, t } from "../texts/index.js";
import { Badge, Button, Dialog, Input, Notice, Select, TextArea, toast } from "../look/index.js";
import { ActButton, Loaded, useLoad } from "../look/load.js";

/** What the API needs to know about each way to get the goods. */
const KINDS = ["reserve", "endless_aisle"];
const DAYS = ["1", "2", "3", "5", "7", "14"];
const DAY = 24 * 60 * 60 * 1000;
const PAGE = 500;
const SHOWN = 20;

/** All orders that were placed here: the list is by their ids. @param {import("../lib/api.js").Api} api */
async function allPlaced(api) {
  const all = [];
  for (let after; ; ) {
    const page = await api.get("/placed-orders", { limit: PAGE, after });
    all.push(...page);
    if (page.length < PAGE) break;
    after = page.at(-1).placed.order.terms.order;
  }
  return all.sort((one, other) => other.placed.at_ms - one.placed.at_ms).slice(0, SHOWN);
}

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function OrderElsewhere({ register, onClose }) {
  const { lines, totals, lane } = register;
  const placed = useLoad(() => allPlaced(register.api), [], 3000);
  const fit = lines.value.filter((line) => line.sku && line.price && !line.keyed && !line.returned && !line.waiting);
  const isPaid = totals.value.paid.length > 0;
  return html`<${Dialog} title=${t("register.elsewhere-order")} wide onClose=${onClose}>
    ${
      fit.length > 0 && !isPaid
        ? html`<p>${t("register.elsewhere-order.how")}</p>
          <ul class="list" role="list">${fit.map((line) => html`<li key=${line.id}><span
            class="grow">${quantity(line)} × ${line.description}</span><span
            class="number">${money(line.regular, lane.value)}</span></li>`)}</ul>
          ${fit.length < lines.value.length && html`<${Notice}
            kind="busy">${t("register.elsewhere-order.left-out")}<//>`}
          <${Form} register=${register} lines=${fit} onPlaced=${placed.again} />`
        : html`<${Notice}>${t("register.elsewhere-order.empty")}<//>`
    }
    <section class="stack"><h3>${t("register.elsewhere-order.list")}</h3>
      <${Loaded} of=${placed} empty=${{ icon: "store", title: t("register.orders.none") }}>${(all) => html`<ul
        class="list" role="list">${all.map((one) => html`<${One} key=${one.placed.order.terms.order}
          register=${register} one=${one} again=${placed.again} />`)}</ul>`}<//>
    </section>
  <//>`;
}

function Form({ register, lines, onPlaced }) {
  const known = register.customer.value;
  const [form, setForm] = useState({
    kind: KINDS[0],
    name: known?.name ?? "",
    phone: known?.phones?.[0] ?? "",
    store: "",
    zone: "",
    address: "",
    reference: "",
    days: DAYS[1],
  });
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const isSent = form.kind === "endless_aisle";
  const field = (name, label, more = {}) => html`<${Input} label=${label} maxlength="120" value=${form[name]}
    onInput=${(text) => setForm({ ...form, [name]: text })} ...${more} />`;
  const place = async (event) => {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    const address = form.address
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const body = {
      kind: form.kind,
      to: isSent ? { zone: form.zone.trim() } : { store: form.store.trim() },
      customer: {
        id: known?.id,
        name: form.name.trim(),
        phone: form.phone.trim() || undefined,
        address: isSent ? address : undefined,
      },
      payment: isSent ? { by: "prepaid", reference: form.reference.trim() } : { by: "at_pickup" },
      due_ms: Date.now() + Number(form.days) * DAY,
      lines: lines.map(({ sku, description, price, milli, unit, age }, at) => ({
        number: at + 1,
        sku,
        description,
        price: { minor: price.minor, per: price.per },
        quantity: { milli, unit },
        minimum_age: age,
      })),
    };
    try {
      const { placed } = await register.api.post("/placed-orders", body, { patience: 5000 });
      toast(t("register.elsewhere-order.placed", { order: placed.order.terms.order }));
      await register.abandon();
      onPlaced();
    } catch (error) {
      setWrong(explain(error));
      setBusy(false);
    }
  };
  return html`<form class="stack" onSubmit=${place}>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    <${Select} label=${t("register.elsewhere-order.kind")} value=${form.kind} onChange=${(kind) =>
      setForm({ ...form, kind })} options=${KINDS.map((one) => [one, t(`register.elsewhere-order.kind.${one}`)])} />
    <div class="columns">
      ${field("name", t("register.customer.name"), { required: true })}
      ${field("phone", t("register.customer.phone"), { type: "tel" })}
      ${isSent ? field("zone", t("register.elsewhere-order.zone"), { required: true })
        : field("store", t("register.elsewhere-order.store"), { required: true })}
      <${Select} label=${t("register.elsewhere-order.days")} value=${form.days} onChange=${(days) =>
        setForm({ ...form, days })} options=${DAYS.map((one) => [one, one])} />
      ${isSent && field("reference", t("register.elsewhere-order.reference"), { required: true })}
    </div>
    ${isSent && html`<${TextArea} label=${t("register.elsewhere-order.address")} required rows="4" maxlength="600"
      value=${form.address} onInput=${(address) => setForm({ ...form, address })} />`}
    <${Button} kind="main" large type="submit" icon="order" busy=${busy}
      disabled=${!register.isOnline.value}>${t("register.elsewhere-order.place")}<//>
  </form>`;
}

const STATES = { waiting: "busy", accepted: "good", refused: "bad", withdrawn: "" };

function One({ register, one, again }) {
  const { terms, lines } = one.placed.order;
  const about = [terms.order, t("register.lines", { n: lines.length }), dateTime(terms.due_ms)].join(" · ");
  const state = one.state === "answered" ? one.tracked.answer.answer : one.state;
  const withdraw = async () => {
    try {
      await register.api.post(`/placed-orders/${terms.order}/withdraw`, {}, { patience: 5000 });
      again();
    } catch (error) {
      toast(explain(error), { kind: "bad" });
    }
  };
  return html`<li>
    <span class="grow"><strong>${terms.customer?.name}</strong> <span class="quiet">${about}</span></span>
    <${Badge} kind=${STATES[state]}>${t(`register.elsewhere-order.state.${state}`)}<//>
    ${(state === "waiting" || state === "accepted") && html`<${ActButton}
      onAct=${withdraw}>${t("register.elsewhere-order.withdraw")}<//>`}
    ${state === "refused" && html`<small>${one.tracked.answer.why}</small>`}
  </li>`;
}
