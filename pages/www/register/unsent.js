// Sales that were paid while the hub was away, and those that it refused afterwards.

import { html } from "../vendor/ui.js";
import { money, t, time } from "../texts/index.js";
import { Badge, Button, Dialog, Empty } from "../look/index.js";

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Unsent({ register, onClose }) {
  const { outbox, lane } = register;
  const all = [...outbox.trouble.value, ...outbox.closing.value];
  // The hub has the basket: what it refused can be put right by hand.
  const open = async (basket) => {
    const hub = basket.hub;
    await outbox.forget(basket.id);
    await register.take(hub, false);
    onClose();
  };
  return html`<${Dialog} title=${t("register.unsent")} onClose=${onClose}>
    ${all.length === 0 && html`<${Empty} icon="check" title=${t("register.unsent.none")} />`}
    <ul class="list" role="list">${all.map(
      (basket) => html`<li key=${basket.id}>
      <span class="grow"><strong>${time(basket.opened)}</strong> ${money(basket.total ?? 0, lane.value)}
        ${basket.why && html`<br /><span class="small">${basket.why}</span>`}</span>
      ${
        basket.state === "closing"
          ? html`<${Badge} kind="busy">${t("register.unsent.waits")}<//>`
          : html`
        <${Button} onClick=${() => outbox.again(basket.id)}>${t("register.again")}<//>
        ${basket.hub && html`<${Button} disabled=${register.lines.value.length > 0}
          onClick=${() => open(basket)}>${t("register.unsent.open")}<//>`}`
      }
    </li>`,
    )}</ul>
    <p class="quiet small">${t("register.unsent.how")}</p>
  <//>`;
}
