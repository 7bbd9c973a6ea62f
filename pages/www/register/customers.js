// The customer of a basket: found or entered here, with tier, points and personal offers. Without HQ the store finds
// its customers all the same; without the hub it does not, and the basket is sold to nobody in particular.

import { effect, html, useEffect, useState } from "../vendor/ui.js";
import { Problem } from "../lib/api.js";
import { lookups, search as find, ways } from "../lib/customers.js";
import { explain } from "../lib/explain.js";
import { date, dateTime, money, number, t } from "../texts/index.js";
import { Badge, Button, Dialog, Empty, Icon, Input, Notice } from "../look/index.js";

/** @typedef {import("./register.js").Register} Register */

/** The profile follows the basket. @param {Register} register */
export function followCustomer(register) {
  effect(() => {
    const id = register.view.value?.customer ?? undefined;
    if (id === register.customer.peek()?.id) return;
    register.customer.value = id && { id };
    if (id)
      profileOf(register, id).then(
        (known) => register.customer.peek()?.id === id && (register.customer.value = known),
        () => {},
      );
  });
}

async function profileOf(register, id) {
  const [profile, points] = await Promise.all([
    register.api.get(`/customers/${id}`),
    register.api.get(`/customers/${id}/points`).catch(() => undefined),
  ]);
  return { ...profile, id, here: points };
}

/** @param {{register: Register, onClose: () => void}} properties */
export function Customers({ register, onClose }) {
  const { customer, isOnline } = register;
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const [enters, setEnters] = useState(false);
  const [scanned, setScanned] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  const search = async (wanted) => {
    setBusy(true);
    setWrong("");
    try {
      setFound(await find(register.api, wanted));
    } catch (error) {
      setWrong(explain(error));
    }
    setBusy(false);
  };
  useEffect(() => {
    const before = register.scanTaker;
    register.scanTaker = ({ data }) => {
      if (enters) return setScanned(data);
      setText(data);
      void search([{ card: data }]);
    };
    return () => (register.scanTaker = before);
  }, [enters]);
  const set = async (id) => {
    setBusy(true);
    const [answer] = await register.command([{ path: "/baskets/{basket}/customer", body: { customer: id } }]);
    try {
      await answer;
      await register.refresh();
      onClose();
    } catch (error) {
      setEnters(false);
      setWrong(explain(error));
      setBusy(false);
    }
  };

  if (enters)
    return html`<${Enter} register=${register} text=${text} scanned=${scanned}
      onBack=${() => setEnters(false)} onClose=${onClose} onEntered=${set} />`;
  return html`<${Dialog} title=${t("register.customer")} onClose=${onClose}>
    <div class="stack">
      ${!isOnline.value && html`<${Notice} kind="busy">${t("register.customer.offline")}<//>`}
      ${customer.value && html`<${Card} register=${register} one=${customer.value} onOff=${() => set(null)} />`}
      <form class="stack" onSubmit=${(event) => {
        event.preventDefault();
        void search(lookups(text.trim()));
      }}>
        <${Input} label=${t("register.customer.find")} hint=${t("register.customer.find.how")} type="search"
          maxlength="100" autofocus value=${text} onInput=${setText} />
        <div class="actions">
          <${Button} icon="add" disabled=${!isOnline.value} onClick=${() =>
            setEnters(true)}>${t("register.customer.new")}<//>
          <${Button} kind="main" type="submit" icon="search" busy=${busy} disabled=${!text.trim() ||
            !isOnline.value}>${t("register.find")}<//>
        </div>
      </form>
      ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
      ${found?.customers.length === 0 && html`<${Empty} icon="person" title=${t("register.customer.none")}
        text=${t("register.customer.none.how")} />`}
      <ul class="list" role="list">${(found?.customers ?? []).map(
        (one) => html`<li key=${one.id}>
        <span class="grow"><strong>${nameOf(one)}</strong>${one.tier && html` <${Badge} kind="note">${one.tier}<//>`}
          <br /><span class="quiet small">${ways(one)}</span></span>
        <${Button} kind="main" disabled=${busy} onClick=${() => set(one.id)}>${t("register.customer.choose")}<//>
      </li>`,
      )}</ul>
      ${found?.customers.length > 0 && html`<p class="quiet small">${found.as_of_ms ?
        t("register.customer.as-of", { at: dateTime(found.as_of_ms) }) : t("register.customer.never")}</p>`}
    </div>
  <//>`;
}

const nameOf = (one) => one.name || t("register.customer");

/** Who it is, and what they get. */
function Card({ register, one, onOff }) {
  const { lane } = register;
  return html`<section class="card stack">
    <div class="row spread"><h3>${nameOf(one)}</h3>${one.tier && html`<${Badge} kind="good">${one.tier}<//>`}</div>
    <p class="quiet">${ways(one)}</p>
    ${one.here && html`<p>${t("register.points", { n: one.here.points })} <span
      class="quiet">${money(one.here.amount, lane.value)}</span></p>`}
    ${one.offers?.length > 0 && html`<ul class="rules">${one.offers.map(({ code, until_ms: until }) => html`<li
      key=${code}>${t("register.customer.offer", { code, date: date(until) })}</li>`)}</ul>`}
    <${Button} icon="close" onClick=${onOff}>${t("register.customer.off")}<//>
  </section>`;
}

/** A new customer: one way to reach the person is enough. */
function Enter({ register, text, scanned, onBack, onClose, onEntered }) {
  /** @type {{name?: string, phone?: string, email?: string, card?: string}} */
  const lookup = text.trim() ? lookups(text.trim())[0] : {};
  const [name, setName] = useState(lookup.name ?? "");
  const [phone, setPhone] = useState(lookup.phone ?? "");
  const [email, setEmail] = useState(lookup.email ?? "");
  const [card, setCard] = useState(lookup.card ?? "");
  const [wrong, setWrong] = useState("");
  const [known, setKnown] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (scanned) setCard(scanned);
  }, [scanned]);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    setKnown("");
    const list = (value) => (value.trim() ? [value.trim()] : []);
    try {
      const body = { name: name.trim() || undefined, phones: list(phone), emails: list(email), cards: list(card) };
      const { customer } = await register.api.post("/customers", body, { patience: 10_000 });
      await onEntered(customer);
    } catch (error) {
      if (error instanceof Problem && error.type === "customer-known") setKnown(error.members.customer);
      else setWrong(explain(error));
    }
    setBusy(false);
  };
  return html`<${Dialog} title=${t("register.customer.new")} onClose=${onClose}>
    <form class="stack" onSubmit=${send}>
      ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
      ${known && html`<${Notice} kind="busy">${t("register.customer.known")}<${Button} onClick=${() =>
        onEntered(known)}>${t("register.customer.choose")}<//><//>`}
      <${Input} label=${t("register.customer.name")} maxlength="100" autofocus value=${name} onInput=${setName} />
      <${Input} label=${t("register.customer.phone")} type="tel" maxlength="32" value=${phone} onInput=${setPhone} />
      <${Input} label=${t("register.customer.email")} type="email" maxlength="100" value=${email}
        onInput=${setEmail} />
      <${Input} label=${t("register.customer.card")} hint=${t("register.customer.card.how")} maxlength="40"
        value=${card} onInput=${setCard} />
      <div class="actions"><${Button} icon="back" onClick=${onBack}>${t("register.cancel")}<//><${Button} kind="main"
        type="submit" busy=${busy} disabled=${!name.trim() || !(phone.trim() || email.trim() ||
          card.trim())}>${t("register.customer.enter")}<//></div>
    </form>
  <//>`;
}

/** The customer above the basket. */
export function CustomerRow({ register, onOpen }) {
  const one = register.customer.value;
  if (!one) return undefined;
  return html`<button type="button" class="customer" onClick=${() => onOpen("customer")}>
    <${Icon} name="person" /><span class="grow"><strong>${nameOf(one)}</strong></span>
    ${one.tier && html`<${Badge} kind="good">${one.tier}<//>`}
    ${one.here && html`<span class="quiet">${t("register.points", { n: one.here.points })}</span>`}
  </button>`;
}

/** Points as money: as many as are due, or as there are. */
export function Points({ register, disabled }) {
  const { customer, totals, lane } = register;
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const one = customer.value;
  // A customer without an account of points has none to redeem.
  if (!one?.here) return undefined;
  const due = totals.value.due;
  const pay = async () => {
    setBusy(true);
    setWrong("");
    try {
      const presented = await register.api.post(`/customers/${one.id}/points/present`, { amount: due });
      const amount = Math.min(presented.available, due);
      if (amount > 0) await register.payGiftCard({ presented: presented.presented, amount });
      else setWrong(t("register.points.none"));
    } catch (error) {
      setWrong(explain(error));
    }
    setBusy(false);
  };
  const most = Math.min(one.here?.amount ?? 0, due);
  return html`${wrong && html`<${Notice} kind="bad">${wrong}<//>`}<${Button} wide icon="star" busy=${busy}
    disabled=${disabled} onClick=${pay}>${most > 0 ? t("register.points.pay", { amount: money(most, lane.value) })
      : t("register.points.redeem")}<//>`;
}
