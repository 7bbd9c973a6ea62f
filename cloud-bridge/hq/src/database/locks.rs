//! The order in which a transaction locks rows that other transactions lock, too.
//!
//! Placing, routing, background work, the events of stores and their acknowledgements lock rows of several orders,
//! items and stores. Each transaction locks them in the order of [`Lock`], so no two wait for each other. Every
//! statement that locks such a row is preceded by [`Locks::take`], which checks the order in debug builds, on both
//! engines.

use std::collections::BTreeSet;

/// A row. The variants and their fields are in the order in which rows are locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// A request of a store, by its number.
    Request(i64),
    /// An order with its parts, decisions and refunds, by its id.
    Order(String),
    /// A web quota: the hub, the item, its unit.
    Quota(String, String, &'static str),
    /// A pickup slot: the hub, and its start.
    Slot(String, i64),
    /// A queue: the hub, the stream.
    Queue(String, String),
}

/// The rows that a transaction has locked.
#[derive(Clone, Default)]
pub(super) struct Locks(BTreeSet<Lock>);

impl Locks {
    /// Notes a row that is about to be locked. A row may be locked again.
    pub(super) fn take(&mut self, lock: Lock) {
        if cfg!(debug_assertions) {
            let last = self.0.last();
            let is_in_order = last.is_none_or(|last| *last < lock) || self.0.contains(&lock);
            debug_assert!(is_in_order, "{lock:?} is locked after {last:?}");
            self.0.insert(lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(hub: &str, sku: &str) -> Lock {
        Lock::Quota(hub.into(), sku.into(), "each")
    }

    fn take(locks: impl IntoIterator<Item = Lock>) {
        let mut held = Locks::default();
        locks.into_iter().for_each(|lock| held.take(lock));
    }

    #[test]
    fn rows_are_locked_in_one_order() {
        let all = [
            Lock::Request(3),
            Lock::Order("web-1".into()),
            quota("store-1", "b"),
            quota("store-2", "a"),
            Lock::Slot("store-1".into(), 5),
            Lock::Queue("store-1".into(), "orders".into()),
        ];
        take(all.clone());
        take(all.clone().into_iter().chain(all));
    }

    #[test]
    #[should_panic(expected = "is locked after")]
    fn items_in_another_order_are_found() {
        take([quota("store-1", "b"), quota("store-1", "a")]);
    }

    #[test]
    #[should_panic(expected = "is locked after")]
    fn an_order_after_a_queue_is_found() {
        take([Lock::Queue("store-1".into(), "orders".into()), Lock::Order("web-1".into())]);
    }
}
