// Goods that come back: found by their receipt or without it, chosen line by line, decided by the hub, and added to the
// basket.
//
// The hub decides, by the retailer's policy. A refusal names the rules that fired; where one may be overridden, the
// cashier gives the reason, and somebody whose role allows it signs.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { Problem } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { dateTime, money, number, t } from "../texts/index.js";
import { Badge, Button, Dialog, Empty, Icon, Input, Notice, Tabs, toast } from "../look/index.js";
import { NoReceipt } from "./no-receipt.js";

/** @typedef {import("./register.js").Register} Register */

const REASONS = ["unwanted", "size", "wrong_item", "defective", "damaged", "recalled"];
const CONDITIONS = ["sellable", "damaged", "quarantine", "vendor"];
/** Where goods go that come back for a reason, unless the cashier says otherwise. */
const USUAL = { defective: "damaged", damaged: "damaged", recalled: "quarantine" };

/** The code on a receipt, also with the store before it: `store-2/1-7`. @param {string} code */
function receipt(code) {
  const [, store, sale] = code.trim().match(/^(?:([^/]+)\/)?(.+)$/) ?? [];
  return { store, sale };
}

/** @param {{register: Register, onClose: () => void}} properties */
export function Return({ register, onClose }) {
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  const { isOnline } = register;
  return html`<${Dialog} title=${t("register.return")} wide onClose=${onClose}>
    ${!isOnline.value && html`<${Notice} kind="busy">${t("register.return.offline")}<//>`}
    ${
      found
        ? html`<${Choose} key=${found.returnable.sale} register=${register} found=${found}
          onBack=${() => setFound(undefined)} onClose=${onClose} />`
        : html`<${Find} register=${register} onFound=${setFound} />`
    }
  <//>`;
}

function Find({ register, onFound }) {
  const [how, setHow] = useState("code");
  const [code, setCode] = useState("");
  const [till, setTill] = useState(register.name);
  const [year, setYear] = useState(String(new Date().getFullYear()));
  const [wanted, setWanted] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const isComplete = how === "code" ? code.trim() !== "" : till.trim() !== "" && year !== "" && wanted !== "";

  const find = async (query, isKeyed) => {
    setBusy(true);
    setWrong("");
    try {
      const found = await register.api.get("/returns/sale", query);
      // Only a sale of this store says in which units its goods were sold.
      const sale = found.returnable.store ? undefined : await register.api.get(`/sales/${found.returnable.sale}`);
      onFound({ ...found, sale, isKeyed });
    } catch (error) {
      setWrong(explain(error));
      setBusy(false);
    }
  };
  useEffect(() => {
    // Without a receipt, scans are taken by the search.
    if (how === "missing") return undefined;
    const before = register.scanTaker;
    register.scanTaker = ({ data }) => void find(receipt(data), false);
    return () => (register.scanTaker = before);
  }, [how]);
  const send = (event) => {
    event.preventDefault();
    void find(how === "code" ? receipt(code) : { register: till.trim(), fiscal_year: year, receipt: wanted }, true);
  };
  const digits = (set, most) => (text) => set(text.replace(/\D/g, "").slice(0, most));
  const by = html`<${Tabs} label=${t("register.return.by")} tabs=${[
    ["code", t("register.return.by.code")],
    ["number", t("register.return.by.number")],
    ["missing", t("register.return.by.missing")],
  ]} value=${how} onChange=${setHow} />`;
  if (how === "missing")
    return html`<div class="stack">
      ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}${by}
      <${NoReceipt} register=${register} onChosen=${(sale) => find(sale, true)} />
    </div>`;
  return html`<form class="stack" onSubmit=${send}>
    <div class="return-scan"><${Icon} name="scan" /><p>${t("register.return.scan")}</p></div>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${by}
    ${
      how === "code"
        ? html`<${Input} label=${t("register.return.code")} hint=${t("register.return.code.how")} maxlength="48"
          value=${code} onInput=${setCode} />`
        : html`<div class="columns">
        <${Input} label=${t("register.title")} maxlength="32" value=${till} onInput=${setTill} />
        <${Input} label=${t("register.return.year")} inputmode="numeric" value=${year} onInput=${digits(setYear, 4)} />
        <${Input} label=${t("register.sales.find")} inputmode="numeric" value=${wanted}
          onInput=${digits(setWanted, 12)} />
      </div>`
    }
    <${Button} kind="main" large type="submit" icon="search" busy=${busy}
      disabled=${!isComplete || !register.isOnline.value}>${t("register.return.find")}<//>
  </form>`;
}

/** What comes back, why, in which condition; then the hub's decision. */
function Choose({ register, found, onBack, onClose }) {
  const { returnable, validated, sale, isKeyed } = found;
  const lane = register.lane.value;
  const [chosen, setChosen] = useState(/** @type {Record<number, number>} */ ({}));
  const [serials, setSerials] = useState(/** @type {Record<number, string>} */ ({}));
  const [asksSerial, setAsksSerial] = useState(false);
  const [reason, setReason] = useState("unwanted");
  const [condition, setCondition] = useState("sellable");
  const [refused, setRefused] = useState(/** @type {Problem | undefined} */ (undefined));
  const [why, setWhy] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const lines = returnable.lines.filter(({ left_milli: left }) => left > 0);
  const gone = returnable.lines.length - lines.length;
  const isChosen = Object.values(chosen).some((milli) => milli > 0);
  const sold = (line) => sale?.lines.find(({ number: one }) => one === line);

  // What changes is decided again.
  const choose = (line, milli) => {
    setChosen({ ...chosen, [line]: milli });
    setRefused(undefined);
  };
  const chooseAll = () => {
    setChosen(Object.fromEntries(lines.map(({ line, left_milli: left }) => [line, left])));
    setRefused(undefined);
  };
  const give = (one) => {
    setReason(one);
    setCondition(USUAL[one] ?? "sellable");
    setRefused(undefined);
  };
  // The goods themselves choose their line.
  const scanned = useRef(/** @type {(data: string, decoded: any) => void} */ (() => {}));
  scanned.current = async (data, decoded) => {
    const gtins = decoded?.code?.gtins ?? [data];
    const [item] = await register.catalog.find({ gtins, skus: decoded?.code?.skus ?? [] });
    const line = lines.find(
      ({ line: one, left_milli: left }) => item && sold(one)?.sku === item.sku && (chosen[one] ?? 0) < left,
    );
    if (!line) return toast(t("register.return.not-of-sale"), { kind: "bad" });
    choose(line.line, Math.min((chosen[line.line] ?? 0) + step(line), line.left_milli));
  };
  useEffect(() => {
    const before = register.scanTaker;
    register.scanTaker = ({ data }, decoded) => scanned.current(data, decoded);
    return () => (register.scanTaker = before);
  }, []);
  /** By the piece where pieces were sold; anything else comes back whole. */
  const step = ({ line, left_milli: left }) => {
    const unit = sold(line)?.quantity.unit ?? "each";
    return unit === "each" && left % 1000 === 0 ? 1000 : left;
  };

  const send = async (override) => {
    setBusy(true);
    setWrong("");
    const customer = register.view.value?.customer;
    const body = {
      sale: returnable.sale,
      store: returnable.store,
      keyed: isKeyed,
      lines: lines
        .filter(({ line }) => chosen[line] > 0)
        .map((line) => ({
          line: line.line,
          // All that is left needs no quantity, nor its unit.
          quantity: chosen[line.line] < line.left_milli ? { milli: chosen[line.line], unit: "each" } : undefined,
          reason,
          disposition: condition,
          serial: serials[line.line]?.trim() || undefined,
        })),
      identities: customer ? [{ kind: "customer", value: customer }] : undefined,
      override_reason: override,
    };
    try {
      const [answer] = await register.command([{ path: "/baskets/{basket}/returns", body }]);
      await answer;
      await register.refresh();
      onClose();
    } catch (error) {
      const type = error instanceof Problem ? error.type : "";
      if (type === "return-refused") setRefused(error);
      else if (type === "override-needed")
        register.ask({ kind: "override", problem: error, again: () => send(override) });
      else {
        if (type === "serial-needed") setAsksSerial(true);
        setWrong(explain(error));
      }
      setBusy(false);
    }
  };

  return html`<form class="stack" onSubmit=${(event) => (event.preventDefault(), void send(undefined))}>
    <div class="row spread">
      <p><strong>${sale ? t("register.receipt.number", { number: `${sale.receipt_prefix ?? ""}${sale.receipt}` })
        : `${returnable.store} ${returnable.sale}`}</strong> <span
        class="quiet">${dateTime(returnable.sold_at_ms)}</span></p>
      <${Badge} kind=${validated === "offline" ? "busy" : "good"}>${t(`register.return.validated.${validated}`)}<//>
    </div>
    ${lines.length === 0 && html`<${Empty} icon="receipt" title=${t("register.return.none")}
      text=${t("register.return.none.why")} />`}
    <ul class="list" role="list">${lines.map((line) => {
      const { line: at, description, left_milli: left, sold_milli: all, paid } = line;
      const milli = chosen[at] ?? 0;
      const by = step(line);
      return html`<li key=${at} class=${milli > 0 ? "chosen" : ""}>
        <span class="grow"><strong>${description}</strong> <span
          class="quiet small">${t("register.return.paid", { amount: money(paid, lane), n: number(all / 1000, 3) })}${
            left < all ? ` · ${t("register.return.left", { n: number(left / 1000, 3) })}` : ""}</span></span>
        <div class="row" role="group" aria-label=${description}>
          <${Button} icon="minus" aria-label=${t("register.less")} disabled=${milli === 0}
            onClick=${() => choose(at, Math.max(0, milli - by))} />
          <output class="return-count number">${number(milli / 1000, 3)}</output>
          <${Button} icon="add" aria-label=${t("register.more")} disabled=${milli >= left}
            onClick=${() => choose(at, Math.min(left, milli + by))} />
        </div>
        ${asksSerial && milli > 0 && html`<${Input} label=${t("register.return.serial")} maxlength="20"
          value=${serials[at] ?? ""} onInput=${(text) => setSerials({ ...serials, [at]: text })} />`}
      </li>`;
    })}</ul>
    <div class="row spread">
      <span class="quiet small">${gone > 0 && lines.length > 0 && t("register.return.gone", { n: gone })}</span>
      ${lines.length > 0 && html`<${Button} onClick=${chooseAll}>${t("register.return.all")}<//>`}
    </div>
    ${
      lines.length > 0 &&
      html`<div class="row" role="group" aria-label=${t("register.reason")}>
        <span class="return-label quiet">${t("register.reason")}</span>
        ${REASONS.map((one) => html`<${Button} key=${one} aria-pressed=${one === reason}
          onClick=${() => give(one)}>${t(`register.return.reason.${one}`)}<//>`)}
      </div>
      <div class="row" role="group" aria-label=${t("register.return.condition")}>
        <span class="return-label quiet">${t("register.return.condition")}</span>
        ${CONDITIONS.map((one) => html`<${Button} key=${one} aria-pressed=${one === condition}
          onClick=${() => setCondition(one)}>${t(`register.return.condition.${one}`)}<//>`)}
      </div>`
    }
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${refused && html`<${Refused} problem=${refused} why=${why} onWhy=${setWhy} busy=${busy}
      onOverride=${() => send(why.trim())} />`}
    <div class="actions">
      <${Button} icon="back" onClick=${onBack}>${t("register.return.other")}<//>
      ${!refused && lines.length > 0 && html`<${Button} kind="main" large type="submit" icon="return" busy=${busy}
        disabled=${!isChosen || !register.isOnline.value}>${t("register.return.take")}<//>`}
    </div>
  </form>`;
}

/** Why the hub does not take the goods back, and the way around it, where there is one. */
function Refused({ problem, why, onWhy, busy, onOverride }) {
  const { outcome, rules = [] } = problem.members;
  const isFinal = outcome === "deny";
  return html`<section class="card stack refused" aria-live="polite">
    <h3>${t(`register.return.outcome.${outcome}`)}</h3>
    <${Rules} rules=${[rules].flat()} />
    ${
      !isFinal &&
      html`<${Input} label=${t("register.return.override.why")} maxlength="120" value=${why} onInput=${onWhy} />
      <${Button} kind="danger" busy=${busy} disabled=${!why.trim()}
        onClick=${onOverride}>${t("register.return.override")}<//>`
    }
  </section>`;
}

/** Rules that fired, in words. @param {{rules: string[]}} properties */
export const Rules = ({ rules }) =>
  html`<ul class="rules">${rules.map((rule) => html`<li key=${rule}>${t(`register.return.rule.${rule}`)}</li>`)}</ul>`;
