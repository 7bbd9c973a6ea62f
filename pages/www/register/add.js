// What goes into the basket without a scanner: search over the whole catalog, favourites, goods by weight, an open
// price, the camera.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { money, t } from "../texts/index.js";
import { Button, Empty, Icon, Input } from "../look/index.js";
import { Camera, canScan } from "./camera.js";
import { keep, setting } from "./db.js";

/** @typedef {import("./catalog-worker.js").Item} Item */

/** @param {{register: import("./register.js").Register, search: {current: HTMLInputElement | null}}} properties */
export function Add({ register, search }) {
  const { catalog, lane } = register;
  const [query, setQuery] = useState("");
  const [found, setFound] = useState(/** @type {Item[]} */ ([]));
  const [at, setAt] = useState(0);
  const [tiles, setTiles] = useState(/** @type {Item[]} */ ([]));
  const [favourites, setFavourites] = useState(/** @type {string[]} */ ([]));
  const [camera, setCamera] = useState(false);
  const asked = useRef(0);
  const isSearching = query.trim() !== "";

  useEffect(() => void (async () => setFavourites((await setting("favourites")) ?? []))(), []);
  useEffect(() => {
    void (async () => {
      const starred = await catalog.find({ skus: favourites });
      const loose = await catalog.loose(24);
      setTiles([...starred, ...loose.filter(({ sku }) => !favourites.includes(sku))].slice(0, 24));
    })();
  }, [favourites, catalog.items.value]);
  useEffect(() => {
    const turn = ++asked.current;
    setAt(0);
    if (!isSearching) return setFound([]);
    void catalog.search(query).then((items) => turn === asked.current && setFound(items));
  }, [query]);

  const choose = (item) => {
    setQuery("");
    void register.choose(item);
  };
  const star = async (item) => {
    const now = favourites.includes(item.sku)
      ? favourites.filter((sku) => sku !== item.sku)
      : [...favourites, item.sku];
    setFavourites(now);
    await keep("favourites", now);
  };
  const keys = (event) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Escape") {
      setQuery("");
      event.currentTarget.blur();
    } else if (event.key === "Enter" && found[at]) choose(found[at]);
    // A number that is not on file: the hub decides what it is.
    else if (event.key === "Enter" && /^\d{4,14}$/.test(query.trim())) {
      void register.scanned({ data: query.trim() }, undefined);
      setQuery("");
    } else return;
    event.preventDefault();
  };

  return html`<section class="add" aria-label=${t("register.add")}>
    <div class="find">
      <div class="find-field"><${Icon} name="search" />
        <input ref=${search} class="input" type="search" aria-controls=${isSearching ? "found" : undefined}
          aria-label=${t("register.search")}
          placeholder=${t("register.search.how")} value=${query} onInput=${(event) =>
            setQuery(event.currentTarget.value)} onKeyDown=${keys} />
      </div>
      ${canScan() && html`<${Button} icon="camera" aria-pressed=${camera} aria-label=${t("register.camera")}
        onClick=${() => setCamera(!camera)} />`}
      <${Button} icon="label" aria-label=${t("register.open-price")}
        onClick=${() => register.ask({ kind: "open-price" })}><span class="word">${t("register.open-price")}</span><//>
    </div>
    ${camera && html`<${Camera} onCode=${(code) => register.scanned(code, undefined)} onClose=${() => setCamera(false)}
      />`}
    ${
      isSearching
        ? html`<ul id="found" class="found" role="list" aria-label=${t("register.search.found")}>
          ${found.map(
            (
              item,
              place,
            ) => html`<li key=${item.sku} class=${place === at ? "at" : ""}
              aria-current=${place === at ? "true" : undefined}>
            <button type="button" class="found-item" onClick=${() => choose(item)}>
              <span class="grow">${item.description}<span class="quiet small">${item.brand} ${item.gtin ??
                item.sku}</span></span>
              <span class="number">${price(item, lane.value)}</span>
            </button>
            <button type="button" class=${`star ${favourites.includes(item.sku) ? "on" : ""}`}
              aria-pressed=${favourites.includes(item.sku)} aria-label=${t("register.favourite")}
              onClick=${() => star(item)}><${Icon} name="star" /></button>
          </li>`,
          )}
          ${found.length === 0 && html`<li class="none"><${Empty} icon="search" title=${t("register.search.none")}
            text=${t("register.search.none.how")} /></li>`}
        </ul>`
        : html`<div class="tiles">
          ${tiles.map(
            (item) => html`<button key=${item.sku} type="button" class="tile" onClick=${() => choose(item)}>
            <span class="tile-name">${item.description}</span>
            <span class="row spread"><span class="quiet small">${item.price.per === "each" ? "" : html`<${Icon}
              name="scale" />`}</span><span class="number small">${price(item, lane.value)}</span></span>
          </button>`,
          )}
          ${tiles.length === 0 && html`<${Empty} icon="star" title=${t("register.tiles.none")}
            text=${t("register.tiles.none.how")} />`}
        </div>`
    }
  </section>`;
}

const price = (item, lane) =>
  lane &&
  (item.price.per === "each"
    ? money(item.price.minor, lane)
    : t("register.unit-price", { price: money(item.price.minor, lane), unit: t(`register.unit.${item.price.per}`) }));
