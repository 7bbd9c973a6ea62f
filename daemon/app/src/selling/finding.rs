//! Sales that are found without their receipt: by an order, a card or a unit, from an index that is written in the
//! commit of the sale, and by a customer. Sales of other stores are found as far as HQ told them before.

use commerce::{
    Sale,
    returns::{SoughtBy, share},
};
use contract::{HubId, ask::FoundSale};
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};

use super::{records::sale_at, void::was_voided, wire::completed};
use crate::{Refusal, Retention, Tidied, customers, lists, returns};

/// Sales by what they are looked for by, and their sequence number.
static INDEX: Table<NameNumber, Noted> = Table::new("sale_key");

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    key: String,
    sequence: u64,
    /// When it was sold: milliseconds since 1970, UTC.
    at_ms: i64,
}

/// Notes what a sale is found by. A reference counts if the sale hands over an order; customers have an index of their
/// own.
pub(super) fn note(transaction: &mut Transaction<'_>, sale: &Sale, is_order: bool) -> Result<(), StoreError> {
    let (sequence, at_ms) = (sale.id.sequence, sale.sold_at_ms);
    let is_noted = |sought: &SoughtBy| match sought {
        SoughtBy::Order(_) => is_order,
        SoughtBy::Customer(_) => false,
        SoughtBy::Card(_) | SoughtBy::Serial(_) => true,
    };
    for key in SoughtBy::of(sale).iter().filter(|sought| is_noted(sought)).map(SoughtBy::key) {
        transaction.put(&INDEX, (&key, sequence), &Noted { key: key.clone(), sequence, at_ms })?;
    }
    Ok(())
}

/// The sales of this store that sold goods and are not void, newest first, and those of other stores that HQ told
/// before; at most `most` of each. Blocks.
///
/// # Errors
/// The store fails.
pub fn find(store: &Store, own: &HubId, sought: &SoughtBy, most: usize) -> Result<Vec<FoundSale>, Refusal> {
    let mut found = Vec::new();
    for sequence in sequences(store, sought, most)? {
        let Some(sale) = sale_at(store, sequence)? else { continue };
        let has_goods = sale.lines.iter().any(|line| share::returnable(&sale, line.number).is_ok());
        if has_goods && !was_voided(store, sale.id)? {
            found.extend(FoundSale::of(own, &completed(&sale, Vec::new())));
        }
    }
    for (other, sale) in returns::other_sales(store, sought, most)? {
        if let Ok(other) = other.parse() {
            found.extend(FoundSale::of(&other, &completed(&sale, Vec::new())));
        }
    }
    Ok(found)
}

fn sequences(store: &Store, sought: &SoughtBy, most: usize) -> Result<Vec<u64>, StoreError> {
    if let SoughtBy::Customer(customer) = sought {
        let Ok(id) = customer.parse() else { return Ok(Vec::new()) };
        let id = customers::profile(store, &id)?.map_or(id, |profile| profile.id);
        return customers::last_sales(store, &id, most);
    }
    let key = sought.key();
    let page = lists::readable_page(store, &INDEX, Some((&key, u64::MAX)), Order::Descending, most)?;
    Ok(page.into_iter().take_while(|noted| noted.key == key).map(|noted| noted.sequence).collect())
}

/// Forgets the entries of sales that are deleted.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    Ok(vec![("keys of sales", store.forget(&INDEX, move |noted| noted.at_ms < keep_from_ms)?)])
}
