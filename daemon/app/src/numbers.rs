//! Counters of the store.
use store::{Name, Store, StoreError, Table, Transaction};

static COUNTERS: Table<Name, u64> = Table::new("counter");

pub(crate) trait NextNumber {
    fn next_number(&mut self, counter: &str) -> Result<u64, StoreError>;
}
pub(crate) trait LastNumber {
    fn last_number(&self, counter: &str) -> Result<u64, StoreError>;
}
impl NextNumber for Transaction<'_> {
    fn next_number(&mut self, counter: &str) -> Result<u64, StoreError> {
        let next = self.get(&COUNTERS, counter)?.unwrap_or(0) + 1;
        self.put(&COUNTERS, counter, &next)?;
        Ok(next)
    }
}
impl LastNumber for Transaction<'_> {
    fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}
impl LastNumber for Store {
    fn last_number(&self, counter: &str) -> Result<u64, StoreError> {
        Ok(self.get(&COUNTERS, counter)?.unwrap_or(0))
    }
}
