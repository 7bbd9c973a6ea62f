// The device's camera as a scanner, where the browser can read barcodes by itself.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { t } from "../texts/index.js";
import { Button, Notice } from "../look/index.js";

const PAUSE = 90;
/** The same code again within this time is the same package. */
const SAME = 1500;

export const canScan = () => "BarcodeDetector" in window && Boolean(navigator.mediaDevices);

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

/** @param {{onCode: (code: {data: string, symbology?: string}) => void, onClose: () => void}} properties */
export function Camera({ onCode, onClose }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    let isOver = false;
    /** @type {MediaStream | undefined} */
    let stream;
    void (async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({
          video: { facingMode: "environment", width: 1280, height: 720 },
        });
        if (isOver) return stream.getTracks().forEach((track) => track.stop());
        video.current.srcObject = stream;
        await video.current.play();
      } catch {
        return setWrong(t("register.camera.denied"));
      }
      const detector = new /** @type {any} */ (window).BarcodeDetector();
      let [last, before, when] = ["", "", 0];
      while (!isOver) {
        await new Promise((done) => setTimeout(done, PAUSE));
        const [found] = await detector.detect(video.current).catch(() => []);
        if (!found) continue;
        // Two equal reads: one may be wrong.
        const isNew = found.rawValue !== last || performance.now() - when > SAME;
        if (found.rawValue === before && isNew) {
          [last, when] = [found.rawValue, performance.now()];
          onCode({ data: found.rawValue, symbology: SYMBOLOGIES[found.format] });
        }
        before = found.rawValue;
      }
    })();
    return () => {
      isOver = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  return html`<div class="camera">
    ${wrong ? html`<${Notice} kind="bad">${wrong}<//>` : html`<video ref=${video} playsinline muted></video>`}
    <${Button} icon="close" onClick=${onClose}>${t("look.close")}<//>
  </div>`;
}
