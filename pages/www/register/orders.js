// Customers' orders at the counter: found by code, name, phone or number, checked line by line, handed over. What is
// not paid yet becomes the basket before the cashier.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, quantity, t } from "../texts/index.js";
import { Badge, Button, Check, Dialog, Empty, Input, Notice, Spinner, Tabs, toast } from "../look/index.js";

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Orders({ register, onClose }) {
  const [by, setBy] = useState("code");
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const [chosen, setChosen] = useState(/** @type {any} */ (undefined));
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  const find = async (how, value) => {
    setBusy(true);
    setWrong("");
    try {
      setFound(await register.api.get("/orders/found", { [how]: value }));
    } catch (error) {
      setWrong(explain(error));
    }
    setBusy(false);
  };
  const ready = () =>
    register.api.get("/orders", { state: "ready" }).then(
      (orders) => setFound({ connected: true, orders: orders.orders ?? orders }),
      (error) => setWrong(explain(error)),
    );
  useEffect(() => {
    void ready();
    register.scanTaker = ({ data }) => {
      setText(data);
      void find("code", data);
    };
    return () => (register.scanTaker = undefined);
  }, []);

  if (chosen)
    return html`<${HandOver} register=${register} part=${chosen} code=${by === "code" ? text : ""}
      onBack=${() => setChosen(undefined)} onClose=${onClose} />`;
  return html`<${Dialog} title=${t("register.orders")} wide onClose=${onClose}>
    <form class="stack" onSubmit=${(event) => (event.preventDefault(), void find(by, text.trim()))}>
      <${Tabs} label=${t("register.orders.by")} tabs=${["code", "name", "phone", "order"].map((one) => [one,
        t(`register.orders.by.${one}`)])} value=${by} onChange=${setBy} />
      <div class="row"><div class="grow"><${Input} label=${t(`register.orders.by.${by}`)} autofocus value=${text}
        onInput=${setText} /></div>
        <${Button} kind="main" icon="search" type="submit" busy=${busy}
          disabled=${!text.trim()}>${t("register.find")}<//></div>
    </form>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${found && !found.connected && html`<${Notice} kind="busy">${t("register.orders.old", {
      at: dateTime(found.as_of_ms) })}<//>`}
    ${!found && !wrong && html`<${Spinner} />`}
    ${found?.orders.length === 0 && html`<${Empty} icon="order" title=${t("register.orders.none")} />`}
    <ul class="list" role="list">${(found?.orders ?? []).map((part) => {
      const { terms, lines, part: number } = part.fulfilment;
      return html`<li key=${`${terms.order}/${number}`}>
        <span class="grow"><strong>${terms.customer?.name ?? terms.order}</strong> <span
          class="quiet">${terms.order} · ${t("register.lines", {
            n: lines.length })} · ${dateTime(terms.due_ms)}</span></span>
        <${Badge} kind=${part.state === "ready" || part.state === "arrived" ? "good"
          : "busy"}>${t(`register.order-state.${part.state}`)}<//>
        <${Button} kind="main" onClick=${() => setChosen(part)}>${t("register.show")}<//>
      </li>`;
    })}</ul>
  <//>`;
}

function HandOver({ register, part, code, onBack, onClose }) {
  const { terms, lines, part: number } = part.fulfilment;
  const [checked, setChecked] = useState(/** @type {Set<number>} */ (new Set()));
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(code);
  const isReady = part.state === "ready" || part.state === "arrived";
  const staged = (line) => (line.staged ?? []).reduce((sum, { milli }) => sum + milli, 0);
  const toHandOver = lines.filter((line) => staged(line) > 0);
  const places = [...new Set(lines.flatMap((line) => (line.staged ?? []).map(({ place }) => place.name)))];
  const age = Math.max(0, ...lines.map(({ ordered }) => ordered.minimum_age ?? 0));
  const [isOld, setOld] = useState(false);

  // Each thing is scanned or ticked: so nobody goes home with another's bag.
  useEffect(() => {
    register.scanTaker = async ({ data }, decoded) => {
      const [item] = await register.catalog.find({
        gtins: decoded?.code?.gtins ?? [data],
        skus: decoded?.code?.skus ?? [],
      });
      const same = toHandOver.filter(({ ordered }) => ordered.sku === item?.sku).map(({ ordered }) => ordered.number);
      if (!same.length) return toast(t("register.orders.not-in"), { kind: "bad" });
      // The same item may be in two lines, such as one that was taken instead of another.
      setChecked((now) => new Set([...now, same.find((number) => !now.has(number)) ?? same[0]]));
    };
    return () => (register.scanTaker = undefined);
  }, []);

  const hand = async () => {
    setBusy(true);
    try {
      const body = {
        checked: toHandOver.map((line) => ({ line: line.ordered.number, sku: line.ordered.sku, milli: staged(line) })),
        code: shown.trim() || undefined,
        age_checked: isOld ? age : undefined,
      };
      const done = await register.api.post(`/orders/${terms.order}/${number}/handover`, body, { patience: 10_000 });
      onClose();
      if (done.outcome === "to_pay") await register.take(done.basket, false);
      else if (done.outcome === "sold") register.done.value = done;
      else toast(t("register.orders.handed"));
    } catch (error) {
      setWrong(explain(error));
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${terms.customer?.name ?? terms.order} wide onClose=${onBack}>
    <p class="row spread"><span>${terms.order} <span class="quiet">${places.length ? t("register.orders.places", {
      places: places.join(", ") }) : ""}</span></span>
      <strong>${part.due > 0 ? t("register.orders.due", { amount: money(part.due, register.lane.value) })
        : t("register.orders.prepaid")}</strong></p>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${!isReady && html`<${Notice} kind="busy">${t("register.orders.not-ready", {
      state: t(`register.order-state.${part.state}`) })}<//>`}
    <ul class="list" role="list">${lines.map(
      (line) => html`<li key=${line.ordered.number}>
      <${Check} label=${`${quantity({ milli: staged(line) || line.ordered.quantity.milli,
        unit: line.ordered.quantity.unit })} × ${line.ordered.description}`} disabled=${!staged(line)}
        checked=${checked.has(line.ordered.number)} onChange=${(on) => setChecked((now) => new Set(on ? [...now,
          line.ordered.number] : [...now].filter((one) => one !== line.ordered.number)))} />
      ${!staged(line) && html`<${Badge}>${t("register.orders.left-out")}<//>`}
    </li>`,
    )}</ul>
    <${Input} label=${t("register.orders.code")} hint=${t("register.orders.code.how")} value=${shown}
      onInput=${setShown} />
    ${age > 0 && html`<${Check} label=${t("register.age", { age })} checked=${isOld} onChange=${setOld} />`}
    <div class="actions"><${Button} large onClick=${onBack}>${t("register.cancel")}<//>
      <${Button} kind="main" large busy=${busy} disabled=${!isReady || checked.size < toHandOver.length || (age > 0
        && !isOld)} onClick=${hand}>${part.due > 0 ? t("register.orders.pay") : t("register.orders.hand")}<//></div>
  <//>`;
}
