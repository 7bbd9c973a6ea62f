// Reads barcodes where the browser can't.
//
// Out: {ready}, when the library is loaded, or {failed}. In: a picture. Out: {code}, if it has one.

import { prepare, readBarcodes } from "../vendor/zxing.js";

/** What is printed on goods, receipts and customers' cards. */
const FORMATS = [
  ...["EAN13", "EAN8", "UPCE", "Code128", "Code39", "ITF", "DataBar", "DataBarExpanded"],
  ...["QRCode", "DataMatrix"],
];

/** @type {any} */
const options = { formats: FORMATS, textMode: "Plain", tryInvert: false, maxNumberOfSymbols: 1 };

addEventListener("message", async ({ data }) => {
  try {
    const [found] = await readBarcodes(data, options);
    postMessage({ code: found && { data: found.text, symbology: found.symbologyIdentifier } });
  } catch (error) {
    postMessage({ failed: String(error) });
  }
});

try {
  await prepare();
  postMessage({ ready: true });
} catch (error) {
  postMessage({ failed: String(error) });
}
