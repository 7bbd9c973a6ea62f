//! Records that are read beside others, a page at a time: many lie in the archive, where each alone costs a block.

use commerce::stock::Movement;
use store::{Order, Store, StoreError};

use super::MOVEMENTS;

/// Records read at once.
pub(super) const PAGE: usize = 500;

/// Movements from a number on, in order.
pub(super) fn movements_from(store: &Store, number: u64, limit: usize) -> Result<Vec<Movement>, StoreError> {
    store.page_kept(&MOVEMENTS, Some(number), Order::Ascending, limit)
}

/// Records beside others that count up with them.
pub(super) struct Beside<'s, R> {
    store: &'s Store,
    read: fn(&Store, u64, usize) -> Result<Vec<R>, StoreError>,
    number: fn(&R) -> u64,
    /// From a number on, without those that are missing.
    page: (u64, Vec<R>),
}

impl<'s, R> Beside<'s, R> {
    pub(super) fn new(
        store: &'s Store,
        read: fn(&Store, u64, usize) -> Result<Vec<R>, StoreError>,
        number: fn(&R) -> u64,
    ) -> Self {
        Self { store, read, number, page: (0, Vec::new()) }
    }

    pub(super) fn get(&mut self, number: u64) -> Result<Option<&R>, StoreError> {
        let (from, page) = &self.page;
        if !page.last().is_some_and(|last| (*from..=(self.number)(last)).contains(&number)) {
            self.page = (number, (self.read)(self.store, number, PAGE)?);
        }
        // Not by halves: a damaged one may call itself by another number.
        Ok(self.page.1.iter().find(|record| (self.number)(record) == number))
    }
}
