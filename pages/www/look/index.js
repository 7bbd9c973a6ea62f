// The components. Each is a function of its properties; unknown properties go to the element. All texts come from their
// callers, through `t`.

import { computed, effect, html, signal, useEffect, useId, useRef } from "../vendor/ui.js";
import { t } from "../texts/index.js";
import { Icon } from "./icons.js";

export { Icon };

const names = (...all) => all.filter(Boolean).join(" ");

/** `kind`: main, danger, plain. `busy` while its action runs: it can't be pressed twice. */
export function Button({
  kind = "",
  large = false,
  wide = false,
  icon = "",
  busy = false,
  disabled = false,
  children = null,
  type = "button",
  ...rest
}) {
  return html`<button
    type=${type}
    class=${names("button", kind, large && "large", wide && "wide")}
    disabled=${disabled || busy}
    aria-busy=${busy}
    ...${rest}
  >
    ${busy ? html`<span class="spinner"></span>` : icon && html`<${Icon} name=${icon} />`}${children}
  </button>`;
}

/** A link that looks like a button. */
export const LinkButton = ({ kind = "", large = false, icon = "", children = null, ...rest }) =>
  html`<a class=${names("button", kind, large && "large")} ...${rest}
    >${icon && html`<${Icon} name=${icon} />`}${children}</a
  >`;

/** A labelled control: `control` gets the properties that connect it with its label. */
function Labelled({ label, hint, wrong, control }) {
  const id = useId();
  const told = wrong || hint ? `${id}-told` : undefined;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control({ id, "aria-describedby": told, "aria-invalid": wrong ? "true" : undefined })}
    ${
      (wrong || hint) &&
      html`<span id=${told} class=${wrong ? "wrong" : "hint"} role=${wrong ? "alert" : undefined}
        >${wrong || hint}</span
      >`
    }
  </div>`;
}

/** A field. `onInput` gets the text. */
export const Input = ({ label, hint = "", wrong = "", onInput = undefined, inputRef = undefined, ...rest }) =>
  html`<${Labelled}
    label=${label}
    hint=${hint}
    wrong=${wrong}
    control=${(connected) =>
      html`<input
        class="input"
        autocomplete="off"
        ref=${inputRef}
        onInput=${(event) => onInput?.(event.currentTarget.value)}
        ...${connected}
        ...${rest}
      />`}
  />`;

export const TextArea = ({ label, hint = "", wrong = "", onInput = undefined, ...rest }) =>
  html`<${Labelled}
    label=${label}
    hint=${hint}
    wrong=${wrong}
    control=${(connected) =>
      html`<textarea
        class="input"
        onInput=${(event) => onInput?.(event.currentTarget.value)}
        ...${connected}
        ...${rest}
      ></textarea>`}
  />`;

/** `options`: [value, text]. `onChange` gets the value. */
export const Select = ({ label, hint = "", wrong = "", options, value, onChange, ...rest }) =>
  html`<${Labelled}
    label=${label}
    hint=${hint}
    wrong=${wrong}
    control=${(connected) =>
      html`<select
        class="input"
        value=${value}
        onChange=${(event) => onChange(event.currentTarget.value)}
        ...${connected}
        ...${rest}
      >
        ${options.map(
          ([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`,
        )}
      </select>`}
  />`;

/** `onChange` gets whether it is checked. */
export const Check = ({ label, checked, onChange, ...rest }) =>
  html`<label class="check"
    ><input
      type="checkbox"
      checked=${checked}
      onChange=${(event) => onChange(event.currentTarget.checked)}
      ...${rest}
    />${label}</label
  >`;

/** A modal dialog, as long as it is rendered. The browser keeps the focus inside and returns it. */
export function Dialog({ title, onClose, wide = false, children = null }) {
  const at = useRef(null);
  const name = useId();
  useEffect(() => {
    const dialog = at.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${at} class=${names("dialog", wide && "wide")} aria-labelledby=${name} onCancel=${cancel}>
    <header>
      <h2 id=${name}>${title}</h2>
      <${Button} kind="plain" icon="close" aria-label=${t("look.close")} onClick=${onClose} />
    </header>
    <div class="inside">${children}</div>
  </dialog>`;
}

/**
 * `columns`: {title, cell(row), number, brief}: a brief cell is in one line; `id(row)` names a row; with `onOpen`, a
 * row opens by its first cell.
 */
export const Table = ({ label, columns, rows, id, onOpen = undefined }) =>
  html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table class="table">
      <thead>
        <tr>
          ${columns.map(
            ({ title, number }) => html`<th key=${title} scope="col" class=${number ? "number" : ""}>${title}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr key=${id(row)} data-opens=${onOpen ? "" : undefined} onClick=${onOpen && (() => onOpen(row))}>
              ${columns.map(
                ({ title, cell, number, brief }, place) =>
                  html`<td key=${title} class=${number ? "number" : brief ? "brief" : ""}>
                    ${
                      onOpen && place === 0
                        ? html`<button class="button plain" type="button">${cell(row)}</button>`
                        : cell(row)
                    }
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;

/** `tabs`: [id, title]. */
export function Tabs({ label, tabs, value, onChange }) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = tabs.findIndex(([id]) => id === value);
    const [next] = tabs[(at + step + tabs.length) % tabs.length];
    onChange(next);
    event.currentTarget.querySelector(`[data-tab="${next}"]`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
    ${tabs.map(
      ([id, title]) =>
        html`<button
          key=${id}
          type="button"
          role="tab"
          data-tab=${id}
          aria-selected=${id === value}
          tabindex=${id === value ? 0 : -1}
          onClick=${() => onChange(id)}
        >
          ${title}
        </button>`,
    )}
  </div>`;
}

/** `kind`: good, busy, bad, note. The shape differs with the colour. */
export const Badge = ({ kind = "", children }) => html`<span class=${names("badge", kind)}>${children}</span>`;

const NOTICE_ICONS = { bad: "alarm", busy: "alarm", good: "check", note: "note" };

/** Something to know, in the page. */
export const Notice = ({ kind = "note", children }) =>
  html`<div class=${names("notice", kind)} role=${kind === "bad" ? "alert" : "status"}>
    <${Icon} name=${NOTICE_ICONS[kind]} />
    <div class="grow row">${children}</div>
  </div>`;

export const Empty = ({ icon = "note", title, text = "", children = null }) =>
  html`<div class="empty">
    <${Icon} name=${icon} />
    <h3>${title}</h3>
    ${text && html`<p>${text}</p>`}${children}
  </div>`;

export const Progress = ({ label, value, max }) =>
  html`<div class="bar">
    <div class="row spread small"><span>${label}</span><span class="number">${value} / ${max}</span></div>
    <progress value=${value} max=${max} aria-label=${label}></progress>
  </div>`;

export const Spinner = ({ label = t("look.working") }) =>
  html`<span class="row"><span class="spinner"></span><span>${label}</span></span>`;

/** A number with its name. */
export const Figure = ({ name, value, small = "" }) =>
  html`<div class="card figure">
    <span class="quiet small">${name}</span><strong>${value}</strong><span class="quiet small">${small}</span>
  </div>`;

/** Digits by touch: `onChange` gets the digits with the next one, at most `most`. */
export function Keypad({ value, onChange, most = 10 }) {
  const press = (key) => onChange((value + key).slice(0, most));
  return html`<div class="keypad">
    ${["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(
      (key) => html`<${Button} key=${key} onClick=${() => press(key)}>${key}<//>`,
    )}
    <${Button} kind="plain" icon="close" aria-label=${t("look.clear")} onClick=${() => onChange("")} />
    <${Button} onClick=${() => press("0")}>0<//>
    <${Button}
      kind="plain"
      icon="delete"
      aria-label=${t("look.delete")}
      onClick=${() => onChange(value.slice(0, -1))}
    />
  </div>`;
}

/** @typedef {{id: number, text: string, kind: string, action?: string, onAction?: () => void}} Toast */
/** @type {import("../vendor/ui.js").Signal<Toast[]>} */
const toasts = signal([]);
let toastsMade = 0;

/** Says something for some seconds. `kind`: bad stays until it is closed. */
export function toast(text, { kind = "", action = "", onAction = undefined } = {}) {
  const id = ++toastsMade;
  toasts.value = [...toasts.value.filter((one) => one.text !== text).slice(-2), { id, text, kind, action, onAction }];
  if (kind !== "bad") setTimeout(() => dismiss(id), 5000);
}

const dismiss = (id) => (toasts.value = toasts.value.filter((one) => one.id !== id));

/** Where toasts appear: once in a page. As a popover they are above an open dialog. */
export function Toasts() {
  const at = useRef(null);
  useEffect(() => {
    // The last that was shown is on top.
    if (at.current.matches(":popover-open")) at.current.hidePopover();
    at.current.showPopover();
  }, [toasts.value]);
  return html`<div class="toasts" ref=${at} popover="manual" role="status" aria-live="polite">
    ${toasts.value.map(
      ({ id, text, kind, action, onAction }) =>
        html`<div key=${id} class=${names("toast", kind)}>
          <span class="grow">${text}</span>
          ${
            action &&
            html`<button class="button" type="button" onClick=${() => (dismiss(id), onAction())}>${action}</button>`
          }
          ${
            kind === "bad" &&
            html`<button class="button" type="button" aria-label=${t("look.close")} onClick=${() => dismiss(id)}>
              <${Icon} name="close" />
            </button>`
          }
        </div>`,
    )}
  </div>`;
}

const THEME = "theme";
export const theme = signal(localStorage.getItem(THEME) ?? "auto");
effect(() => {
  localStorage.setItem(THEME, theme.value);
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
export const themes = computed(() => [
  ["auto", t("look.theme.auto")],
  ["light", t("look.theme.light")],
  ["dark", t("look.theme.dark")],
]);
