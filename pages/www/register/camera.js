// The device's camera as a scanner.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { t } from "../texts/index.js";
import { Button, Notice } from "../look/index.js";
import { openReader } from "./barcodes.js";

/** @typedef {import("./barcodes.js").Code} Code */

const PAUSE = 90;
/** A code that was out of sight for less is on the same package. */
const SAME = 1000;

export const canScan = () => Boolean(navigator.mediaDevices);

/** @param {{onCode: (code: Code) => void, onClose: () => void}} properties */
export function Camera({ onCode, onClose }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    let isOver = false;
    /** @type {MediaStream | undefined} */
    let stream;
    /** @type {import("./barcodes.js").Reader | undefined} */
    let reader;
    const close = () => {
      isOver = true;
      reader?.close();
      stream?.getTracks().forEach((track) => track.stop());
    };
    void (async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({
          video: { facingMode: "environment", width: 1280, height: 720 },
        });
        if (isOver) return close();
        video.current.srcObject = stream;
        await video.current.play();
      } catch {
        return setWrong(t("register.camera.denied"));
      }
      try {
        reader = await openReader();
        if (isOver) return close();
        let [taken, before, seen] = ["", "", 0];
        while (!isOver) {
          await new Promise((done) => setTimeout(done, PAUSE));
          const code = isOver ? undefined : await reader.read(video.current);
          if (isOver || !code) continue;
          const isSame = code.data === taken && performance.now() - seen < SAME;
          if (code.data === taken) seen = performance.now();
          // Two equal reads: one may be wrong.
          if (code.data === before && !isSame) {
            [taken, seen] = [code.data, performance.now()];
            onCode(code);
          }
          before = code.data;
        }
      } catch {
        close();
        setWrong(t("register.camera.no-reader"));
      }
    })();
    return close;
  }, []);
  return html`<div class="camera">
    ${wrong ? html`<${Notice} kind="bad">${wrong}<//>` : html`<video ref=${video} playsinline muted></video>`}
    <${Button} icon="close" onClick=${onClose}>${t("look.close")}<//>
  </div>`;
}
