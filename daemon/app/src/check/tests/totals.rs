use commerce::{
    Quantity,
    stock::{Decided, Decision, Kind, Movement, NoticeLine, Rule, State, Sums},
};
use contract::Stream;
use store::{Checked, Depth, Name, NameName, Number, Store, StoreError, Table, Transaction};
use tempfile::TempDir;

use super::Damage;
use crate::{
    Refusal,
    check::check_stock,
    stock::{
        CountedItems, CountedLine, CountedQuantities, Decisions, NoticeRequest, OpenCount, close_notice, decide, enter,
        open_count,
        records::{COUNTS, MOVEMENTS, NOTICES, ORDERS, POSITIONS, TRANSFERS},
        tally,
    },
    testing::{
        self, BAGS, CATALOG, CEREAL, arrive, booked, by, hub, line, order, portions, receive, register, send, set_rule,
        sku, transfer_in,
    },
};

/// Notices 1 (a supplier's, including an untracked item) and 2 (another store's, delivered twice), transfer 1 (with a
/// shortfall) and count 1 (with a surplus). Movements: 1 to 3 are receipts, 4 and 5 transfers in, 6 the transfer out, 7
/// its arrival, 8 its shortfall, 9 the count.
fn life(transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
    order(transaction, "4711", 9)?;
    receive(transaction, 1, CEREAL, [5, 2])?;
    receive(transaction, 1, BAGS, [1, 0])?;
    track_bags(transaction, false)?;
    receive(transaction, 1, BAGS, [3, 0])?;
    receive(transaction, 1, CEREAL, [1, 0])?;
    transfer_in(transaction, ("store-2", "7-1"), 4)?;
    receive(transaction, 2, CEREAL, [1, 0])?;
    receive(transaction, 2, CEREAL, [3, 0])?;
    close_notice(transaction, &by(1), 2)?;
    send(transaction, 7, "store-3", 6)?;
    arrive(transaction, 1, 4)?;
    let request = OpenCount { skus: vec![sku(CEREAL)], positions: vec![] };
    open_count(transaction, &by(1), &CATALOG, request)?;
    Ok(())
}

/// A count of two pieces more than the four on hand is approved.
fn count(store: &Store) -> Result<(), Refusal> {
    let quantity = Quantity::pieces(6).unwrap();
    let quantities = CountedQuantities { lines: vec![CountedLine { sku: sku(CEREAL), quantity, counted_at_ms: None }] };
    let mut counted = CountedItems::of(store, 1, &quantities, 2)?;
    assert!(counted.look_back(store)?);
    store.commit_blocking(|transaction| tally(transaction, &register(2), 1, counted, &Sums::new()))?;
    let lines = vec![Decided { sku: sku(CEREAL), decision: Decision::Approved, variance: 2000 }];
    let moved = store.commit_blocking(|transaction| decide(transaction, &by(3), 1, &Decisions { lines }))?;
    assert_eq!(moved.movement, Some(9));
    Ok(())
}

/// Sets whether the bags are tracked.
fn track_bags(transaction: &mut Transaction<'_>, is_tracked: bool) -> Result<(), StoreError> {
    set_rule(transaction, BAGS, if is_tracked { Rule::BelowZero } else { Rule::Untracked })
}

/// A store with that history.
fn lived() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    store.commit_blocking(life).unwrap();
    count(&store).unwrap();
    store.commit_blocking(|transaction| track_bags(transaction, true)).unwrap();
    (directory, store)
}

/// The faults of the stock check only, because the check of all records would also report damaged ones.
fn faults_of(store: &Store, depth: Depth) -> Vec<String> {
    let mut checked = Checked::default();
    check_stock(store, depth, &mut checked).unwrap();
    checked.faults
}

/// The faults of that store after some damage.
fn checked(damage: Damage) -> Vec<String> {
    let (_directory, store) = lived();
    store.commit_blocking(damage).unwrap();
    faults_of(&store, Depth::Whole)
}

/// Changes a notice's first line.
fn of_notice(transaction: &mut Transaction<'_>, id: u64, change: fn(&mut NoticeLine)) -> Result<(), StoreError> {
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
fn a_difference_between_a_document_and_its_movements_is_found() {
    assert_eq!(checked(|_| Ok(())), Vec::<String>::new());
    let damages: [(Damage, &str); 19] = [
        (
            |all| of_notice(all, 1, |line| line.good += 1000),
            "notice 1, item 818981: document and movements (Receipt) differ by 1000 thousandths",
        ),
        (
            |all| of_notice(all, 1, |line| line.good -= 1000),
            "notice 1, item 818981: document and movements (Receipt) differ by 1000 thousandths",
        ),
        (
            |all| of_notice(all, 1, |line| (line.good, line.damaged) = (line.damaged, line.good)),
            "notice 1, item 818981: document and movements (Receipt) differ by 4000 thousandths",
        ),
        (
            |all| of_notice(all, 1, |line| line.untracked = 1000),
            "notice 1, item 818981: document and movements (Receipt) differ by 1000 thousandths",
        ),
        (
            |all| of_notice(all, 1, |line| line.sku = sku("4013")),
            "notice 1, item 4013: document and movements (Receipt) differ by 8000 thousandths",
        ),
        (
            |all| of_notice(all, 2, |line| line.good = 0),
            "notice 2, item 818981: document and movements (TransferIn) differ by 4000 thousandths",
        ),
        (
            |all| of_notice(all, 2, |line| line.doubtful = 7),
            "notice 2, item 818981: document and movements (TransferIn) differ by 7 thousandths",
        ),
        (
            |all| {
                let mut transfer = all.get(&TRANSFERS, 1)?.unwrap();
                transfer.lines[0].sent += 1;
                all.put(&TRANSFERS, 1, &transfer)
            },
            "transfer 1, item 818981: document and movements (TransferOut) differ by 1 thousandths",
        ),
        (
            |all| {
                let mut transfer = all.get(&TRANSFERS, 1)?.unwrap();
                transfer.lines[0].arrived = Some(5000);
                all.put(&TRANSFERS, 1, &transfer)
            },
            "transfer 1, item 818981: document and movements (Arrival) differ by 1000 thousandths",
        ),
        (
            |all| {
                let mut count = all.get(&COUNTS, 1)?.unwrap();
                count.lines[0].tally.as_mut().unwrap().counted += 1000;
                all.put(&COUNTS, 1, &count)
            },
            "count 1, item 818981: document and movements (Count) differ by 1000 thousandths",
        ),
        (
            |all| {
                let mut count = all.get(&COUNTS, 1)?.unwrap();
                count.lines[0].decision = Some(Decision::Rejected);
                all.put(&COUNTS, 1, &count)
            },
            "count 1, item 818981: document and movements (Count) differ by 2000 thousandths",
        ),
        (
            |all| of_movement(all, 1, |movement| movement.lines[0].milli += 1),
            "notice 1, item 818981: document and movements (Receipt) differ by 1 thousandths",
        ),
        (
            |all| of_movement(all, 3, |movement| movement.reference = "9".into()),
            "notice 1, item 818981: document and movements (Receipt) differ by 1000 thousandths",
        ),
        (
            |all| of_movement(all, 4, |movement| movement.reference = "store-2/7-2".into()),
            "notice 2, item 818981: document and movements (TransferIn) differ by 1000 thousandths",
        ),
        (
            |all| of_movement(all, 5, |movement| movement.lines[0].sku = sku("4013")),
            "notice 2, item 4013: document and movements (TransferIn) differ by 3000 thousandths",
        ),
        (
            |all| of_movement(all, 6, |movement| movement.lines[0].milli -= 1),
            "transfer 1, item 818981: document and movements (TransferOut) differ by 1 thousandths",
        ),
        (
            |all| of_movement(all, 7, |movement| movement.kind = Kind::Shortfall),
            "transfer 1, item 818981: document and movements (Arrival) differ by 4000 thousandths",
        ),
        (
            |all| of_movement(all, 8, |movement| movement.lines.clear()),
            "transfer 1, item 818981: document and movements (Shortfall) differ by 2000 thousandths",
        ),
        (
            |all| of_movement(all, 9, |movement| movement.lines[0].milli = 1),
            "count 1, item 818981: document and movements (Count) differ by 1999 thousandths",
        ),
    ];
    for (number, (damage, expected)) in damages.into_iter().enumerate() {
        let faults = checked(damage);
        assert!(faults.iter().any(|fault| fault == expected), "{number}: {expected}: {faults:?}");
    }
}

#[test]
fn an_order_missing_from_the_index_is_found() {
    let faults = checked(|transaction| {
        transaction.delete(&ORDERS, ("dairy", "4711"));
        Ok(())
    });
    assert_eq!(faults, ["notice 1 is of order `4711`, but the index does not list it"]);
}

/// Damages one record of a table.
macro_rules! damage {
    ($key:ty, $table:literal, $at:expr) => {
        |transaction| {
            static DAMAGED: Table<$key, String> = Table::new($table);
            transaction.put(&DAMAGED, $at, &"none".to_owned())
        }
    };
}

/// What is stored is not a sale.
static DAMAGED: Table<Number, String> = Table::linked("sale");

/// A movement whose sale is damaged.
fn damaged_sale(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    transaction.append_to_outbox(Stream::sales().as_str(), "sale.completed", 1, "1-1")?;
    let moved = booked(transaction, Kind::Sale, "1-1", 1, vec![line(CEREAL, 1000, Some(State::OnHand), None)]);
    assert_eq!(moved.unwrap(), Some(10));
    transaction.put(&DAMAGED, 1, &"none".to_owned())
}

#[test]
fn a_damaged_record_hides_no_wrong_position_and_is_reported_once() {
    let damages: [(Damage, &str); 7] = [
        (damage!(NameName, "transfer_in", ("store-2", "7-1")), "transfer_in"),
        (damage!(NameName, "transfer_in", ("store-2", "7-9")), "transfer_in"),
        (damage!(NameName, "supplier_order", ("dairy", "4711")), "supplier_order"),
        (damage!(Name, "stock_open_count", "notice"), "stock_open_count"),
        (damage!(Name, "counter", "notice"), "counter"),
        (damaged_sale, "sale"),
        (damage!(Name, "stock_policy", BAGS), "stock_policy"),
    ];
    for (damage, table) in damages {
        let (_directory, store) = lived();
        let damaged = store.commit_blocking(move |transaction| {
            let mut position = transaction.get(&POSITIONS, (CEREAL, "each"))?.unwrap();
            position.on_hand += 1;
            transaction.put(&POSITIONS, (CEREAL, "each"), &position)?;
            damage(transaction)
        });
        damaged.unwrap();
        let faults = faults_of(&store, Depth::Whole);
        let of = |part: &str| faults.iter().filter(|fault| fault.contains(part)).count();
        let found = (of(&format!("of table {table} can't be read")), of("item 818981: the position has on_hand"));
        assert_eq!((found, faults.len()), ((1, 1), 2), "{table}: {faults:?}");
    }
}

#[test]
fn the_fast_check_ignores_a_damaged_index() {
    let (_directory, store) = lived();
    let damage: Damage = damage!(NameName, "transfer_in", ("store-2", "7-1"));
    let damaged = store.commit_blocking(move |transaction| {
        transaction.delete(&POSITIONS, (BAGS, "each"));
        damage(transaction)
    });
    damaged.unwrap();
    assert_eq!(faults_of(&store, Depth::Fast), ["item 4012 has movements but no position by each"]);
}

/// Enters the order of notice 1 again, as notice 3.
fn enter_again(transaction: &mut Transaction<'_>) {
    let (supplier, order) = ("DAIRY".into(), "4711".into());
    let notice = NoticeRequest::Supplier { supplier, order, lines: portions(CEREAL, 1) };
    assert_eq!(enter(transaction, &by(1), &CATALOG, &hub("store-1"), notice).unwrap().id, 3);
}

#[test]
fn an_order_may_only_be_entered_again_after_its_notice_is_closed() {
    let faults = checked(|transaction| {
        close_notice(transaction, &by(1), 1).unwrap();
        enter_again(transaction);
        Ok(())
    });
    assert_eq!(faults, Vec::<String>::new());
    // Two open notices of one order are a fault; so is a later one listed under an older one.
    let faults = checked(|transaction| transaction.put(&ORDERS, ("dairy", "4711"), &2));
    let expected = [
        "notice 1 is of order `4711`, but the index does not list it",
        "the index of orders lists notice 2 wrongly or twice",
    ];
    assert_eq!(faults, expected);
    let faults = checked(|transaction| {
        close_notice(transaction, &by(1), 1).unwrap();
        enter_again(transaction);
        close_notice(transaction, &by(1), 3).unwrap();
        transaction.put(&ORDERS, ("dairy", "4711"), &1)
    });
    assert_eq!(faults, ["notice 3 is of order `4711`, but the index does not list it"]);
}

#[test]
fn movements_of_deleted_documents_are_skipped() {
    let faults = checked(|transaction| {
        transaction.delete(&NOTICES, 2);
        transaction.delete(&TRANSFERS, 1);
        transaction.delete(&COUNTS, 1);
        Ok(())
    });
    assert_eq!(faults, Vec::<String>::new());
}
