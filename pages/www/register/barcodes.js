// Reads barcodes from the pictures of a camera: by the browser where it can, else by a library in a worker, which is
// loaded when it is needed first.

import { script } from "../lib/scripts.js";

/**
 * A code as a scanner reports it, with its symbology identifier of ISO/IEC 15424.
 * @typedef {{data: string, symbology?: string}} Code
 * @typedef {{read: (video: HTMLVideoElement) => Promise<Code | undefined>, close: () => void}} Reader
 */

const SYMBOLOGIES = {
  ean_13: "]E0",
  ean_8: "]E4",
  upc_a: "]E0",
  upc_e: "]E0",
  code_128: "]C0",
  qr_code: "]Q1",
  data_matrix: "]d1",
  itf: "]I1",
  code_39: "]A0",
};

/** Ready when the reader works. @returns {Promise<Reader>} @throws when the library can't be loaded */
export async function openReader() {
  const native = /** @type {any} */ (window).BarcodeDetector;
  // Some browsers have the class and no format.
  const formats = await native?.getSupportedFormats().catch(() => []);
  return formats?.includes("ean_13") ? byBrowser(new native()) : byLibrary();
}

/** @returns {Reader} */
function byBrowser(detector) {
  return {
    async read(video) {
      const [found] = await detector.detect(video).catch(() => []);
      return found && { data: found.rawValue, symbology: SYMBOLOGIES[found.format] };
    },
    close() {},
  };
}

/** @returns {Promise<Reader>} */
async function byLibrary() {
  const worker = new Worker(script("/register/barcode-worker.js"), { type: "module" });
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  /** @returns {Promise<any>} */
  const answer = () =>
    new Promise((done, fail) => {
      worker.onmessage = ({ data }) => (data.failed === undefined ? done(data) : fail(new Error(data.failed)));
      worker.onerror = () => fail(new Error("the worker could not be loaded"));
    });
  try {
    await answer();
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    async read(video) {
      const { videoWidth: width, videoHeight: height } = video;
      if (!width || !height) return undefined;
      Object.assign(context.canvas, { width, height });
      context.drawImage(video, 0, 0);
      const picture = context.getImageData(0, 0, width, height);
      const found = answer();
      worker.postMessage(picture, [picture.data.buffer]);
      return (await found).code;
    },
    close: () => worker.terminate(),
  };
}
