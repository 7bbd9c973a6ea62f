// Signing in with a number and a PIN, or a badge; and another operator's signature for one command.

import { html, useEffect, useState } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { t } from "../texts/index.js";
import { Button, Dialog, Keypad, Notice } from "../look/index.js";

/**
 *
 * @param {{register: import("./register.js").Register, who?: any[], title: string, hint?: string, onDone: (credentials:
 * any) => Promise<void>}} properties
 */
function Credentials({ register, who, title, hint = "", onDone }) {
  const [operator, setOperator] = useState("");
  const [pin, setPin] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  const send = async (credentials) => {
    setBusy(true);
    setWrong("");
    try {
      await onDone(credentials);
    } catch (error) {
      setWrong(explain(error));
      setPin("");
      setBusy(false);
    }
  };
  // A badge is a code like any other.
  useEffect(() => {
    const before = register.scanTaker;
    register.scanTaker = ({ data }) => void send({ badge: data });
    return () => (register.scanTaker = before);
  }, []);
  const chosen = who?.find(({ id }) => id === operator);

  return html`<div class="stack">
    ${hint && html`<p>${hint}</p>`}
    <p class="quiet">${t("register.badge.how")}</p>
    ${wrong && html`<${Notice} kind="bad">${wrong}<//>`}
    ${
      !chosen
        ? html`<div class="people" role="group" aria-label=${title}>
          ${(who ?? []).map(({ id, name, role }) => html`<${Button} key=${id} large
            onClick=${() => setOperator(id)}><span>${name}<br /><span
              class="quiet small">${t(`register.role.${role}`)}</span></span><//>`)}
        </div>`
        : html`<form class="stack" onSubmit=${(event) => {
            event.preventDefault();
            if (pin) void send({ operator, pin });
          }}>
          <div class="row spread"><strong>${chosen.name}</strong><${Button} kind="plain" icon="back"
            onClick=${() => setOperator("")}>${t("register.other-person")}<//></div>
          <label class="field"><span class="label">${t("register.pin")}</span>
            <input class="input code" type="password" inputmode="numeric" autocomplete="off" autofocus maxlength="12"
              value=${pin} onInput=${(event) => setPin(event.currentTarget.value.replace(/\D/g, ""))} /></label>
          <${Keypad} value=${pin} most=${12} onChange=${setPin} />
          <${Button} kind="main" large type="submit" busy=${busy}
            disabled=${pin.length < 4}>${t("register.sign-in")}<//>
        </form>`
    }
  </div>`;
}

/** Covers the register until somebody signs in. */
export function SignIn({ register }) {
  const { operators, isOnline } = register;
  return html`<${Dialog} title=${t("register.sign-in")} onClose=${() => {}}>
    ${!isOnline.value && html`<${Notice} kind="busy">${t("register.sign-in.offline")}<//>`}
    <${Credentials} register=${register} who=${operators.value} title=${t("register.sign-in")}
      onDone=${(credentials) => register.signIn(credentials)} />
  <//>`;
}

/** Another operator signs for a command that was refused. */
export function Override({ register, problem, again, onClose }) {
  const { right, amount } = problem.members;
  const others = register.operators.value.filter(({ id }) => id !== register.operator.value?.operator);
  const sign = async (by) => {
    await register.api.post("/operators/override", { by, for: { right, amount: amount ?? undefined } });
    onClose();
    await again();
  };
  return html`<${Dialog} title=${t("register.override")} onClose=${onClose}>
    <${Credentials} register=${register} who=${others} title=${t("register.override")}
      hint=${t("register.override.why", { what: t(`register.right.${right}`) })} onDone=${sign} />
  <//>`;
}
