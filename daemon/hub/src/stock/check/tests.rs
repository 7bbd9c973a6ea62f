use commerce::{
    Quantity, Sku, Unit,
    stock::{Condition, Count, Decision, Line, Movement, Portion, Rule},
};
use store::{EngineKind, Name, NameName, Number, Transaction};

use super::*;
use crate::{
    problem::Problem,
    stock::{
        Booking, By, book,
        counts::{COUNTING, COUNTS, open_now},
        documents::Document,
        notices::{
            DeliveredLine, Delivery, KNOWN_FROM, NOTICE, NOTICES, NoticeRequest, ORDERS, close_now, enter_now,
            receive_now,
        },
        testing::rule,
        transfers::{Arrival, Dispatch, TRANSFERS, arrive_now, dispatch_now},
    },
};

const CEREAL: &str = "818981";
const BAGS: &str = "4012";

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

fn by() -> By {
    By { name: "(console)".into(), at_ms: 1 }
}

fn portions(pieces: u32) -> Vec<Portion> {
    vec![Portion { sku: sku(CEREAL), quantity: Quantity::pieces(pieces).unwrap() }]
}

/// A delivery: so many pieces of an item, good and broken.
fn receive(transaction: &mut Transaction<'_>, id: u64, item: &str, pieces: [u32; 2]) -> Result<(), Problem> {
    let line =
        |(pieces, condition)| DeliveredLine { sku: sku(item), quantity: Quantity::pieces(pieces).unwrap(), condition };
    let lines = pieces.into_iter().zip([Condition::Good, Condition::Damaged]).map(line).collect();
    receive_now(transaction, by(), id, Delivery { delivery_note: None, lines }).map(drop)
}

/// Notices 1 (a supplier's, also with what is not tracked) and 2 (another store's, delivered twice), transfer 1 (some of it missing) and count 1 (something
/// too much). Movements: 1 to 3 are receipts, 4 and 5 transfers in, 6 the transfer out, 7 its arrival, 8 its shortfall, 9 the count.
fn life(transaction: &mut Transaction<'_>) -> Result<(), Problem> {
    let here = || "store-1".parse().unwrap();
    let (supplier, order) = ("Dairy".into(), "4711".into());
    enter_now(transaction, &by(), here(), NoticeRequest::Supplier { supplier, order, lines: portions(9) })?;
    receive(transaction, 1, CEREAL, [5, 2])?;
    receive(transaction, 1, BAGS, [1, 0])?;
    untrack(transaction, true)?;
    receive(transaction, 1, BAGS, [3, 0])?;
    receive(transaction, 1, CEREAL, [1, 0])?;
    let (store, transfer) = ("store-2".parse().unwrap(), "7-1".parse().unwrap());
    let notice = NoticeRequest::Store { store, transfer, to: here(), lines: portions(4) };
    enter_now(transaction, &by(), here(), notice)?;
    receive(transaction, 2, CEREAL, [1, 0])?;
    receive(transaction, 2, CEREAL, [3, 0])?;
    close_now(transaction, &by(), 2)?;
    let to = "store-3".parse().unwrap();
    dispatch_now(transaction, by(), (here(), 7), Dispatch { to, lines: portions(6) })?;
    arrive_now(transaction, &by(), &here(), 1, Arrival { lines: portions(4) })?;
    open_now(transaction, 1, vec![(sku(CEREAL), Unit::Each)])?;
    let mut count = transaction.get(&COUNTS, 1)?.unwrap();
    let tally = r#"{ "counted": 9000, "expected": 7000, "counted_at_ms": 1, "by": "till-1" }"#;
    count.lines[0].tally = Some(serde_json::from_str(tally).unwrap());
    let lines = vec![count.decide_all(1)];
    Document::Count.close(transaction, 1)?;
    transaction.delete(&COUNTING, CEREAL);
    transaction.put(&COUNTS, 1, &count)?;
    let (kind, reference) = (Kind::Count, "1".into());
    let moved =
        book(transaction, Booking { kind, reference, by: "(console)".into(), at_ms: 1, lines, settled: false })?;
    assert_eq!(moved, Some(9));
    Ok(())
}

trait DecideAll {
    fn decide_all(&mut self, at_ms: i64) -> Line;
}

impl DecideAll for Count {
    /// Approves the one variance, which is more than nothing; gives what moves.
    fn decide_all(&mut self, at_ms: i64) -> Line {
        self.closed_at_ms = Some(at_ms);
        let line = &mut self.lines[0];
        line.decision = Some(Decision::Approved);
        let milli = line.tally.as_ref().unwrap().variance();
        Line { sku: line.sku.clone(), milli, unit: line.unit, from: None, to: Some(State::OnHand) }
    }
}

/// Whether the bags are tracked from now on.
fn untrack(transaction: &mut Transaction<'_>, is_untracked: bool) -> Result<(), Problem> {
    rule(transaction, &sku(BAGS), false)?;
    let mut policy = transaction.get(&POLICIES, BAGS)?.unwrap();
    policy.rule = if is_untracked { Rule::Untracked } else { Rule::BelowZero };
    Ok(crate::stock::policies::put(transaction, &policy)?)
}

type Damage = fn(&mut Transaction<'_>) -> Result<(), StoreError>;

/// What the whole check says of that life once something is done behind the hub's back.
fn told(damage: Damage) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
    let lived = store.commit_blocking(move |transaction| {
        life(transaction)?;
        untrack(transaction, false)?;
        Ok::<_, Problem>(damage(transaction)?)
    });
    lived.unwrap();
    let mut checked = Checked::default();
    check(&store, Depth::Whole, &mut checked).unwrap();
    checked.faults
}

/// Changes a notice's first line.
fn of_notice(
    transaction: &mut Transaction<'_>,
    id: u64,
    change: fn(&mut commerce::stock::NoticeLine),
) -> Result<(), StoreError> {
    let mut notice = transaction.get(&NOTICES, id)?.unwrap();
    change(&mut notice.lines[0]);
    transaction.put(&NOTICES, id, &notice)
}

fn of_movement(transaction: &mut Transaction<'_>, number: u64, change: fn(&mut Movement)) -> Result<(), StoreError> {
    let mut movement = transaction.get(&MOVEMENTS, number)?.unwrap();
    change(&mut movement);
    transaction.put(&MOVEMENTS, number, &movement)
}

#[test]
fn a_document_that_tells_something_else_than_its_movements_is_found_whichever_is_changed() {
    assert_eq!(told(|_| Ok(())), Vec::<String>::new());
    let damages: [(Damage, &str); 19] = [
        (|all| of_notice(all, 1, |line| line.good += 1000), "notice 1 .. of item 818981 .. (Receipt), by 1000"),
        (|all| of_notice(all, 1, |line| line.good -= 1000), "notice 1 .. of item 818981 .. (Receipt), by 1000"),
        (
            |all| of_notice(all, 1, |line| (line.good, line.damaged) = (line.damaged, line.good)),
            "notice 1 .. of item 818981 .. (Receipt), by 4000",
        ),
        (|all| of_notice(all, 1, |line| line.untracked = 1000), "notice 1 .. of item 818981 .. (Receipt), by 1000"),
        (|all| of_notice(all, 1, |line| line.sku = sku("4013")), "notice 1 .. of item 4013 .. (Receipt), by 8000"),
        (|all| of_notice(all, 2, |line| line.good = 0), "notice 2 .. of item 818981 .. (TransferIn), by 4000"),
        (|all| of_notice(all, 2, |line| line.doubtful = 7), "notice 2 .. of item 818981 .. (TransferIn), by 7"),
        (
            |all| {
                let mut transfer = all.get(&TRANSFERS, 1)?.unwrap();
                transfer.lines[0].sent += 1;
                all.put(&TRANSFERS, 1, &transfer)
            },
            "transfer 1 .. of item 818981 .. (TransferOut), by 1",
        ),
        (
            |all| {
                let mut transfer = all.get(&TRANSFERS, 1)?.unwrap();
                transfer.lines[0].arrived = Some(5000);
                all.put(&TRANSFERS, 1, &transfer)
            },
            "transfer 1 .. of item 818981 .. (Arrival), by 1000",
        ),
        (
            |all| {
                let mut count = all.get(&COUNTS, 1)?.unwrap();
                count.lines[0].tally.as_mut().unwrap().counted += 1000;
                all.put(&COUNTS, 1, &count)
            },
            "count 1 .. of item 818981 .. (Count), by 1000",
        ),
        (
            |all| {
                let mut count = all.get(&COUNTS, 1)?.unwrap();
                count.lines[0].decision = Some(Decision::Rejected);
                all.put(&COUNTS, 1, &count)
            },
            "count 1 .. of item 818981 .. (Count), by 2000",
        ),
        (
            |all| of_movement(all, 1, |movement| movement.lines[0].milli += 1),
            "notice 1 .. of item 818981 .. (Receipt), by 1",
        ),
        (
            |all| of_movement(all, 3, |movement| movement.reference = "9".into()),
            "notice 1 .. of item 818981 .. (Receipt), by 1000",
        ),
        (
            |all| of_movement(all, 4, |movement| movement.reference = "store-2/7-2".into()),
            "notice 2 .. of item 818981 .. (TransferIn), by 1000",
        ),
        (
            |all| of_movement(all, 5, |movement| movement.lines[0].sku = sku("4013")),
            "notice 2 .. of item 4013 .. (TransferIn), by 3000",
        ),
        (
            |all| of_movement(all, 6, |movement| movement.lines[0].milli -= 1),
            "transfer 1 .. of item 818981 .. (TransferOut), by 1",
        ),
        (
            |all| of_movement(all, 7, |movement| movement.kind = Kind::Shortfall),
            "transfer 1 .. of item 818981 .. (Arrival), by 4000",
        ),
        (
            |all| of_movement(all, 8, |movement| movement.lines.clear()),
            "transfer 1 .. of item 818981 .. (Shortfall), by 2000",
        ),
        (
            |all| of_movement(all, 9, |movement| movement.lines[0].milli = 1),
            "count 1 .. of item 818981 .. (Count), by 1999",
        ),
    ];
    for (number, (damage, expected)) in damages.into_iter().enumerate() {
        let faults = told(damage);
        let is_it = |fault: &String| expected.split(" .. ").all(|part| fault.contains(part));
        assert!(faults.iter().any(is_it), "{number}: {expected}: {faults:?}");
    }
}

#[test]
fn what_hubs_of_before_left_is_taken_as_it_is() {
    // They noted no first notice, nor what was not tracked, and referred to transfers by the number of a document.
    let faults = told(|transaction| {
        transaction.delete(&KNOWN_FROM, NOTICE);
        transaction.delete(&ORDERS, ("dairy", "4711"));
        let mut notice = transaction.get(&NOTICES, 1)?.unwrap();
        for line in &mut notice.lines {
            line.untracked = 0;
        }
        transaction.put(&NOTICES, 1, &notice)?;
        for (number, document) in [(4, "2"), (6, "1"), (7, "1"), (8, "1")] {
            let movement = transaction.get(&MOVEMENTS, number)?.unwrap();
            transaction.put(&MOVEMENTS, number, &Movement { reference: document.into(), ..movement })?;
        }
        Ok(())
    });
    assert_eq!(faults, Vec::<String>::new());
    // And still nothing moved that no document tells of.
    let faults = told(|transaction| {
        transaction.delete(&KNOWN_FROM, NOTICE);
        transaction.delete(&ORDERS, ("dairy", "4711"));
        of_notice(transaction, 1, |line| line.good -= 1)
    });
    assert!(faults[0].starts_with("notice 1 tells something else of item 818981"), "{faults:?}");
}

#[test]
fn the_order_of_a_notice_is_in_the_index_from_the_first_on_that_must_be() {
    let faults = told(|transaction| {
        transaction.delete(&ORDERS, ("dairy", "4711"));
        Ok(())
    });
    assert_eq!(faults, ["notice 1 is of order `4711`, whose index does not say so"]);
}

/// One record of a table that is none.
macro_rules! damage {
    ($key:ty, $table:literal, $at:expr) => {
        |transaction| {
            static DAMAGED: Table<$key, String> = Table::new($table);
            transaction.put(&DAMAGED, $at, &"none".to_owned())
        }
    };
}

static DAMAGED_SALES: Table<Number, String> = Table::linked("sale");

/// A movement of a sale that can't be read.
fn damaged_sale(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    transaction.append_to_outbox(Stream::sales().as_str(), "sale", 1, "1")?;
    let lines = Line::of([((sku(CEREAL), Unit::Each), 1000)], Some(State::OnHand), None);
    let (kind, reference, by) = (Kind::Sale, "7-1".into(), "till-1".into());
    let moved = book(transaction, Booking { kind, reference, by, at_ms: 1, lines, settled: false });
    assert_eq!(moved.unwrap(), Some(10));
    transaction.put(&DAMAGED_SALES, 1, &"none".to_owned())
}

#[test]
fn a_damaged_record_beside_the_documents_hides_no_wrong_position_and_is_told_of_once() {
    let damages: [(Damage, &str); 8] = [
        (damage!(NameName, "transfer_in", ("store-2", "7-1")), "transfer_in"),
        (damage!(NameName, "transfer_in", ("store-2", "7-9")), "transfer_in"),
        (damage!(NameName, "supplier_order", ("dairy", "4711")), "supplier_order"),
        (damage!(Name, "notice_known_from", NOTICE), "notice_known_from"),
        (damage!(Name, "stock_open_count", "notice"), "stock_open_count"),
        (damage!(Name, "counter", "notice"), "counter"),
        (damaged_sale, "sale"),
        (damage!(Name, "stock_policy", BAGS), "stock_policy"),
    ];
    for (damage, table) in damages {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
        let lived = store.commit_blocking(move |transaction| {
            life(transaction)?;
            untrack(transaction, false)?;
            let mut position = transaction.get(&POSITIONS, (CEREAL, "each"))?.unwrap();
            position.on_hand += 1;
            transaction.put(&POSITIONS, (CEREAL, "each"), &position)?;
            Ok::<_, Problem>(damage(transaction)?)
        });
        lived.unwrap();
        let mut checked = Checked::default();
        check(&store, Depth::Whole, &mut checked).unwrap();
        let of = |part: &str| checked.faults.iter().filter(|fault| fault.contains(part)).count();
        let told = (of(&format!("of table {table} can't be read")), of("item 818981: the position says on_hand"));
        assert_eq!((told, checked.faults.len()), ((1, 1), 2), "{table}: {:?}", checked.faults);
    }
}

#[test]
fn a_damaged_index_is_nothing_to_the_fast_check() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
    let damage: Damage = damage!(NameName, "transfer_in", ("store-2", "7-1"));
    let lived = store.commit_blocking(move |transaction| {
        life(transaction)?;
        transaction.delete(&POSITIONS, (BAGS, "each"));
        Ok::<_, Problem>(damage(transaction)?)
    });
    lived.unwrap();
    let mut checked = Checked::default();
    check(&store, Depth::Fast, &mut checked).unwrap();
    assert_eq!(checked.faults, ["item 4012 has moved and has no position by each"]);
}

#[test]
fn a_damaged_first_notice_refuses_no_other() {
    let faults = told(|transaction| {
        let damage: Damage = damage!(Name, "notice_known_from", NOTICE);
        damage(transaction)?;
        let (supplier, order) = ("Dairy".into(), "4712".into());
        let notice = NoticeRequest::Supplier { supplier, order, lines: portions(1) };
        assert_eq!(enter_now(transaction, &by(), "store-1".parse().unwrap(), notice).unwrap().id, 3);
        Ok(())
    });
    assert!(matches!(&faults[..], [fault] if fault.contains("of table notice_known_from can't be read")), "{faults:?}");
}

/// The order of notice 1 once more, as notice 3.
fn enter_again(transaction: &mut Transaction<'_>) {
    let (supplier, order) = ("DAIRY".into(), "4711".into());
    let notice = NoticeRequest::Supplier { supplier, order, lines: portions(1) };
    assert_eq!(enter_now(transaction, &by(), "store-1".parse().unwrap(), notice).unwrap().id, 3);
}

#[test]
fn an_order_that_was_entered_again_is_right_of_a_closed_notice_alone() {
    let faults = told(|transaction| {
        close_now(transaction, &by(), 1).unwrap();
        enter_again(transaction);
        Ok(())
    });
    assert_eq!(faults, Vec::<String>::new());
    // Two that are open count twice; one that gives way to an older one is none that was entered again.
    let faults = told(|transaction| transaction.put(&ORDERS, ("dairy", "4711"), &2));
    assert_eq!(
        faults,
        [
            "notice 1 is of order `4711`, whose index does not say so",
            "the index of orders names notice 2, which is of none, or twice"
        ]
    );
    let faults = told(|transaction| {
        close_now(transaction, &by(), 1).unwrap();
        enter_again(transaction);
        close_now(transaction, &by(), 3).unwrap();
        transaction.put(&ORDERS, ("dairy", "4711"), &1)
    });
    assert_eq!(faults, ["notice 3 is of order `4711`, whose index does not say so"]);
}

#[test]
fn movements_of_documents_that_are_forgotten_are_passed() {
    let faults = told(|transaction| {
        transaction.delete(&NOTICES, 2);
        transaction.delete(&TRANSFERS, 1);
        transaction.delete(&COUNTS, 1);
        Ok(())
    });
    assert_eq!(faults, Vec::<String>::new());
}
