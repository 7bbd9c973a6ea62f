// Training: the register practises, and nothing counts. What register.mjs plays with its register.

import assert from "node:assert/strict";
import { key } from "./returning.mjs";

const CEREAL = "0400008189811"; // 3.69

/** @param {{till: any, stage: any, step: any, look: any, lines: any, settled: any}} play */
export async function training({ till, stage, step, look, lines, settled }) {
  const sold = async (path) => (await stage.ask("GET", `${path}?limit=100`)).body.length;
  const [sales, practised] = [await sold("/sales"), await sold("/training/sales")];
  await step("training begins", async () => {
    await key(till, "F10");
    await till.getByRole("button", { name: "Begin training" }).click();
    await till.getByText("Training – nothing here counts").waitFor();
  });
  await step("a sale is practised, for cash only", async () => {
    await stage.control(`scan ${CEREAL}`);
    await lines(till, 1);
    await settled(till);
    await look(till, "register-training");
    await key(till, "F9");
    await till.getByText("Training takes cash and coupons only.").waitFor();
    await look(till, "register-training-pay");
    await till.getByRole("button", { name: "Exact $3.69" }).click();
    await till.getByRole("button", { name: "Show the receipt" }).click();
    await till.locator(".paper").getByText("NOTHING WAS SOLD").first().waitFor();
    await till.keyboard.press("Escape");
  });
  await step("training ends, and no sale came of it", async () => {
    await key(till, "F10");
    await till.getByRole("button", { name: "End training" }).click();
    await till.getByText("Training – nothing here counts").waitFor({ state: "detached" });
    assert.deepEqual([await sold("/sales"), await sold("/training/sales")], [sales, practised + 1]);
  });
}
