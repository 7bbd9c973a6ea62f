// Gift cards and store credit: balances, where the money is, what happened to a card, and blocking one.

import { html, useState } from "../vendor/ui.js";
import { dateTime, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Badge, Button, Dialog, Input, LinkButton, Notice, Table } from "../look/index.js";
import { ActButton, attempt, Loaded, useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { all, amount, api } from "./state.js";

export const GiftCards = ({ path: [card] }) => (card ? html`<${One} key=${card} card=${card} />` : html`<${List} />`);

function List() {
  const [typed, setTyped] = useState("");
  const cards = useLoad(() => all("/gift-cards", {}, 2000), [], 30_000);
  const find = (event) => {
    event.preventDefault();
    if (typed.trim()) go("gift-cards", typed.replace(/\s/g, ""));
  };
  return html`<div class="head">
      <h1>${t("fleet.view.gift-cards")}</h1>
      <form class="row" onSubmit=${find}>
        <${Input} label=${t("fleet.card.number")} value=${typed} onInput=${setTyped} maxlength="40" />
        <${Button} type="submit" icon="search">${t("fleet.look_up")}<//>
      </form>
    </div>
    <section class="card">
      <${Loaded} of=${cards} empty=${{ icon: "card", title: t("fleet.no_cards"), text: t("fleet.no_cards.text") }}
        >${(rows) =>
          html`<${Table}
            label=${t("fleet.view.gift-cards")}
            rows=${rows}
            id=${(row) => row.card}
            onOpen=${(row) => go("gift-cards", row.card)}
            columns=${[
              { title: t("fleet.card.number"), cell: (row) => row.card },
              { title: t("fleet.kind"), cell: (row) => word("tender", row.kind) },
              { title: t("fleet.card.balance"), number: true, cell: (row) => amount(row.balance, row.currency) },
              { title: t("fleet.card.free"), number: true, cell: (row) => amount(row.free, row.currency) },
              { title: t("fleet.state"), cell: (row) => html`<${State} card=${row} />` },
            ]}
          />`}<//
      >
    </section>`;
}

const State = ({ card }) =>
  html`<${Badge} kind=${card.blocked ? "bad" : "good"}
    >${card.blocked ? t("fleet.card.blocked") : t("fleet.card.valid")}<//
  >`;

function One({ card }) {
  const path = `/gift-cards/${encodeURIComponent(card)}`;
  const story = useLoad(() => api.get(path), [path], 10_000);
  const [blocks, setBlocks] = useState(false);
  return html`<div class="head">
      <div class="row">
        <${LinkButton} kind="plain" icon="back" href=${to("gift-cards")} aria-label=${t("fleet.back")} />
        <h1>${card}</h1>
      </div>
      <${Button} onClick=${() => setBlocks(true)}>${t("fleet.card.block")}<//>
    </div>
    <${Loaded} of=${story}>${(data) => html`<${Story} story=${data} />`}<//>
    ${blocks && html`<${Block} path=${path} onClose=${() => (setBlocks(false), story.again())} />`}`;
}

function Story({ story: { card, held, movements } }) {
  const money = (minor) => amount(minor, card.currency);
  return html`${card.blocked && html`<${Notice} kind="bad">${card.blocked}<//>`}
    <div class="half">
      <section class="card">
        <h2>${t("fleet.card.money")}</h2>
        <dl class="facts money">
          <dt class="whole">${t("fleet.card.balance")}</dt>
          <dd class="whole">${money(card.balance)}</dd>
          <dt>${t("fleet.card.free")}</dt>
          <dd>${money(card.free)}</dd>
          ${held.map(
            (one) =>
              html`<dt key=${one.hub}>${one.hub}</dt>
                <dd>${money(one.held)}</dd>`,
          )}
        </dl>
      </section>
      <section class="card">
        <h2>${t("fleet.state")}</h2>
        <p class="row"><${State} card=${card} />${word("tender", card.kind)}</p>
      </section>
    </div>
    <section class="card">
      <h2>${t("fleet.card.movements")}</h2>
      <${Table}
        label=${t("fleet.card.movements")}
        rows=${movements.map((movement, place) => ({ ...movement, place }))}
        id=${(row) => row.place}
        columns=${[
          { title: t("fleet.at"), brief: true, cell: (row) => dateTime(row.at_ms) },
          { title: t("fleet.what"), cell: (row) => word("card_movement", row.movement) },
          { title: t("fleet.store"), cell: (row) => row.hub ?? "–" },
          { title: t("fleet.by"), cell: (row) => row.by },
          { title: t("fleet.card.reference"), cell: (row) => row.reference ?? "–" },
          { title: t("fleet.refunds.amount"), number: true, cell: (row) => money(row.amount) },
        ]}
      />
    </section>`;
}

function Block({ path, onClose }) {
  const [why, setWhy] = useState("");
  const block = async () => {
    const body = why.trim() ? { why: why.trim() } : {};
    if (await attempt(() => api.post(`${path}/block`, body, { patience: 10_000 }), t("fleet.card.done"))) onClose();
  };
  return html`<${Dialog} title=${t("fleet.card.block")} onClose=${onClose}>
    <${Input}
      label=${t("fleet.card.reason")}
      hint=${t("fleet.card.reason.hint")}
      value=${why}
      onInput=${setWhy}
      maxlength="120"
    />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("fleet.back")}<//>
      <${ActButton} kind="main" onAct=${block}>${t("fleet.card.block")}<//>
    </div>
  <//>`;
}
