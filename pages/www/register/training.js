// Training: the hub keeps what is practised apart from everything that counts. A basket is of training or real from its
// opening on, and its commands go to another path.

import { html } from "../vendor/ui.js";
import { explain } from "../lib/explain.js";
import { t } from "../texts/index.js";
import { Button, Icon, toast } from "../look/index.js";
import { keep } from "./db.js";

/** @typedef {import("./register.js").Register} Register */

/** The dialogs that a register in training has; the others do what counts. */
const DIALOGS = new Set(["menu", "pay", "unsent"]);

/** @param {Register} register */
export const isTraining = (register) => register.lane.value?.training ?? false;

/** Whether a dialog can open; says so if it can't. @param {Register} register @param {string} name */
export function mayOpen(register, name) {
  if (!isTraining(register) || DIALOGS.has(name)) return true;
  toast(t("register.training.not"), { kind: "bad" });
  return false;
}

/** Says on every screen that nothing counts. @param {{register: Register}} properties */
export function TrainingBand({ register }) {
  if (!isTraining(register)) return undefined;
  const band = t("register.training.band");
  return html`<div class="training" role="status" data-training><${Icon} name="alarm" /><strong>${band}</strong></div>`;
}

/** @param {{register: Register, onClose: () => void}} properties */
export function TrainingSwitch({ register, onClose }) {
  const text = isTraining(register) ? t("register.training.end") : t("register.training.begin");
  const press = () => {
    onClose();
    void switchTraining(register);
  };
  return html`<${Button} large icon="star" disabled=${!register.isOnline.value} onClick=${press}>${text}<//>`;
}

/** Begins or ends training, if nothing is open. @param {Register} register */
async function switchTraining(register) {
  const training = !isTraining(register);
  if (register.outbox.baskets.value.length) return toast(t("register.training.open"), { kind: "bad" });
  const send = async () => {
    const answer = await register.api.post("/training", { training });
    const lane = register.lane.value;
    if (!lane) return;
    register.done.value = undefined;
    register.lane.value = { ...lane, training: answer.training };
    await keep("lane", register.lane.value);
  };
  try {
    await send();
  } catch (error) {
    if (error?.type === "override-needed") register.ask({ kind: "override", problem: error, again: send });
    else toast(explain(error), { kind: "bad" });
  }
}
