// A camera that looks at a barcode: Chromium shows pages the pictures of a file as those of a camera.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

const WIDTH = 640;
const HEIGHT = 480;
/** Pixels of the narrowest bar. */
const MODULE = 4;
const LEFT = [
  ...["0001101", "0011001", "0010011", "0111101", "0100011"],
  ...["0110001", "0101111", "0111011", "0110111", "0001011"],
];
/** Which digits of the left half have the other parity, by the first digit. */
const PARITY = ["000000", "001011", "001101", "001110", "010011", "011001", "011100", "010101", "010110", "011010"];

const inverted = (bits) => [...bits].map((bit) => (bit === "1" ? "0" : "1")).join("");
const reversed = (bits) => [...bits].reverse().join("");

/** The bars of an EAN-13, 1 is black: ISO/IEC 15420. @param {string} digits */
function bars(digits) {
  const parity = PARITY[Number(digits[0])];
  const left = [...digits.slice(1, 7)].map((digit, at) =>
    parity[at] === "0" ? LEFT[Number(digit)] : reversed(inverted(LEFT[Number(digit)])),
  );
  const right = [...digits.slice(7)].map((digit) => inverted(LEFT[Number(digit)]));
  return ["101", ...left, "01010", ...right, "101"].join("");
}

/** Writes a film of one picture, with an EAN-13 on it: YUV4MPEG2. @param {string} path @param {string} digits */
export function film(path, digits) {
  const code = bars(digits);
  const start = (WIDTH - code.length * MODULE) / 2;
  const row = Buffer.alloc(WIDTH, 235);
  for (const [at, bar] of [...code].entries())
    if (bar === "1") row.fill(16, start + at * MODULE, start + (at + 1) * MODULE);
  const picture = Buffer.alloc(WIDTH * HEIGHT, 235);
  for (let y = HEIGHT / 4; y < (HEIGHT * 3) / 4; y++) row.copy(picture, y * WIDTH);
  const colours = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`);
  writeFileSync(path, Buffer.concat([head, picture, colours]));
}

/** The camera scans what it sees. @param {{till: any, step: any, look: any, lines: any, settled: any}} play */
export async function camera({ till, step, look, lines, settled }) {
  const isKept = () => till.evaluate(async () => Boolean(await caches.match("/vendor/zxing.wasm")));
  await step("the camera reads a barcode, by what is loaded only now", async () => {
    assert.equal(await isKept(), false);
    await till.getByRole("button", { name: "Scan with the camera" }).click();
    await lines(till, 1);
    await settled(till);
    await till.locator(".line", { hasText: "All Family Cereal" }).waitFor();
    await look(till, "register-camera");
    assert.equal(await isKept(), true);
  });
  await step("once, however long it looks at it, and is closed", async () => {
    assert.equal(await till.locator(".line").count(), 1);
    await till.getByRole("button", { name: "Close", exact: true }).click();
    await till.locator(".camera").waitFor({ state: "detached" });
    await till.getByRole("button", { name: "Discard the basket" }).click();
    await till.getByRole("button", { name: "Really discard?" }).click();
    await till.getByText("Scan the first item").waitFor();
  });
}
