// The register: one basket in front of the cashier, and everything that can be done with it.
//
// The hub owns the basket. Each action is a command in the outbox, stored before it is sent. What is shown is the hub's
// last answer plus the commands that wait, priced here by the same engine, so a line appears at once and also without
// the hub. Cash can be taken while the hub is away; a card can't.

import { batch, computed, effect, signal } from "../vendor/ui.js";
import { Api, newKey, NoAnswer, Problem } from "../lib/api.js";
import { explain } from "../lib/explain.js";
import { listen } from "../lib/events.js";
import { toast } from "../look/index.js";
import { t } from "../texts/index.js";
import { Catalog } from "./catalog.js";
import { followCustomer } from "./customers.js";
import { keep, setting } from "./db.js";
import { Outbox } from "./outbox.js";
import { Prices } from "./prices.js";
import { sound } from "./sounds.js";
import { isTraining } from "./training.js";

/** @typedef {import("hub-api").components["schemas"]} Schemas */
/** @typedef {import("./db.js").LocalBasket} LocalBasket */
/** @typedef {import("./db.js").Draft} Draft */

/**
 * A line as it is shown.
 * @typedef {{id: string, number?: number, seq?: number, tried?: boolean, sku?: string, gtin?: string, description:
 * string, milli: number, unit: import("../pricing/index.js").Unit, price?: import("../pricing/index.js").Price,
 * regular: number, net: number, why: {name: string, amount: number}[], age?: number, keyed?: boolean, ofOrder?:
 * boolean, returned?: boolean, waiting: boolean}} ShownLine
 */

export class Register {
  /** @param {{token: string, register: string}} paired */
  constructor({ token, register }) {
    this.name = register;
    this.api = new Api({ token });
    this.outbox = new Outbox(this.api);
    this.catalog = new Catalog(token);
    this.prices = new Prices(this.api);
    /** The lane: store, currency, devices. @type {import("../vendor/ui.js").Signal<Schemas["Lane"] | undefined>} */
    this.lane = signal(undefined);
    /** Who is signed in. @type {import("../vendor/ui.js").Signal<Schemas["OperatorSession"] | undefined>} */
    this.operator = signal(undefined);
    /**
     * Who may sign in; without operators nobody has to.
     * @type {import("../vendor/ui.js").Signal<Schemas["OperatorInList"][]>}
     */
    this.operators = signal([]);
    /** The basket before the cashier, by its local id. @type {import("../vendor/ui.js").Signal<string | undefined>} */
    this.current = signal(undefined);
    /**
     * The hub's last word about it.
     * @type {import("../vendor/ui.js").Signal<(Schemas["BasketView"] & {due_in_cash?: number | null}) | undefined>}
     */
    this.view = signal(undefined);
    /**
     * The customer of the basket: the profile, and `here`, the points.
     * @type {import("../vendor/ui.js").Signal<any>}
     */
    this.customer = signal(undefined);
    /**
     * The line that comes back, for which the next item is the exchange.
     * @type {import("../vendor/ui.js").Signal<ShownLine | undefined>}
     */
    this.exchange = signal(undefined);
    /** The line that actions are about. @type {import("../vendor/ui.js").Signal<string | undefined>} */
    this.selected = signal(undefined);
    /**
     * The card payment under way.
     * @type {import("../vendor/ui.js").Signal<{text: string, amount: number} | undefined>}
     */
    this.payment = signal(undefined);
    /** The sale that was just made. @type {import("../vendor/ui.js").Signal<any>} */
    this.done = signal(undefined);
    /** An X or Z report to look at. @type {import("../vendor/ui.js").Signal<any>} */
    this.report = signal(undefined);
    /** A live weight. @type {import("../vendor/ui.js").Signal<any>} */
    this.weight = signal(undefined);
    /** A question to the cashier that a refusal raised. @type {import("../vendor/ui.js").Signal<any>} */
    this.question = signal(undefined);
    /** Whether somebody must sign in. */
    this.isLocked = signal(false);
    /** Whether the hub does not know this register any more. */
    this.isUnpaired = signal(false);
    /**
     * Whoever wants the next scan instead of the basket.
     * @type {((code: {data: string, symbology?: string}, decoded: any) => void) | undefined}
     */
    this.scanTaker = undefined;
    this.lastScan = { boot: "", sequence: 0 };
    /** From a scanner's last byte to the painted line, in milliseconds: the last ones. @type {number[]} */
    this.scanTimes = [];

    this.lines = computed(() => this.shownLines());
    this.totals = computed(() => this.shownTotals());
    this.isOnline = this.outbox.isOnline;
  }

  /** Starts with what is on this device; the hub is asked meanwhile. */
  async start() {
    this.lane.value = await setting("lane");
    this.operators.value = (await setting("operators")) ?? [];
    this.operator.value = await setting("operator");
    this.current.value = await setting("current");
    this.view.value = await setting("view");
    await this.outbox.open();
    this.outbox.onAnswer = (basket, command, answer) => this.answered(basket, command, answer);
    // A basket that was forgotten, or closed here, is not before the cashier.
    if (this.basket()?.state !== "open") this.clear();
    effect(() => void keep("current", this.current.value));
    effect(() => void keep("view", this.view.value));
    followCustomer(this);
    effect(() => {
      if (!this.outbox.needsOperator.value) return;
      this.isLocked.value = true;
      // There may be operators since a moment ago.
      this.api.get("/operators").then(
        (operators) => (this.operators.value = operators),
        () => {},
      );
    });
    this.isLocked.value = this.operators.value.length > 0 && !this.operator.value;
    listen(this.api, {
      onEvent: (event) => this.hear(event),
      onOpen: () => this.connected(),
      onClosed: () => this.probe(),
    });
    void this.prices.follow();
    setInterval(() => this.isOnline.value && (this.catalog.sync(), this.prices.follow()), 5 * 60_000);
  }

  /** Asks the hub for everything that may have changed while it was away. */
  async connected() {
    this.isOnline.value = true;
    try {
      const [lane, operators] = await Promise.all([this.api.get("/lanes/me"), this.api.get("/operators")]);
      batch(() => {
        this.lane.value = lane;
        this.operators.value = operators;
        if (operators.length && !this.operator.value) this.isLocked.value = true;
        if (!operators.length) {
          this.isLocked.value = false;
          this.outbox.needsOperator.value = false;
        }
      });
      await Promise.all([keep("lane", lane), keep("operators", operators)]);
      await this.missed();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.isUnpaired.value = true;
    }
    this.outbox.wake();
    this.catalog.sync();
    void this.prices.follow();
    void this.refresh();
  }

  /** Whether the hub answers, when its events ended. */
  async probe() {
    try {
      await this.api.get("/lanes/me");
      this.isOnline.value = true;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.isUnpaired.value = true;
      if (error instanceof NoAnswer) this.isOnline.value = false;
    }
  }

  /** Scans that the hub heard while this page did not listen. */
  async missed() {
    const { boot, sequence } = this.lastScan;
    const { events, boot: now, last } = await this.api.get("/lanes/me/events", boot ? { boot, after: sequence } : {});
    const isNew = boot !== "" && now === boot;
    // After a restart, what was scanned before belongs to nobody here.
    if (isNew)
      for (const event of events)
        this.hear({ type: "device", ...event, lane: { boot: now, sequence: event.sequence } });
    this.lastScan = { boot: now, sequence: Math.max(last, isNew ? this.lastScan.sequence : 0) };
  }

  hear(event) {
    if (event.type === "device" && event.lane) {
      const { boot, sequence } = event.lane;
      if (boot === this.lastScan.boot && sequence <= this.lastScan.sequence) return;
      this.lastScan = { boot, sequence };
    }
    if (event.type === "device" && event.event === "scan") {
      void this.scanned({ data: event.data, symbology: event.symbology ?? undefined }, event.decoded);
    } else if (event.type === "device" && event.event === "weight") {
      this.weight.value = event;
    } else if (event.type === "device" && event.event === "payment") {
      if (this.payment.value) this.payment.value = { ...this.payment.value, text: event.text };
    } else if (event.type === "device" && event.event === "health") {
      const { device, event: _, type, decoded, lane: at, ...health } = event;
      const lane = this.lane.value;
      if (lane)
        this.lane.value = {
          ...lane,
          devices: lane.devices.map((one) => (one.device === device ? { ...one, health } : one)),
        };
    } else if (event.type === "missed") {
      void this.missed().catch(() => {});
    }
  }

  /** @returns {LocalBasket | undefined} */
  basket() {
    return this.current.value ? this.outbox.basket(this.current.value) : undefined;
  }

  clear() {
    batch(() => {
      this.current.value = undefined;
      this.view.value = undefined;
      this.selected.value = undefined;
      this.exchange.value = undefined;
      this.payment.value = undefined;
    });
  }

  // What is shown

  /** @returns {ShownLine[]} */
  shownLines() {
    const view = this.view.value;
    const waiting = this.outbox.waiting.value.filter(({ basket }) => basket === this.current.value);
    const voided = new Set(waiting.map(({ path }) => path.match(/lines\/(\d+)\/void$/)?.[1]));
    const there = (view?.lines ?? []).filter((line) => !line.voided && !voided.has(String(line.number)));
    const ofOrder = view?.order?.lines ?? 0;
    /** @type {ShownLine[]} */
    const known = there.map((line) => {
      const why = [
        ...named(line.adjustments),
        ...(line.discounts ?? []).map(({ reason, amount }) => ({ name: reason, amount })),
      ];
      const net = line.regular - why.reduce((sum, { amount }) => sum + amount, 0);
      return {
        id: `n${line.number}`,
        number: line.number,
        sku: line.sku ?? undefined,
        gtin: line.gtin ?? undefined,
        description: line.description,
        milli: line.quantity.milli,
        unit: line.quantity.unit,
        price: "price" in line ? line.price : undefined,
        regular: line.regular,
        net,
        why,
        age: line.minimum_age ?? undefined,
        keyed: line.basis === "keyed",
        ofOrder: line.number <= ofOrder,
        returned: Boolean(line.returned),
        waiting: false,
      };
    });
    const drafts = waiting.filter(({ line }) => line);
    if (!drafts.length) return known;
    // The hub reprices the whole basket with each line, and so does the engine here.
    const entered = [
      // What comes back has the price that was paid, whatever else is in the basket.
      ...there.filter((line) => !line.returned).map((line) => ({
        number: line.number,
        sku: line.sku,
        milli: line.quantity.milli,
        unit: line.quantity.unit,
        price: "catalog" in line ? line.catalog : "price" in line ? line.price : undefined,
        amount: line.basis === "keyed" ? line.regular : undefined,
        keyed: (line.discounts ?? []).map(({ reason, amount }) => ({ reason, minor: amount })),
      })),
      ...drafts.map(({ line, seq }) => ({
        number: 100_000 + seq,
        sku: line.sku,
        milli: line.milli,
        unit: line.unit,
        price: line.price,
        amount: line.amount,
      })),
    ];
    const { nets } = this.prices.of(entered, view?.buyer);
    const updated = known.map((line) => {
      const priced = nets.get(line.number);
      return priced ? { ...line, net: priced.net, why: this.prices.book ? named(priced.adjustments) : line.why } : line;
    });
    const pending = drafts.map(({ line, seq, tried }) => {
      const priced = nets.get(100_000 + seq);
      return {
        id: `w${seq}`,
        seq,
        tried,
        sku: line.sku,
        description: line.description,
        milli: line.milli,
        unit: line.unit,
        price: priced?.price ?? line.price,
        regular: priced?.regular ?? 0,
        net: priced?.net ?? 0,
        why: named(priced?.adjustments),
        age: line.age ?? priced?.minimum_age,
        keyed: line.amount !== undefined,
        waiting: true,
      };
    });
    return [...updated, ...pending];
  }

  shownTotals() {
    const view = this.view.value;
    const lines = this.lines.value;
    const isWaiting = this.outbox.waiting.value.some(({ basket }) => basket === this.current.value);
    const paid = (view?.tenders ?? []).filter((tender) => !tender.voided);
    const pieces = lines.reduce((sum, { milli, unit }) => sum + (unit === "each" ? milli / 1000 : 1), 0);
    if (view && !isWaiting) {
      const { net, discount, charges = 0, added_tax: tax = 0 } = view.totals;
      return { net, discount, charges, tax, owed: net + charges + tax, due: view.due, paid, pieces, isEstimate: false };
    }
    const net = lines.reduce((sum, line) => sum + line.net, 0);
    const discount = lines.reduce((sum, line) => sum + line.regular - line.net, 0);
    const given = paid.reduce((sum, { amount }) => sum + amount, 0);
    const charges = view?.totals.charges ?? 0;
    const tax = view?.totals.added_tax ?? 0;
    return {
      net,
      discount,
      charges,
      tax,
      owed: net + charges + tax,
      due: net + charges + tax - given,
      paid,
      pieces,
      isEstimate: lines.length > 0,
    };
  }

  // The basket

  /** Adds commands to the basket, and opens one first if there is none. */
  async command(commands) {
    const basket = this.basket();
    if (!basket || basket.state !== "open") {
      /** @type {LocalBasket} */
      const opened = { id: newKey(), state: "open", opened: Date.now(), training: isTraining(this) || undefined };
      // At once: the next scan belongs to the same basket.
      const added = batch(() => {
        this.done.value = undefined;
        this.view.value = undefined;
        this.current.value = opened.id;
        return this.outbox.add(opened, [{ path: "/baskets", opens: true }, ...commands]);
      });
      const [, ...answers] = await added;
      return answers;
    }
    return this.outbox.add(basket, commands);
  }

  /** After each answer: the whole basket, because one line changes the price of others. */
  answered(basket, command, answer) {
    if (basket.id !== this.current.value) {
      if (command.path.endsWith("/complete")) void this.settled(basket, answer);
      if (command.path.endsWith("/abandon")) void this.outbox.forget(basket.id);
      return;
    }
    if (command.path.endsWith("/complete")) return void this.completed(basket, answer);
    const status = answer?.basket ?? answer;
    if (status?.totals) this.view.value = merged(this.view.value, status);
    if (!this.outbox.waiting.value.some((one) => one.basket === basket.id)) void this.refresh();
  }

  async refresh() {
    const basket = this.basket();
    if (!basket?.hub || basket.state !== "open") return;
    try {
      const view = await this.api.get(`${basket.training ? "/training" : ""}/baskets/${basket.hub}`);
      if (this.current.value !== basket.id) return;
      if (view.state.state === "completed" && !basket.training)
        return void (await this.foundCompleted(basket, view));
      if (view.state.state !== "open") {
        await this.outbox.forget(basket.id);
        return this.clear();
      }
      // Only answers to commands have it.
      const before = this.view.value;
      this.view.value = { ...view, due_in_cash: before?.due === view.due ? before?.due_in_cash : undefined };
      if (view.reserved && !this.payment.value) void this.followPayment(view.reserved.payment, view.reserved.amount);
    } catch (error) {
      if (error instanceof Problem && error.type === "basket-unknown") {
        await this.outbox.forget(basket.id);
        this.clear();
        toast(explain(error), { kind: "bad" });
      }
    }
  }

  /** The basket became a sale while this page did not look, such as by a card. */
  async foundCompleted(basket, view) {
    const id = view.state.sale;
    const sale = await this.api.get(`/sales/${id}`);
    await this.completed(basket, {
      sale: id,
      receipt: sale.receipt,
      receipt_prefix: sale.receipt_prefix,
      totals: sale.totals,
    });
  }

  /** A code of any kind. `at`: when its last byte came. */
  async scanned(code, decoded, at = performance.now()) {
    if (this.scanTaker) return this.scanTaker(code, decoded);
    if (this.isLocked.value || this.question.value || this.payment.value) return sound("refused");
    if (decoded?.code_error) {
      sound("refused");
      return toast(decoded.code_error, { kind: "bad" });
    }
    const read = decoded?.code;
    const digits = /^\d{8,14}$/.test(code.data) ? [code.data] : [];
    const [item] = await this.catalog.find({ gtins: read?.gtins ?? digits, skus: read?.skus ?? [] });
    const quantity =
      read?.quantity && item?.price.per !== "each" ? read.quantity : { milli: 1000, unit: item?.price.per ?? "each" };
    const draft = {
      sku: item?.sku,
      description: item?.description ?? code.data,
      ...quantity,
      price: item?.price,
      amount: read?.amount ?? undefined,
    };
    await this.addLine({ code }, draft, at);
  }

  /**
   * Adds a line; a refusal becomes a question or a message.
   * @param {any} body @param {Draft} draft
   */
  async addLine(body, draft, at = performance.now()) {
    const taken = this.exchange.value;
    if (taken) {
      this.exchange.value = undefined;
      const quantity = taken.milli === 1000 ? {} : { quantity: { milli: taken.milli, unit: taken.unit } };
      return this.addLine(
        { ...body, ...quantity, exchange_of: taken.number },
        { ...draft, milli: taken.milli, unit: taken.unit, amount: -taken.net },
        at,
      );
    }
    const added = this.command([{ path: "/baskets/{basket}/lines", body, line: draft }]);
    requestAnimationFrame(() => {
      this.scanTimes = [...this.scanTimes.slice(-499), performance.now() - at];
    });
    sound("ok");
    const [answer] = await added;
    try {
      const { line } = await answer;
      this.selected.value = line ? `n${line.number}` : undefined;
      const age = line?.minimum_age;
      if (age && (this.view.value?.buyer?.checked_age ?? 0) < age) this.ask({ kind: "age", age, line: line.number });
    } catch (error) {
      sound("refused");
      this.refusedLine(error, body, draft);
    }
  }

  refusedLine(error, body, draft) {
    if (error instanceof Problem && error.type === "item-unknown") return this.ask({ kind: "unknown", body, draft });
    if (error instanceof Problem && error.type === "past-best-before")
      return this.ask({ kind: "best-before", body, draft, until: error.members.best_before });
    if (error instanceof Problem && error.type === "override-needed")
      return this.ask({ kind: "override", problem: error, again: () => this.addLine(body, draft) });
    toast(explain(error), { kind: "bad" });
  }

  ask(question) {
    sound("attention");
    this.question.value = question;
  }

  /** An item that was chosen: by the piece at once, else by weight. @param {import("./catalog-worker.js").Item} item */
  async choose(item, milli = 1000) {
    const { sku, description, price } = item;
    if (price.per !== "each") return this.ask({ kind: "weigh", item });
    await this.addLine({ sku, quantity: { milli, unit: "each" } }, { sku, description, milli, unit: "each", price });
  }

  /** Voids a line, or takes it back if it has not left. @param {ShownLine} line */
  async remove(line) {
    if (line.number === undefined) {
      if (line.seq === undefined || !(await this.outbox.takeBack(line.seq)))
        toast(t("register.line-on-its-way"), { kind: "bad" });
      return;
    }
    await this.attempt(await this.command([{ path: `/baskets/{basket}/lines/${line.number}/void` }]));
  }

  /** Another quantity: the line is voided and entered again, in one step. @param {ShownLine} line */
  async setQuantity(line, milli) {
    if (milli <= 0) return this.remove(line);
    if (line.returned || line.number === undefined || line.unit !== "each" || !line.sku) return;
    await this.enterAgain(line, { milli, amount: undefined });
  }

  /** Another price for the whole line. @param {ShownLine} line */
  async setAmount(line, amount, reason) {
    await this.enterAgain(line, { milli: line.milli, amount, reason });
  }

  async enterAgain(line, { milli, amount, reason = "" }) {
    const quantity = { milli, unit: line.unit };
    const body = {
      ...(line.sku ? { sku: line.sku } : { description: line.description }),
      quantity,
      ...(amount === undefined ? {} : { keyed: { amount, reason } }),
    };
    const draft = { sku: line.sku, description: line.description, ...quantity, price: line.price, amount };
    const answers = await this.command([
      { path: "/baskets/{basket}/lines", body, line: draft },
      { path: `/baskets/{basket}/lines/${line.number}/void`, follows: true },
    ]);
    const done = await this.attempt(answers);
    if (done?.[0].line) this.selected.value = `n${done[0].line.number}`;
  }

  /** @param {ShownLine} line */
  async discount(line, amount, reason) {
    const path = `/baskets/{basket}/lines/${line.number}/discounts`;
    const send = async () =>
      this.attempt(await this.command([{ path, body: { amount, origin: "manager", reason } }]), send);
    await send();
  }

  /** What is known about the customer; keeps the rest. */
  async setBuyer(change) {
    const { checked_age, coupons = [], exemption, groups } = this.view.value?.buyer ?? {};
    const body = {
      checked_age: checked_age ?? undefined,
      exemption: exemption ?? undefined,
      groups,
      coupons: coupons.map(({ code }) => code),
      ...change,
    };
    return this.attempt(await this.command([{ path: "/baskets/{basket}/buyer", body }]));
  }

  /** Waits for answers; a refusal is shown, or asks for a supervisor. */
  async attempt(answers, again = undefined) {
    try {
      return this.isOnline.value ? await Promise.all(answers) : undefined;
    } catch (error) {
      if (again && error instanceof Problem && error.type === "override-needed")
        this.ask({ kind: "override", problem: error, again });
      else {
        sound("refused");
        toast(explain(error), { kind: "bad" });
      }
      return undefined;
    }
  }

  async abandon() {
    const basket = this.basket();
    if (!basket) return;
    const isUnsent = !basket.hub && this.outbox.waiting.value.every((one) => one.basket !== basket.id || !one.tried);
    if (isUnsent) await this.outbox.forget(basket.id);
    else await this.outbox.add({ ...basket, state: "closing" }, [{ path: "/baskets/{basket}/abandon" }]);
    this.clear();
  }

  // Paying

  /**
   * Takes cash. If the hub does not answer, the sale is complete here, and its commands follow when it does.
   * @param {number} amount
   */
  async payCash(amount) {
    const basket = this.basket();
    if (!basket) return;
    const { due, owed: total } = this.totals.value;
    const tender = { path: "/baskets/{basket}/tenders", body: { tender: "cash", amount } };
    if (amount < due) return void (await this.attempt(await this.command([tender])));
    const wasOnline = this.isOnline.value;
    const closing = { change: amount - due, total };
    const commands = [tender, { path: "/baskets/{basket}/complete", follows: true }];
    const answers = await this.outbox.add(wasOnline ? basket : { ...basket, ...closing, state: "closing" }, commands);
    if (wasOnline && (await this.outbox.sent(basket.id))) return void (await this.attempt(answers));
    const left = this.outbox.basket(basket.id);
    if (left) await this.outbox.put({ ...left, ...closing, state: "closing" });
    batch(() => {
      if (this.current.value !== basket.id) return;
      this.clear();
      this.done.value = { isWaiting: true, basket: basket.id, total, change: closing.change };
    });
    sound("ok");
  }

  /** Completes a basket that owes nothing. */
  async complete() {
    await this.attempt(await this.command([{ path: "/baskets/{basket}/complete" }]));
  }

  /** @param {{amount: number, code?: string}} coupon of a manufacturer */
  async payCoupon({ amount, code }) {
    await this.attempt(
      await this.command([
        { path: "/baskets/{basket}/tenders", body: { tender: "manufacturer_coupon", amount, code } },
      ]),
    );
  }

  /** A gift card that was presented pays. @param {{presented: string, amount: number}} tender */
  async payGiftCard(tender) {
    const paid = await this.attempt(
      await this.command([{ path: "/baskets/{basket}/tenders", body: { tender: "gift_card", ...tender } }]),
    );
    if (paid?.[0].due <= 0) await this.complete();
  }

  /**
   * Puts a gift card into the basket: it is loaded when the basket is paid.
   * @param {{amount: number, card?: string}} sold
   */
  async sellGiftCard(sold) {
    /** @type {Draft} */
    const line = { description: t("register.gift-card"), milli: 1000, unit: "each", amount: sold.amount };
    const done = await this.attempt(await this.command([{ path: "/baskets/{basket}/gift-cards", body: sold, line }]));
    if (done) toast(t("register.gift-card.sold", { card: done[0].card }));
  }

  /** Pays by card: all that is due, or a part of it. @param {number} [amount] */
  async payCard(amount) {
    const first = this.basket();
    if (!first) return;
    if (first.training) return toast(t("register.training.cash"), { kind: "bad" });
    // The terminal charges what the hub knows.
    if (!(await this.outbox.sent(first.id))) return toast(t("register.card.offline"), { kind: "bad" });
    const basket = this.basket();
    if (!basket?.hub || this.payment.value) return;
    const due = amount ?? this.totals.value.due;
    this.payment.value = { text: t("register.card-wait"), amount: due };
    try {
      const payment = await this.api.post(`/baskets/${basket.hub}/payments`, amount === undefined ? {} : { amount }, {
        patience: 20_000,
        timeout: 100_000,
      });
      await this.paid(basket, payment);
    } catch (error) {
      this.payment.value = undefined;
      sound("refused");
      // Without an answer the payment goes on at the hub: the basket says what became of it.
      if (error instanceof NoAnswer) this.payment.value = { text: t("register.card-unknown"), amount: due };
      else toast(explain(error), { kind: "bad" });
      await this.refresh();
    }
  }

  /** A payment that runs already, such as before a reload. */
  async followPayment(id, amount) {
    this.payment.value = { text: t("register.card-wait"), amount };
    const basket = this.basket();
    for (;;) {
      await new Promise((done) => setTimeout(done, 700));
      try {
        const payment = await this.api.get(`/payments/${id}`);
        if (!["created", "sent", "in_progress", "reversing", "unknown"].includes(payment.state))
          return await this.paid(basket, payment);
        if (payment.state === "unknown") this.payment.value = { text: payment.why, amount };
      } catch (error) {
        if (error instanceof Problem) return void (this.payment.value = undefined);
      }
    }
  }

  async paid(basket, payment) {
    if (payment.state === "unknown" || payment.state === "in_progress" || payment.state === "sent")
      return this.followPayment(payment.id, payment.amount);
    this.payment.value = undefined;
    if (payment.sale) return this.completed(basket, payment.sale);
    // A refund that ran before a reload: the basket has its outcome.
    if (payment.refund_of) return this.refresh();
    if (payment.state !== "approved" && payment.state !== "approved_offline") {
      sound("refused");
      toast(t("register.card-failed", { why: payment.why ?? payment.state }), { kind: "bad" });
    }
    await this.refresh();
    if (this.view.value && this.view.value.due <= 0) await this.complete();
  }

  async abortCard() {
    try {
      await this.api.post("/payments/abort");
    } catch (error) {
      toast(explain(error), { kind: "bad" });
    }
  }

  /** @param {number} number */
  async voidTender(number) {
    const send = async () =>
      this.attempt(await this.command([{ path: `/baskets/{basket}/tenders/${number}/void` }]), send);
    await send();
  }

  /** The basket before the cashier is a sale. */
  async completed(basket, sale) {
    await this.outbox.forget(basket.id);
    batch(() => {
      const { refund, customer } = (this.current.value === basket.id && this.view.value) || {};
      if (this.current.value === basket.id) this.clear();
      this.done.value = { ...sale, refund, customer, credit: basket.credit };
    });
    sound("ok");
  }

  /** A basket that was paid while the hub was away is a sale now. */
  async settled(basket, sale) {
    await this.outbox.forget(basket.id);
    if (this.done.value?.basket === basket.id) this.done.value = sale;
    else toast(t("register.settled", { receipt: String(sale.receipt) }));
  }

  // Parking

  async park(note) {
    const basket = this.basket();
    if (!basket) return;
    const done = await this.attempt(
      await this.command([{ path: "/baskets/{basket}/park", body: note ? { note } : {} }]),
    );
    if (!done) return;
    await this.outbox.forget(basket.id);
    this.clear();
    toast(t("register.parked-done"));
  }

  /** Takes a parked basket, or one that hands over an order. @param {string} hub @param {boolean} isParked */
  async take(hub, isParked) {
    if (isParked) await this.api.post(`/baskets/${hub}/recall`, {}, { patience: 10_000 });
    const id = newKey();
    await this.outbox.put({ id, hub, state: "open", opened: Date.now() });
    batch(() => {
      this.done.value = undefined;
      this.view.value = undefined;
      this.current.value = id;
    });
    await this.refresh();
  }

  // People

  /** @param {{operator?: string, pin?: string, badge?: string}} credentials */
  async signIn(credentials) {
    const session = await this.api.post("/operators/sign-in", credentials);
    batch(() => {
      this.operator.value = session;
      this.isLocked.value = false;
      this.outbox.needsOperator.value = false;
    });
    await keep("operator", session);
    this.outbox.wake();
  }

  async lock() {
    await this.api.post("/operators/lock").catch(() => {});
    this.operator.value = undefined;
    this.isLocked.value = this.operators.value.length > 0;
    await keep("operator", undefined);
  }
}

/** A basket with the answer to a command: its line or tender, and what is due. */
function merged(view, { line, tender, totals, due, due_in_cash }) {
  const put = (all, one) =>
    one ? [...all.filter(({ number }) => number !== one.number), one].sort((a, b) => a.number - b.number) : all;
  return {
    ...view,
    totals,
    due,
    due_in_cash,
    lines: put(view?.lines ?? [], line),
    tenders: put(view?.tenders ?? [], tender),
  };
}

/** @param {any[] | undefined} adjustments */
const named = (adjustments) =>
  (adjustments ?? []).map(({ name, amount, by }) => ({
    name: by === "multi_price" ? t("register.multi-price") : name,
    amount,
  }));
