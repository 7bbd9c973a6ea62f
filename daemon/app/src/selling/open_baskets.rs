//! The stock in open baskets.
//!
//! Counts need it, because goods in a basket are off the shelf and still on hand. The stock is a lower layer than
//! baskets, so the caller of [`crate::stock::tally`] or [`crate::stock::variances`] reads it here and passes it on.

use commerce::stock::{Sums, reservation::take};
use store::{Store, StoreError};

use super::records::each_open_basket;
use crate::stock;

/// The goods in open baskets that are on hand in the books, that is, not reserved for their basket. A damaged
/// reservation counts as empty. Must not run on a request thread.
///
/// # Errors
/// The engine fails.
pub fn in_open_baskets(store: &Store) -> Result<Sums, StoreError> {
    let mut baskets = Vec::new();
    each_open_basket(store, |basket| baskets.push((stock::demand_of(&basket.lines), basket.reservations)))?;
    let mut sums = Sums::new();
    for (mut demand, reservations) in baskets {
        for id in reservations {
            take(&mut demand, stock::reserved_by(store, id)?);
        }
        for (place, milli) in demand {
            *sums.entry(place).or_default() += milli;
        }
    }
    Ok(sums)
}
