//! A store of the model: its disk, its hub's use cases, its counter and its pickers.

use std::sync::{
    Mutex, RwLock,
    atomic::{AtomicBool, Ordering},
};

use app::{
    By, Refusal, catalog,
    catalog::Catalog,
    check, hq, orders,
    orders::{Collect, Part, PartView},
    payments, selling,
    selling::{SaleContext, TenderRequest},
    stock,
    stock::{GoodsEvent, GoodsNote, Home, PolicyRequest},
};
use commerce::{
    Actor, Basket, BasketId, BusinessDay, Currency, Item, Minor, NewLine, Particulars, Price, Quantity, Station,
    Tender, Unit,
    line::What,
    order::{Amount, Checked, Command, Line, Place, Policy, Proof, Reason, State},
    stock::{
        Condition, Portion, Rule,
        quota::{Class, Policy as QuotaPolicy},
    },
};
use contract::{Batch, DownAcknowledgement, Epoch, Event, HubId, Sequence, Stream};
use fastrand::Rng;
use store::{
    Depth, EngineKind, Store, Transaction,
    idempotency::{CommandKey, Once},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    Sold,
    headquarters::{Headquarters, PRICE, apply},
};

pub(super) const SKUS: [&str; 2] = ["4001", "4002"];

/// What each store has of each item at first.
pub(super) const PIECES: i64 = 30;

/// The states in which somebody has something to do.
const OPEN: [State; 8] = [
    State::Offered,
    State::Accepted,
    State::Picking,
    State::Picked,
    State::Packed,
    State::Ready,
    State::Arrived,
    State::Returning,
];

pub(super) struct Branch {
    pub(super) hub: HubId,
    pub(super) epoch: u64,
    quota: QuotaPolicy,
    directory: TempDir,
    /// The running hub's store; absent between a kill and the next start.
    store: RwLock<Option<Store>>,
    /// Whether the store's link, and with it its pickers, still work.
    is_running: AtomicBool,
    /// Events that tell of offers without goods although the web's goods are kept.
    unkept: Mutex<Vec<String>>,
}

/// A position, in thousandths.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) states: [i64; 5],
    pub(super) there: i64,
    pub(super) kept_for_web: i64,
}

fn item(sku: &str) -> Item {
    Item {
        sku: sku.parse().unwrap(),
        gtin: None,
        description: "Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::new(PRICE).unwrap(), per: Unit::Each },
    }
}

fn till(name: &str) -> Actor {
    Actor { operator: Some("ann".parse().unwrap()), ..Actor::register(name.parse().unwrap()) }
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

impl Branch {
    pub(super) fn open(name: &str, rng: &mut Rng, now_ms: i64) -> Self {
        let class = if rng.u8(0..3) == 0 { Class::WalkInFirst } else { Class::Strict };
        let quota = QuotaPolicy { class, share_permille: rng.u16(300..=900), most: i64::MAX };
        Self::open_with(name, quota, rng.bool(), now_ms)
    }

    pub(super) fn open_with(name: &str, quota: QuotaPolicy, auto_accept: bool, now_ms: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = start(&directory);
        let hub: HubId = name.parse().unwrap();
        let epoch = store.epoch();
        let orders = Policy { auto_accept, ..Policy::default() };
        let home = Home { hub: hub.clone(), epoch, currency: usd(), orders };
        let by = By { actor: Actor::console(), at_ms: now_ms };
        let items = SKUS.map(item);
        let (loading, loaded) = (by.clone(), items.clone());
        let load = move |transaction: &mut Transaction<'_>| {
            stock::put_home(transaction, &home)?;
            catalog::load(transaction, &loading, &loaded, "digest".into())
        };
        store.commit_blocking(load).unwrap();
        let known = Catalog::read(&store, |error| panic!("{error}")).unwrap();
        let receive = move |transaction: &mut Transaction<'_>| {
            for Item { sku, .. } in items {
                let policy = PolicyRequest {
                    rule: Rule::ToZero,
                    safety_stock: None,
                    lead_time_days: 0,
                    cover_days: 0,
                    pack: None,
                };
                stock::set_policy(transaction, &by, &known, &sku, &policy)?;
                let quantity = Quantity::new(PIECES * 1000, Unit::Each).unwrap();
                let lines = vec![Portion { sku, quantity }];
                let note = GoodsNote {
                    kind: GoodsEvent::Return,
                    condition: Some(Condition::Good),
                    reason: "first".into(),
                    lines,
                };
                stock::note_goods(transaction, &by, &known, note)?;
            }
            Ok::<_, Refusal>(())
        };
        store.commit_blocking(receive).unwrap();
        Self {
            hub,
            epoch,
            quota,
            directory,
            store: RwLock::new(Some(store)),
            is_running: AtomicBool::new(true),
            unkept: Mutex::default(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&Store) -> T) -> T {
        work(self.store.read().unwrap().as_ref().unwrap())
    }

    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.with(|store| store.commit_blocking(work))
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }

    /// The work of the day is done.
    pub(super) fn stop(&self) {
        self.is_running.store(false, Ordering::Release);
    }

    /// The hub is killed, and starts again from its disk.
    pub(super) fn kill(&self) {
        let mut store = self.store.write().unwrap();
        *store = None;
        *store = Some(start(&self.directory));
    }

    /// The counter sells some pieces, if it may.
    pub(super) fn sell(&self, rng: &mut Rng, at_ms: i64) {
        self.sell_pieces(rng.choice(SKUS).unwrap(), rng.u32(1..=4), at_ms);
    }

    /// The counter sells so many pieces, if it may.
    pub(super) fn sell_pieces(&self, sku: &str, pieces: u32, at_ms: i64) -> bool {
        let item = item(sku);
        let by = By { actor: till("till-1"), at_ms };
        let context = self.context(at_ms);
        let register = by.actor.register_name().unwrap().clone();
        let mut basket = Basket::open(BasketId(0), register, None, usd(), at_ms, None, None).unwrap();
        let quantity = Quantity::pieces(pieces).unwrap();
        let (discounts, particulars) = (Vec::new(), Particulars::default());
        basket.add_line(NewLine { what: What::Item(&item), quantity, keyed: None, discounts, particulars }).unwrap();
        basket.tender(Tender::Cash { amount: basket.due() }).unwrap();
        let sold = self.commit(move |transaction| selling::sell(transaction, &by, basket, &context));
        if let Err(refused) = &sold {
            assert!([&stock::KEPT_FOR_WEB, &stock::STOCK_INSUFFICIENT].contains(&refused.kind), "{refused:?}");
        }
        sold.is_ok()
    }

    fn context(&self, at_ms: i64) -> SaleContext {
        let business_day = BusinessDay::new(2026, 11, 24).unwrap();
        SaleContext { epoch: self.epoch, at_ms, business_day, fiscal_year: 2026, printer: None }
    }

    /// A picker does the next step of an order, or has a misfortune; false if there is nothing to do.
    pub(super) fn work(&self, picker: &str, mut rng: Option<&mut Rng>, at_ms: i64) -> bool {
        let page = |state| self.with(|store| orders::in_state(store, state, None, 20).unwrap());
        let open: Vec<PartView> = OPEN.into_iter().flat_map(page).collect();
        let part = match &mut rng {
            Some(rng) => rng.choice(open),
            None => open.into_iter().next(),
        };
        let Some(view) = part else { return false };
        let part = Part { order: view.fulfilment.terms.order.clone(), part: view.fulfilment.part };
        if let Some(basket) = view.basket {
            return self.pay(basket, rng, at_ms);
        }
        let returning = view.fulfilment.lines.iter().find(|line| line.of(State::Returning) > 0);
        if let Some(line) = returning {
            let amount = Amount { line: line.ordered.number, milli: line.of(State::Returning) };
            let condition = if rng.is_some_and(Rng::bool) { Condition::Damaged } else { Condition::Good };
            return self.run(part, Command::PutBack { amount, condition }, at_ms);
        }
        // The line that is least far.
        let open = view.fulfilment.lines.iter().filter(|line| line.open() > 0);
        let Some(line) = open.min_by_key(|line| line.units.keys().copied().find(|state| state.is_open())) else {
            return false;
        };
        let has_misfortune = rng.as_mut().is_some_and(|rng| rng.u8(0..12) == 0);
        let rng = rng.map(Rng::fork);
        match Self::next(&view, line, picker, has_misfortune) {
            Next::Run(command) => self.run(part, command, at_ms),
            Next::Leave(collect) => self.leave(&part, &collect, rng, at_ms),
        }
    }

    /// The next step of a line towards its customer.
    fn next(view: &PartView, line: &Line, picker: &str, has_misfortune: bool) -> Next {
        let (number, zone) = (line.ordered.number, line.ordered.zone);
        let picker = || picker.parse().unwrap();
        let amounts = |of: &dyn Fn(&Line) -> i64| -> Vec<Amount> {
            let amount = |line: &Line| Amount { line: line.ordered.number, milli: of(line) };
            view.fulfilment.lines.iter().map(amount).filter(|amount| amount.milli > 0).collect()
        };
        Next::Run(match line.state().unwrap() {
            State::Offered if has_misfortune => Command::Reject { amounts: vec![], reason: Reason::Damaged },
            State::Offered => Command::Accept,
            _ if line.of(State::Accepted) > 0 => Command::Claim { picker: picker(), lines: vec![number] },
            _ if line.of(State::Picking) > 0 && has_misfortune => Command::Short { picker: picker(), line: number },
            _ if line.of(State::Picking) > 0 => Command::Pick {
                picker: picker(),
                line: number,
                scanned: line.ordered.sku.clone(),
                quantity: Quantity::pieces(1).unwrap(),
            },
            _ if line.of(State::Picked) > 0 => Command::Pack {
                amounts: vec![Amount { line: number, milli: line.of(State::Picked) }],
                place: Place { name: "A1".into(), zone },
                probe_deci_celsius: None,
            },
            _ if !view.fulfilment.terms.kind.is_fetched() => {
                let amounts = amounts(&|line| line.of(State::Packed));
                return Next::Leave(Collect::Ship { amounts, tracking: None });
            }
            _ if line.of(State::Packed) > 0 => Command::MakeReady,
            _ => {
                let ready = amounts(&|line| line.of(State::Ready) + line.of(State::Arrived));
                let checked = ready.into_iter().map(|amount| Checked { amount, scanned: None }).collect();
                let (proof, prices) = (Proof::Document, vec![]);
                return Next::Leave(Collect::HandOver { checked, proof, age_checked: None, partial: true, prices });
            }
        })
    }

    /// Runs a command; false if a rule refuses it, as when somebody else was faster.
    fn run(&self, part: Part, command: Command, at_ms: i64) -> bool {
        let by = By { actor: till("till-2"), at_ms };
        self.commit(move |transaction| orders::run(transaction, &by, &part, command)).is_ok()
    }

    /// The goods leave. The answer may be lost: then the register repeats the command, perhaps after a kill.
    fn leave(&self, part: &Part, collect: &Collect, rng: Option<Rng>, at_ms: i64) -> bool {
        let (by, context) = (By { actor: till("till-2"), at_ms }, self.context(at_ms));
        let key = format!("{at_ms}-{}-{}", part.order, part.part);
        let key = CommandKey { asker: "till-2".into(), key, fingerprint: "x".repeat(64), at_ms };
        let ask = || {
            let (by, context, part, collect, key) =
                (by.clone(), context.clone(), part.clone(), collect.clone(), key.clone());
            self.commit(move |transaction| {
                transaction.once(&key, |transaction| selling::hand_over(transaction, &by, &context, &part, collect))
            })
        };
        let Ok(first) = ask() else { return false };
        if let Some(mut rng) = rng.filter(|rng| rng.clone().u8(0..3) == 0) {
            if rng.bool() {
                self.kill();
            }
            let (Once::First(first) | Once::Again(first)) = first else { panic!("the key is used again") };
            let Ok(Once::Again(again)) = ask() else { panic!("{part:?} left twice") };
            assert_eq!(first, again);
        }
        true
    }

    /// The customer pays the basket of an order, or goes away.
    fn pay(&self, basket: BasketId, rng: Option<&mut Rng>, at_ms: i64) -> bool {
        let (by, context) = (By { actor: till("till-2"), at_ms }, self.context(at_ms));
        if rng.is_some_and(|rng| rng.u8(0..3) == 0) {
            return self.commit(move |transaction| payments::abandon(transaction, &by, basket)).is_ok();
        }
        let due = self.with(|store| selling::basket(store, basket).unwrap().unwrap().due());
        let paid = self.commit(move |transaction| {
            selling::tender(transaction, &by, basket, TenderRequest::Cash { amount: due })?;
            selling::complete_basket(transaction, &by, basket, &context)
        });
        paid.is_ok()
    }

    /// What is due by the clock.
    pub(super) fn tick(&self, at_ms: i64) {
        let due = self.with(|store| orders::due(store, 100).unwrap());
        let by = By { actor: Station::Hub.into(), at_ms };
        self.commit(move |transaction| orders::tick(transaction, &by, &due)).unwrap();
    }

    /// Grants and recalls quotas, and writes down for HQ what changed.
    pub(super) fn refill(&self, at_ms: i64) {
        let (epoch, policy) = (self.epoch, self.quota);
        let mut items = Vec::new();
        self.with(|store| stock::each_place(store, |place| items.push((place, policy))).unwrap());
        self.commit(move |transaction| Ok(stock::refill_quotas(transaction, epoch, &items)?)).unwrap();
        let untold = self.with(|store| stock::untold_quotas(store).unwrap());
        self.commit(move |transaction| Ok(stock::tell_quotas(transaction, at_ms, &untold)?)).unwrap();
    }

    /// Sends what HQ has not acknowledged; HQ's answer may be lost.
    pub(super) fn send(&self, runtime: &Runtime, hq: &Headquarters, is_answered: bool) {
        for stream in [Stream::stock(), Stream::orders(), Stream::sales(), Stream::cash()] {
            self.with(|store| {
                let acknowledged = store.outbox_span(stream.as_str()).unwrap().acknowledged;
                let entries = store.outbox(stream.as_str(), acknowledged + 1, 500).unwrap();
                let event = |entry: &store::outbox::Entry| Event {
                    sequence: Sequence(entry.sequence),
                    kind: entry.kind.clone(),
                    occurred_at_ms: entry.occurred_at_ms,
                    body: hq::body(store, entry).unwrap(),
                };
                let events: Vec<_> = entries.iter().map(event).collect();
                let Some(last) = entries.last().map(|entry| entry.sequence) else { return };
                self.look_at(&events);
                let (hub, epoch) = (self.hub.clone(), Epoch(self.epoch));
                let batch = Batch { hub, epoch, stream: stream.clone(), events, link: None };
                let applied = runtime.block_on(hq.ledger.apply(&batch)).unwrap();
                assert_eq!((applied.quarantined, applied.gap), (0, false));
                if is_answered {
                    runtime.block_on(store.acknowledge_outbox(stream.as_str(), last)).unwrap();
                }
            });
        }
    }

    /// A strict store has what it granted: an offer that it rejects for lack of goods is remembered.
    fn look_at(&self, events: &[Event]) {
        let lacks = |event: &&Event| event.body.get().contains(r#""reason":"no_stock""#);
        if self.quota.class == Class::Strict {
            self.unkept.lock().unwrap().extend(events.iter().filter(lacks).map(|event| event.body.get().to_owned()));
        }
    }

    /// Applies what HQ has for the store; the acknowledgement may be lost.
    pub(super) fn fetch(&self, runtime: &Runtime, hq: &Headquarters, at_ms: i64, is_answered: bool) {
        while let Some(batch) = runtime.block_on(hq.queues.next(&self.hub, &Stream::orders())).unwrap() {
            let received = self.with(|store| apply(store, &batch, at_ms));
            if !is_answered {
                return;
            }
            let (hub, epoch) = (self.hub.clone(), Epoch(self.epoch));
            let answer = DownAcknowledgement::new(hub, epoch, Stream::orders(), received);
            runtime.block_on(hq.queues.acknowledge(&answer)).unwrap();
        }
    }

    pub(super) fn exchange(&self, runtime: &Runtime, hq: &Headquarters, at_ms: i64) {
        self.send(runtime, hq, true);
        self.fetch(runtime, hq, at_ms, true);
        self.send(runtime, hq, true);
    }

    /// Whether something is left to be done or said.
    pub(super) fn has_work(&self) -> bool {
        self.with(|store| {
            let unsent =
                [Stream::stock(), Stream::orders(), Stream::sales(), Stream::cash()].into_iter().any(|stream| {
                    let span = store.outbox_span(stream.as_str()).unwrap();
                    span.last > span.acknowledged
                });
            unsent || orders::open_count(store).unwrap() > 0 || !stock::untold_quotas(store).unwrap().is_empty()
        })
    }

    pub(super) fn faults(&self) -> Vec<String> {
        self.with(|store| check::check(store, Depth::Whole).unwrap().faults)
    }

    pub(super) fn unkept(&self) -> Vec<String> {
        self.unkept.lock().unwrap().clone()
    }

    pub(super) fn sales(&self) -> Vec<Sold> {
        self.with(|store| selling::sales_from(store, 1, 1000).unwrap()).into_iter().map(Sold::from).collect()
    }

    pub(super) fn position(&self, sku: &str) -> Position {
        let sku = sku.parse().unwrap();
        let found = self.with(|store| stock::positions_of(store, &Actor::console(), &sku).unwrap());
        let [view] = &found[..] else { panic!("{} positions of {sku}", found.len()) };
        let own = &view.position;
        let states = [own.on_hand, own.reserved, own.in_transit, own.quarantined, own.damaged];
        Position { states, there: states.iter().sum(), kept_for_web: view.kept_for_web }
    }

    pub(super) fn part(&self, order: &str, part: u32) -> PartView {
        let part = Part { order: order.parse().unwrap(), part };
        self.with(|store| orders::order(store, &part).unwrap())
    }
}

/// What a picker does next.
enum Next {
    Run(Command),
    Leave(Collect),
}

fn start(directory: &TempDir) -> Store {
    Store::open(directory.path(), EngineKind::Sqlite, &app::linked_tables(), 7).unwrap()
}
