//! Looking records up by numbers that mostly count up, a page at a time: many lie in the archive, where each alone
//! costs a block.

use store::{Store, StoreError};

/// Records read at once.
pub(crate) const PAGE: usize = 500;

/// Records that are looked up in about the order of their numbers.
pub(crate) struct PagedLookup<'s, R> {
    store: &'s Store,
    read: fn(&Store, u64, usize) -> Result<Vec<R>, StoreError>,
    number: fn(&R) -> u64,
    /// From a number on, without those that are missing.
    page: (u64, Vec<R>),
}

impl<'s, R> PagedLookup<'s, R> {
    pub(crate) fn new(
        store: &'s Store,
        read: fn(&Store, u64, usize) -> Result<Vec<R>, StoreError>,
        number: fn(&R) -> u64,
    ) -> Self {
        Self { store, read, number, page: (0, Vec::new()) }
    }

    pub(crate) fn get(&mut self, number: u64) -> Result<Option<&R>, StoreError> {
        let (from, page) = &self.page;
        if !page.last().is_some_and(|last| (*from..=(self.number)(last)).contains(&number)) {
            self.page = (number, (self.read)(self.store, number, PAGE)?);
        }
        // Not by bisection: a damaged record may carry another number than its key.
        Ok(self.page.1.iter().find(|record| (self.number)(record) == number))
    }
}
