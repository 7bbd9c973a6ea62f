//! The price book in memory.

use std::sync::Arc;

use app::pricing::{self, Pricing};
use arc_swap::ArcSwapOption;
use commerce::{
    Item, Price,
    pricing::{Book, LocalTime},
};
use store::{Store, StoreError};

use crate::clock::Calendar;

/// The active price book of this store, replaced as a whole.
pub(crate) struct Prices {
    store: String,
    calendar: Calendar,
    current: ArcSwapOption<Current>,
}

struct Current {
    generation: u64,
    /// `None` if the book can't be read: the catalog's prices count.
    book: Option<Arc<Book>>,
}

impl Prices {
    /// Reads the active book. A damaged one does not keep the hub from starting. Blocks.
    pub(crate) fn open(
        store: &Store,
        name: &str,
        calendar: &Calendar,
        fault: &mut dyn FnMut(String),
    ) -> Result<Self, StoreError> {
        let prices = Self { store: name.to_owned(), calendar: calendar.clone(), current: ArcSwapOption::const_empty() };
        prices.follow(store, fault)?;
        Ok(prices)
    }

    /// Reads the active book if it is another one. Blocks.
    pub(crate) fn follow(&self, store: &Store, fault: &mut dyn FnMut(String)) -> Result<(), StoreError> {
        let generation = pricing::generation(store)?;
        if self.generation() == generation {
            return Ok(());
        }
        // Every local time of a book is a date, so it has a moment.
        let zone = |time: LocalTime| self.calendar.moment(&time.to_string()).unwrap_or(i64::MAX);
        let read = match pricing::read(store, &self.store, &zone) {
            Err(damaged @ StoreError::Corrupt { .. }) => Some(Err(damaged.to_string())),
            read => read?,
        };
        let book = match read {
            Some(Ok(book)) => Some(Arc::new(book)),
            Some(Err(why)) => {
                fault(format!("the price book can't be used, so the catalog's prices count: {why}"));
                None
            }
            None => None,
        };
        self.current.store(Some(Arc::new(Current { generation, book })));
        Ok(())
    }

    /// The name of this store in books.
    pub(crate) fn store(&self) -> &str {
        &self.store
    }

    /// The number of the book that was read last.
    pub(crate) fn generation(&self) -> u64 {
        self.current.load().as_ref().map_or(0, |current| current.generation)
    }

    /// The active book.
    pub(crate) fn book(&self) -> Option<Arc<Book>> {
        self.current.load().as_ref().and_then(|current| current.book.clone())
    }

    /// The price of an item on its shelf: by the active book, or the catalog's.
    pub(crate) fn on_shelf(&self, item: &Item, at_ms: i64) -> Price {
        let pricing = self.at(at_ms);
        let entry = pricing.as_ref().and_then(|pricing| pricing.book.price_at(&item.sku, pricing.moment, &[]));
        entry.map_or(item.price, |entry| entry.price)
    }

    /// The active book for a command at a moment.
    pub(crate) fn at(&self, at_ms: i64) -> Option<Pricing> {
        let moment = self.calendar.pricing_moment(at_ms);
        self.book().map(|book| Pricing { book, moment })
    }
}
