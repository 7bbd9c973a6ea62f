// Everything that is not selling.

import { html, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { go } from "../lib/route.js";
import { number, t } from "../texts/index.js";
import { Preferences } from "../look/frame.js";
import { Button, Dialog, toast } from "../look/index.js";
import { isTraining, TrainingSwitch } from "./training.js";

/**
 *
 * @param {{register: import("./register.js").Register, onClose: () => void, onOpen: (name: string) => void}} properties
 */
export function Menu({ register, onClose, onOpen }) {
  const { lane, catalog, operators, operator } = register;
  const [keys, setKeys] = useState(false);
  const canPark = register.isOnline.value && register.lines.value.length > 0 && register.totals.value.paid.length === 0;
  const drawer = async () => {
    try {
      await register.api.post("/drawer");
      onClose();
    } catch (error) {
      if (error?.type === "override-needed") {
        onClose();
        register.ask({ kind: "override", problem: error, again: () => register.api.post("/drawer") });
      } else toast(explain(error), { kind: "bad" });
    }
  };
  const leave = async () => {
    onClose();
    await register.lock();
  };
  return html`<${Dialog} title=${t("register.menu")} wide onClose=${onClose}>
    <div class="menu">
      ${!isTraining(register) && html`
      <${Button} large icon="order" onClick=${() => onOpen("orders")}>${t("register.orders")}<//>
      <${Button} large icon="store" disabled=${!register.isOnline.value}
        onClick=${() => onOpen("elsewhere")}>${t("register.elsewhere-order")}<//>
      <${Button} large icon="park" onClick=${() => onOpen("parked")}>${t("register.parked")}<//>
      <${Button} large icon="park" disabled=${!canPark}
        onClick=${() => onOpen("park-note")}>${t("register.park.note")}<//>
      <${Button} large icon="receipt" onClick=${() => onOpen("sales")}>${t("register.sales")}<//>
      <${Button} large icon="return" onClick=${() => onOpen("return")}>${t("register.return")}<//>
      <${Button} large icon="person" onClick=${() => onOpen("customer")}>${t("register.customer")}<//>
      <${Button} large icon="cash" onClick=${() => onOpen("shift")}>${t("register.shift")}<//>
      <${Button} large icon="card" disabled=${!register.isOnline.value}
        onClick=${() => onOpen("gift-card")}>${t("register.gift-card.sell")}<//>
      <${Button} large icon="drawer" onClick=${drawer}>${t("register.drawer")}<//>
      <${Button} large icon="stock" onClick=${() => go("picking")}>${t("register.picking")}<//>`}
      <${Button} large icon="device" onClick=${() => window.open("/register/#/display", "store-hub-display",
        "popup")}>${t("register.display")}<//>
      <${Button} large icon="receipt" onClick=${() => onOpen("unsent")}>${t("register.unsent")}<//>
      <${TrainingSwitch} register=${register} onClose=${onClose} />
      ${operators.value.length > 0 && operator.value && html`<${Button} large icon="lock"
        onClick=${leave}>${t("register.lock")}<//>`}
    </div>
    <div class="columns">
      <${Preferences} />
    </div>
    <p class="quiet small">${lane.value && t("register.about", { store: lane.value.store, register: register.name,
      version: lane.value.version, items: number(catalog.items.value ?? 0) })}</p>
    <${Button} kind="plain" aria-expanded=${keys} onClick=${() => setKeys(!keys)}>${t("register.keys")}<//>
    ${keys && html`<dl class="keys">${["F2", "F4", "F6", "F7", "F8", "F9", "F10", "Delete", "+ −"].map((key) =>
      html`<dt
      key=${key}><kbd>${key}</kbd></dt><dd>${t(`register.key.${key}`)}</dd>`)}</dl>`}
  <//>`;
}
