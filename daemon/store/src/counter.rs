//! Counters: numbers from 1 without gaps, used as ids.
//!
//! A number is assigned in the commit that uses it. If the commit is refused, or the power fails before its flush, the
//! number is assigned again: nobody has seen it.

use crate::{
    Store, Transaction,
    error::StoreError,
    table::{Name, Table},
};

static COUNTERS: Table<Name, u64> = Table::new("counter");

impl Transaction<'_> {
    /// The next number of a counter, from 1.
    ///
    /// # Errors
    /// The engine fails or the counter can't be read.
    pub fn next_number(&mut self, counter: &str) -> Result<u64, StoreError> {
        let next = self.last_number(counter)? + 1;
        self.put(&COUNTERS, counter, &next)?;
        Ok(next)
    }

    /// The last number assigned by a counter; 0 if none.
    ///
    /// # Errors
    /// As for [`Self::next_number`].
    pub fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}

impl Store {
    /// The last number assigned by a counter; 0 if none.
    ///
    /// # Errors
    /// The engine fails or the counter can't be read.
    pub fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}
