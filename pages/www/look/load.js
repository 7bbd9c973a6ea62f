// Reading and commanding from views: what is shown while an answer is awaited, and when it is a problem.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { NoAnswer } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { t } from "../texts/index.js";
import { Button, Empty, Notice, Spinner, toast } from "./index.js";

/** What went wrong, for people. @param {unknown} error */
export function why(error) {
  return error instanceof NoAnswer ? t("look.no-answer") : explain(error);
}

/**
 * What `read` answers: read when `keys` change, on `again()`, and every `every` milliseconds while the page is visible.
 * Newer data replaces older, so nothing flickers.
 * @template T @param {() => Promise<T>} read @param {any[]} [keys]
 */
export function useLoad(read, keys = [], every = 0) {
  const [state, set] = useState(/** @type {{data?: T, error?: unknown, keys?: string}} */ ({}));
  const [turn, setTurn] = useState(0);
  const name = JSON.stringify(keys);
  const isReading = useRef(false);
  useEffect(() => {
    let isOver = false;
    isReading.current = true;
    const done = (next) => {
      if (isOver) return;
      isReading.current = false;
      set(next);
    };
    read().then(
      (data) => done({ data, keys: name }),
      (error) => done((before) => ({ ...before, error })),
    );
    return () => void (isOver = true);
  }, [name, turn]);
  useEffect(() => {
    if (!every) return undefined;
    const isDue = () => document.visibilityState === "visible" && !isReading.current;
    const timer = setInterval(() => isDue() && setTurn((before) => before + 1), every);
    return () => clearInterval(timer);
  }, [every]);
  // What was read for other keys is not shown for these.
  const data = state.keys === name ? state.data : undefined;
  return { data, error: state.error, again: () => setTurn((before) => before + 1) };
}

/** Shows what was loaded: `children` is a function of the data. A list without rows is `empty`. */
export function Loaded({ of, empty = undefined, children }) {
  if (of.data !== undefined) {
    const isEmpty = Array.isArray(of.data) && of.data.length === 0 && empty;
    return html`${
      of.error && html`<${Notice} kind="bad">${why(of.error)}<//>`
    }${isEmpty ? html`<${Empty} ...${empty} />` : children(of.data)}`;
  }
  if (of.error) {
    return html`<${Notice} kind="bad"
      ><span class="grow">${why(of.error)}</span><${Button} icon="refresh" onClick=${of.again}>${t("look.again")}<//><//
    >`;
  }
  return html`<div class="loading"><${Spinner} /></div>`;
}

/** Runs `work` and tells its problem. Returns what it returns; `undefined` after a problem. */
export async function attempt(work, done = "") {
  try {
    const answer = await work();
    if (done) toast(done, { kind: "good" });
    return answer ?? null;
  } catch (error) {
    toast(why(error), { kind: "bad" });
    return undefined;
  }
}

/** A button that is busy while its `onAct` runs. */
export function ActButton({ onAct, children, ...rest }) {
  const [busy, setBusy] = useState(false);
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  const act = async () => {
    setBusy(true);
    try {
      await onAct();
    } finally {
      if (here.current) setBusy(false);
    }
  };
  return html`<${Button} busy=${busy} onClick=${act} ...${rest}>${children}<//>`;
}

/** A list by pages: `read(last)` reads the page after a row; a page with fewer than `size` rows is the last. */
export function usePages(read, keys = [], size = 50) {
  const [more, setMore] = useState({ rows: [], isLast: false, keys: "" });
  const name = JSON.stringify(keys);
  const first = useLoad(() => read(undefined), keys);
  const here = more.keys === name ? more : { rows: [], isLast: false };
  const data = first.data && [...first.data, ...here.rows];
  const isLast = first.data === undefined || first.data.length < size || here.isLast;
  const next = () =>
    attempt(async () => {
      const page = await read(data.at(-1));
      setMore({ rows: [...here.rows, ...page], isLast: page.length < size, keys: name });
    });
  const again = () => {
    setMore({ rows: [], isLast: false, keys: "" });
    first.again();
  };
  return { data, error: first.error, again, next, isLast };
}

export const More = ({ of }) =>
  !of.isLast && html`<div class="row"><${ActButton} onAct=${of.next}>${t("look.more")}<//></div>`;

/** The first rows of a long list, and more of them on demand: `children` draws a row. */
export function First({ rows, size = 50, children }) {
  const [shown, setShown] = useState(size);
  const rest = rows.length - shown;
  return html`${rows.slice(0, shown).map(children)}${
    rest > 0 &&
    html`<li class="rest">
      <${Button} kind="plain" onClick=${() => setShown(shown + 4 * size)}>${t("look.and_more", { n: rest })}<//>
    </li>`
  }`;
}
