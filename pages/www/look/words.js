// Words of the APIs for people: states, kinds, roles. The hub's and HQ's pages share them.

import { html } from "../vendor/ui.js";
import { has, t } from "../texts/index.js";
import { Badge } from "./index.js";

/**
 * A word, such as a state. One without a text, from a newer version, is shown as it is.
 * @param {string} group @param {string} value
 */
export const word = (group, value) =>
  has(`word.${group}.${value}`) ? t(`word.${group}.${value}`) : String(value).replaceAll("_", " ");

const KINDS = {
  ready: "good",
  attention: "busy",
  connecting: "busy",
  offline: "bad",
  open: "good",
  suspended: "busy",
  ended: "busy",
  active: "good",
  waiting: "note",
  fetching: "busy",
  refused: "bad",
  printing: "note",
  accepted: "note",
  printed: "good",
  failed: "bad",
  offered: "busy",
  picking: "note",
  picked: "note",
  packed: "note",
  arrived: "busy",
  handed_over: "good",
  shipped: "good",
  rejected: "bad",
  expired: "bad",
  short: "busy",
  approved: "good",
  approved_offline: "busy",
  declined: "bad",
  unknown: "bad",
};

/** A state as a badge. */
export const State = ({ group, value }) => html`<${Badge} kind=${KINDS[value] ?? ""}>${word(group, value)}<//>`;
