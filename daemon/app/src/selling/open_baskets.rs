//! What lies in open baskets.
//!
//! Counts want to know it (goods in a basket are off the shelf and still on hand), and stand below baskets: so whoever
//! calls [`crate::stock::tally`] or [`crate::stock::variances`] looks here first and passes it on.

use commerce::stock::{Sums, reservation::take};
use store::{Store, StoreError};

use super::records::each_open_basket;
use crate::stock;

/// What lies in open baskets and is on hand in the books: what is not reserved for its basket. A reservation that can't
/// be read counts for nothing. Reads all baskets that are kept, those of a week: not where requests are answered, and
/// one caller at a time.
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
