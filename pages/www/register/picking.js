// The picker's view, for a phone in one hand: claim the most urgent cart, one item at a time, scan, take another item
// instead, short, stage. What is left to pick is asked of the hub after each step.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { quantity, t, time } from "../texts/index.js";
import {
  Badge,
  Button,
  Dialog,
  Empty,
  Input,
  LinkButton,
  Notice,
  Progress,
  Select,
  Spinner,
  toast,
} from "../look/index.js";
import { Camera, canScan } from "./camera.js";
import { keep, setting } from "./db.js";
import { SignIn } from "./sign-in.js";
import { sound } from "./sounds.js";

const ZONES = ["", "ambient", "chilled", "frozen"];

/** @param {{register: import("./register.js").Register}} properties */
export function Picking({ register }) {
  const { operators, operator, isLocked, isOnline } = register;
  const hasOperators = operators.value.length > 0;
  const [name, setName] = useState("");
  const [picks, setPicks] = useState(/** @type {any[] | undefined} */ (undefined));
  const [picked, setPicked] = useState(0);
  const [zone, setZone] = useState("");
  const [wrong, setWrong] = useState("");
  const [camera, setCamera] = useState(false);
  const [staging, setStaging] = useState(/** @type {any} */ (undefined));
  const [count, setCount] = useState(/** @type {number | undefined} */ (undefined));
  const [instead, setInstead] = useState(false);
  // Stores without operators name the picker.
  const picker = hasOperators ? undefined : name || undefined;
  const who = hasOperators ? operator.value?.operator : name;

  const attempt = async (work) => {
    setWrong("");
    try {
      return await work();
    } catch (error) {
      sound("refused");
      setWrong(explain(error));
      return undefined;
    }
  };
  const claimed = () =>
    attempt(async () => who && setPicks((await register.api.get("/orders/claimed", { picker: who })).picks));
  useEffect(() => void (async () => setName((await setting("picker")) ?? ""))(), []);
  useEffect(() => void claimed(), [who]);

  const next = () =>
    attempt(async () => {
      const cart = await register.api.post("/orders/next", { picker, zone: zone || undefined }, { patience: 5000 });
      await keep("picker", name);
      setPicked(0);
      setPicks(cart.picks);
    });
  const [pick] = picks ?? [];
  const place = pick && `${pick.order}/${pick.part}`;
  // Of pieces, some may be there and others not.
  const whole = pick?.quantity.unit === "each" ? pick.quantity.milli / 1000 : undefined;
  const taken = Math.min(count ?? whole ?? 1, whole ?? 1);
  const quantityTaken = () => (whole ? { ...pick.quantity, milli: taken * 1000 } : pick.quantity);

  const act = (step, body) =>
    attempt(async () => {
      const line = { line: pick.line, picker, ...body };
      await register.api.post(`/orders/${place}/${step}`, line, { patience: 5000 });
      sound("ok");
      const { picks: rest } = await register.api.get("/orders/claimed", { picker: who });
      setPicked(picked + picks.length - rest.length);
      setPicks(rest);
      setCount(undefined);
      setInstead(false);
      if (!rest.some(({ order, part }) => `${order}/${part}` === place)) await stage(place);
    });
  const stage = async (of) => {
    const part = await register.api.get(`/orders/${of}`);
    if (part.fulfilment.lines.some(({ units }) => units.picked > 0)) setStaging(part);
    else toast(t("register.picking.nothing", { order: part.fulfilment.terms.order }));
  };
  const take = (item) => act(instead ? "substitutes" : "picks", { ...item, quantity: quantityTaken() });
  const scanned = async ({ data }, decoded) => {
    if (!pick) return;
    const gtin = decoded?.code?.gtins?.[0] ?? data;
    await take(/^\d{8,14}$/.test(gtin) ? { gtin } : { sku: gtin });
  };
  useEffect(() => {
    if (staging) return undefined;
    register.scanTaker = scanned;
    return () => (register.scanTaker = undefined);
  });

  return html`
    <header class="top"><${LinkButton} kind="plain" icon="back" href="#/">${t("register.title")}<//><strong
      class="grow">${t("register.picking")}</strong>
      <${Badge} kind=${isOnline.value ? "good" : "busy"}>${isOnline.value ? t("register.online")
        : t("register.offline")}<//></header>
    <main class="picking stack">
      ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
      ${picks === undefined && who && html`<${Spinner} />`}
      ${
        pick
          ? html`
        <${Progress} label=${t("register.picking.cart")} value=${picked} max=${picked + picks.length} />
        <article class="card stack pick">
          <div class="row spread"><span class="quiet">${pick.order}</span><${Badge}
            kind=${{ chilled: "note", frozen: "note" }[pick.zone] ?? ""}>${t(`register.zone.${pick.zone}`)}<//></div>
          <h1>${pick.description}</h1>
          <p class="pick-quantity">× ${quantity(pick.quantity)}</p>
          <p class="quiet">${pick.sku} · ${t("register.picking.due", { at: time(pick.due_ms) })}</p>
          ${whole > 1 && html`<${Pieces} value=${taken} of=${whole} onChange=${setCount} />`}
          ${instead ? html`<${Instead} register=${register} wanted=${pick.substitution} onTake=${take}
              onBack=${() => setInstead(false)} />`
            : html`<p>${t(`register.substitution.${pick.substitution.choice}`)}</p>`}
          ${camera && html`<${Camera} onCode=${scanned} onClose=${() => setCamera(false)} />`}
          ${canScan() && !camera && html`<${Button} large icon="camera"
            onClick=${() => setCamera(true)}>${t("register.camera")}<//>`}
          ${
            !instead &&
            html`<${Button} kind="main" large icon="check" onClick=${() => take({
              sku: pick.sku })}>${t("register.picking.by-hand")}<//>
            ${["any", "chosen"].includes(pick.substitution.choice) && html`<${Button} large icon="refresh"
              onClick=${() => setInstead(true)}>${t("register.picking.instead")}<//>`}
            <${Button} kind="danger" large icon="close" onClick=${() =>
              act("shorts", {})}>${t("register.picking.short")}<//>`
          }
        </article>`
          : picks !== undefined || !who
            ? html`<section class="card stack">
          <${Empty} icon="stock" title=${t("register.picking.none")} text=${t("register.picking.none.how")} />
          ${!hasOperators && html`<${Input} label=${t("register.picking.name")} maxlength="40" value=${name}
            onInput=${setName} />`}
          <${Select} label=${t("register.picking.zone")} options=${ZONES.map((one) => [one, t(`register.zone.${one
            || "all"}`)])} value=${zone} onChange=${setZone} />
          <${Button} kind="main" large icon="basket" disabled=${!hasOperators && !name.trim()}
            onClick=${next}>${t("register.picking.next")}<//>
        </section>`
            : null
      }
    </main>
    ${staging && html`<${Stage} register=${register} part=${staging} onDone=${() => setStaging(undefined)} />`}
    ${isLocked.value && html`<${SignIn} register=${register} />`}`;
}

/** How many of the pieces are there. */
const Pieces = ({ value, of, onChange }) => html`<div class="row pieces">
  <${Button} icon="minus" aria-label=${t("register.less")} disabled=${value <= 1} onClick=${() => onChange(value - 1)}
    /><output>${t("register.picking.pieces", { n: value, of })}</output><${Button} icon="add"
    aria-label=${t("register.more")} disabled=${value >= of} onClick=${() => onChange(value + 1)} /></div>`;

/** Another item instead: the one that the customer chose, or a similar one. */
function Instead({ register, wanted, onTake, onBack }) {
  const [name, setName] = useState("");
  const sku = wanted.choice === "chosen" ? wanted.substitute : undefined;
  useEffect(() => {
    if (sku) void register.catalog.find({ skus: [sku] }).then(([item]) => setName(item?.description ?? ""));
  }, [sku]);
  return html`<${Notice} kind="busy"><span>${sku ? t("register.picking.chosen", { name: name || sku })
    : t("register.picking.similar")}</span><//>
    ${sku && html`<${Button} kind="main" large icon="check" onClick=${() =>
      onTake({ sku })}>${t("register.picking.by-hand")}<//>`}
    <${Button} large icon="back" onClick=${onBack}>${t("register.cancel")}<//>`;
}

/** Everything of an order on this cart is picked: where is it put? Cold goods need a temperature. */
function Stage({ register, part, onDone }) {
  const { terms, lines, part: number } = part.fulfilment;
  const zones = [
    ...new Set(lines.filter(({ units }) => units.picked > 0).map(({ ordered }) => ordered.zone ?? "ambient")),
  ];
  const [places, setPlaces] = useState(/** @type {Record<string, string>} */ ({}));
  const [probes, setProbes] = useState(/** @type {Record<string, string>} */ ({}));
  const [wrong, setWrong] = useState("");
  const path = `/orders/${terms.order}/${number}`;
  const stage = async (event) => {
    event.preventDefault();
    setWrong("");
    let now = part;
    try {
      for (const zone of zones) {
        const amounts = lines
          .filter(({ ordered, units }) => (ordered.zone ?? "ambient") === zone && units.picked > 0)
          .map(({ ordered, units }) => ({ line: ordered.number, milli: units.picked }));
        const probe = zone === "ambient" ? undefined : Math.round(Number(probes[zone] ?? 0) * 10);
        now = await register.api.post(
          `${path}/packs`,
          { amounts, place: { name: places[zone] ?? "", zone }, probe_deci_celsius: probe },
          { patience: 5000 },
        );
      }
      // Goods of another temperature may be on another cart.
      if (now.state === "packed") await register.api.post(`${path}/ready`, {}, { patience: 5000 });
      else toast(t("register.picking.rest", { order: terms.order }));
      sound("ok");
      onDone();
    } catch (error) {
      setWrong(explain(error));
    }
  };
  return html`<${Dialog} title=${t("register.picking.stage", { order: terms.order })} onClose=${onDone}>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    <form class="stack" onSubmit=${stage}>
      ${zones.map(
        (zone) => html`<fieldset key=${zone} class="card stack"><legend>${t(`register.zone.${zone}`)}</legend>
        <${Input} label=${t("register.picking.place")} maxlength="20" required value=${places[zone] ?? ""}
          onInput=${(text) => setPlaces({ ...places, [zone]: text })} />
        ${zone !== "ambient" && html`<${Input} label=${t("register.picking.probe")} inputmode="decimal" required
          value=${probes[zone] ?? ""} onInput=${(text) => setProbes({ ...probes, [zone]: text.replace(",",
            ".").replace(/[^\d.-]/g, "") })} />`}
      </fieldset>`,
      )}
      <${Button} kind="main" large type="submit">${t("register.picking.ready")}<//>
    </form>
  <//>`;
}
