// The console: what a manager and IT keep open. Signing in, the frame, and the views by address.

import { html, render, signal, useEffect, useState } from "../vendor/ui.js";
import { choose, language, LANGUAGES, load, t } from "../texts/index.js";
import { NoAnswer, Problem } from "../lib/api.js";
import { listen } from "../lib/events.js";
import { route, to } from "../lib/route.js";
import { Badge, Button, Dialog, Icon, Input, Notice, Select, Spinner, theme, themes, Toasts } from "../look/index.js";
import { ActButton, why } from "../look/load.js";
import { api, command, status } from "./state.js";
import { alarms } from "./alarms.js";
import { Cash } from "./cash.js";
import { Devices } from "./devices.js";
import { Labels } from "./labels.js";
import { Orders } from "./orders.js";
import { People } from "./people.js";
import { Prices } from "./prices.js";
import { Returns } from "./returns.js";
import { Sales } from "./sales.js";
import { Settings } from "./settings.js";
import { Stock } from "./stock.js";
import { Today } from "./today.js";

/** By the first part of the address: the view and its icon. */
const VIEWS = {
  today: [Today, "home"],
  sales: [Sales, "receipt"],
  returns: [Returns, "refresh"],
  orders: [Orders, "order"],
  stock: [Stock, "stock"],
  labels: [Labels, "label"],
  prices: [Prices, "percent"],
  cash: [Cash, "cash"],
  devices: [Devices, "device"],
  people: [People, "person"],
  settings: [Settings, "settings"],
};

/** @type {import("../vendor/ui.js").Signal<"asking" | "out" | "in">} */
const session = signal("asking");
const isConnected = signal(true);
const problem = signal("");

/** Reads the status; without a session it asks for one. */
async function enter() {
  try {
    status.value = await api.get("/status");
    session.value = "in";
    problem.value = "";
  } catch (error) {
    if (error instanceof Problem && error.status === 401) session.value = "out";
    else {
      problem.value = why(error);
      if (error instanceof NoAnswer) setTimeout(enter, 2000);
    }
  }
}

function SignIn() {
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    try {
      await api.post("/session", { code: code.trim() });
      await enter();
    } catch (error) {
      setWrong(why(error));
    }
    setBusy(false);
  }
  return html`<main class="door">
    <form class="card" onSubmit=${submit}>
      <h1>${t("console.signin")}</h1>
      <${Input}
        label=${t("console.signin.code")}
        hint=${t("console.signin.hint")}
        wrong=${wrong}
        value=${code}
        onInput=${setCode}
        inputmode="numeric"
        autocomplete="one-time-code"
        required
        minlength="8"
        maxlength="40"
        autofocus
      />
      <${Button} kind="main" type="submit" busy=${busy}>${t("console.signin")}<//>
    </form>
  </main>`;
}

function Preferences({ onClose }) {
  return html`<${Dialog} title=${t("console.preferences")} onClose=${onClose}>
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
    <div class="actions"><${ActButton} icon="lock" onAct=${signOut}>${t("console.signout")}<//></div>
  <//>`;
}

async function signOut() {
  if ((await command("/session/end")) !== undefined) session.value = "out";
}

function Frame() {
  const [isOpen, setOpen] = useState(false);
  const [chooses, setChooses] = useState(false);
  const name = route.value.path[0] in VIEWS ? route.value.path[0] : "today";
  const [View] = VIEWS[name];
  const address = route.value.path.join("/");
  useEffect(() => {
    const end = listen(api, {
      onEvent: (event) => event.type === "status" && (status.value = event),
      onOpen: () => ((isConnected.value = true), enter()),
      onClosed: () => ((isConnected.value = false), enter()),
    });
    return end;
  }, []);
  const urgent = alarms(status.value).filter((alarm) => alarm.kind === "bad").length;
  useEffect(() => {
    setOpen(false);
    window.scrollTo(0, 0);
  }, [address]);
  useEffect(() => {
    document.title = `${urgent ? `(${urgent}) ` : ""}${t(`console.view.${name}`)} – ${status.value.store}`;
  }, [name, urgent, language.value]);
  return html`<div class=${isOpen ? "frame open" : "frame"}>
    <a class="skip button main" href="#main" onClick=${toMain}>${t("console.skip")}</a>
    <header class="top">
      <${Button}
        kind="plain"
        icon=${isOpen ? "close" : "menu"}
        class="button plain menu"
        aria-expanded=${isOpen}
        aria-label=${t("console.menu")}
        onClick=${() => setOpen(!isOpen)}
      />
      <div class="title grow">
        <strong>${status.value.store}</strong
        ><span class="quiet small">${t("console.hub", { hub: status.value.hub })}</span>
      </div>
      ${!isConnected.value && html`<${Badge} kind="bad">${t("console.disconnected")}<//>`}
      <a class="button plain" href=${to("today")} aria-label=${t("console.alarms", { n: urgent })}>
        <${Icon} name="alarm" />${urgent > 0 ? html`<${Badge} kind="bad">${urgent}<//>` : ""}</a
      >
      <${Button} kind="plain" icon="person" aria-label=${t("console.preferences")} onClick=${() => setChooses(true)} />
    </header>
    <nav aria-label=${t("console.menu")}>
      <ul>
        ${Object.entries(VIEWS).map(
          ([id, [, icon]]) =>
            html`<li key=${id}>
              <a href=${to(id)} aria-current=${id === name ? "page" : undefined}
                ><${Icon} name=${icon} />${t(`console.view.${id}`)}</a
              >
            </li>`,
        )}
      </ul>
    </nav>
    <main id="main" tabindex="-1"><${View} key=${name} path=${route.value.path.slice(1)} /></main>
    ${chooses && html`<${Preferences} onClose=${() => setChooses(false)} />`}
  </div>`;
}

// The address is the view's, so the link that skips the navigation moves the focus itself.
function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function App() {
  const view = {
    asking: html`<main class="door">
      ${problem.value ? html`<${Notice} kind="bad">${problem.value}<//>` : html`<${Spinner} />`}
    </main>`,
    out: html`<${SignIn} />`,
  };
  return html`${session.value === "in" ? html`<${Frame} />` : view[session.value]}<${Toasts} />`;
}

await load("word", "problem", "console");
render(html`<${App} />`, document.getElementById("page"));
enter();
