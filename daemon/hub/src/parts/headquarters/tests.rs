//! The store and HQ have the same stock.

use std::path::Path;

use commerce::{
    Minor, Tender, Unit,
    stock::{Kind, Line, State},
};
use contract::{Batch, VERSION};
use hq::{Ledger, MemoryLedger};
use proptest::{collection::vec, prelude::*};
use store::{EngineKind, Transaction};

use super::*;
use crate::{
    problem::Problem,
    selling::{self, Counter},
    stock::{
        Booking,
        testing::{self, basket, cereal},
    },
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Comes(i64),
    Breaks(i64),
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
        3 => (1_i64..5).prop_map(Step::Comes),
        1 => (1_i64..3).prop_map(Step::Breaks),
        4 => (1_u32..4).prop_map(Step::Sells),
        2 => (1_u32..4).prop_map(Step::Holds),
        2 => (1_usize..5, any::<bool>()).prop_map(|(most, acknowledged)| Step::Carry { most, acknowledged }),
        1 => Just(Step::BackUp),
        1 => Just(Step::Restore),
    ]
}

fn book(
    transaction: &mut Transaction<'_>,
    kind: Kind,
    pieces: i64,
    from: Option<State>,
    to: Option<State>,
) -> Result<(), Problem> {
    let lines = Line::of([((cereal().sku, Unit::Each), pieces * 1000)], from, to);
    let booking = Booking { kind, reference: "1".into(), by: "till-1".into(), at_ms: 1, lines, settled: false };
    stock::book(transaction, booking).map(drop)
}

/// Does a step; what the stock refuses is not done.
async fn act(store: &Store, basket_id: usize, step: Step) {
    let epoch = store.epoch();
    let done = store.commit(move |transaction| match step {
        Step::Comes(pieces) => book(transaction, Kind::Receipt, pieces, None, Some(State::OnHand)),
        Step::Breaks(pieces) => book(transaction, Kind::Damage, pieces, Some(State::OnHand), Some(State::Damaged)),
        Step::Sells(pieces) | Step::Holds(pieces) => {
            let mut basket = basket(format!("b{basket_id}"), pieces);
            basket.tender(Tender::Cash { amount: Minor::literal(100_000) })?;
            let counter = Counter::at(epoch, 2);
            if matches!(step, Step::Sells(_)) {
                return selling::complete(transaction, &mut basket, &counter, false).map(drop);
            }
            stock::hold(transaction, &mut basket, 2)?;
            // One of three is completed and sells what was held, one gives it back, one is still being paid.
            match basket_id % 3 {
                0 => selling::complete(transaction, &mut basket, &counter, true).map(drop)?,
                1 => stock::release_holds(transaction, &mut basket, 2)?,
                _ => {}
            }
            Ok(())
        }
        Step::Carry { .. } | Step::BackUp | Step::Restore => Ok(()),
    });
    if let Err(problem) = done.await {
        assert_eq!(problem.kind, "/problems/stock-insufficient");
    }
}

async fn carry(outbox: &StoreOutbox, ledger: &MemoryLedger, most: usize, acknowledged: bool) {
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
            let batch = Batch { version: VERSION, hub: hub.clone(), epoch, stream: stream.clone(), events };
            let batch = Batch::decode(&batch.encode().unwrap()).unwrap();
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
    let store = Arc::new(Store::open(directory, engine, &crate::LINKED, 7).unwrap());
    let opening = Arc::clone(&store);
    tokio::task::spawn_blocking(move || stock::open_epoch(&opening, 1).unwrap()).await.unwrap();
    StoreOutbox { hub: hub.parse().unwrap(), store }
}

fn have_the_same(outbox: &StoreOutbox, ledger: &MemoryLedger) {
    let here = testing::position(&outbox.store, &cereal().sku);
    let there = ledger.positions(&outbox.hub(), outbox.epoch());
    let there = there.get(&(cereal().sku.to_string(), Unit::Each)).copied().unwrap_or_default();
    assert_eq!(State::ALL.map(|state| here.of(state)), there);
}

async fn agree(engine: EngineKind, strict: bool, steps: &[Step]) {
    let mut directory = tempfile::tempdir().unwrap();
    let mut outbox = start(directory.path(), engine).await;
    let ledger = MemoryLedger::default();
    outbox.store.commit(move |transaction| testing::rule(transaction, &cereal().sku, strict)).await.unwrap();
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
    have_the_same(&outbox, &ledger);
    assert_eq!(ledger.summary().quarantined, 0);
    drop((outbox, directory));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hq_has_the_stock_that_the_store_has(strict in any::<bool>(), steps in vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for engine in EngineKind::ALL {
            runtime.block_on(agree(engine, strict, &steps));
        }
    }
}

#[tokio::test]
async fn an_hq_that_went_back_behind_what_is_kept_has_the_stock_after_a_restore() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = start(directory.path(), EngineKind::Sqlite).await;
    let booked = outbox.store.commit(|transaction| {
        for _ in 0..5 {
            book(transaction, Kind::Receipt, 1, None, Some(State::OnHand))?;
        }
        // Without effect at HQ: they only push the first ones out of what is kept.
        for _ in 0..store::outbox::KEPT {
            transaction.append_to_outbox("stock", "x", 1, "none")?;
        }
        Ok::<_, Problem>(())
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
    let ledger = MemoryLedger::default();
    carry(&outbox, &ledger, 200, false).await;
    have_the_same(&outbox, &ledger);
}

#[tokio::test]
async fn hq_follows_a_transfer_from_one_store_to_the_other_also_over_a_restore() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut sender = start_as("store-1", directories[0].path(), EngineKind::Sqlite).await;
    let receiver = start_as("store-2", directories[1].path(), EngineKind::Sqlite).await;
    let ledger = MemoryLedger::default();
    let told = || {
        ledger.transfers().iter().map(|item| [item.sent, item.received, item.arrived, item.short]).collect::<Vec<_>>()
    };
    let epoch = sender.store.epoch();
    let sent = sender.store.commit(move |transaction| {
        book(transaction, Kind::Receipt, 9, None, Some(State::OnHand))?;
        testing::send(transaction, ("store-1", epoch), "store-2", 5)
    });
    let id = sent.await.unwrap();
    carry(&sender, &ledger, 3, true).await;
    assert_eq!(told(), [[5000, 0, 0, 0]]);

    let name = format!("{epoch}-{id}");
    let entered =
        receiver.store.commit(move |transaction| testing::come_in(transaction, ("store-1", &name), "store-2", 4));
    entered.await.unwrap();
    carry(&receiver, &ledger, 3, true).await;
    assert_eq!(told(), [[5000, 4000, 0, 0]], "at HQ some are in both books");
    let mut backup = Vec::new();
    sender.store.backup(&mut backup).unwrap();
    // Told wrongly: the disk is lost with it, somebody buys something, and it is told once more.
    for (pieces, expected) in [(5, vec![[5000, 4000, 5000, 0]]), (4, vec![])] {
        if expected.is_empty() {
            act(&sender.store, 1, Step::Sells(1)).await;
            carry(&sender, &ledger, 3, true).await;
            assert_eq!(told(), [[5000, 4000, 0, 0]], "what was told never happened in its books");
        }
        let arrived = sender.store.commit(move |transaction| testing::arrive(transaction, "store-1", id, pieces));
        arrived.await.unwrap();
        carry(&sender, &ledger, 3, true).await;
        assert_eq!(told(), expected);
        if !expected.is_empty() {
            store::restore(directories[2].path(), EngineKind::Sqlite, &backup[..], 7).unwrap();
            sender = start_as("store-1", directories[2].path(), EngineKind::Sqlite).await;
        }
    }
    assert_eq!(ledger.summary().quarantined, 0);
}
