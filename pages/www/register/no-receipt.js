// Sales whose receipt is missing: found by an order, a serial number or a customer, for the cashier to choose from.

import { html, useEffect, useState } from "../vendor/ui.js";
import { lookups, search as findCustomers, ways } from "../lib/customers.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, t } from "../texts/index.js";
import { Button, Empty, Input, Notice, Tabs } from "../look/index.js";

/** @typedef {import("./register.js").Register} Register */

/** @param {{register: Register, onChosen: (sale: {store?: string, sale: string}) => void}} properties */
export function NoReceipt({ register, onChosen }) {
  const [how, setHow] = useState("order");
  const [text, setText] = useState("");
  const [people, setPeople] = useState(/** @type {any} */ (undefined));
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const customer = register.customer.value;

  const ask = async (work) => {
    setBusy(true);
    setWrong("");
    setPeople(undefined);
    setFound(undefined);
    try {
      await work();
    } catch (error) {
      setWrong(explain(error));
    }
    setBusy(false);
  };
  const sales = (sought) => ask(async () => setFound(await register.api.post("/returns/search", sought)));
  const search = (by, value) =>
    by === "customer"
      ? ask(async () => setPeople((await findCustomers(register.api, lookups(value))).customers))
      : sales({ [by]: value });
  useEffect(() => {
    const before = register.scanTaker;
    register.scanTaker = ({ data }, decoded) => {
      const value = (how === "serial" && decoded?.code?.particulars?.serial) || data;
      setText(value);
      void search(how, value);
    };
    return () => (register.scanTaker = before);
  }, [how]);
  const choose = (by) => {
    setHow(by);
    setText("");
    setPeople(undefined);
    setFound(undefined);
    setWrong("");
  };

  return html`<form class="stack" onSubmit=${(event) => (event.preventDefault(), void search(how, text.trim()))}>
    <${Tabs} label=${t("register.return.sought")} tabs=${[
      ["order", t("register.return.sought.order")],
      ["serial", t("register.return.serial")],
      ["customer", t("register.customer")],
    ]} value=${how} onChange=${choose} />
    <${Input} label=${how === "order" ? t("register.return.sought.order") : how === "serial" ?
      t("register.return.serial") : t("register.customer.find")} maxlength="100" value=${text} onInput=${setText} />
    <div class="actions">
      ${how === "customer" && customer && html`<${Button} icon="person" disabled=${busy} onClick=${() =>
        sales({ customer: customer.id })}>${customer.name || t("register.customer")}<//>`}
      <${Button} kind="main" type="submit" icon="search" busy=${busy}
        disabled=${!text.trim() || !register.isOnline.value}>${t("register.find")}<//>
    </div>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${people?.length === 0 && html`<${Empty} icon="person" title=${t("register.customer.none")} />`}
    <ul class="list" role="list">${(people ?? []).map((one) => html`<li key=${one.id}>
      <span class="grow"><strong>${one.name || t("register.customer")}</strong><br /><span
        class="quiet small">${ways(one)}</span></span>
      <${Button} disabled=${busy} onClick=${() => sales({ customer: one.id })}>${t("register.customer.choose")}<//>
    </li>`)}</ul>
    ${found && !found.everywhere && html`<${Notice} kind="busy">${t("register.return.sought.here")}<//>`}
    ${found?.sales.length === 0 && html`<${Empty} icon="receipt" title=${t("register.return.sought.none")} />`}
    <ul class="list" role="list">${(found?.sales ?? []).map((one) => html`<li key=${`${one.store}/${one.sale}`}>
      <span class="grow"><strong>${dateTime(one.sold_at_ms)}</strong> <span
        class="quiet small">${[one.store, one.register, `${one.receipt_prefix ?? ""}${one.receipt}`].join(" · ")}</span>
        <br /><span class="quiet small">${one.goods.join(", ")}${one.lines > one.goods.length ? " …" : ""}</span></span>
      <span class="number">${money(one.total, register.lane.value)}</span>
      <${Button} kind="main" onClick=${() =>
        onChosen({ store: one.store, sale: one.sale })}>${t("register.return.sought.choose")}<//>
    </li>`)}</ul>
  </form>`;
}
