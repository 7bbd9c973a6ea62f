// The console: what a manager and IT keep open. Signing in, the frame, and the views by address.

import { html, render, signal, useEffect, useState } from "../vendor/ui.js";
import { load, t } from "../texts/index.js";
import { NoAnswer, Problem } from "../lib/api.js";
import { listen } from "../lib/events.js";
import { to } from "../lib/route.js";
import { Door, Frame } from "../look/frame.js";
import { Badge, Icon, Input, Notice, Spinner, Toasts } from "../look/index.js";
import { why } from "../look/load.js";
import { api, command, status } from "./state.js";
import { alarms } from "./alarms.js";
import { Cash } from "./cash.js";
import { Customers } from "./customers.js";
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
  customers: [Customers, "customers"],
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
  async function submit() {
    setBusy(true);
    try {
      await api.post("/session", { code: code.trim() });
      await enter();
    } catch (error) {
      setWrong(why(error));
    }
    setBusy(false);
  }
  return html`<${Door} title=${t("console.signin")} action=${t("console.signin")} busy=${busy} onEnter=${submit}>
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
  <//>`;
}

async function signOut() {
  if ((await command("/session/end")) !== undefined) session.value = "out";
}

function Console() {
  useEffect(
    () =>
      listen(api, {
        onEvent: (event) => event.type === "status" && (status.value = event),
        onOpen: () => ((isConnected.value = true), enter()),
        onClosed: () => ((isConnected.value = false), enter()),
      }),
    [],
  );
  const urgent = alarms(status.value).filter((alarm) => alarm.kind === "bad").length;
  const tools = html`${!isConnected.value && html`<${Badge} kind="bad">${t("console.disconnected")}<//>`}
    <a class="button plain" href=${to("today")} aria-label=${t("console.alarms", { n: urgent })}>
      <${Icon} name="alarm" />${urgent > 0 ? html`<${Badge} kind="bad">${urgent}<//>` : ""}</a
    >`;
  return html`<${Frame}
    views=${VIEWS}
    home="today"
    name=${(id) => t(`console.view.${id}`)}
    title=${status.value.store}
    subtitle=${t("console.hub", { hub: status.value.hub })}
    urgent=${urgent}
    tools=${tools}
    onSignOut=${signOut}
  />`;
}

function App() {
  const view = {
    asking: html`<main class="door">
      ${problem.value ? html`<${Notice} kind="bad">${problem.value}<//>` : html`<${Spinner} />`}
    </main>`,
    out: html`<${SignIn} />`,
  };
  return html`${session.value === "in" ? html`<${Console} />` : view[session.value]}<${Toasts} />`;
}

await load("word", "problem", "console");
render(html`<${App} />`, document.getElementById("page"));
enter();
