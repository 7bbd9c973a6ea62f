// Headquarters: the fleet of stores, what was published to them, orders, figures, and what needs a person.

import { html, render, useState } from "../vendor/ui.js";
import { load, t } from "../texts/index.js";
import { Problem } from "../lib/api.js";
import { Door, Frame } from "../look/frame.js";
import { Input, Toasts } from "../look/index.js";
import { why } from "../look/load.js";
import { Figures } from "./figures.js";
import { GiftCards } from "./gift-cards.js";
import { Orders } from "./orders.js";
import { Publications } from "./publications.js";
import { Returns } from "./returns.js";
import { api, isIn, keep } from "./state.js";
import { Stores } from "./stores.js";
import { Trouble } from "./trouble.js";

/** By the first part of the address: the view and its icon. */
const VIEWS = {
  stores: [Stores, "home"],
  figures: [Figures, "chart"],
  orders: [Orders, "order"],
  returns: [Returns, "refresh"],
  "gift-cards": [GiftCards, "card"],
  publications: [Publications, "note"],
  trouble: [Trouble, "alarm"],
};

function SignIn() {
  const [key, setKey] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  async function submit() {
    setBusy(true);
    api.token = key.trim();
    try {
      await api.get("/stores", { limit: 1 });
      keep(key.trim());
    } catch (error) {
      api.token = undefined;
      setWrong(error instanceof Problem && error.status === 401 ? t("fleet.signin.wrong") : why(error));
      setBusy(false);
    }
  }
  return html`<${Door} title=${t("fleet.signin")} action=${t("fleet.signin")} busy=${busy} onEnter=${submit}>
    <${Input}
      label=${t("fleet.signin.key")}
      hint=${t("fleet.signin.hint")}
      wrong=${wrong}
      value=${key}
      onInput=${setKey}
      type="password"
      autocomplete="off"
      required
      autofocus
    />
  <//>`;
}

const Fleet = () =>
  html`<${Frame}
    views=${VIEWS}
    home="stores"
    name=${(id) => t(`fleet.view.${id}`)}
    title=${t("fleet.title")}
    onSignOut=${async () => keep(undefined)}
  />`;

const App = () => html`${isIn.value ? html`<${Fleet} />` : html`<${SignIn} />`}<${Toasts} />`;

await load("word", "problem", "fleet");
render(html`<${App} />`, document.getElementById("page"));
