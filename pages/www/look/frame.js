// What areas have around their views: the door, the frame with its navigation, and what a person prefers.

import { html, useEffect, useState } from "../vendor/ui.js";
import { route, to } from "../lib/route.js";
import { choose, language, LANGUAGES, t } from "../texts/index.js";
import { Button, Dialog, Icon, Select, theme, themes } from "./index.js";
import { ActButton } from "./load.js";

/** Language and appearance, for this browser. */
export const Preferences = () => html`
  <${Select}
    label=${t("look.language")}
    options=${Object.entries(LANGUAGES)}
    value=${language.value}
    onChange=${choose}
  />
  <${Select}
    label=${t("look.theme")}
    options=${themes.value}
    value=${theme.value}
    onChange=${(one) => (theme.value = one)}
  />
`;

/** Where a person or a register enters: `children` are its fields; `below` is what does not belong to them. */
export function Door({ title, action, busy, disabled = false, onEnter, children, below = null }) {
  const enter = (event) => {
    event.preventDefault();
    onEnter();
  };
  return html`<main class="door">
    <form class="card" onSubmit=${enter}>
      <h1>${title}</h1>
      ${children}
      <${Button} kind="main" type="submit" busy=${busy} disabled=${disabled}>${action}<//>
      ${below}
    </form>
  </main>`;
}

/**
 * The frame of an area with several views. `views`: by the first part of the address, the view and its icon; `name`
 * gives the name of one, `home` is the first one; `urgent` things are counted in the window's title; `tools` are at the
 * end of the bar.
 */
export function Frame({ views, home, name, title, subtitle = "", urgent = 0, tools = null, onSignOut }) {
  const [isOpen, setOpen] = useState(false);
  const [chooses, setChooses] = useState(false);
  const [first, ...path] = route.value.path;
  const id = first in views ? first : home;
  const [View] = views[id];
  const address = route.value.path.join("/");
  useEffect(() => {
    setOpen(false);
    window.scrollTo(0, 0);
  }, [address]);
  useEffect(() => {
    document.title = `${urgent ? `(${urgent}) ` : ""}${name(id)} – ${title}`;
  }, [id, title, urgent, language.value]);
  return html`<div class=${isOpen ? "frame open" : "frame"}>
    <a class="skip button main" href="#main" onClick=${toMain}>${t("look.skip")}</a>
    <header class="top">
      <${Button}
        kind="plain"
        icon=${isOpen ? "close" : "menu"}
        class="button plain menu"
        aria-expanded=${isOpen}
        aria-label=${t("look.views")}
        onClick=${() => setOpen(!isOpen)}
      />
      <div class="title grow">
        <strong>${title}</strong>${subtitle && html`<span class="quiet small">${subtitle}</span>`}
      </div>
      ${tools}
      <${Button} kind="plain" icon="person" aria-label=${t("look.preferences")} onClick=${() => setChooses(true)} />
    </header>
    <nav aria-label=${t("look.views")}>
      <ul>
        ${Object.entries(views).map(
          ([one, [, icon]]) =>
            html`<li key=${one}>
              <a href=${to(one)} aria-current=${one === id ? "page" : undefined}
                ><${Icon} name=${icon} />${name(one)}</a
              >
            </li>`,
        )}
      </ul>
    </nav>
    <main id="main" tabindex="-1"><${View} key=${id} path=${path} /></main>
    ${
      chooses &&
      html`<${Dialog} title=${t("look.preferences")} onClose=${() => setChooses(false)}>
        <${Preferences} />
        <div class="actions"><${ActButton} icon="lock" onAct=${onSignOut}>${t("look.signout")}<//></div>
      <//>`
    }
  </div>`;
}

// The address is the view's, so the link that skips the navigation moves the focus itself.
function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
