//! What a training basket becomes: the sale that it would have been, in a table where nothing looks for sales.

use commerce::{BasketId, ReceiptNumber, Sale, SaleId, ShiftId, Stamp, Totals, receipt::TrainingNumber};
use serde::{Deserialize, Serialize};
use store::{Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    TRAINING_SALE_UNKNOWN,
    basket::{own, put},
};
use crate::{By, Refusal, lists, printing, selling::SaleContext};

/// Training sales by their number.
pub(super) static SALES: Table<Number, TrainingSale> = Table::new("training_sale");

/// The counter of training sales.
const NUMBERS: &str = "training_sale";

/// No store has this epoch, so the id of a training sale is of no sale.
const NO_EPOCH: u64 = 0;

/// A training sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingSale {
    /// Its number.
    pub number: TrainingNumber,
    /// The sale that it would have been, without a shift.
    pub sale: Sale,
}

/// The result of completing a training basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrainingDone {
    /// Always true: nothing here counts.
    pub training: bool,
    /// Its number; training sales have no receipt numbers.
    pub receipt: TrainingNumber,
    /// The totals, including the change due.
    pub totals: Totals,
}

/// Completes a paid training basket: only its number, its record and its receipt come of it.
///
/// # Errors
/// It is not paid, or belongs to another register.
pub fn complete(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    context: &SaleContext,
) -> Result<TrainingDone, Refusal> {
    let mut basket = own(transaction, by, id)?;
    if !basket.is_partly_paid() {
        basket.may_be_paid(context.at_ms)?;
    }
    let number = TrainingNumber(transaction.next_number(NUMBERS)?);
    let mut sale = basket.complete(Stamp {
        id: SaleId { epoch: NO_EPOCH, sequence: number.0 },
        receipt: ReceiptNumber(number.0),
        receipt_prefix: None,
        fiscal_year: context.fiscal_year,
        sold_at_ms: context.at_ms,
        business_day: context.business_day,
        shift: ShiftId { epoch: NO_EPOCH, number: 0 },
    })?;
    sale.shift = None;
    // They now belong to the sale.
    basket.lines.clear();
    basket.tenders.clear();
    put(transaction, by, &basket)?;
    let done = TrainingDone { training: true, receipt: number, totals: sale.totals };
    transaction.put(&SALES, number.0, &TrainingSale { number, sale })?;
    if let Some(printer) = &context.printer {
        printing::receipts::queue_training(transaction, printer, number)?;
    }
    Ok(done)
}

/// Reads a training sale.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn sale(store: &Store, number: TrainingNumber) -> Result<TrainingSale, Refusal> {
    let unknown = || TRAINING_SALE_UNKNOWN.because(format!("unknown training sale {number}, or it was deleted"));
    find_sale(store, number)?.ok_or_else(unknown)
}

/// Reads a training sale, if it exists.
///
/// # Errors
/// The store fails.
pub fn find_sale(store: &Store, number: TrainingNumber) -> Result<Option<TrainingSale>, StoreError> {
    store.get(&SALES, number.0)
}

/// The latest training sales before a number, newest first.
///
/// # Errors
/// The engine fails.
pub fn last_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<TrainingSale>, StoreError> {
    lists::readable_page(store, &SALES, lists::newest(before), Order::Descending, limit)
}
