// Starts the register: one page per browser, paired once, then usable with what is on this device.

import { effect, html, render, useEffect, useState } from "../vendor/ui.js";
import { route } from "../lib/route.js";
import { script } from "../lib/scripts.js";
import { load, t } from "../texts/index.js";
import { Button, Empty, Spinner, Toasts } from "../look/index.js";
import { setting } from "./db.js";
import { Display } from "./display.js";
import { becomeRegister } from "./lock.js";
import { Pair } from "./pair.js";
import { Picking } from "./picking.js";
import { Register } from "./register.js";
import { Sell } from "./sell.js";
import { listenToKeys } from "./wedge.js";

const place = document.getElementById("page");

/** @param {{register: Register}} properties */
function Pages({ register }) {
  const [first] = route.value.path;
  if (register.isUnpaired.value) return html`<${Pair} onPaired=${() => location.reload()} />`;
  return first === "picking" ? html`<${Picking} register=${register} />` : html`<${Sell} register=${register} />`;
}

function App() {
  const [state, setState] = useState("starting");
  const [register, setRegister] = useState(/** @type {Register | undefined} */ (undefined));

  async function start(steal = false) {
    if (!(await becomeRegister(steal, () => setState("taken")))) return setState("elsewhere");
    const paired = await setting("paired");
    if (!paired) return setState("pair");
    const made = new Register(paired);
    await made.start();
    listenToKeys((code) => void made.scanned({ data: code }, undefined));
    // For whoever measures.
    Object.assign(window, { register: made });
    setRegister(made);
    setState("ready");
    show(made);
    void keepAwake();
  }
  useEffect(() => void start(), []);

  if (state === "ready" && register) return html`<${Pages} register=${register} /><${Toasts} />`;
  if (state === "pair") return html`<${Pair} onPaired=${() => location.reload()} /><${Toasts} />`;
  if (state === "elsewhere" || state === "taken") {
    return html`<main class="middle"><${Empty} icon="device" title=${t("register.elsewhere")}
      text=${t("register.elsewhere.why")}>
      <${Button} kind="main" onClick=${() => (state === "taken" ? location.reload()
        : start(true))}>${t("register.elsewhere.here")}<//>
    <//></main>`;
  }
  return html`<main class="middle"><${Spinner} /></main>`;
}

/** Tells the customer's screen on this device what is in the basket. @param {Register} register */
function show(register) {
  const channel = new BroadcastChannel("store-hub-display");
  const tell = () => {
    const { lane, lines, totals, done } = register;
    channel.postMessage({ lane: lane.value, lines: lines.value, totals: totals.value, done: done.value });
  };
  effect(tell);
  channel.onmessage = tell;
}

async function keepAwake() {
  const ask = () => navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && ask());
  await ask();
}

// A new version is installed beside the old one, and takes over when nobody sells.
async function serveOffline() {
  const worker = await navigator.serviceWorker?.register(script("/register/sw.js"), {
    scope: "/register",
    updateViaCache: "none",
  });
  if (!worker) return;
  const update = () => {
    const sells = /** @type {any} */ (window).register?.current.value;
    if (worker.waiting && !sells) worker.waiting.postMessage("take-over");
  };
  let hadOne = Boolean(navigator.serviceWorker.controller);
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) location.reload();
    hadOne = true;
  });
  worker.addEventListener("updatefound", () => worker.installing?.addEventListener("statechange", update));
  setInterval(update, 30_000);
  setInterval(() => void worker.update().catch(() => {}), 15 * 60_000);
}

await load("register");
document.title = t("register.title");
if (route.value.path[0] === "display") render(html`<${Display} />`, place);
else {
  render(html`<${App} />`, place);
  void serveOffline();
}
