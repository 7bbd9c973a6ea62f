// Pairing: a person at the console draws a code for a register and types or scans it here.

import { html, useState } from "../vendor/ui.js";
import { Api } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { t } from "../texts/index.js";
import { Door, Preferences } from "../look/frame.js";
import { Input } from "../look/index.js";
import { keep } from "./db.js";

/** @param {{onPaired: () => void}} properties */
export function Pair({ onPaired }) {
  const asked = new URLSearchParams(location.hash.split("?")[1] ?? "").get("code") ?? "";
  const [code, setCode] = useState(asked);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  const pair = async () => {
    setBusy(true);
    setWrong("");
    try {
      const { register, token } = await new Api().post("/pairing", { code: code.trim() });
      await keep("paired", { register, token });
      // Without it a browser may delete the register's data when the disk is full.
      await navigator.storage?.persist?.();
      location.hash = "#/";
      onPaired();
    } catch (error) {
      setWrong(explain(error));
      setBusy(false);
    }
  };

  return html`<${Door} title=${t("register.pair")} action=${t("register.pair.do")} busy=${busy}
    disabled=${code.trim().length < 8} onEnter=${pair} below=${html`<${Preferences} />`}>
    <p class="quiet">${t("register.pair.how")}</p>
    <${Input} label=${t("register.pair.code")} inputmode="numeric" autofocus maxlength="8" value=${code}
      wrong=${wrong} onInput=${setCode} class="input code" />
  <//>`;
}
