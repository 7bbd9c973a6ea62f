// Baskets that wait: parked at any register of the store, to be paid at any other.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { money, t, time } from "../texts/index.js";
import { Button, Dialog, Empty, Input, Notice, Spinner } from "../look/index.js";

/** The basket waits with words by which it is found again. */
export function ParkNote({ register, onClose }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const park = async (event) => {
    event.preventDefault();
    setBusy(true);
    await register.park(note.trim());
    onClose();
  };
  return html`<${Dialog} title=${t("register.park.note")} onClose=${onClose}>
    <form class="stack" onSubmit=${park}>
      <${Input} label=${t("register.note")} hint=${t("register.park.note.how")} required maxlength="120" value=${note}
        onInput=${setNote} />
      <${Button} kind="main" large type="submit" icon="park" busy=${busy}>${t("register.park")}<//>
    </form>
  <//>`;
}

/** @param {{register: import("./register.js").Register, onClose: () => void}} properties */
export function Parked({ register, onClose }) {
  const [parked, setParked] = useState(/** @type {any[] | undefined} */ (undefined));
  const [wrong, setWrong] = useState("");
  const isBusy = register.lines.value.length > 0;
  const read = () => register.api.get("/baskets/parked").then(setParked, (error) => setWrong(explain(error)));
  useEffect(() => void read(), []);
  const take = async (basket) => {
    try {
      await register.take(basket, true);
      onClose();
    } catch (error) {
      setWrong(explain(error));
      void read();
    }
  };
  return html`<${Dialog} title=${t("register.parked")} onClose=${onClose}>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${isBusy && html`<${Notice} kind="busy">${t("register.parked.busy")}<//>`}
    ${!parked && !wrong && html`<${Spinner} />`}
    ${parked?.length === 0 && html`<${Empty} icon="park" title=${t("register.parked.none")} />`}
    <ul class="list" role="list">
      ${(parked ?? []).map(
        ({ basket, register: by, at_ms, lines, due, note }) => html`<li key=${basket}>
        <span class="grow"><strong>${time(at_ms)} · ${by}</strong> <span
          class="quiet">${t("register.lines", { n: lines })}${note ? ` · ${note}` : ""}</span></span>
        <span class="number">${money(due, register.lane.value)}</span>
        <${Button} kind="main" disabled=${isBusy} onClick=${() => take(basket)}>${t("register.recall")}<//>
      </li>`,
      )}
    </ul>
  <//>`;
}
