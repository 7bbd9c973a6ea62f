// Headquarters: the fleet of stores, what was published to them, orders, figures, and what needs a person.

import { html, render, useEffect, useState } from "../vendor/ui.js";
import { choose, language, LANGUAGES, load, t } from "../texts/index.js";
import { Problem } from "../lib/api.js";
import { route, to } from "../lib/route.js";
import { Button, Dialog, Icon, Input, Select, theme, themes, Toasts } from "../look/index.js";
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
  async function submit(event) {
    event.preventDefault();
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
  return html`<main class="door">
    <form class="card" onSubmit=${submit}>
      <h1>${t("fleet.signin")}</h1>
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
      <${Button} kind="main" type="submit" busy=${busy}>${t("fleet.signin")}<//>
    </form>
  </main>`;
}

function Frame() {
  const [isOpen, setOpen] = useState(false);
  const [chooses, setChooses] = useState(false);
  const name = route.value.path[0] in VIEWS ? route.value.path[0] : "stores";
  const [View] = VIEWS[name];
  const address = route.value.path.join("/");
  useEffect(() => {
    setOpen(false);
    document.title = `${t(`fleet.view.${name}`)} – ${t("fleet.title")}`;
    window.scrollTo(0, 0);
  }, [address, language.value]);
  const toMain = (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  };
  return html`<div class=${isOpen ? "frame open" : "frame"}>
    <a class="skip button main" href="#main" onClick=${toMain}>${t("fleet.skip")}</a>
    <header class="top">
      <${Button}
        kind="plain"
        icon=${isOpen ? "close" : "menu"}
        class="button plain menu"
        aria-expanded=${isOpen}
        aria-label=${t("fleet.menu")}
        onClick=${() => setOpen(!isOpen)}
      />
      <div class="title grow"><strong>${t("fleet.title")}</strong></div>
      <${Button} kind="plain" icon="person" aria-label=${t("fleet.preferences")} onClick=${() => setChooses(true)} />
    </header>
    <nav aria-label=${t("fleet.menu")}>
      <ul>
        ${Object.entries(VIEWS).map(
          ([id, [, icon]]) =>
            html`<li key=${id}>
              <a href=${to(id)} aria-current=${id === name ? "page" : undefined}
                ><${Icon} name=${icon} />${t(`fleet.view.${id}`)}</a
              >
            </li>`,
        )}
      </ul>
    </nav>
    <main id="main" tabindex="-1"><${View} key=${name} path=${route.value.path.slice(1)} /></main>
    ${
      chooses &&
      html`<${Dialog} title=${t("fleet.preferences")} onClose=${() => setChooses(false)}>
        <${Select}
          label=${t("look.language")}
          options=${Object.entries(LANGUAGES)}
          value=${language.value}
          onChange=${choose}
        />
        <${Select}
          label=${t("look.theme")}
          options=${themes.value}
          value=${theme.value}
          onChange=${(one) => (theme.value = one)}
        />
        <div class="actions"><${Button} icon="lock" onClick=${() => keep(undefined)}>${t("fleet.signout")}<//></div><//
      >`
    }
  </div>`;
}

const App = () => html`${isIn.value ? html`<${Frame} />` : html`<${SignIn} />`}<${Toasts} />`;

await load("word", "problem", "fleet");
render(html`<${App} />`, document.getElementById("page"));
