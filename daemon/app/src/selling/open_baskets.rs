//! Open baskets: the stock in them, and those of a register.
//!
//! Counts need the stock, because goods in a basket are off the shelf and still on hand. The stock is a lower layer
//! than baskets, so the caller of [`crate::stock::tally`] or [`crate::stock::variances`] reads it here and passes it
//! on.

use commerce::{
    Basket, BasketId, BasketState, RegisterName,
    stock::{Sums, reservation::take},
};
use store::{Store, StoreError, Transaction};

use super::{
    basket::NUMBERS,
    parking::PARKED,
    records::{BASKETS, each_open_basket},
};
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

/// The baskets that may be open, read before a commit that needs to know those of one register.
#[derive(Clone, Debug, Default)]
pub struct MaybeOpen {
    open: Vec<BasketId>,
    /// The last basket when they were read.
    last: u64,
}

/// The baskets that may be open. Must not run on a request thread.
///
/// # Errors
/// The engine fails.
pub fn maybe_open(store: &Store) -> Result<MaybeOpen, StoreError> {
    let mut found = MaybeOpen { open: Vec::new(), last: store.last_number(NUMBERS)? };
    each_open_basket(store, |basket| found.open.push(basket.id))?;
    Ok(found)
}

impl MaybeOpen {
    /// Those that are open at a register in the commit, with baskets that were opened meanwhile, without parked ones.
    /// Damaged baskets are skipped; the check reports them.
    pub(crate) fn at(
        self,
        transaction: &Transaction<'_>,
        register: &RegisterName,
    ) -> Result<Vec<BasketId>, StoreError> {
        let newer = (self.last + 1..=transaction.last_number(NUMBERS)?).map(BasketId);
        let mut open = Vec::new();
        for id in self.open.into_iter().chain(newer) {
            let basket = match transaction.get(&BASKETS, id.0) {
                Err(StoreError::Corrupt { .. }) => None,
                read => read?,
            };
            let is_its = |basket: &Basket| basket.state == BasketState::Open && basket.register == *register;
            if basket.as_ref().is_some_and(is_its) && transaction.get(&PARKED, id.0)?.is_none() {
                open.push(id);
            }
        }
        Ok(open)
    }
}
