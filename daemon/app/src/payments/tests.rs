//! A charged card always becomes a sale, and every payment ends.

use commerce::{
    Tender,
    payment::{Event, Finding, Waits},
    stock::{Rule, State},
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use store::{Depth, EngineKind, NameName, Transaction};

use super::*;
use crate::{
    By, Retention, audit,
    capability::DAY_MS,
    maintenance::after_restore,
    refusal::FORBIDDEN,
    selling::SaleContext,
    stock,
    testing::{self, CEREAL, basket, faults, register, set_rule},
};

mod model;
mod returns;
mod reversals;

/// A table that stores invalid positions.
static DAMAGED_POSITIONS: Table<NameName, u64> = Table::new("position");
/// A table that stores invalid reservations.
static DAMAGED_RESERVATIONS: Table<Number, u64> = Table::new("reservation");
/// A table that stores invalid baskets.
static DAMAGED_BASKETS: Table<Number, u64> = Table::new("basket");

fn context() -> SaleContext {
    testing::sale_context(1, 2)
}

fn person() -> By {
    testing::by(2)
}

/// Stocks pieces of [`CEREAL`], which may not go below zero.
fn stocked(transaction: &mut Transaction<'_>, pieces: u32) -> Result<(), Refusal> {
    set_rule(transaction, CEREAL, Rule::ToZero)?;
    if pieces > 0 {
        testing::goods(transaction, i64::from(pieces) * 1000, 1)?;
    }
    Ok(())
}

/// Starts the payment of a whole sale of some pieces.
fn pay(transaction: &mut Transaction<'_>, pieces: u32, terminal: &str) -> Result<Payment, Refusal> {
    let intent = Intent { terminal: terminal.into(), amount: None, before: Value::Null };
    start_whole_sale(transaction, &register(1), basket(0, pieces), intent)
}

/// A store with stock and a payment of two pieces on terminal 1.
fn paying(engine: EngineKind) -> (tempfile::TempDir, Store, PaymentId) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store_kept_by(engine, directory.path());
    let started = store.commit_blocking(|transaction| {
        stocked(transaction, 5)?;
        pay(transaction, 2, "terminal-1")
    });
    let id = started.unwrap().id;
    (directory, store, id)
}

/// What becomes of a payment, from whatever state: the events that do not apply to it change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Approved,
    Declined,
    NotCharged,
    /// The terminal's answer proves nothing.
    Unknown,
}

impl End {
    fn events(self) -> Vec<Event> {
        let why = || String::from("why");
        let found = |finding| Event::Found(finding);
        match self {
            Self::Approved => vec![
                Event::Send,
                Event::Approve { offline: false },
                found(Finding::Charged { offline: false }),
                Event::Decide { charged: true },
            ],
            Self::Declined => vec![
                Event::Send,
                Event::Decline { code: "6C".into(), why: why() },
                found(Finding::NotCharged { why: why() }),
                Event::Decide { charged: false },
            ],
            Self::NotCharged => vec![
                Event::NotSent { why: why() },
                found(Finding::NotCharged { why: why() }),
                Event::Decide { charged: false },
            ],
            Self::Unknown => {
                vec![Event::Send, Event::Doubt { why: why() }, found(Finding::Inconclusive { why: why() })]
            }
        }
    }
}

/// Applies the events of an end; returns the payment, and the sale if one of them made it.
fn ended(store: &Store, id: PaymentId, end: End) -> Result<Ended, Refusal> {
    store.commit_blocking(move |transaction| {
        let mut sale = None;
        for event in end.events() {
            sale = sale.or(apply(transaction, id, &event, None, &context())?.sale);
        }
        let payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
        Ok(Ended { payment, sale })
    })
}

fn decided(store: &Store, by: By, id: PaymentId, charged: bool) -> Result<Payment, Refusal> {
    store.commit_blocking(move |transaction| decide(transaction, &by, id, charged, &context()))
}

/// The audit trail.
fn audited(store: &Store) -> Vec<(String, Value)> {
    let entries = audit::last(store, None, 10).unwrap();
    entries.into_iter().map(|entry| (entry.act, Value::Object(entry.details))).collect()
}

/// The pieces of [`CEREAL`] on hand and reserved.
fn left(store: &Store) -> (i64, i64) {
    let position = testing::position(store, CEREAL);
    (position.of(State::OnHand) / 1000, position.of(State::Reserved) / 1000)
}

#[test]
fn a_charged_card_is_a_sale_despite_a_damaged_position_and_reservation() {
    let doubts = [None, Some(End::Unknown)];
    for (engine, doubt) in EngineKind::BUILT.iter().flat_map(|engine| doubts.iter().map(|doubt| (*engine, *doubt))) {
        let (directory, store, payment) = paying(engine);
        let damaged = store.commit_blocking(|transaction| {
            transaction.put(&DAMAGED_POSITIONS, (CEREAL, "each"), &7)?;
            transaction.put(&DAMAGED_RESERVATIONS, 1, &7)
        });
        damaged.unwrap();
        drop(store);

        // At the next start its terminal reports the outcome.
        let store = testing::store_kept_by(engine, directory.path());
        for end in doubt.into_iter().chain([End::Approved]) {
            ended(&store, payment, end).unwrap();
        }
        assert!(read(&store, payment).unwrap().sale.is_some());
        let told = faults(&store, Depth::Whole).join("; ");
        assert!(told.contains("position") && told.contains("reservation") && !told.contains("movement "), "{told}");
    }
}

#[test]
fn a_payment_that_was_started_can_be_decided_by_a_person() {
    for charged in [true, false] {
        let (_directory, store, id) = paying(EngineKind::Sqlite);
        assert_eq!(left(&store), (3, 2));
        let payment = decided(&store, person(), id, charged).unwrap();
        assert_eq!(payment, read(&store, id).unwrap());
        assert_eq!(payment.state == PaymentState::Approved, charged, "{:?}", payment.state);
        assert_eq!((payment.sale.is_some(), left(&store)), (charged, if charged { (3, 0) } else { (5, 0) }));
        assert_eq!(audited(&store), [("payment_decided".to_owned(), json!({ "payment": "p1", "charged": charged }))]);
        assert_eq!(unresolved(&store).unwrap(), [], "the terminal is free");
        assert_eq!(faults(&store, Depth::Whole), [""; 0]);
    }
}

#[test]
fn a_payment_is_decided_once() {
    let (_directory, store, id) = paying(EngineKind::Sqlite);
    let refused = decided(&store, register(2), id, true).unwrap_err();
    assert_eq!((refused.kind, audited(&store).len()), (&FORBIDDEN, 0));
    ended(&store, id, End::Unknown).unwrap();
    let first = decided(&store, person(), id, true).unwrap();
    for charged in [false, true] {
        let refused = decided(&store, person(), id, charged).unwrap_err();
        assert_eq!((refused.kind.slug, refused.members), ("payment-ended", vec![("state", json!("approved"))]));
    }
    assert_eq!((read(&store, id).unwrap(), audited(&store).len()), (first, 1));
    assert_eq!(decided(&store, person(), PaymentId(9), true).unwrap_err().kind, &PAYMENT_UNKNOWN);
}

#[test]
fn a_payment_whose_basket_is_damaged_ends_and_frees_its_terminal() {
    for end in [End::Approved, End::Declined] {
        let (_directory, store, id) = paying(EngineKind::Sqlite);
        let next = || store.commit_blocking(|transaction| pay(transaction, 1, "terminal-1"));
        let refused = next().unwrap_err();
        assert_eq!((refused.kind, refused.members), (&TERMINAL_UNRESOLVED, vec![("payment", json!("p1"))]));
        let basket = read(&store, id).unwrap().basket;
        store.commit_blocking(move |transaction| transaction.put(&DAMAGED_BASKETS, basket.0, &7)).unwrap();
        let Ended { payment, sale } = ended(&store, id, end).unwrap();
        assert_eq!((payment.state.is_charged(), sale), (end == End::Approved, None));
        let told = faults(&store, Depth::Whole).join("; ");
        assert!(told.contains("is in basket b1"), "the check names it: {told}");
        let next = next().unwrap().id;
        assert!(ended(&store, next, End::Approved).unwrap().sale.is_some(), "the terminal takes the next payment");
    }
}

fn doubted(store: &Store, id: PaymentId) -> Payment {
    let event = Event::Retract { why: "it failed".into() };
    store.commit_blocking(move |transaction| apply(transaction, id, &event, None, &context())).unwrap().payment
}

/// A register's basket, not a whole sale: two pieces, paid by card on terminal 1.
fn paying_a_basket() -> (tempfile::TempDir, Store, PaymentId) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let started = store.commit_blocking(|transaction| {
        stocked(transaction, 5)?;
        selling::put_basket(transaction, &basket(1, 2))?;
        let intent = Intent { terminal: "terminal-1".into(), amount: None, before: Value::Null };
        start(transaction, &register(1), BasketId(1), intent)
    });
    let id = started.unwrap().id;
    (directory, store, id)
}

#[test]
fn a_payment_back_in_doubt_does_not_pay_its_basket() {
    for charged in [true, false] {
        let (_directory, store, id) = paying_a_basket();
        ended(&store, id, End::Approved).unwrap();
        let payment = doubted(&store, id);
        assert!(matches!(payment.state, PaymentState::Unknown { waits_for: Waits::Terminal, .. }), "{payment:?}");
        assert_eq!(unresolved(&store).unwrap(), [payment], "it is listed, and holds its terminal");
        assert_eq!(left(&store), (3, 2), "the stock stays held");
        let complete = || {
            store.commit_blocking(|transaction| {
                selling::complete_basket(transaction, &register(4), BasketId(1), &context())
            })
        };
        assert_eq!(complete().unwrap_err().kind.slug, "basket-payment-pending");
        assert_eq!(audited(&store), [("payment_doubted".to_owned(), json!({ "payment": "p1", "why": "it failed" }))]);
        decided(&store, person(), id, charged).unwrap();
        assert_eq!(complete().is_ok(), charged);
        assert_eq!(left(&store), if charged { (3, 0) } else { (5, 0) });
        assert_eq!((unresolved(&store).unwrap().len(), faults(&store, Depth::Whole)), (0, vec![]));
    }
}

#[test]
fn a_sale_stands_if_its_payment_is_back_in_doubt() {
    for charged in [true, false] {
        let (_directory, store, id) = paying(EngineKind::Sqlite);
        let sale = ended(&store, id, End::Approved).unwrap().sale.unwrap();
        let told = store.commit_blocking(move |transaction| store_slip(transaction, id, vec!["APPROVED".into()]));
        told.unwrap();
        doubted(&store, id);
        let details = json!({ "payment": "p1", "why": "it failed", "sale": sale.id });
        assert_eq!(audited(&store), [("payment_doubted".to_owned(), details)]);
        let next = store.commit_blocking(|transaction| pay(transaction, 1, "terminal-1"));
        assert_eq!(next.unwrap_err().kind, &TERMINAL_UNRESOLVED);
        let payment = decided(&store, person(), id, charged).unwrap();
        assert_eq!((payment.state == PaymentState::Approved, payment.sale), (charged, Some(SaleDone::from(&sale))));
        assert_eq!(payment.slip, ["APPROVED"], "a person's decision takes no text away");
        assert_eq!((left(&store), faults(&store, Depth::Whole)), ((3, 0), vec![]));
    }
}

#[test]
fn only_an_approved_payment_can_be_put_back_in_doubt() {
    let (_directory, store, id) = paying(EngineKind::Sqlite);
    assert_eq!(doubted(&store, id).state, PaymentState::Created);
    let declined = ended(&store, id, End::Declined).unwrap().payment.state;
    assert_eq!(doubted(&store, id).state, declined);
    assert_eq!((unresolved(&store).unwrap().len(), audited(&store).len()), (0, 0));
}

#[test]
fn only_payments_that_charged_nothing_are_deleted_by_age() {
    let tidied = |end: Option<End>, now_ms: i64| {
        let (_directory, store, id) = paying_a_basket();
        if let Some(end) = end {
            ended(&store, id, end).unwrap();
        }
        let retention = Retention { now_ms, keep_sales_days: 1, has_headquarters: true };
        journal::tidy(&store, &retention).unwrap();
        read(&store, id).is_err()
    };
    // It was started at 1 ms.
    let (kept, over) = (DAY_MS + 1, DAY_MS + 2);
    assert!(!tidied(Some(End::Declined), kept));
    assert!(tidied(Some(End::Declined), over) && tidied(Some(End::NotCharged), over));
    for end in [None, Some(End::Approved), Some(End::Unknown)] {
        assert!(!tidied(end, over), "{end:?}");
    }
}

#[test]
fn an_ended_payment_does_not_change() {
    let (_directory, store, id) = paying(EngineKind::Sqlite);
    let sale = ended(&store, id, End::Approved).unwrap().sale;
    assert!(sale.is_some());
    let again = ended(&store, id, End::NotCharged).unwrap();
    assert_eq!((again.payment.state, again.sale), (PaymentState::Approved, None));
}

#[test]
fn a_stored_payment_round_trips() {
    let payment: Payment = testing::read_back(include_str!("../fixtures/payment.json"));
    assert_eq!((payment.amount.get(), &payment.state), (1_797, &PaymentState::Approved));
}

/// The first program to open a restored store completes the restore, once: the terminal has served other customers
/// since the backup.
#[test]
fn payments_in_progress_at_a_backup_are_for_a_person_to_decide() {
    let (directory, store, id) = paying(EngineKind::Sqlite);
    assert_eq!(after_restore(&store, 3).unwrap(), 0, "never restored");
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    let back = directory.path().join("back");
    store::restore(&back, EngineKind::Sqlite, &backup[..], 8).unwrap();
    let store = testing::store(&back);
    for doubted in [1, 0] {
        assert_eq!(after_restore(&store, 3).unwrap(), doubted);
        assert!(matches!(read(&store, id).unwrap().state, PaymentState::Unknown { .. }));
        assert_eq!(audited(&store).len(), 1);
    }
}
