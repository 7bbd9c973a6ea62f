// Charts: drawn as SVG in the colours of the page, each with its numbers as a table for those who want or need them.

import { html, useId, useLayoutEffect, useRef, useState } from "../vendor/ui.js";
import { t } from "../texts/index.js";

const HEIGHT = 200;
const BELOW = 22;
const ABOVE = 18;
/** The widest bar. */
const WIDEST = 56;
/** The width of a digit of a mark. */
const DIGIT = 7;

/** A round number at or above `value`: 1, 2, 2.5 or 5 times a power of ten. @param {number} value */
function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((round) => round >= value) ?? value;
}

/** The width of an element in pixels, so that texts in a drawing keep their size. @returns {[any, number]} */
function useWidth() {
  const at = useRef(null);
  const [width, set] = useState(720);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([{ contentRect }]) => set(Math.max(Math.round(contentRect.width), 160)));
    watch.observe(at.current);
    return () => watch.disconnect();
  }, []);
  return [at, width];
}

function Numbers({ label, name, value, rows }) {
  return html`<details class="numbers">
    <summary>${t("look.chart.numbers")}</summary>
    <div class="scroll">
      <table class="table">
        <caption class="only-read">
          ${label}
        </caption>
        <thead>
          <tr>
            <th scope="col">${name}</th>
            <th scope="col" class="number">${value}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr key=${row.name}>
                <th scope="row">${row.name}</th>
                <td class="number">${row.text}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}

/** Bars. `rows`: {name, value, text, short}: `text` is the value for people, `short` what stands below the bar. */
export function Bars({ label, name, value, rows, scale }) {
  const id = useId();
  const [at, width] = useWidth();
  const most = Math.max(...rows.map((row) => row.value), 0);
  const top = ceiling(most);
  const inner = HEIGHT - ABOVE - BELOW;
  // Beside the marks, so that no bar hides one.
  const marks = most > 0 ? [1, 0.5].map((part) => String(scale(top * part))) : [];
  const beside = Math.max(...marks.map((mark) => (mark.length + 1) * DIGIT), 0);
  const step = (width - beside) / Math.max(rows.length, 1);
  const height = (row) => (Math.max(row.value, 0) / top) * inner;
  const wide = Math.min(step * 0.7, WIDEST);
  const labelled = Math.ceil((rows.length * 34) / width);
  return html`<figure class="chart" ref=${at}>
    <svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-labelledby=${id}>
      <title id=${id}>${label}</title>
      ${[1, 0.5, 0].map(
        (part) =>
          html`<g key=${part}>
            <line class="grid" x1="0" x2=${width} y1=${ABOVE + inner * (1 - part)} y2=${ABOVE + inner * (1 - part)} />
            ${
              part > 0 &&
              most > 0 &&
              html`<text class="mark" x="2" y=${ABOVE + inner * (1 - part) - 4}>${scale(top * part)}</text>`
            }
          </g>`,
      )}
      ${rows.map(
        (row, place) =>
          html`<g key=${row.name}>
            <title>${row.name}: ${row.text}</title>
            <rect class="hit" x=${beside + place * step} y=${ABOVE} width=${step} height=${inner} />
            <rect
              class="bar-fill"
              x=${beside + place * step + (step - wide) / 2}
              width=${wide}
              y=${ABOVE + inner - height(row)}
              height=${height(row)}
              rx="3"
            />
            ${
              place % labelled === 0 &&
              html`<text class="mark below" x=${beside + place * step + step / 2} y=${HEIGHT - 6}
                >${row.short ?? row.name}</text
              >`
            }
          </g>`,
      )}
    </svg>
    <${Numbers} label=${label} name=${name} value=${value} rows=${rows} />
  </figure>`;
}

/** A line over time. `rows` as for bars, in the order of time. */
export function Line({ label, name, value, rows, scale }) {
  const id = useId();
  const [at, width] = useWidth();
  const most = Math.max(...rows.map((row) => row.value), 0);
  const top = ceiling(most);
  const inner = HEIGHT - ABOVE - BELOW;
  const x = (place) => (place / Math.max(rows.length - 1, 1)) * width;
  const y = (row) => ABOVE + inner * (1 - Math.max(row.value, 0) / top);
  const points = rows.map((row, place) => `${x(place).toFixed(1)},${y(row).toFixed(1)}`).join(" ");
  return html`<figure class="chart" ref=${at}>
    <svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-labelledby=${id}>
      <title id=${id}>${label}</title>
      ${[1, 0.5, 0].map(
        (part) =>
          html`<g key=${part}>
            <line class="grid" x1="0" x2=${width} y1=${ABOVE + inner * (1 - part)} y2=${ABOVE + inner * (1 - part)} />
            ${
              part > 0 &&
              most > 0 &&
              html`<text class="mark" x="2" y=${ABOVE + inner * (1 - part) - 4}>${scale(top * part)}</text>`
            }
          </g>`,
      )}
      <polyline class="stroke" points=${points} />
      ${
        rows.length > 1 &&
        html`<text class="mark" x="2" y=${HEIGHT - 6}>${rows[0].name}</text>
          <text class="mark end" x=${width - 2} y=${HEIGHT - 6}>${rows.at(-1).name}</text>`
      }
    </svg>
    <${Numbers} label=${label} name=${name} value=${value} rows=${rows} />
  </figure>`;
}

/** Shares of a whole, each as a bar with its text. `rows`: {name, value, text}. */
export function Shares({ label, rows }) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 1);
  return html`<ul class="shares" aria-label=${label}>
    ${rows.map(
      (row) =>
        html`<li key=${row.name}>
          <span class="grow">${row.name}</span><span class="number">${row.text}</span>
          <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect class="bar-rest" width="100" height="4" rx="2" />
            <rect class="bar-fill" width=${(Math.abs(row.value) / most) * 100} height="4" rx="2" />
          </svg>
        </li>`,
    )}
  </ul>`;
}
