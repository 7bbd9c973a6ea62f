//! Shelf labels: which price each shows, and which are out of date.
//!
//! The price is recorded in the commit that queues a shelf label. A label is out of date as soon as its item has
//! another price: by another book, another moment, or the catalog. Nothing has to follow changes for that, so no label
//! is missed after a restart. A damaged record is left out of the list; the check names it.

use commerce::{Price, Sku};
use serde::{Deserialize, Serialize};
use store::{Checked, Name, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

/// The labels by SKU.
static LABELS: Table<Name, ShelfLabel> = Table::new("shelf_label");

/// Labels per read.
const PART: usize = 500;

/// A shelf label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShelfLabel {
    /// The item.
    pub sku: Sku,
    /// The price on it.
    pub price: Price,
    /// When it was printed: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A shelf label whose item has another price now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outdated {
    /// The label.
    #[serde(flatten)]
    pub label: ShelfLabel,
    /// The price now; absent if the item has none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Price>,
}

/// Records that shelf labels are printed.
///
/// # Errors
/// The store fails.
pub fn labelled(transaction: &mut Transaction<'_>, labels: Vec<(Sku, Price)>, at_ms: i64) -> Result<(), StoreError> {
    for (sku, price) in labels {
        transaction.put(&LABELS, sku.as_str(), &ShelfLabel { sku: sku.clone(), price, at_ms })?;
    }
    Ok(())
}

/// The labels after a SKU that are out of date, by SKU. Blocks.
///
/// # Errors
/// The store fails.
pub fn outdated(
    store: &Store,
    after: Option<&str>,
    limit: usize,
    price: impl Fn(&Sku) -> Option<Price>,
) -> Result<Vec<Outdated>, StoreError> {
    let (mut found, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let part = store.readable_page(&LABELS, after.as_deref(), Order::Ascending, PART + 1, |_| ())?;
        let is_last = part.len() <= PART;
        for label in part {
            if after.as_deref() == Some(label.sku.as_str()) {
                continue;
            }
            after = Some(label.sku.to_string());
            let now = price(&label.sku);
            if now != Some(label.price) {
                found.push(Outdated { label, now });
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// Checks that the records can be read.
pub(super) fn check(store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
    store.each(&LABELS, |label| {
        checked.records += 1;
        if let Err(error) = label {
            checked.fault(error.to_string());
        }
    })
}
