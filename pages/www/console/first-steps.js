// What a new store still lacks: shown until it has a catalog, a device and a paired register.

import { html } from "../vendor/ui.js";
import { to } from "../lib/route.js";
import { t } from "../texts/index.js";
import { Badge, LinkButton } from "../look/index.js";
import { useLoad } from "../look/load.js";
import { api, status } from "./state.js";

/** By name: whether it is done, and where it is done. Those that a store can't sell without come first. */
function steps({ items, devices, registers, headquarters }, operators) {
  return {
    catalog: { done: items > 0, needed: true },
    devices: { done: devices.length > 0, needed: true, href: to("devices", "add") },
    registers: { done: registers.some(({ paired }) => paired), needed: true, href: to("people") },
    operators: { done: operators > 0, href: to("people", "operators") },
    backup: { done: Boolean(headquarters) },
  };
}

export function FirstSteps() {
  const operators = useLoad(() => api.get("/operators"), [], 10_000);
  const all = Object.entries(steps(status.value, operators.data?.length ?? 0));
  if (all.every(([, { done, needed }]) => done || !needed)) return null;
  return html`<section class="card" aria-labelledby="first-steps">
    <h2 id="first-steps">${t("console.first")}</h2>
    <ul class="list">
      ${all.map(
        ([name, { done, href }]) =>
          html`<li key=${name}>
            <div class="grow">
              <strong>${t(`console.first.${name}`)}</strong>
              ${!done && html`<p class="quiet small">${t(`console.first.${name}.todo`)}</p>`}
            </div>
            <${Badge} kind=${done ? "good" : "busy"}>${done ? t("console.first.done") : t("console.first.open")}<//>
            ${!done && href && html`<${LinkButton} href=${href}>${t("console.show")}<//>`}
          </li>`,
      )}
    </ul>
  </section>`;
}
