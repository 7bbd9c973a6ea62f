// Pairing: a person at the console draws a code for a register and types or scans it here.

import { html, useState } from "../vendor/ui.js";
import { Api } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { choose, language, LANGUAGES, t } from "../texts/index.js";
import { Button, Input, Select } from "../look/index.js";
import { keep } from "./db.js";

/** @param {{onPaired: () => void}} properties */
export function Pair({ onPaired }) {
  const asked = new URLSearchParams(location.hash.split("?")[1] ?? "").get("code") ?? "";
  const [code, setCode] = useState(asked);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  const pair = async (event) => {
    event.preventDefault();
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

  return html`<main class="middle">
    <form class="card stack narrow" onSubmit=${pair}>
      <h1>${t("register.pair")}</h1>
      <p class="quiet">${t("register.pair.how")}</p>
      <${Input} label=${t("register.pair.code")} inputmode="numeric" autofocus maxlength="8" value=${code}
        wrong=${wrong} onInput=${setCode} class="input code" />
      <${Button} kind="main" large type="submit" busy=${busy}
        disabled=${code.trim().length < 8}>${t("register.pair.do")}<//>
      <${Select} label=${t("look.language")} options=${Object.entries(LANGUAGES)} value=${language.value}
        onChange=${choose} />
    </form>
  </main>`;
}
