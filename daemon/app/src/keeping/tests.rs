use commerce::{CardSlip, Minor, PaymentId, ReceiptNumber, Sale, SaleId, Tender};
use store::{Depth, archive::SEGMENT};

use super::{sales::LIVE, *};
use crate::{
    payments,
    selling::{self, SALES},
    testing::{self, faults},
};

const SOLD: u64 = LIVE + SEGMENT + 7;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The time of the last sale.
const NOW_MS: i64 = 1_795_508_898_935;

/// Sales of one register, a minute apart; the first was paid by card.
fn sell(store: &Store) {
    let stored: Sale = serde_json::from_str(include_str!("../fixtures/sale.json")).unwrap();
    let by_card = Tender::Card { amount: Minor::literal(1_797), slip: CardSlip::bare(PaymentId(10)) };
    for first in (1..=SOLD).step_by(1_000) {
        let (stored, by_card) = (stored.clone(), by_card.clone());
        let written = store.commit_blocking(move |transaction| {
            for sequence in first..=SOLD.min(first + 999) {
                let sold_at_ms = NOW_MS - i64::try_from(SOLD - sequence).unwrap() * 60_000;
                let (id, receipt) = (SaleId { epoch: 1, sequence }, ReceiptNumber(sequence));
                let mut sale = Sale { id, receipt, fiscal_year: 2026, sold_at_ms, movement: None, ..stored.clone() };
                sale.tenders = if sequence == 1 { vec![by_card.clone()] } else { Vec::new() };
                transaction.append_to_outbox("sales", "sale.completed", sold_at_ms, &id.to_string())?;
                transaction.put(&SALES, sequence, &sale)?;
            }
            transaction.put(&RECEIPTS, "till-1", &serde_json::json!({ "fiscal_year": 2026, "last": SOLD }))
        });
        written.unwrap();
    }
}

static RECEIPTS: store::Table<store::Name, serde_json::Value> = store::Table::new("receipt_number");

fn is_whole(store: &Store, first: u64) {
    for depth in [Depth::Fast, Depth::Whole] {
        assert_eq!(faults(store, depth), Vec::<String>::new());
    }
    for sequence in [first, SEGMENT + 1, SOLD] {
        assert_eq!(selling::find_sale(store, SaleId { epoch: 1, sequence }).unwrap().id.sequence, sequence);
    }
    let last = selling::last_sales(store, Some(first + 2), 9).unwrap();
    let seen: Vec<_> = last.iter().map(|sale| sale.id.sequence).collect();
    assert_eq!(seen, [first + 1, first]);
}

fn retention(now_ms: i64, has_headquarters: bool) -> Retention {
    Retention { now_ms, keep_sales_days: 3_653, has_headquarters }
}

#[test]
fn sales_are_archived_once_hq_has_them_and_deleted_after_their_retention_period() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    sell(&store);
    let tidied = |now_ms| tidy(&store, &retention(now_ms, true)).unwrap();
    assert_eq!(tidied(NOW_MS), [], "HQ has nothing yet");
    testing::acknowledge(&store, "sales", SEGMENT + 3);
    assert_eq!(tidied(NOW_MS), [("sales_archived", SEGMENT)]);
    is_whole(&store, 1);
    // The last sale of the segment was made this long before the last one of all.
    let age = i64::try_from(SOLD - SEGMENT).unwrap() * 60_000;
    let too_old = NOW_MS + 3_653 * DAY_MS - age;
    assert_eq!(tidied(too_old - 60_000), []);
    assert_eq!(tidied(too_old + 60_000), [("sales_given_up", SEGMENT)]);
    is_whole(&store, SEGMENT + 1);
    assert!(selling::find_sale(&store, SaleId { epoch: 1, sequence: 1 }).is_err());
}

#[test]
fn a_store_without_hq_archives_sales_with_their_payments_and_keeps_all() {
    /// Only the receipt text of the payment matters.
    static PAYMENTS: store::Table<store::Number, serde_json::Value> = store::Table::new("payment");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    sell(&store);
    let stored: serde_json::Value = serde_json::from_str(include_str!("../fixtures/payment.json")).unwrap();
    let mut payment = stored;
    payment["id"] = "p10".into();
    payment["slip"] = serde_json::json!(["Approved"]);
    store.commit_blocking(move |transaction| transaction.put(&PAYMENTS, 10, &payment)).unwrap();
    let far = NOW_MS + 20_000 * DAY_MS;
    assert_eq!(tidy(&store, &retention(far, false)).unwrap(), [("sales_archived", SEGMENT)]);
    is_whole(&store, 1);
    assert!(payments::read(&store, PaymentId(10)).is_err(), "it lies in the archive");
    assert_eq!(payments::slip_text(&store, PaymentId(10), 1).unwrap(), ["Approved"]);
}
