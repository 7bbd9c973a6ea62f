//! The records of selling and how to read them.

use commerce::{Basket, BasketId, BasketState, Sale, SaleId};
use store::{Key, Name, Number, Order, Record, Store, StoreError, Table, Transaction};
use tracing::{Span, field};

use super::{
    parking::PARKED,
    receipts::Receipts,
    refusals::{BASKET_UNKNOWN, SALE_UNKNOWN},
};
use crate::{By, Refusal, lists};

/// Baskets by their number.
pub(crate) static BASKETS: Table<Number, Basket> = Table::new("basket");
/// The open baskets, because most baskets of the last days are closed.
pub(crate) static OPEN_BASKETS: Table<Number, BasketId> = Table::new("open_basket");
/// Sales by their sequence number in HQ's stream.
pub(crate) static SALES: Table<Number, Sale> = Table::linked("sale");
/// The receipt numbers of each register.
pub(super) static RECEIPTS: Table<Name, Receipts> = Table::new("receipt_number");

/// A basket of any register.
pub(super) fn any_basket(transaction: &Transaction<'_>, id: BasketId) -> Result<Basket, Refusal> {
    let unknown = || BASKET_UNKNOWN.because(format!("unknown basket {id}"));
    transaction.get(&BASKETS, id.0)?.ok_or_else(unknown)
}

/// A basket of the register that sent the command.
pub(super) fn own_basket(transaction: &Transaction<'_>, by: &By, id: BasketId) -> Result<Basket, Refusal> {
    let register = by.register()?;
    let basket = transaction.get(&BASKETS, id.0)?;
    basket
        .filter(|basket| basket.register == *register)
        .ok_or_else(|| BASKET_UNKNOWN.because(format!("register {register} has no basket {id}")))
}

/// The basket of a payment, read in a commit.
pub(crate) fn basket_of_payment(transaction: &Transaction<'_>, id: BasketId) -> Result<Option<Basket>, StoreError> {
    transaction.get(&BASKETS, id.0)
}

/// Writes a basket, and keeps the index of open ones. Damage to the index is reported by the check, and must not make a
/// sale fail.
pub(crate) fn put_basket(transaction: &mut Transaction<'_>, basket: &Basket) -> Result<(), StoreError> {
    // For the log: what the asker's span is about.
    Span::current().record("basket", field::display(basket.id));
    let is_listed = !matches!(transaction.get(&OPEN_BASKETS, basket.id.0), Ok(None));
    match (basket.state == BasketState::Open, is_listed) {
        (true, false) => transaction.put(&OPEN_BASKETS, basket.id.0, &basket.id)?,
        (false, true) => {
            transaction.delete(&OPEN_BASKETS, basket.id.0);
            transaction.delete(&PARKED, basket.id.0);
        }
        (true, true) | (false, false) => {}
    }
    transaction.put(&BASKETS, basket.id.0, basket)
}

/// Reads a basket.
///
/// # Errors
/// The store fails.
pub fn basket(store: &Store, id: BasketId) -> Result<Option<Basket>, StoreError> {
    store.get(&BASKETS, id.0)
}

/// Passes every open basket. Damaged entries and baskets are skipped; the check reports them.
///
/// # Errors
/// The engine fails.
pub fn each_open_basket(store: &Store, mut take: impl FnMut(Basket)) -> Result<(), StoreError> {
    let mut open = Vec::new();
    store.each(&OPEN_BASKETS, |id| open.extend(id))?;
    for id in open {
        match store.get(&BASKETS, id.0) {
            Ok(Some(basket)) if basket.state == BasketState::Open => take(basket),
            Ok(_) | Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads a sale by its id.
///
/// # Errors
/// The sale does not exist, or the store fails.
pub fn find_sale(store: &Store, id: SaleId) -> Result<Sale, Refusal> {
    // A restored store has sales of earlier epochs.
    let found = sale_at(store, id.sequence)?.filter(|sale| sale.id == id);
    found.ok_or_else(|| SALE_UNKNOWN.because(format!("unknown sale {id}")))
}

/// Sales from a sequence number on, in order.
///
/// # Errors
/// The store fails.
pub fn sales_from(store: &Store, sequence: u64, limit: usize) -> Result<Vec<Sale>, StoreError> {
    store.page_kept(&SALES, Some(sequence), Order::Ascending, limit)
}

/// The last deleted sale; 0 if none.
///
/// # Errors
/// The store fails.
pub fn given_up_to(store: &Store) -> Result<u64, StoreError> {
    store.given_up_to(&SALES)
}

/// Reads a sale by its sequence number.
///
/// # Errors
/// The store fails.
pub fn sale_at(store: &Store, sequence: u64) -> Result<Option<Sale>, StoreError> {
    store.kept(&SALES, sequence)
}

/// Reads a record that is archived with a sale, in the engine or in the archive.
pub(crate) fn kept_with_sale<K: Key, V: Record>(
    store: &Store,
    sequence: u64,
    table: &Table<K, V>,
    key: K::Of<'_>,
) -> Result<Option<V>, StoreError> {
    store.kept_with(&SALES, sequence, table, key)
}

/// The latest readable sales before a sequence number, newest first: for lists.
///
/// # Errors
/// The engine fails.
pub fn last_readable_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Sale>, StoreError> {
    lists::before(store, &SALES, before, limit)
}

/// The latest sales before a sequence number, newest first.
///
/// # Errors
/// The store fails.
pub fn last_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Sale>, StoreError> {
    store.page_kept(&SALES, lists::newest(before), Order::Descending, limit)
}
