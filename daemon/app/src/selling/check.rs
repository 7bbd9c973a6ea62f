//! Checks the sales for contradictions.

use std::collections::BTreeMap;

use contract::Stream;
use store::{Checked, Depth, Store, StoreError};

use super::{
    receipts::Receipts,
    records::{self, RECEIPTS},
};

/// Sales per read.
const PAGE: usize = 500;

/// Checks that there is one sale for each entry of HQ's stream, in order and with the right id, and that each
/// register's receipt numbers have no gaps up to its last number, except where an epoch begins.
///
/// # Errors
/// The engine fails. Damage is not an error: it is reported in the result.
pub(super) fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let Some(span) = checked.readable("the outbox", store.outbox_span(Stream::sales().as_str()))? else {
        return Ok(());
    };
    let last = span.last;
    let Some(given_up) = checked.readable("the archive", records::given_up_to(store))? else { return Ok(()) };
    let first = depth.first(given_up + 1, last);
    let mut next = first;
    let mut receipts: BTreeMap<_, (Receipts, u64)> = BTreeMap::new();
    while next <= last {
        let what = format!("the check of the sales ended at {next}");
        let Some(sales) = checked.readable(&what, records::sales_from(store, next, PAGE))? else { return Ok(()) };
        for sale in sales.iter().take_while(|sale| sale.id.sequence <= last) {
            if sale.id.sequence != next {
                checked.fault(format!("sale {next} is missing; the next is {}", sale.id.sequence));
            }
            next = sale.id.sequence + 1;
            checked.records += 1;
            if sale.id.epoch > store.epoch() {
                checked.fault(format!("sale {} has a later epoch than this store, {}", sale.id, store.epoch()));
            }
            let (fiscal_year, prefix) = (sale.fiscal_year, sale.receipt_prefix);
            let receipt = Receipts { fiscal_year, last: sale.receipt.0, prefix };
            let before = receipts.insert(sale.register.clone(), (receipt, sale.id.epoch));
            // A register's first sale may follow one that only HQ has.
            if let Some((before, epoch)) = before
                && !before.may_precede(receipt, epoch != sale.id.epoch)
            {
                checked.fault(format!(
                    "register {}: receipt {} of {} (sale {}) follows receipt {} of {}",
                    sale.register,
                    sale.receipt_text(),
                    sale.fiscal_year,
                    sale.id,
                    before.last,
                    before.fiscal_year,
                ));
            }
        }
        if sales.is_empty() {
            checked.fault(format!("sales {next} to {last} are missing"));
            break;
        }
    }
    for (register, (seen, epoch)) in receipts {
        let Some(given) = checked.readable("the receipts' counters", store.get(&RECEIPTS, register.as_str()))? else {
            continue;
        };
        let given = given.unwrap_or_default();
        // Since this epoch began, nothing may be sold yet.
        let may_be_ahead = epoch != store.epoch() && seen.may_precede(given, true);
        if given != seen && !may_be_ahead {
            checked.fault(format!(
                "register {register}: the last receipt is {} of {}, but the counter is at {} of {}",
                seen.last, seen.fiscal_year, given.last, given.fiscal_year
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use commerce::{ReceiptNumber, Sale, SaleId};
    use store::Transaction;

    use super::*;
    use crate::{selling::records::SALES, testing};

    /// A sale as it was first stored.
    const STORED: &str = include_str!("../fixtures/sale.json");

    fn sale(sequence: u64, receipt: u64) -> Sale {
        let sale: Sale = serde_json::from_str(STORED).unwrap();
        Sale { id: SaleId { epoch: 1, sequence }, receipt: ReceiptNumber(receipt), ..sale }
    }

    fn put(transaction: &mut Transaction<'_>, sale: &Sale) -> Result<(), StoreError> {
        // A stored sale is never written again; damage overwrites it.
        transaction.delete(&SALES, sale.id.sequence);
        transaction.put(&SALES, sale.id.sequence, sale)
    }

    fn faults(write: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static) -> String {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        store
            .commit_blocking(move |transaction| {
                for number in 1..=1_200 {
                    transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
                    put(transaction, &sale(number, number))?;
                }
                transaction.put(&RECEIPTS, "till-1", &Receipts { fiscal_year: 2026, last: 1_200, prefix: None })?;
                write(transaction)
            })
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
    fn a_basket_round_trips() {
        let _: commerce::Basket = testing::read_back(include_str!("../fixtures/basket.json"));
    }

    #[test]
    fn a_sale_round_trips() {
        let sale: Sale = testing::read_back(STORED);
        assert_eq!((sale.lines.len(), sale.totals.net.get()), (2, 1_797));
    }

    #[test]
    fn an_undamaged_store_has_no_faults() {
        assert_eq!(faults(|_| Ok(())), "Fast:  Whole:  ");
    }

    #[test]
    fn missing_sales_are_found() {
        let missing = faults(|transaction| {
            transaction.delete(&SALES, 700);
            Ok(())
        });
        assert_eq!(missing.matches("sale 700 is missing; the next is 701").count(), 2);
        let last = faults(|transaction| {
            transaction.delete(&SALES, 1_200);
            Ok(())
        });
        assert_eq!(last.matches("sales 1200 to 1200 are missing").count(), 2);
    }

    #[test]
    fn gaps_in_receipts_are_found() {
        let gap = faults(|transaction| put(transaction, &sale(900, 901)));
        assert!(gap.contains("receipt 000901 of 2026 (sale 1-900) follows receipt 899 of 2026"));
        let first = faults(|transaction| put(transaction, &sale(1, 9)));
        let told = "receipt 000002 of 2026 (sale 1-2) follows receipt 9 of 2026 ";
        assert!(first.ends_with(told), "only the whole check finds it");
        let counter = faults(|transaction| {
            transaction.put(&RECEIPTS, "till-1", &Receipts { fiscal_year: 2026, last: 7, prefix: None })
        });
        assert_eq!(counter.matches("the counter is at 7 of 2026").count(), 2);
        let year = faults(|transaction| put(transaction, &Sale { fiscal_year: 2027, ..sale(700, 700) }));
        assert!(year.contains("receipt 000700 of 2027 (sale 1-700) follows receipt 699 of 2026"));
    }

    #[test]
    fn a_sale_of_a_later_epoch_is_found() {
        let later = SaleId { epoch: 2, sequence: 900 };
        let foreign = faults(move |transaction| put(transaction, &Sale { id: later, ..sale(900, 900) }));
        assert!(foreign.contains("sale 2-900 has a later epoch than this store, 1"));
    }
}
