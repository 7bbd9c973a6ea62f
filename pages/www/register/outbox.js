// The commands of baskets, in order, each with its key, until the hub has answered. They survive the page, so a sale is
// neither lost nor doubled: whatever happens, the same command is sent with the same key.
//
//   add ---> waiting ---> sent ---+--- answered: forgotten
//              ^                  +--- no answer, or busy: waiting again
//              |                  +--- refused: the caller is told, and it is forgotten
//              |                       refused after the customer left: the basket is in trouble, a person decides
//              +--- nobody is signed in: waiting, and the page asks for a PIN
//
// One page of a browser writes (see lock.js); otherwise two would send one basket twice.

import { batch, computed, effect, signal } from "../vendor/ui.js";
import { newKey, NoAnswer, Problem } from "../lib/api.js";
import { change, db } from "./db.js";

/** Keys are remembered by the hub for seven days; afterwards a repeat could sell twice. */
const KEY_LIFE = 6 * 24 * 3600 * 1000;

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 3000;

export class Outbox {
  /** @param {import("../lib/api.js").Api} api */
  constructor(api) {
    this.api = api;
    /** @type {import("../vendor/ui.js").Signal<import("./db.js").Command[]>} */
    this.waiting = signal([]);
    /** @type {import("../vendor/ui.js").Signal<import("./db.js").LocalBasket[]>} */
    this.baskets = signal([]);
    /** Baskets that are paid here and not yet sales at the hub. */
    this.closing = computed(() => this.baskets.value.filter(({ state }) => state === "closing"));
    this.trouble = computed(() => this.baskets.value.filter(({ state }) => state === "trouble"));
    this.isOnline = signal(true);
    /** Whether commands wait for somebody to sign in. */
    this.needsOperator = signal(false);
    /** @type {(basket: import("./db.js").LocalBasket, command: import("./db.js").Command, answer: any) => void} */
    this.onAnswer = () => {};
    /** @type {Map<string, {resolve: (answer: any) => void, reject: (error: unknown) => void}>} */
    this.callers = new Map();
    /** Keys of commands that are shown and not stored yet: they must not leave. @type {Set<string>} */
    this.unstored = new Set();
    this.nextSeq = 1;
    this.isRunning = false;
    this.pause = FIRST_PAUSE;
    this.timer = undefined;
  }

  /** Reads what an earlier page left. */
  async open() {
    this.waiting.value = await db.getAll("outbox");
    this.nextSeq = (this.waiting.value.at(-1)?.seq ?? 0) + 1;
    this.baskets.value = await db.getAll("baskets");
    addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => this.wake());
    this.wake();
  }

  /** @param {string} id */
  basket(id) {
    return this.baskets.value.find((one) => one.id === id);
  }

  /** Stores a basket. @param {import("./db.js").LocalBasket} basket */
  async put(basket) {
    const tx = change(["baskets"], true);
    await keepBasket(tx, basket);
    await tx.done;
    this.show(basket);
  }

  /** @param {import("./db.js").LocalBasket} basket */
  show(basket) {
    const known = this.basket(basket.id);
    this.baskets.value = [
      ...this.baskets.value.filter(({ id }) => id !== basket.id),
      { ...basket, hub: basket.hub ?? known?.hub },
    ];
  }

  /** Forgets a basket with its commands. @param {string} id */
  async forget(id) {
    const tx = change(["baskets", "outbox"]);
    tx.objectStore("baskets").delete(id);
    for (const { seq, basket } of this.waiting.value) if (basket === id) tx.objectStore("outbox").delete(seq);
    await tx.done;
    this.baskets.value = this.baskets.value.filter((one) => one.id !== id);
    this.waiting.value = this.waiting.value.filter(({ basket }) => basket !== id);
  }

  /**
   * Stores commands of a basket, all or none, and sends them. Resolves when they are stored; `answers` resolve with the
   * hub's.
   * @param {import("./db.js").LocalBasket} basket stored with them
   * @param {{path: string, body?: any, opens?: boolean, line?: import("./db.js").Draft, follows?: boolean}[]} commands
   * `follows`: only if the one before it is not refused
   */
  async add(basket, commands) {
    /** @type {import("./db.js").Command[]} */
    const made = [];
    for (const { path, body = {}, opens, line, follows } of commands) {
      const needs = follows ? made.at(-1).key : undefined;
      made.push({
        seq: this.nextSeq++,
        key: newKey(),
        basket: basket.id,
        path,
        body,
        opens,
        line,
        needs,
        training: basket.training,
        tried: false,
        at: Date.now(),
      });
    }
    const isMoney = made.some(({ path }) => /(tenders|complete)$/.test(path));
    const show = () =>
      batch(() => {
        this.show(basket);
        this.waiting.value = [...this.waiting.value, ...made];
      });
    const answers = made.map(({ key }) => {
      const answer = new Promise((resolve, reject) => this.callers.set(key, { resolve, reject }));
      answer.catch(() => {}); // A caller who does not ask is not told.
      return answer;
    });
    for (const { key } of made) this.unstored.add(key);
    const before = this.basket(basket.id);
    // A line is seen before it is stored; money is not.
    if (!isMoney) show();
    try {
      const tx = change(["baskets", "outbox"], isMoney);
      for (const command of made) tx.objectStore("outbox").put(command);
      await keepBasket(tx, basket);
      await tx.done;
    } catch (error) {
      // Such as a full disk: nothing was stored, so nothing is shown or sent.
      batch(() => {
        this.waiting.value = this.waiting.value.filter((one) => !made.includes(one));
        if (isMoney) return;
        if (before) this.show(before);
        else this.baskets.value = this.baskets.value.filter(({ id }) => id !== basket.id);
      });
      for (const { key } of made) {
        this.callers.delete(key);
        this.unstored.delete(key);
      }
      throw error;
    }
    for (const { key } of made) this.unstored.delete(key);
    if (isMoney) show();
    this.wake();
    return answers;
  }

  /** Takes back a command that has not left. @param {number} seq */
  async takeBack(seq) {
    const command = this.waiting.value.find((one) => one.seq === seq);
    if (!command || command.tried) return false;
    await this.drop(command);
    this.callers.delete(command.key);
    return true;
  }

  async drop(command) {
    // First of all, so that it is not sent meanwhile.
    this.waiting.value = this.waiting.value.filter(({ seq }) => seq !== command.seq);
    try {
      const tx = change(["outbox"]);
      tx.objectStore("outbox").delete(command.seq);
      await tx.done;
    } catch (error) {
      // It is still stored.
      this.waiting.value = [...this.waiting.value, command].sort((a, b) => a.seq - b.seq);
      throw error;
    }
  }

  /** Sends a basket in trouble again. @param {string} id */
  async again(id) {
    const basket = this.basket(id);
    if (basket) await this.put({ ...basket, state: "closing", why: undefined });
    this.wake();
  }

  wake() {
    clearTimeout(this.timer);
    void this.run();
  }

  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      for (;;) {
        const command = this.waiting.value.find(({ basket }) => this.basket(basket)?.state !== "trouble");
        if (!command || this.unstored.has(command.key)) return;
        if (!(await this.send(command))) return;
      }
    } catch (error) {
      // Such as a change that could not be stored: what waits is tried again.
      console.error(error);
      this.later();
    } finally {
      this.isRunning = false;
    }
  }

  later() {
    this.timer = setTimeout(() => this.wake(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  /** Sends one command. @returns {Promise<boolean>} whether the next one can follow */
  async send(command) {
    const basket = this.basket(command.basket);
    if (Date.now() - command.at > KEY_LIFE) {
      await this.refused(command, basket, new Error("older than the hub remembers keys"));
      return true;
    }
    if (!command.tried) {
      // Before it leaves: from now on it may be at the hub.
      command.tried = true;
      const tx = change(["outbox"]);
      tx.objectStore("outbox").put(command);
      await tx.done;
    }
    const root = command.training ? "/training" : "";
    const path = root + command.path.replace("{basket}", basket?.hub ?? "");
    try {
      const answer = await this.api.post(path, command.body, { key: command.key, timeout: 8000 });
      this.reached();
      await this.answered(command, answer);
      return true;
    } catch (error) {
      if (error instanceof NoAnswer) {
        this.isOnline.value = false;
        this.later();
        return false;
      }
      if (!(error instanceof Problem)) throw error;
      this.reached();
      if (error.type === "operator-needed" || error.status === 401) {
        this.needsOperator.value = error.status !== 401;
        return false;
      }
      if (error.wait > 0 || error.status >= 500) {
        this.later();
        return false;
      }
      await this.refused(command, basket, error);
      return true;
    }
  }

  reached() {
    this.isOnline.value = true;
    this.pause = FIRST_PAUSE;
  }

  async answered(command, answer) {
    const tx = change(["outbox", "baskets"]);
    tx.objectStore("outbox").delete(command.seq);
    if (command.opens) {
      // As it is now: it may have been paid, or forgotten, while the hub answered.
      const store = tx.objectStore("baskets");
      const stored = await store.get(command.basket);
      if (stored) await store.put({ ...stored, hub: answer.id });
    }
    await tx.done;
    // At once, so that a line is never shown twice, or not at all.
    try {
      batch(() => {
        const now = this.basket(command.basket);
        if (command.opens && now) this.show({ ...now, hub: answer.id });
        this.waiting.value = this.waiting.value.filter(({ seq }) => seq !== command.seq);
        if (now) this.onAnswer(this.basket(command.basket), command, answer);
      });
    } finally {
      this.callers.get(command.key)?.resolve(answer);
      this.callers.delete(command.key);
    }
  }

  async refused(command, basket, error) {
    // As it is now: the customer may have left while the hub answered.
    basket = this.basket(command.basket) ?? basket;
    if (basket?.state === "closing") {
      await this.put({ ...basket, state: "trouble", why: error.message });
    } else {
      await this.drop(command);
      for (const other of this.waiting.value) if (other.needs === command.key) await this.refused(other, basket, error);
    }
    this.callers.get(command.key)?.reject(error);
    this.callers.delete(command.key);
  }

  /**
   * Resolves when the hub has answered every command of a basket (true), or does not answer (false).
   * @param {string} id
   */
  sent(id) {
    return new Promise((done) => {
      const stop = effect(() => {
        const isWaiting = this.waiting.value.some(({ basket }) => basket === id);
        if (isWaiting && this.isOnline.value) return;
        done(!isWaiting);
        queueMicrotask(() => stop());
      });
    });
  }
}

/** Stores a basket. What the hub called it stays, whoever stores it meanwhile. */
async function keepBasket(tx, basket) {
  const store = tx.objectStore("baskets");
  const known = await store.get(basket.id);
  await store.put({ ...basket, hub: basket.hub ?? known?.hub });
}
