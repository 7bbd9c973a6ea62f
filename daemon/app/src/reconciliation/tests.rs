use commerce::{
    BusinessDay, Currency, Minor, PaymentId,
    cash::Sum,
    payment::{Event, Finding},
};
use serde_json::Value;
use store::{Depth, Store};

use super::*;
use crate::{
    Retention,
    payments::{Approval, Intent, apply, decide, start_refund, start_whole_sale},
    selling::SaleContext,
    testing::{self, by, faults, read_back, register},
};

const TERMINAL: &str = "terminal-1";

fn context() -> SaleContext {
    testing::sale_context(1, 2)
}

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn date() -> BusinessDay {
    BusinessDay::new(2026, 11, 24).unwrap()
}

/// Starts the payment of a piece for 3.69, and applies events to it.
fn paid(store: &Store, terminal: &str, events: &[Event]) -> PaymentId {
    let intent = Intent { terminal: terminal.into(), amount: None, before: Value::Null };
    let events = events.to_vec();
    let paid = store.commit_blocking(move |transaction| {
        let id = start_whole_sale(transaction, &register(1), testing::basket(0, 1), intent)?.id;
        let visa = Approval { scheme: Some("VISA".into()), ..Approval::default() };
        for event in &events {
            apply(transaction, id, event, Some(&visa), &context())?;
        }
        Ok::<_, Refusal>(id)
    });
    paid.unwrap()
}

fn applied(store: &Store, id: PaymentId, events: &[Event]) {
    let events = events.to_vec();
    let applied = store.commit_blocking(move |transaction| {
        for event in &events {
            apply(transaction, id, event, None, &context())?;
        }
        Ok::<_, Refusal>(())
    });
    applied.unwrap();
}

fn charged() -> [Event; 2] {
    [Event::Send, Event::Approve { offline: false }]
}

/// The payments and amounts of a terminal's bookings.
fn booked(store: &Store, terminal: &str) -> Vec<(u64, i64)> {
    let bookings = bookings::between(store, terminal, 0, u64::MAX).unwrap();
    bookings.iter().map(|booking| (booking.payment.0, booking.amount.get())).collect()
}

fn visa(count: u64, amount: i64) -> Total {
    Total { scheme: "Visa".into(), sum: Sum { count, amount: Minor::literal(amount) } }
}

/// Asks the terminal, as a person does.
fn asked(store: &Store) -> Reconciliation {
    let asked = store
        .commit_blocking(|transaction| ask(transaction, &by(7), TERMINAL, CloseTerminal { day: None }, date(), usd()));
    asked.unwrap()
}

/// The terminal answers with its totals.
fn answered(store: &Store, asked: &Reconciliation, totals: &[Total]) -> Reconciliation {
    let State::Asked { through } = asked.state else { panic!("{asked:?}") };
    let compared = compare(store, TERMINAL, through, totals).unwrap();
    let number = asked.number;
    let report = vec!["line".to_owned(); 300];
    store.commit_blocking(move |transaction| reconciled(transaction, number, compared, report, 8)).unwrap();
    of_terminal(store, number).unwrap()
}

fn lost(store: &Store, number: u64) -> Reconciliation {
    let failed = Failed { why: "the link was lost".into(), may_be_closed: true };
    store.commit_blocking(move |transaction| not_reconciled(transaction, number, failed, 8)).unwrap();
    of_terminal(store, number).unwrap()
}

#[test]
fn each_thing_that_a_terminal_does_is_booked_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let first = paid(&store, TERMINAL, &charged());
    // Doubted after the approval, and found charged again.
    let doubt = Event::Retract { why: "lost".into() };
    applied(&store, first, &[doubt.clone(), Event::Found(Finding::Charged { offline: false })]);
    let declined = Event::Decline { code: "5".into(), why: "no".into() };
    paid(&store, TERMINAL, &[Event::Send, declined]);
    let other = paid(&store, "terminal-2", &charged());
    applied(&store, other, &[Event::Reverse, Event::Reversed]);
    // The bank declines it later; the terminal keeps it.
    let offline = paid(&store, TERMINAL, &[Event::Send, Event::Approve { offline: true }]);
    applied(&store, offline, &[Event::DeclineLater { code: "5".into(), why: "no".into() }]);
    let refund = store.commit_blocking(move |transaction| {
        let id = start_refund(transaction, &by(4), first, Some(Minor::literal(100)), Value::Null)?.id;
        apply(transaction, id, &Event::Send, None, &context())?;
        apply(transaction, id, &Event::Submit, None, &context())?;
        Ok::<_, Refusal>(id)
    });
    let refund = refund.unwrap();
    assert_eq!(booked(&store, TERMINAL), [(first.0, 369), (offline.0, 369), (refund.0, -100)]);
    assert_eq!(booked(&store, "terminal-2"), [(other.0, 369), (other.0, -369)]);
    let bookings = bookings::between(&store, TERMINAL, 1, 4).unwrap();
    assert_eq!(bookings.len(), 1, "after the first and through the fourth: {bookings:?}");
    assert_eq!(bookings[0].scheme.as_deref(), Some("VISA"));
}

#[test]
fn a_persons_decision_is_booked_also_if_nothing_was_charged() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let unknown = [Event::Send, Event::Taken, Event::Doubt { why: "lost".into() }];
    let mut decided = Vec::new();
    for charged in [true, false] {
        let id = paid(&store, TERMINAL, &unknown);
        let decide =
            store.commit_blocking(move |transaction| decide(transaction, &by(3), id, charged, &context()).map(drop));
        decide.unwrap();
        decided.push(id.0);
    }
    let bookings = bookings::between(&store, TERMINAL, 0, u64::MAX).unwrap();
    let found: Vec<_> = bookings
        .iter()
        .map(|booking| (booking.payment.0, booking.amount.get(), booking.requested.get(), booking.decided))
        .collect();
    assert_eq!(found, [(decided[0], 369, 369, true), (decided[1], 0, 369, true)]);
}

#[test]
fn a_day_leaves_a_task_for_each_terminal_and_the_result_is_the_days() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    paid(&store, TERMINAL, &charged());
    let terminals = [TERMINAL.to_owned(), "terminal-2".to_owned()];
    store.commit_blocking(move |transaction| due(transaction, &by(7), &terminals, (1, date()), usd())).unwrap();
    let tasks: Vec<_> = pending(&store).unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(
        tasks.iter().map(|task| (task.number, &task.state)).collect::<Vec<_>>(),
        [(1, &State::Due), (2, &State::Due)]
    );
    let begun = store.commit_blocking(|transaction| begin_due(transaction, 1)).unwrap().unwrap();
    assert_eq!(store.commit_blocking(|transaction| begin_due(transaction, 1)).unwrap(), None, "once");
    let done = answered(&store, &begun, &[visa(1, 369)]);
    let State::Reconciled { after: 0, through: 1, result, report, .. } = &done.state else { panic!("{done:?}") };
    assert!(result.agrees && report.len() == MAX_REPORT, "{done:?}");
    let silent = lost(&store, 2);
    assert!(matches!(silent.state, State::NotReconciled { .. }));
    assert_eq!((lost(&store, 1), lost(&store, 2)), (done, silent), "what has ended stays");
    let listed = day(&store, 1).unwrap();
    assert_eq!(listed.terminals.iter().map(|found| found.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((pending(&store).unwrap().len(), faults(&store, Depth::Whole)), (0, vec![]));
}

#[test]
fn nothing_is_asked_over_a_payment_without_an_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    paid(&store, TERMINAL, &[Event::Send]);
    let refused = store
        .commit_blocking(|transaction| ask(transaction, &by(7), TERMINAL, CloseTerminal { day: None }, date(), usd()));
    assert_eq!(refused.unwrap_err().kind, &TERMINAL_UNRESOLVED);
    assert_eq!(pending(&store).unwrap().len(), 0);
}

#[test]
fn totals_after_a_lost_answer_are_compared_from_where_they_agree() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    paid(&store, TERMINAL, &charged());
    lost(&store, asked(&store).number);
    paid(&store, TERMINAL, &charged());
    // The terminal had closed: it only has the second. Then it has both, and then what it should have.
    let asked_again = asked(&store);
    let State::Asked { through } = asked_again.state else { panic!("{asked_again:?}") };
    for (totals, after, agrees) in [(visa(1, 369), 1, true), (visa(2, 738), 0, true), (visa(2, 700), 0, false)] {
        let (found, result) = compare(&store, TERMINAL, through, &[totals]).unwrap();
        assert_eq!((found, result.agrees), (after, agrees));
    }
    answered(&store, &asked_again, &[visa(1, 369)]);
    paid(&store, TERMINAL, &charged());
    let next = answered(&store, &asked(&store), &[visa(1, 369)]);
    assert!(matches!(next.state, State::Reconciled { after: 2, through: 3, .. }), "{next:?}");
}

#[test]
fn reconciliations_are_deleted_after_the_retention_period() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    paid(&store, TERMINAL, &charged());
    answered(&store, &asked(&store), &[visa(1, 369)]);
    asked(&store);
    let retention = Retention { now_ms: i64::MAX / 2, keep_sales_days: 1, has_headquarters: false };
    records::tidy(&store, &retention).unwrap();
    assert!(of_terminal(&store, 1).is_err(), "it is deleted");
    assert!(of_terminal(&store, 2).is_ok(), "it has not ended");
}

#[test]
fn the_current_form_of_the_records_is_readable() {
    let reconciliation = include_str!("../../../../cloud-bridge/contract/fixtures/v1/terminal.reconciled@differs.json");
    let body: serde_json::Map<String, Value> = serde_json::from_str(reconciliation).unwrap();
    read_back::<Reconciliation>(&body["reconciliation"].to_string());
    read_back::<Cut>(r#"{"after":3,"lost":[5]}"#);
}
