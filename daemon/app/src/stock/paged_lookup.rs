//! Lookup of records by mostly increasing numbers, a page at a time: many are in the archive, where each single read
//! decompresses a block.

use store::{Store, StoreError};

/// Records per read.
pub(crate) const PAGE: usize = 500;

/// Records that are looked up roughly in the order of their numbers.
pub(crate) struct PagedLookup<'s, R> {
    store: &'s Store,
    read: fn(&Store, u64, usize) -> Result<Vec<R>, StoreError>,
    number: fn(&R) -> u64,
    /// The first number of the page and its records, without missing ones.
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
        // Not by binary search: a damaged record may have a number other than its key.
        Ok(self.page.1.iter().find(|record| (self.number)(record) == number))
    }
}
