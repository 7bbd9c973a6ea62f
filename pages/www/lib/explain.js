// What went wrong, in a sentence for whoever stands before the screen: where, and what to do.

import { has, t } from "../texts/index.js";
import { NoAnswer, Problem } from "./api.js";

/** @param {unknown} error */
export function explain(error) {
  if (error instanceof NoAnswer) return t("problem.no-answer");
  // A problem without a text of its own comes in the hub's words.
  if (error instanceof Problem && has(`problem.${error.type}`)) return t(`problem.${error.type}`, error.members);
  return error instanceof Error ? error.message : String(error);
}
