// What the customer sees, on a second screen of the same device: it follows the register's page.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { money, quantity, t } from "../texts/index.js";
import { Icon } from "../look/index.js";

export function Display() {
  const [shown, setShown] = useState(/** @type {any} */ (undefined));
  const last = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const channel = new BroadcastChannel("store-hub-display");
    channel.onmessage = ({ data }) => data?.totals && setShown(data);
    channel.postMessage("hello");
    return () => channel.close();
  }, []);
  useEffect(() => last.current?.scrollIntoView({ block: "nearest" }), [shown]);
  const { lane, lines = [], totals, done } = shown ?? {};
  if (!lane)
    return html`<main class="display middle"><${Icon} name="store" /><p
      class="quiet">${t("register.display.waits")}</p></main>`;
  if (lines.length === 0) {
    const change = done?.isWaiting ? done.change : done?.totals?.change;
    return html`<main class="display middle"><h1>${done ? t("register.display.thanks") : lane.store}</h1>
      ${done && change > 0 ? html`<p class="display-total">${t("register.change-of", { amount: money(change,
        lane) })}</p>` : html`<p class="quiet">${t("register.display.welcome")}</p>`}</main>`;
  }
  return html`<main class="display">
    <ul role="list">${lines.map(
      (line, place) => html`<li key=${line.id} ref=${place === lines.length - 1 ? last : undefined}>
      <span class="number">${quantity(line)}</span>
      <span class="grow">${line.description}${line.why.map(({ name, amount }, at) => html`<span key=${at}
        class="offer small">${name} −${money(amount, lane)}</span>`)}</span>
      <span class="number">${money(line.net, lane)}</span>
    </li>`,
    )}</ul>
    <footer>
      ${totals.discount > 0 && html`<p class="offer">${t("register.saved")} <span
        class="number">${money(totals.discount, lane)}</span></p>`}
      <p class="display-total"><span>${totals.owed < 0 ? t("register.refund.owed") : totals.paid.length
        ? t("register.due") : t("register.total")}</span><span class="number">${money(totals.owed < 0 ? -totals.due
        : totals.paid.length ? totals.due : totals.owed, lane)}</span></p>
    </footer>
  </main>`;
}
