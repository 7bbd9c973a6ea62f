// What goes with the basket: one quiet row, asked for when the basket has settled. No answer, no row; nothing waits.

import { html, useEffect, useState } from "../vendor/ui.js";
import { t } from "../texts/index.js";
import { Icon } from "../look/index.js";
import { isTraining } from "./training.js";

/** After the last change of the basket, in milliseconds. */
const PAUSE = 500;

/** @param {{register: import("./register.js").Register}} properties */
export function Suggestions({ register }) {
  const { view, lines, totals, isOnline, outbox } = register;
  const [suggested, setSuggested] = useState(/** @type {any[]} */ ([]));
  // Training baskets have none: what is shown and taken there says nothing about customers.
  const id = isTraining(register) ? undefined : view.value?.id;
  const goods = lines.value.map(({ id: line }) => line).join();
  const isSettled = outbox.waiting.value.length === 0;
  const asks = id && goods && isSettled && isOnline.value && totals.value.paid.length === 0 && totals.value.owed > 0;
  useEffect(() => {
    if (!asks) return setSuggested([]);
    let isOld = false;
    const timer = setTimeout(async () => {
      const answer = await register.api.get(`/baskets/${id}/suggestions`).catch(() => undefined);
      const all = answer?.suggestions ?? [];
      const items = await register.catalog.find({ skus: all.map(({ sku }) => sku) });
      const known = all.map((one) => ({ ...one, item: items.find(({ sku }) => sku === one.sku) }));
      if (!isOld) setSuggested(known.filter(({ item }) => item));
    }, PAUSE);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [asks, id, goods]);
  if (!suggested.length) return html`<div class="suggested"></div>`;
  return html`<div class="suggested" role="group" aria-label=${t("register.suggestions")}>
    ${suggested.map(({ sku, description, say, item }) => html`<button key=${sku} type="button" class="suggestion"
      title=${say} onClick=${() => register.choose(item)}><${Icon} name="add" /><span>${description}<br />${say}</span>
    </button>`)}
  </div>`;
}
