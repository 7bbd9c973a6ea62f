// Customers: found by phone, e-mail, card or name; what the store knows about one, what they bought and agreed to, and
// the copy and the erasure that they can ask for.

import { html, useState } from "../vendor/ui.js";
import { search, lookups, ways } from "../lib/customers.js";
import { date, dateTime, money, number, t } from "../texts/index.js";
import { go, to } from "../lib/route.js";
import { Problem } from "../lib/api.js";
import { Badge, Button, Check, Dialog, Empty, Figure, Input, LinkButton, Notice, Table } from "../look/index.js";
import { ActButton, attempt, Loaded, useLoad } from "../look/load.js";
import { word } from "../look/words.js";
import { amount, api, command, receipt, status } from "./state.js";

export function Customers({ path: [id] }) {
  // What was found stays while one of them is looked at.
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState(/** @type {any} */ (undefined));
  if (id) {
    const leave = () => {
      setFound(undefined);
      go("customers");
    };
    return html`<${Profile} key=${id} id=${id} onErased=${leave} />`;
  }
  return html`<${Search} typed=${typed} onType=${setTyped} found=${found} onFound=${setFound} />`;
}

function Search({ typed, onType, found, onFound }) {
  const [busy, setBusy] = useState(false);
  const find = async (event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await attempt(() => search(api, lookups(typed.trim())));
    setBusy(false);
    if (answer) onFound(answer);
  };
  return html`<div class="head"><h1>${t("console.view.customers")}</h1></div>
    <section class="card stack">
      <form class="row" onSubmit=${find}>
        <div class="grow">
          <${Input}
            label=${t("console.customers.find")}
            hint=${t("console.customers.find.hint")}
            type="search"
            maxlength="100"
            value=${typed}
            onInput=${onType}
          />
        </div>
        <${Button} kind="main" type="submit" icon="search" busy=${busy} disabled=${!typed.trim()}
          >${t("console.search")}<//
        >
      </form>
      ${
        found === undefined
          ? html`<${Empty}
              icon="customers"
              title=${t("console.customers.begin")}
              text=${t("console.customers.begin.text")}
            />`
          : html`<${Found} of=${found} />`
      }
    </section>`;
}

function Found({ of: { customers, as_of_ms: asOf } }) {
  const age = asOf ? t("console.customers.as_of", { time: dateTime(asOf) }) : t("console.customers.never");
  if (customers.length === 0)
    return html`<${Empty} icon="customers" title=${t("console.customers.none")} text=${age} />`;
  return html`<${Table}
      label=${t("console.view.customers")}
      rows=${customers}
      id=${(row) => row.id}
      onOpen=${(row) => go("customers", row.id)}
      columns=${[
        { title: t("console.customers.name"), cell: nameOf },
        { title: t("console.customers.reach"), cell: ways },
        {
          title: t("console.customers.tier"),
          cell: (row) => (row.tier ? html`<${Badge} kind="note">${row.tier}<//>` : "–"),
        },
        { title: t("console.customers.changed"), brief: true, cell: (row) => date(row.changed_at_ms) },
      ]}
    />
    <p class="quiet small">${age}</p>`;
}

const nameOf = (one) => one.name || t("console.customers.nameless");

function Profile({ id, onErased }) {
  const profile = useLoad(() => api.get(`/customers/${id}`), [id]);
  return html`<div class="row">
      <${LinkButton} kind="plain" icon="back" href=${to("customers")}>${t("console.view.customers")}<//>
    </div>
    <${Loaded} of=${profile}
      >${(one) => html`<${Known} one=${one} again=${profile.again} onErased=${onErased} />`}<//
    >`;
}

function Known({ one, again, onErased }) {
  const [erases, setErases] = useState(false);
  const list = (values) => ((values ?? []).length ? values.join(", ") : "–");
  const fact = (name, value) =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`<div class="head">
      <div class="row">
        <h1>${nameOf(one)}</h1>
        ${one.tier && html`<${Badge} kind="good">${one.tier}<//>`}
      </div>
      <div class="row">
        <${ActButton} icon="receipt" onAct=${() => save(one.id)}>${t("console.customers.export")}<//>
        <${Button} kind="danger" icon="trash" onClick=${() => setErases(true)}>${t("console.customers.erase")}<//>
      </div>
    </div>
    <div class="two">
      <div class="stack wide">
        <section class="card">
          <h2>${t("console.customers.profile")}</h2>
          <dl class="facts">
            ${fact(t("console.customers.phones"), list(one.phones))}
            ${fact(t("console.customers.emails"), list(one.emails))}
            ${fact(t("console.customers.cards"), list(one.cards))}
            ${one.language && fact(t("look.language"), languageName(one.language))}
            ${fact(t("console.customers.groups"), list(one.groups))}
            ${one.tags?.length > 0 && fact(t("console.customers.tags"), list(one.tags))}
            ${
              one.exemption &&
              fact(
                t("console.customers.exemption"),
                t("console.customers.until", { what: one.exemption.number, date: date(one.exemption.until_ms) }),
              )
            }
            ${(one.offers ?? []).map(({ code, until_ms: until }) =>
              fact(t("console.customers.offer"), t("console.customers.until", { what: code, date: date(until) })),
            )}
            ${fact(t("console.customers.changed"), dateTime(one.changed_at_ms))}
          </dl>
        </section>
        <${Bought} id=${one.id} />
      </div>
      <div class="stack wide">
        <${Points} id=${one.id} />
        <section class="card">
          <h2>${t("console.customers.consents")}</h2>
          <${Consents} one=${one} again=${again} />
        </section>
      </div>
    </div>
    ${erases && html`<${Erase} one=${one} onClose=${() => setErases(false)} onErased=${onErased} />`}`;
}

/** A language in the language of the page; what is no language, as it was entered. */
function languageName(code) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

function Points({ id }) {
  const points = useLoad(
    () =>
      api.get(`/customers/${id}/points`).catch((error) => {
        // Who has no account has no points.
        if (error instanceof Problem && error.type === "loyalty-no-points") return null;
        throw error;
      }),
    [id],
  );
  return html`<${Loaded} of=${points}
    >${(worth) =>
      html`<${Figure}
        name=${t("console.customers.points")}
        value=${worth ? number(worth.points) : "–"}
        small=${
          worth
            ? t("console.customers.points.worth", { amount: amount(worth.amount) })
            : t("console.customers.points.none")
        }
      />`}<//
  >`;
}

function Consents({ one, again }) {
  const consents = one.consents ?? [];
  if (consents.length === 0) return html`<p class="quiet">${t("console.customers.consents.none")}</p>`;
  const withdraw = async ({ purpose, text_version: version }) => {
    // A change replaces what stores enter, so the rest is sent as it is.
    const { name, phones, emails, cards, tags, language } = one;
    const entered = { name, phones, emails, cards, tags, language };
    const body = { ...entered, consents: [{ purpose, text_version: version, given: false }] };
    if ((await command(`/customers/${one.id}`, body, t("console.customers.withdrawn"))) !== undefined) again();
  };
  return html`<ul class="list">
    ${consents.map(
      (consent) =>
        html`<li key=${consent.purpose}>
          <span class="grow">${word("purpose", consent.purpose)}</span>
          <${Badge} kind=${consent.given ? "good" : ""}
            >${consent.given ? t("console.customers.given") : t("console.customers.refused")}<//
          >
          <small>${dateTime(consent.at_ms)} · ${t("console.customers.text", { version: consent.text_version })}</small>
          ${
            consent.given &&
            html`<${ActButton} onAct=${() => withdraw(consent)}>${t("console.customers.withdraw")}<//>`
          }
        </li>`,
    )}
  </ul>`;
}

const goods = (lines) =>
  lines
    .filter(({ voided }) => !voided)
    .map(({ description }) => description)
    .join(" · ");

/** What a customer bought: in this store, with the story of each sale, and elsewhere as HQ tells it. */
function Bought({ id }) {
  const history = useLoad(() => api.get(`/customers/${id}/history`), [id]);
  const all = (currency) => ({ currency, currency_exponent: status.value.currency_exponent });
  const owed = ({ totals, currency }) =>
    money(totals.net + (totals.charges ?? 0) + (totals.added_tax ?? 0), all(currency));
  const columns = [
    { title: t("console.time"), brief: true, cell: (row) => dateTime(row.sold_at_ms) },
    { title: t("console.item"), cell: (row) => html`<span class="small">${goods(row.lines)}</span>` },
    { title: t("console.sale.total"), number: true, cell: owed },
  ];
  return html`<section class="card stack">
    <h2>${t("console.customers.history")}</h2>
    <${Loaded} of=${history}
      >${({ here, everywhere }) => {
        const known = new Set(here.map((sale) => `${sale.id} ${sale.sold_at_ms}`));
        const elsewhere = (everywhere ?? []).filter((sale) => !known.has(`${sale.sale} ${sale.sold_at_ms}`));
        return html`${
            here.length
              ? html`<${Table}
                  label=${t("console.customers.here")}
                  rows=${here}
                  id=${(row) => row.id}
                  onOpen=${(row) => go("sales", row.id)}
                  columns=${[{ title: t("console.receipt"), cell: (row) => receipt(row) }, ...columns]}
                />`
              : html`<p class="quiet">${t("console.customers.here.none")}</p>`
          }
          <h3>${t("console.customers.elsewhere")}</h3>
          ${
            !everywhere
              ? html`<${Notice} kind="busy">${t("console.customers.elsewhere.unknown")}<//>`
              : elsewhere.length
                ? html`<${Table}
                    label=${t("console.customers.elsewhere")}
                    rows=${elsewhere}
                    id=${(row) => `${row.sale} ${row.sold_at_ms}`}
                    columns=${columns}
                  />`
                : html`<p class="quiet">${t("console.customers.elsewhere.none")}</p>`
          }`;
      }}<//
    >
  </section>`;
}

/** Saves what the store has about a customer as a file, for the customer. */
async function save(id) {
  const copy = await attempt(() => api.post(`/customers/${id}/export`), t("console.customers.exported"));
  if (!copy) return;
  const address = URL.createObjectURL(new Blob([JSON.stringify(copy, null, 2)], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: `customer-${id}.json` });
  link.click();
  URL.revokeObjectURL(address);
}

function Erase({ one, onClose, onErased }) {
  const [sure, setSure] = useState(false);
  const erase = async () => {
    if ((await command(`/customers/${one.id}/erase`, {}, t("console.customers.erased"))) !== undefined) onErased();
  };
  return html`<${Dialog} title=${t("console.customers.erase.title", { name: nameOf(one) })} onClose=${onClose}>
    <p>${t("console.customers.erase.text")}</p>
    <${Check} label=${t("console.customers.erase.sure")} checked=${sure} onChange=${setSure} />
    <div class="actions">
      <${Button} onClick=${onClose}>${t("console.cancel")}<//
      ><${ActButton} kind="danger" disabled=${!sure} onAct=${erase}>${t("console.customers.erase")}<//>
    </div>
  <//>`;
}
