// What a command or its refusal asks the cashier.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { date, money, quantity, t } from "../texts/index.js";
import { Button, Dialog, Input, Keypad, Notice, Spinner } from "../look/index.js";
import { minor } from "./money.js";
import { Override } from "./sign-in.js";

/** @param {{register: import("./register.js").Register}} properties */
export function Question({ register }) {
  const asked = register.question.value;
  const close = () => (register.question.value = undefined);
  const Asked = {
    age: Age,
    unknown: OpenPrice,
    "open-price": OpenPrice,
    "best-before": BestBefore,
    weigh: Weigh,
    override: Override,
  }[asked.kind];
  return html`<${Asked} register=${register} ...${asked} onClose=${close} />`;
}

function Age({ register, age, line, onClose }) {
  const born = new Date();
  born.setFullYear(born.getFullYear() - age);
  const yes = () => {
    onClose();
    void register.setBuyer({ checked_age: age });
  };
  const no = () => {
    onClose();
    const found = register.lines.value.find(({ number }) => number === line);
    if (found) void register.remove(found);
  };
  return html`<${Dialog} title=${t("register.age", { age })} onClose=${no}>
    <p class="big">${t("register.age.born", { date: date(born.getTime()) })}</p>
    <div class="actions"><${Button} large onClick=${no}>${t("register.age.no")}<//><${Button} kind="main" large
      onClick=${yes}>${t("register.age.yes")}<//></div>
  <//>`;
}

function BestBefore({ register, body, draft, until, onClose }) {
  const sell = () => {
    onClose();
    void register.addLine({ ...body, past_best_before: true }, draft);
  };
  return html`<${Dialog} title=${t("register.best-before")} onClose=${onClose}>
    <p>${t("register.best-before.why", { name: draft.description, date: until })}</p>
    <div class="actions"><${Button} large onClick=${onClose}>${t("register.best-before.no")}<//><${Button} kind="main"
      large onClick=${sell}>${t("register.best-before.yes")}<//></div>
  <//>`;
}

/** Goods without a price: not on file, or whatever the cashier keys. */
function OpenPrice({ register, kind, body, draft, onClose }) {
  const gtin = kind === "unknown" ? (body.code?.data ?? body.gtin) : undefined;
  const isGtin = gtin !== undefined && /^\d{8,14}$/.test(gtin);
  const [name, setName] = useState("");
  const [digits, setDigits] = useState("");
  const sell = (event) => {
    event.preventDefault();
    const amount = minor(digits);
    onClose();
    const description = name.trim() || t("register.open-price.name");
    void register.addLine(
      { ...(isGtin ? { gtin } : {}), description, keyed: { amount, reason: t("register.reason.shelf") } },
      { description, milli: 1000, unit: "each", amount },
    );
  };
  return html`<${Dialog} title=${kind === "unknown" ? t("register.unknown") : t("register.open-price")}
    onClose=${onClose}>
    ${kind === "unknown" && html`<${Notice} kind="busy">${t("register.unknown.why", { code: gtin ??
      draft.description })}<//>`}
    <form class="stack" onSubmit=${sell}>
      <${Input} label=${t("register.open-price.what")} maxlength="60" value=${name} onInput=${setName} />
      <output class="entered">${money(minor(digits), register.lane.value)}</output>
      <${Keypad} value=${digits} most=${7} onChange=${setDigits} />
      <div class="actions"><${Button} onClick=${onClose}>${t("register.cancel")}<//><${Button} kind="main" large
        type="submit" disabled=${!minor(digits)}>${t("register.open-price.sell")}<//></div>
    </form>
  <//>`;
}

/** Weighs on the lane's scale; without one the weight is typed in. */
function Weigh({ register, item, onClose }) {
  const { lane, weight } = register;
  const scale = lane.value?.devices.find(({ kind }) => kind === "scale");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const [digits, setDigits] = useState("");
  const unit = item.price.per;
  const canWeigh = scale && (unit === "kilogram" || unit === "pound");
  // Held while it is in use: nobody else hears or uses the scale.
  useEffect(() => {
    if (!canWeigh) return undefined;
    const hold = () => register.api.post(`/devices/${scale.device}/lease`).catch((error) => setWrong(explain(error)));
    hold();
    const every = setInterval(hold, 5000);
    return () => {
      clearInterval(every);
      register.weight.value = undefined;
      register.api.post(`/devices/${scale.device}/give-back`).catch(() => {});
    };
  }, []);
  const weigh = async () => {
    setBusy(true);
    setWrong("");
    try {
      const weighed = await register.api.post(
        `/devices/${scale.device}/weigh`,
        { unit_price: item.price.minor },
        { timeout: 20_000 },
      );
      onClose();
      await register.addLine(
        { sku: item.sku, weighing: weighed.weighing },
        { sku: item.sku, description: item.description, milli: weighed.milli, unit: weighed.unit, price: item.price },
      );
    } catch (error) {
      setWrong(explain(error));
      setBusy(false);
    }
  };
  const type = (event) => {
    event.preventDefault();
    onClose();
    const milli = minor(digits);
    void register.addLine(
      { sku: item.sku, quantity: { milli, unit } },
      { sku: item.sku, description: item.description, milli, unit, price: item.price },
    );
  };
  const live = weight.value;
  return html`<${Dialog} title=${item.description} onClose=${onClose}>
    <p class="quiet">${t("register.unit-price", { price: money(item.price.minor, lane.value),
      unit: t(`register.unit.${unit}`) })}</p>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${
      canWeigh
        ? html`<output class="entered" aria-live="polite">${live?.milli !== undefined && live?.milli !== null ?
          weightOf(live) : t("register.weigh.how")}
          ${live && !live.stable && html`<${Spinner} label=${t("register.weigh.moves")} />`}</output>
        <${Button} kind="main" large busy=${busy} autofocus onClick=${weigh}>${t("register.weigh")}<//>`
        : html`<form class="stack" onSubmit=${type}>
        <output class="entered">${quantity({ milli: minor(digits), unit })}</output>
        <${Keypad} value=${digits} most=${6} onChange=${setDigits} />
        <${Button} kind="main" large type="submit" disabled=${!minor(digits)}>${t("register.add-line")}<//>
      </form>`
    }
  <//>`;
}

const weightOf = ({ milli, unit }) => quantity({ milli, unit });
