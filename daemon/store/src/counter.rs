//! Counters: numbers from 1 on, without gaps, for the ids of what a commit makes.
//!
//! A number is given in the commit that uses it. If that is refused, or the power goes before its flush, the number is
//! given again: nobody has seen it.

use crate::{
    Store, Transaction,
    error::StoreError,
    table::{Name, Table},
};

static COUNTERS: Table<Name, u64> = Table::new("counter");

impl Transaction<'_> {
    /// The next number of a counter; 1 at first.
    ///
    /// # Errors
    /// The engine fails or the counter can't be read.
    pub fn next_number(&mut self, counter: &str) -> Result<u64, StoreError> {
        let next = self.last_number(counter)? + 1;
        self.put(&COUNTERS, counter, &next)?;
        Ok(next)
    }

    /// The number that a counter gave last; 0 for none.
    ///
    /// # Errors
    /// As for [`Self::next_number`].
    pub fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}

impl Store {
    /// The number that a counter gave last; 0 for none.
    ///
    /// # Errors
    /// The engine fails or the counter can't be read.
    pub fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}
