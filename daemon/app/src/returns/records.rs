//! What came back of each sale, and the history of customers and shifts.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    BasketId, Minor, Sale, SaleId, ShiftId,
    returns::{
        Back, Past, SoldIn, SoughtBy,
        decide::{REFUSED_WINDOW_MS, ShiftReturns},
    },
};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{Retention, Tidied};

/// What came back of a sale, by [`SoldIn::key`].
static RETURNED: Table<Name, OfSale> = Table::new("returned_sale");
/// The past returns and refused attempts of an identity, by its hash, and the refused attempts of a sale.
static HISTORY: Table<Name, History> = Table::new("return_history");
/// The returns of an operator's shift, and of all shifts together.
static SHIFTS: Table<Name, Shift> = Table::new("return_shift");

/// Sales of other stores that HQ told, by [`SoldIn::key`]: so that a customer who asked before can come back offline.
static OTHER_SALES: Table<Name, OtherSale> = Table::new("other_sale");

/// The maximum number of past returns of an identity.
const MAX_PAST: usize = 64;
/// How long a past return counts, in milliseconds: longer than the longest window of a rule.
const KEPT_MS: i64 = 60 * 24 * 3600 * 1000;

/// What came back of a sale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSale {
    /// By line; also what is in open baskets.
    pub lines: BTreeMap<u32, Back>,
    /// What was given back, by tender.
    pub given: BTreeMap<String, Minor>,
    /// The sales that took goods back.
    pub sales: Vec<SaleId>,
    /// When it last changed: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A sale of another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OtherSale {
    /// The store that sold.
    store: String,
    sale: Sale,
    /// When HQ told it: milliseconds since 1970, UTC.
    at_ms: i64,
}

/// Keeps a sale of another store.
///
/// # Errors
/// The store fails.
pub fn keep_other(transaction: &mut Transaction<'_>, store: &str, sale: Sale, at_ms: i64) -> Result<(), StoreError> {
    let key = SoldIn { store: Some(store.to_owned()), sale: sale.id }.key();
    transaction.put(&OTHER_SALES, &key, &OtherSale { store: store.to_owned(), sale, at_ms })
}

/// A sale of another store, if HQ told it before.
///
/// # Errors
/// The store fails.
pub fn other_sale(store: &Store, key: &str) -> Result<Option<Sale>, StoreError> {
    Ok(store.get(&OTHER_SALES, key)?.map(|other| other.sale))
}

/// The sales of other stores that HQ told before and that are looked for, newest first, with their stores. Blocks.
///
/// # Errors
/// The engine fails.
pub(crate) fn other_sales(store: &Store, sought: &SoughtBy, most: usize) -> Result<Vec<(String, Sale)>, StoreError> {
    let mut found = Vec::new();
    store.each(&OTHER_SALES, |other| match other {
        Ok(OtherSale { store, sale, .. }) if SoughtBy::of(&sale).contains(sought) => {
            found.push((store, sale));
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "a sale of another store is damaged"),
    })?;
    found.sort_by_key(|(_, sale)| std::cmp::Reverse(sale.sold_at_ms));
    found.truncate(most);
    Ok(found)
}

/// The past returns of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct History {
    past: Vec<Past>,
    /// The refused attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedIn>,
    /// When it last changed: milliseconds since 1970, UTC.
    at_ms: i64,
}

/// A basket in which a return was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RefusedIn {
    basket: BasketId,
    /// When it was refused last: milliseconds since 1970, UTC.
    at_ms: i64,
}

/// The keys of the histories that an attempt belongs to: the identities, and the sale.
fn attempt_keys(sold: Option<&SoldIn>, identities: &[String]) -> Vec<String> {
    identities.iter().cloned().chain(sold.map(|sold| format!("sale {}", sold.key()))).collect()
}

/// Notes that a return was refused in a basket; whether that is new.
pub(super) fn note_refused(
    transaction: &mut Transaction<'_>,
    basket: BasketId,
    sold: Option<&SoldIn>,
    identities: &[String],
    at_ms: i64,
) -> Result<bool, StoreError> {
    let keys = attempt_keys(sold, identities);
    let mut is_new = keys.is_empty();
    for key in keys {
        let mut history = transaction.get(&HISTORY, &key)?.unwrap_or_default();
        is_new |= history.refused.iter().all(|known| known.basket != basket);
        history.refused.retain(|known| known.at_ms > at_ms - REFUSED_WINDOW_MS && known.basket != basket);
        history.refused.push(RefusedIn { basket, at_ms });
        let surplus = history.refused.len().saturating_sub(MAX_PAST);
        history.refused.drain(..surplus);
        history.at_ms = at_ms;
        transaction.put(&HISTORY, &key, &history)?;
    }
    Ok(is_new)
}

/// The number of other baskets of the window in which a return of the sale, or by these identities, was refused.
pub(super) fn refused_before(
    transaction: &Transaction<'_>,
    basket: BasketId,
    sold: Option<&SoldIn>,
    identities: &[String],
    at_ms: i64,
) -> Result<usize, StoreError> {
    let mut baskets = BTreeSet::new();
    for key in attempt_keys(sold, identities) {
        let refused = transaction.get(&HISTORY, &key)?.unwrap_or_default().refused.into_iter();
        let counts = |known: &RefusedIn| known.basket != basket && known.at_ms > at_ms - REFUSED_WINDOW_MS;
        baskets.extend(refused.filter(counts).map(|known| known.basket.0));
    }
    Ok(baskets.len())
}

/// The returns of a shift or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Shift {
    returns: ShiftReturns,
    /// The number of shifts with returns.
    shifts: u64,
    at_ms: i64,
}

/// The sum of all shifts.
const ALL_SHIFTS: &str = "all";

/// The key of a sale of this store.
pub(crate) fn sold_key(sale: SaleId) -> String {
    SoldIn { store: None, sale }.key()
}

/// What came back of a sale.
///
/// # Errors
/// The store fails.
pub fn of_sale(store: &Store, sold: &SoldIn) -> Result<OfSale, StoreError> {
    Ok(store.get(&RETURNED, &sold.key())?.unwrap_or_default())
}

/// The same in a commit.
pub(crate) fn of_sale_in(transaction: &Transaction<'_>, key: &str) -> Result<OfSale, StoreError> {
    Ok(transaction.get(&RETURNED, key)?.unwrap_or_default())
}

pub(super) fn put_of_sale(transaction: &mut Transaction<'_>, key: &str, of: &OfSale) -> Result<(), StoreError> {
    transaction.put(&RETURNED, key, of)
}

/// The past returns of identities in this store.
pub(super) fn history(transaction: &Transaction<'_>, identities: &[String]) -> Result<Vec<Past>, StoreError> {
    let mut past = Vec::new();
    for identity in identities {
        past.extend(transaction.get(&HISTORY, identity)?.unwrap_or_default().past);
    }
    Ok(past)
}

/// Adds a return to the history of identities.
pub(super) fn remember(
    transaction: &mut Transaction<'_>,
    identities: &[String],
    past: &Past,
) -> Result<(), StoreError> {
    for identity in identities {
        let mut history = transaction.get(&HISTORY, identity)?.unwrap_or_default();
        history.past.retain(|known| known.at_ms > past.at_ms - KEPT_MS && known.key != past.key);
        history.past.push(past.clone());
        let surplus = history.past.len().saturating_sub(MAX_PAST);
        history.past.drain(..surplus);
        history.at_ms = past.at_ms;
        transaction.put(&HISTORY, identity, &history)?;
    }
    Ok(())
}

/// Counts a return in the shift of an operator. Gives the shift's returns, and those of the shifts before it.
pub(super) fn count(
    transaction: &mut Transaction<'_>,
    (shift, operator): (ShiftId, &str),
    keyed: bool,
    at_ms: i64,
) -> Result<(ShiftReturns, (u64, u64)), StoreError> {
    let key = format!("{shift}/{operator}");
    let mut all = transaction.get(&SHIFTS, ALL_SHIFTS)?.unwrap_or_default();
    let known = transaction.get(&SHIFTS, &key)?;
    let mut own = known.unwrap_or_default();
    // The two records are forgotten separately.
    let others =
        (all.shifts.saturating_sub(u64::from(known.is_some())), all.returns.count.saturating_sub(own.returns.count));
    for counted in [&mut own, &mut all] {
        counted.returns.count += 1;
        counted.returns.keyed += u64::from(keyed);
        counted.at_ms = at_ms;
    }
    all.shifts += u64::from(known.is_none());
    transaction.put(&SHIFTS, &key, &own)?;
    transaction.put(&SHIFTS, ALL_SHIFTS, &all)?;
    Ok((own.returns, others))
}

/// Forgets what came back of sales that are deleted, and histories that no longer count.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let (sales, past) = (retention.keep_from_ms(), retention.now_ms.saturating_sub(KEPT_MS));
    Ok(vec![
        ("returned_sales", store.forget(&RETURNED, move |of: &OfSale| of.at_ms < sales)?),
        ("return_histories", store.forget(&HISTORY, move |history: &History| history.at_ms < past)?),
        ("other_sales", store.forget(&OTHER_SALES, move |other: &OtherSale| other.at_ms < past)?),
        ("return_shifts", store.forget(&SHIFTS, move |shift: &Shift| shift.at_ms < past)?),
    ])
}
