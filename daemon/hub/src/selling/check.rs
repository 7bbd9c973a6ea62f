//! Walks the sales and tells what can't be so.

use std::collections::BTreeMap;

use contract::Stream;
use store::{Checked, Depth, Order, Store, StoreError};

use super::{RECEIPTS, SALES};

/// Sales read at once.
const PAGE: usize = 500;

/// Looks at the sales: one for each entry of HQ's stream, in order, under the right id; receipts that count without gaps at each register up to
/// the last number given out.
///
/// # Errors
/// The engine fails. Damage is no error; it is what is looked for.
pub fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let last = store.outbox_span(Stream::sales().as_str())?.last;
    let mut next = depth.first(1, last);
    let mut receipts = BTreeMap::new();
    while next <= last {
        let sales = match store.page(&SALES, Some(next), Order::Ascending, PAGE) {
            Ok(sales) => sales,
            Err(error @ StoreError::Corrupt { .. }) => {
                // The whole walk has told of it already, record by record.
                if depth == Depth::Fast {
                    checked.fault(error.to_string());
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for sale in sales.iter().take_while(|sale| sale.sequence <= last) {
            if sale.sequence != next {
                checked.fault(format!("sale {next} is missing; {} follows", sale.sequence));
            }
            next = sale.sequence + 1;
            checked.records += 1;
            if sale.id != format!("{}-{}", store.epoch(), sale.sequence) {
                checked.fault(format!("sale {} calls itself `{}`", sale.sequence, sale.id.escape_debug()));
            }
            let before = receipts.insert(sale.register.clone(), sale.receipt.0);
            // In the fast form a register's first sale that is seen need not be its first.
            let expected = before.map(|receipt| receipt + 1).or((depth == Depth::Whole).then_some(1));
            if expected.is_some_and(|expected| expected != sale.receipt.0) {
                checked.fault(format!(
                    "register {}: receipt {} of sale {} follows receipt {}",
                    sale.register,
                    sale.receipt,
                    sale.id,
                    before.unwrap_or(0)
                ));
            }
        }
        if sales.is_empty() {
            checked.fault(format!("sales {next} to {last} are missing"));
            break;
        }
    }
    for (register, seen) in receipts {
        let given = store.get(&RECEIPTS, &register)?.unwrap_or(0);
        if given != seen {
            checked.fault(format!("register {register}: the last receipt is {seen}, the counter says {given}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use commerce::{ReceiptNumber, Sale};
    use store::{EngineKind, Transaction};

    use super::*;

    /// A sale as hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/sale-2.json");

    fn sale(sequence: u64, receipt: u64) -> Sale {
        let sale: Sale = serde_json::from_str(STORED).unwrap();
        Sale { id: format!("1-{sequence}"), sequence, receipt: ReceiptNumber(receipt), ..sale }
    }

    async fn faults(write: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static) -> String {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
        store
            .commit(move |transaction| {
                for number in 1..=1_200 {
                    transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
                    transaction.put(&SALES, number, &sale(number, number))?;
                }
                transaction.put(&RECEIPTS, "till-1", &1_200)?;
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
    fn a_stored_sale_reads_back_as_it_was_written() {
        let sale: Sale = serde_json::from_str(STORED).unwrap();
        assert_eq!((sale.lines.len(), sale.totals.net.get()), (2, 1_797));
        let again: serde_json::Value = serde_json::to_value(&sale).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
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
        let gap = faults(|transaction| transaction.put(&SALES, 900, &sale(900, 901)));
        assert!(gap.await.contains("receipt 000901 of sale 1-900 follows receipt 899"));
        let first = faults(|transaction| transaction.put(&SALES, 1, &sale(1, 9)));
        assert!(first.await.ends_with("receipt 000002 of sale 1-2 follows receipt 9 "), "only the whole walk sees it");
        let foreign =
            faults(|transaction| transaction.put(&SALES, 900, &Sale { id: "2-900".into(), ..sale(900, 900) }));
        assert!(foreign.await.contains("sale 900 calls itself `2-900`"));
        let counter = faults(|transaction| transaction.put(&RECEIPTS, "till-1", &7));
        assert!(counter.await.matches("the counter says 7").count() == 2);
    }
}
