//! Walks the sales and tells what can't be so.

use std::collections::BTreeMap;

use commerce::Sale;
use contract::Stream;
use store::{Checked, Depth, Store, StoreError};

use super::{RECEIPTS, Receipts};

/// Sales read at once.
const PAGE: usize = 500;

/// Looks at the sales: one for each entry of HQ's stream, in order, under the right id; receipts that count without gaps at each register up to
/// the last number given out.
///
/// # Errors
/// The engine fails. Damage is no error; it is what is looked for.
pub fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let Some(span) = checked.readable("the outbox", store.outbox_span(Stream::sales().as_str()))? else {
        return Ok(());
    };
    let last = span.last;
    let Some(given_up) = checked.readable("the archive", super::given_up_to(store))? else { return Ok(()) };
    let first = depth.first(given_up + 1, last);
    let mut next = first;
    let mut receipts = BTreeMap::new();
    while next <= last {
        let what = format!("the walk of the sales ended at {next}");
        let Some(sales) = checked.readable(&what, super::sales_from(store, next, PAGE))? else { return Ok(()) };
        for sale in sales.iter().take_while(|sale| sale.sequence <= last) {
            if sale.sequence != next {
                checked.fault(format!("sale {next} is missing; {} follows", sale.sequence));
            }
            next = sale.sequence + 1;
            checked.records += 1;
            if !is_own_id(sale, store.epoch()) {
                checked.fault(format!("sale {} calls itself `{}`", sale.sequence, sale.id.escape_debug()));
            }
            let receipt = Receipts { fiscal_year: sale.fiscal_year, last: sale.receipt.0 };
            let before = receipts.insert(sale.register.clone(), receipt);
            // A register's first sale that is seen is its first of all only if nothing before it was left out.
            let from_the_first = depth == Depth::Whole && first == 1;
            let expected = before.or(from_the_first.then_some(Receipts::default()));
            if expected.is_some_and(|before| before.next(sale.fiscal_year) != receipt) {
                checked.fault(format!(
                    "register {}: receipt {} of {} (sale {}) follows receipt {} of {}",
                    sale.register,
                    sale.receipt,
                    sale.fiscal_year,
                    sale.id,
                    before.unwrap_or_default().last,
                    before.unwrap_or_default().fiscal_year,
                ));
            }
        }
        if sales.is_empty() {
            checked.fault(format!("sales {next} to {last} are missing"));
            break;
        }
    }
    for (register, seen) in receipts {
        let Some(given) = checked.readable("the receipts' counters", store.get(&RECEIPTS, &register))? else {
            continue;
        };
        let given = given.unwrap_or_default();
        if given != seen {
            checked.fault(format!(
                "register {register}: the last receipt is {} of {}, the counter says {} of {}",
                seen.last, seen.fiscal_year, given.last, given.fiscal_year
            ));
        }
    }
    Ok(())
}

/// Whether a sale's id is its place, in this epoch or an earlier one.
fn is_own_id(sale: &Sale, epoch: u64) -> bool {
    let parts = sale.id.split_once('-');
    let parts = parts.and_then(|(epoch, place)| Some((epoch.parse::<u64>().ok()?, place.parse::<u64>().ok()?)));
    parts.is_some_and(|(born, place)| born <= epoch && place == sale.sequence)
}

#[cfg(test)]
mod tests {
    use commerce::ReceiptNumber;
    use store::{EngineKind, Transaction};

    use super::*;
    use crate::selling::SALES;

    /// A sale as hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/sale-2.json");

    fn sale(sequence: u64, receipt: u64) -> Sale {
        let sale: Sale = serde_json::from_str(STORED).unwrap();
        Sale { id: format!("1-{sequence}"), sequence, receipt: ReceiptNumber(receipt), fiscal_year: 2026, ..sale }
    }

    async fn faults(write: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static) -> String {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
        store
            .commit(move |transaction| {
                for number in 1..=1_200 {
                    transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
                    transaction.put(&SALES, number, &sale(number, number))?;
                }
                transaction.put(&RECEIPTS, "till-1", &Receipts { fiscal_year: 2026, last: 1_200 })?;
                write(transaction)
            })
            .await
            .unwrap();
        let mut told = String::new();
        for depth in [Depth::Fast, Depth::Whole] {
            let mut checked = Checked::default();
            check(&store, depth, &mut checked).unwrap();
            told = format!("{told}{depth:?}: {} ", checked.faults.join("; "));
        }
        told
    }

    #[test]
    fn receipts_begin_anew_with_a_fiscal_year() {
        let receipts = |fiscal_year, last| Receipts { fiscal_year, last };
        assert_eq!(Receipts::default().next(2026), receipts(2026, 1));
        assert_eq!(receipts(2026, 41).next(2026), receipts(2026, 42));
        assert_eq!(receipts(2026, 41).next(2027), receipts(2027, 1));
        assert_eq!(receipts(2027, 1).next(2026), receipts(2027, 2), "a clock that was set back");
        assert_eq!(serde_json::to_string(&receipts(2026, 41)).unwrap(), r#"{"fiscal_year":2026,"last":41}"#);
        assert_eq!(serde_json::from_str::<Receipts>(r#"{"fiscal_year":2026,"last":41}"#).unwrap(), receipts(2026, 41));
    }

    #[test]
    fn a_stored_basket_reads_back_as_it_was_written() {
        let stored = include_str!("fixtures/basket-2.json");
        let basket: commerce::Basket = serde_json::from_str(stored).unwrap();
        let again: serde_json::Value = serde_json::to_value(&basket).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(stored).unwrap());
    }

    #[test]
    fn a_stored_sale_reads_back_as_it_was_written() {
        let sale: Sale = serde_json::from_str(STORED).unwrap();
        assert_eq!((sale.lines.len(), sale.totals.net.get()), (2, 1_797));
        let again: serde_json::Value = serde_json::to_value(&sale).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
    }

    /// Writes a sale over another, behind the chain's back.
    fn overwrite(transaction: &mut Transaction<'_>, number: u64, sale: &Sale) -> Result<(), StoreError> {
        transaction.delete(&SALES, number);
        transaction.put(&SALES, number, sale)
    }

    #[tokio::test]
    async fn sales_that_can_not_be_so_are_found() {
        assert_eq!(faults(|_| Ok(())).await, "Fast:  Whole:  ");
        let missing = faults(|transaction| {
            transaction.delete(&SALES, 700);
            Ok(())
        });
        assert!(missing.await.matches("sale 700 is missing; 701 follows").count() == 2);
        let last = faults(|transaction| {
            transaction.delete(&SALES, 1_200);
            Ok(())
        });
        assert!(last.await.matches("sales 1200 to 1200 are missing").count() == 2);
        let gap = faults(|transaction| overwrite(transaction, 900, &sale(900, 901)));
        assert!(gap.await.contains("receipt 000901 of 2026 (sale 1-900) follows receipt 899 of 2026"));
        let first = faults(|transaction| overwrite(transaction, 1, &sale(1, 9)));
        assert!(
            first.await.ends_with("receipt 000002 of 2026 (sale 1-2) follows receipt 9 of 2026 "),
            "only the whole walk sees it"
        );
        let foreign = faults(|transaction| overwrite(transaction, 900, &Sale { id: "2-900".into(), ..sale(900, 900) }));
        assert!(foreign.await.contains("sale 900 calls itself `2-900`"));
        let counter =
            faults(|transaction| transaction.put(&RECEIPTS, "till-1", &Receipts { fiscal_year: 2026, last: 7 }));
        assert!(counter.await.matches("the counter says 7 of 2026").count() == 2);
        let year = faults(|transaction| overwrite(transaction, 700, &Sale { fiscal_year: 2027, ..sale(700, 700) }));
        assert!(year.await.contains("receipt 000700 of 2027 (sale 1-700) follows receipt 699 of 2026"));
    }
}
