//! The records of selling, and how they are read.

use commerce::{Basket, BasketId, BasketState, Sale, SaleId};
use store::{Key, Name, Number, Order, Record, Store, StoreError, Table, Transaction};

use super::{
    receipts::Receipts,
    refusals::{BASKET_UNKNOWN, SALE_UNKNOWN},
};
use crate::{By, Refusal};

/// Baskets by their number.
pub(crate) static BASKETS: Table<Number, Basket> = Table::new("basket");
/// Sales by their sequence in HQ's stream.
pub(crate) static SALES: Table<Number, Sale> = Table::linked("sale");
/// The receipts of each register.
pub(super) static RECEIPTS: Table<Name, Receipts> = Table::new("receipt_number");

/// A basket of any register.
pub(super) fn any_basket(transaction: &Transaction<'_>, id: BasketId) -> Result<Basket, Refusal> {
    let unknown = || BASKET_UNKNOWN.because(format!("unknown basket {id}"));
    transaction.get(&BASKETS, id.0)?.ok_or_else(unknown)
}

/// The basket of a register that commands.
pub(super) fn own_basket(transaction: &Transaction<'_>, by: &By, id: BasketId) -> Result<Basket, Refusal> {
    let register = by.register()?;
    let basket = transaction.get(&BASKETS, id.0)?;
    basket
        .filter(|basket| basket.register == *register)
        .ok_or_else(|| BASKET_UNKNOWN.because(format!("register {register} has no basket {id}")))
}

/// The basket of a payment, as its commit finds it.
pub(crate) fn basket_of_payment(transaction: &Transaction<'_>, id: BasketId) -> Result<Option<Basket>, StoreError> {
    transaction.get(&BASKETS, id.0)
}

/// Writes a basket.
pub(crate) fn put_basket(transaction: &mut Transaction<'_>, basket: &Basket) -> Result<(), StoreError> {
    transaction.put(&BASKETS, basket.id.0, basket)
}

/// Reads a basket.
///
/// # Errors
/// The store fails.
pub fn basket(store: &Store, id: BasketId) -> Result<Option<Basket>, StoreError> {
    store.get(&BASKETS, id.0)
}

/// Shows every basket that is open. Reads all that are kept, those of a week: not where requests are answered.
///
/// # Errors
/// The engine fails.
pub fn each_open_basket(store: &Store, mut take: impl FnMut(Basket)) -> Result<(), StoreError> {
    // A damaged one is for the check to report.
    store.each(&BASKETS, |basket| {
        if let Ok(basket) = basket
            && basket.state == BasketState::Open
        {
            take(basket);
        }
    })
}

/// Reads a sale by its id.
///
/// # Errors
/// There is none, or the store fails.
pub fn find_sale(store: &Store, id: SaleId) -> Result<Sale, Refusal> {
    // Its epoch may be an earlier one, if the store was restored.
    let found = sale_at(store, id.sequence)?.filter(|sale| sale.id == id);
    found.ok_or_else(|| SALE_UNKNOWN.because(format!("unknown sale {id}")))
}

/// Sales from a place in the stream on, in order.
///
/// # Errors
/// The store fails.
pub fn sales_from(store: &Store, sequence: u64, limit: usize) -> Result<Vec<Sale>, StoreError> {
    store.page_kept(&SALES, Some(sequence), Order::Ascending, limit)
}

/// The last sale that was given up; 0 for none.
///
/// # Errors
/// The store fails.
pub fn given_up_to(store: &Store) -> Result<u64, StoreError> {
    store.given_up_to(&SALES)
}

/// Reads a sale by its place in the stream.
///
/// # Errors
/// The store fails.
pub fn sale_at(store: &Store, sequence: u64) -> Result<Option<Sale>, StoreError> {
    store.kept(&SALES, sequence)
}

/// Reads a record that is archived with a sale, wherever it is now.
pub(crate) fn kept_with_sale<K: Key, V: Record>(
    store: &Store,
    sequence: u64,
    table: &Table<K, V>,
    key: K::Of<'_>,
) -> Result<Option<V>, StoreError> {
    store.kept_with(&SALES, sequence, table, key)
}

/// The last sales that can be read, newest first, before a place in the stream: for lists.
///
/// # Errors
/// The engine fails.
pub fn last_readable_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Sale>, StoreError> {
    let damaged = |error: StoreError| tracing::error!(%error, "sale left out of a list");
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        before => store.readable_page_kept(&SALES, before.map(|before| before - 1), Order::Descending, limit, damaged),
    }
}

/// The last sales, newest first, before a place in the stream.
///
/// # Errors
/// The store fails.
pub fn last_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Sale>, StoreError> {
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        before => store.page_kept(&SALES, before.map(|before| before - 1), Order::Descending, limit),
    }
}
