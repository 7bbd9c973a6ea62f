//! The store and HQ have the same stock and the same items.

mod connection;

use std::{path::Path, sync::LazyLock, time::Duration};

use ::hq::{
    Ledger, Queues,
    down::{Outgoing, QueueSummary},
};
use app::{
    By, Refusal, audit,
    catalog::{self, Catalog},
    payments,
    pricing::BuyerRequest,
    selling::{self, LineRequest, OpenBasket, SaleContext, TenderRequest, WholeSale},
    stock::{
        self, Arrival, DeliveredLine, Delivery, Dispatch, GoodsEvent, GoodsNote, NoticeRequest, PolicyRequest,
        ThisStore,
    },
};
use bridge::Inbox;
use commerce::{
    Actor, BusinessDay, Currency, Item, Minor, Price, Quantity, Sku, Station, Unit,
    payment::Event,
    stock::{Condition, Portion, Position, Rule, State},
};
use contract::{Batch, DownAcknowledgement, item};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use store::{EngineKind, Transaction};

use super::*;
use crate::{config, hub::Hub, run};

/// The item that everything here is about.
fn cereal(price: i64) -> Item {
    Item {
        sku: sku(),
        gtin: None,
        description: "Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
    }
}

fn sku() -> Sku {
    "818981".parse().unwrap()
}

/// What is on file: [`cereal`].
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, &app::linked_tables(), 7).unwrap();
    let load =
        |transaction: &mut Transaction<'_>| catalog::load(transaction, &person(), &[cereal(369)], "digest".into());
    store.commit_blocking(load).unwrap();
    Catalog::read(&store, |fault| panic!("{fault}")).unwrap()
});

fn person() -> By {
    By { actor: Actor::console(), at_ms: 1 }
}

fn till() -> By {
    By { actor: Actor::register("till-1".parse().unwrap()), at_ms: 2 }
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn context(epoch: u64) -> SaleContext {
    let business_day = BusinessDay::new(2026, 11, 24).unwrap();
    SaleContext { epoch, at_ms: 2, business_day, fiscal_year: 2026, printer: None }
}

fn quantity(pieces: u32) -> Quantity {
    Quantity::pieces(pieces).unwrap()
}

fn portions(pieces: u32) -> Vec<Portion> {
    vec![Portion { sku: sku(), quantity: quantity(pieces) }]
}

fn line(pieces: u32) -> LineRequest {
    serde_json::from_value(json!({ "sku": sku(), "quantity": quantity(pieces) })).unwrap()
}

fn cash() -> TenderRequest {
    TenderRequest::Cash { amount: Minor::literal(10_000) }
}

fn note(transaction: &mut Transaction<'_>, kind: GoodsEvent, pieces: u32) -> Result<(), Refusal> {
    let note = GoodsNote { kind, condition: None, reason: "seen".into(), lines: portions(pieces) };
    stock::note_goods(transaction, &person(), &CATALOG, note).map(drop)
}

fn set_rule(transaction: &mut Transaction<'_>, rule: Rule) -> Result<(), Refusal> {
    let request = PolicyRequest { rule, safety_stock: None, lead_time_days: 0, cover_days: 0, pack: None };
    stock::set_policy(transaction, &person(), &CATALOG, &sku(), &request).map(drop)
}

fn sell(transaction: &mut Transaction<'_>, epoch: u64, catalog: &Catalog, pieces: u32) -> Result<Minor, Refusal> {
    let lines = vec![line(pieces).find(catalog)?];
    let sale = WholeSale {
        currency: usd(),
        reference: None,
        customer: None,
        buyer: BuyerRequest::default(),
        reservations: vec![],
        lines,
        tenders: vec![cash()],
    };
    let basket = sale.basket(&till(), None)?;
    selling::sell(transaction, &till(), basket, &context(epoch)).map(|done| done.totals.net)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Comes(u32),
    Breaks(u32),
    Sells(u32),
    /// A basket is partly paid, which holds its pieces.
    Holds(u32),
    /// HQ takes what there is, at most so many events a batch, each batch twice; the hub hears of it or not.
    Carry {
        most: usize,
        acknowledged: bool,
    },
    /// A backup is taken, in the place of an earlier one.
    BackUp,
    /// The disk is lost. The last backup is restored, if there is one, and the hub started.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u32..5).prop_map(Step::Comes),
        1 => (1_u32..3).prop_map(Step::Breaks),
        4 => (1_u32..4).prop_map(Step::Sells),
        2 => (1_u32..4).prop_map(Step::Holds),
        2 => (1_usize..5, any::<bool>()).prop_map(|(most, acknowledged)| Step::Carry { most, acknowledged }),
        1 => Just(Step::BackUp),
        1 => Just(Step::Restore),
    ]
}

/// Starts to pay a basket by card, which holds its pieces. Of three such payments one is approved and its basket sold,
/// one is declined, and one goes on.
fn hold(transaction: &mut Transaction<'_>, epoch: u64, index: usize, pieces: u32) -> Result<(), Refusal> {
    let basket = selling::open(transaction, &till(), usd(), None, OpenBasket::default())?.id;
    selling::add_line(transaction, &till(), basket, None, line(pieces).find(&CATALOG)?)?;
    let intent = payments::Intent { terminal: format!("terminal-{index}"), amount: None, before: Value::Null };
    let payment = payments::start(transaction, &till(), basket, intent)?.id;
    let context = context(epoch);
    let answer = match index % 3 {
        0 => Event::Approve { offline: false },
        1 => Event::Decline { code: "6C".into(), why: "declined".into() },
        _ => return Ok(()),
    };
    for event in [&Event::Send, &answer] {
        payments::apply(transaction, payment, event, None, &context)?;
    }
    if index.is_multiple_of(3) {
        selling::complete_basket(transaction, &till(), basket, &context)?;
    }
    Ok(())
}

/// Does a step; what the stock refuses is not done.
async fn act(store: &Store, index: usize, step: Step) {
    let epoch = store.epoch();
    let done = store.commit(move |transaction| match step {
        Step::Comes(pieces) => note(transaction, GoodsEvent::Return, pieces),
        Step::Breaks(pieces) => note(transaction, GoodsEvent::Damage, pieces),
        Step::Sells(pieces) => sell(transaction, epoch, &CATALOG, pieces).map(drop),
        Step::Holds(pieces) => hold(transaction, epoch, index, pieces),
        Step::Carry { .. } | Step::BackUp | Step::Restore => Ok(()),
    });
    if let Err(refusal) = done.await {
        assert_eq!(refusal.kind, &stock::STOCK_INSUFFICIENT, "{refusal}");
    }
}

async fn carry(outbox: &StoreOutbox, ledger: &Ledger, most: usize, acknowledged: bool) {
    for stream in outbox.streams() {
        let (hub, epoch) = (outbox.hub(), outbox.epoch());
        loop {
            let cursor = ledger.cursor(&hub, epoch, &stream).await.unwrap();
            if acknowledged {
                outbox.acknowledged(stream.clone(), cursor).await.unwrap();
            }
            let events = outbox.read(&stream, cursor.next(), most, 1 << 16).unwrap();
            if events.is_empty() {
                break;
            }
            let batch = Batch { hub: hub.clone(), epoch, stream: stream.clone(), events, link: None };
            for _ in 0..2 {
                ledger.apply(&batch).await.unwrap();
            }
        }
    }
}

/// Opens a store and its epoch, as a hub's start does.
async fn start(directory: &Path, engine: EngineKind) -> StoreOutbox {
    start_as("store-1", directory, engine).await
}

async fn start_as(hub: &str, directory: &Path, engine: EngineKind) -> StoreOutbox {
    let store = Arc::new(Store::open(directory, engine, &app::linked_tables(), 7).unwrap());
    let opening = Arc::clone(&store);
    tokio::task::spawn_blocking(move || hq::open_epoch(&opening, 1).unwrap()).await.unwrap();
    StoreOutbox { hub: hub.parse().unwrap(), store, timekeeper: Arc::new(Timekeeper::from(1)) }
}

async fn have_the_same(outbox: &StoreOutbox, ledger: &Ledger) {
    let here: Vec<Position> = stock::positions_of(&outbox.store, &Actor::console(), &sku())
        .unwrap()
        .into_iter()
        .map(|view| view.position)
        .collect();
    let here = State::ALL.map(|state| here.iter().map(|position| position.of(state)).sum::<i64>());
    let there = ledger.positions(&outbox.hub(), outbox.epoch()).await.unwrap();
    let there = there.get(&(sku().to_string(), Unit::Each)).copied().unwrap_or_default();
    assert_eq!(here, there);
}

async fn agree(engine: EngineKind, strict: bool, steps: &[Step]) {
    let mut directory = tempfile::tempdir().unwrap();
    let mut outbox = start(directory.path(), engine).await;
    let ledger = Ledger::in_memory().await.unwrap();
    let rule = if strict { Rule::ToZero } else { Rule::BelowZero };
    outbox.store.commit(move |transaction| set_rule(transaction, rule)).await.unwrap();
    let mut backup: Option<Vec<u8>> = None;
    for (index, step) in steps.iter().copied().chain([Step::Carry { most: 3, acknowledged: true }]).enumerate() {
        match step {
            Step::Carry { most, acknowledged } => carry(&outbox, &ledger, most, acknowledged).await,
            Step::BackUp => {
                let mut written = Vec::new();
                outbox.store.backup(&mut written).unwrap();
                backup = Some(written);
            }
            Step::Restore => {
                let Some(backup) = &backup else { continue };
                let fresh = tempfile::tempdir().unwrap();
                store::restore(fresh.path(), engine, &backup[..], 7).unwrap();
                outbox = start(fresh.path(), engine).await;
                directory = fresh;
            }
            step => act(&outbox.store, index, step).await,
        }
    }
    have_the_same(&outbox, &ledger).await;
    assert_eq!(ledger.summary().await.unwrap().quarantined, 0);
    drop((outbox, directory));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hq_has_the_stock_that_the_store_has(strict in any::<bool>(), steps in vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for engine in EngineKind::BUILT {
            runtime.block_on(agree(*engine, strict, &steps));
        }
    }
}

#[tokio::test]
async fn an_hq_that_went_back_behind_what_is_kept_has_the_stock_after_a_restore() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = start(directory.path(), EngineKind::Sqlite).await;
    let booked = outbox.store.commit(|transaction| {
        for _ in 0..5 {
            note(transaction, GoodsEvent::Return, 1)?;
        }
        // Without effect at HQ: they only push the first ones out of what is kept.
        for _ in 0..store::outbox::KEPT {
            transaction.append_to_outbox("stock", "x", 1, "none")?;
        }
        Ok::<_, Refusal>(())
    });
    booked.await.unwrap();
    outbox.store.acknowledge_outbox("stock", u64::MAX).await.unwrap();
    outbox.store.acknowledge_outbox("stock", 2).await.unwrap();
    assert_eq!(outbox.store.outbox_span("stock").unwrap().first_kept, 6);
    let mut backup = Vec::new();
    outbox.store.backup(&mut backup).unwrap();
    let directory = tempfile::tempdir().unwrap();
    store::restore(directory.path(), EngineKind::Sqlite, &backup[..], 7).unwrap();
    let outbox = start(directory.path(), EngineKind::Sqlite).await;
    assert_eq!(outbox.span(&Stream::stock()).unwrap().first_kept, Sequence(1));
    let ledger = Ledger::in_memory().await.unwrap();
    carry(&outbox, &ledger, 200, false).await;
    have_the_same(&outbox, &ledger).await;
}

#[tokio::test]
async fn hq_follows_a_transfer_from_one_store_to_the_other_also_over_a_restore() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut sender = start_as("store-1", directories[0].path(), EngineKind::Sqlite).await;
    let receiver = start_as("store-2", directories[1].path(), EngineKind::Sqlite).await;
    let ledger = Ledger::in_memory().await.unwrap();
    let told = async || {
        let uneven = ledger.transfers().await.unwrap();
        uneven.iter().map(|item| [item.sent, item.received, item.arrived, item.short]).collect::<Vec<_>>()
    };
    let here = |name: &str| ThisStore { hub: name.parse().unwrap(), epoch: sender.store.epoch() };
    let this_store = here("store-1");
    let sent = sender.store.commit(move |transaction| {
        note(transaction, GoodsEvent::Return, 9)?;
        let dispatch = Dispatch { to: "store-2".parse().unwrap(), lines: portions(5) };
        stock::dispatch(transaction, &person(), &CATALOG, &this_store, dispatch)
    });
    let id = sent.await.unwrap().id;
    carry(&sender, &ledger, 3, true).await;
    assert_eq!(told().await, [[5000, 0, 0, 0]]);

    let notice = stock::notice_for_receiver(&sender.store, &sender.hub(), id).unwrap();
    let entered = receiver.store.commit(move |transaction| come_in(transaction, notice, 4));
    entered.await.unwrap();
    carry(&receiver, &ledger, 3, true).await;
    assert_eq!(told().await, [[5000, 4000, 0, 0]], "at HQ some are in both books");
    let mut backup = Vec::new();
    sender.store.backup(&mut backup).unwrap();
    // Told wrongly: the disk is lost with it, somebody buys something, and it is told once more.
    for (pieces, expected) in [(5, vec![[5000, 4000, 5000, 0]]), (4, vec![])] {
        if expected.is_empty() {
            act(&sender.store, 1, Step::Sells(1)).await;
            carry(&sender, &ledger, 3, true).await;
            assert_eq!(told().await, [[5000, 4000, 0, 0]], "what was told never happened in its books");
        }
        let arrived = sender.store.commit(move |transaction| {
            let arrival = Arrival { lines: portions(pieces) };
            stock::arrive(transaction, &person(), &"store-1".parse().unwrap(), id, arrival)
        });
        arrived.await.unwrap();
        carry(&sender, &ledger, 3, true).await;
        assert_eq!(told().await, expected);
        if !expected.is_empty() {
            store::restore(directories[2].path(), EngineKind::Sqlite, &backup[..], 7).unwrap();
            sender = start_as("store-1", directories[2].path(), EngineKind::Sqlite).await;
        }
    }
    assert_eq!(ledger.summary().await.unwrap().quarantined, 0);
}

/// Store 2 enters a transfer, and receives so many pieces of it.
fn come_in(transaction: &mut Transaction<'_>, notice: NoticeRequest, pieces: u32) -> Result<(), Refusal> {
    let id = stock::enter(transaction, &person(), &CATALOG, &"store-2".parse().unwrap(), notice)?.id;
    let lines = vec![DeliveredLine { sku: sku(), quantity: quantity(pieces), condition: Condition::Good }];
    stock::receive(transaction, &person(), &CATALOG, id, Delivery { delivery_note: None, lines }).map(drop)
}

/// A hub at work in a directory, without HQ of its own.
fn hub(directory: &Path) -> Arc<Hub> {
    let mut config = config::tests::with("");
    config.store.data = directory.to_owned();
    config.devices.clear();
    for register in &mut config.register {
        register.scanner = None;
    }
    run::open(config).unwrap()
}

/// The price by which the hub sells now.
fn price(hub: &Hub) -> Option<i64> {
    hub.catalog.load().sku(&sku()).map(|item| item.price.minor.get())
}

#[tokio::test]
async fn an_item_that_changed_at_hq_is_sold_by_and_its_batch_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let hub = hub(directory.path());
    let inbox =
        StoreInbox { store: Arc::clone(&hub.store), timekeeper: Arc::clone(&hub.timekeeper), announcements: None };
    let (name, stream) = (hub.config.store.hub.clone(), Stream::items());
    let queues = Queues::of(&Ledger::in_memory().await.unwrap());
    let mut unpriced = cereal(1);
    unpriced.price.minor = Minor::literal(-1);
    let changes = [cereal(369), unpriced, cereal(379)];
    let wanted = changes.iter().map(|item| Outgoing::new(&item::CHANGED, item).unwrap());
    queues.append(&name, &stream, wanted.collect()).await.unwrap();
    while let Some(batch) = queues.next(&name, &stream).await.unwrap() {
        let received = inbox.apply(batch.clone()).await.unwrap();
        // It comes again: HQ did not hear the answer.
        assert_eq!(inbox.apply(batch).await.unwrap(), received);
        assert_eq!(inbox.received(&stream).unwrap(), received);
        let answer = DownAcknowledgement::new(name.clone(), Epoch(hub.store.epoch()), stream.clone(), received);
        queues.acknowledge(&answer).await.unwrap();
    }
    assert_eq!(queues.summary().await.unwrap(), QueueSummary { applied: 2, refused: 1, ..QueueSummary::default() });
    assert!(queues.refused().await.unwrap()[0].why.contains("price"));
    let loads = audit::last(&hub.store, None, 10).unwrap();
    let by: Vec<_> = loads.iter().map(|entry| (&entry.who.station, &*entry.act)).collect();
    assert_eq!(by, [(&Station::Headquarters, "items_loaded")], "a repetition is not recorded");

    // The catalog's follower swaps the items in.
    let swapped_in = async {
        while price(&hub) != Some(379) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swapped_in).await.expect("the item is not sold by");
    let (epoch, catalog) = (hub.store.epoch(), Arc::clone(&hub.catalog.load()));
    let sold = hub.store.commit(move |transaction| sell(transaction, epoch, &catalog, 2)).await.unwrap();
    assert_eq!(sold, Minor::literal(758));
}

#[tokio::test]
async fn current_positions_are_sent_with_the_last_events_that_are_in_them() {
    for engine in [EngineKind::Sled, EngineKind::Sqlite] {
        let directory = tempfile::tempdir().unwrap();
        let outbox = start(directory.path(), engine).await;
        for (index, step) in [Step::Comes(9), Step::Sells(2), Step::Breaks(1), Step::Holds(3)].into_iter().enumerate() {
            act(&outbox.store, index, step).await;
        }
        let last = |stream: &Stream| outbox.span(stream).unwrap().last;
        let backlog = |from: u64| {
            let of = |stream: Stream| Backlog { from: Sequence(from), last: last(&stream), stream };
            outbox.streams().into_iter().map(of).collect::<Vec<_>>()
        };
        // Not on a thread of the runtime: it waits for the committer.
        let told = |backlog: &[Backlog]| {
            std::thread::scope(|scope| scope.spawn(|| outbox.positions(backlog).unwrap()).join().unwrap())
        };
        let [positions] = &told(&backlog(1))[..] else { panic!("one message") };
        let version = Version { sales: last(&Stream::sales()), stock: last(&Stream::stock()) };
        assert_eq!((positions.version, version.sales), (version, Sequence(2)));
        let here = stock::positions_of(&outbox.store, &Actor::console(), &sku()).unwrap().remove(0).position;
        let [line] = &positions.lines[..] else { panic!("one item") };
        assert_eq!((line.sku.as_str(), line.unit), (sku().as_str(), Unit::Each));
        assert_eq!(line.states(), State::ALL.map(|state| here.of(state)));
        // What nothing in the backlog touches is not told.
        assert_eq!(told(&backlog(100)), []);
    }
}
