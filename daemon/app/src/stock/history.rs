//! Reads the movements backwards from the newest, in pages, outside of the committer.

use std::collections::HashMap;

use commerce::{
    Sku, Unit,
    stock::{Movement, Place, State},
};
use store::{Order, Store, StoreError, Transaction};

use super::ledger::{MOVEMENT, MOVEMENTS};

/// Movements per read.
const PAGE: usize = 500;

/// How far the times of movements may be out of order, because each time is taken before its commit waits. Longer than
/// any wait.
const OUT_OF_ORDER_MS: i64 = 60_000;

/// The number of pages of a short walk: an hour or more of a busy store.
const SHORT: usize = 4;

/// A walk over all movements since a moment, newest first, and some older ones.
struct Walk {
    since_ms: i64,
    /// The newest movement, once a page was read; 0 if there is none.
    newest: Option<u64>,
    /// The start of the next page; `None` for the newest.
    next: Option<u64>,
}

impl Walk {
    fn back_to(since_ms: i64) -> Self {
        Self { since_ms, newest: None, next: None }
    }

    /// Passes a page. False if it was the last one.
    fn page(&mut self, store: &Store, each: impl FnMut(&Movement)) -> Result<bool, StoreError> {
        let page = store.page_kept(&MOVEMENTS, self.next, Order::Descending, PAGE)?;
        self.newest.get_or_insert(page.first().map_or(0, |movement| movement.number));
        page.iter().for_each(each);
        // A whole page must be older: one movement with a wrong time must not end the walk.
        let is_past = |movement: &Movement| movement.at_ms < self.since_ms.saturating_sub(OUT_OF_ORDER_MS);
        let last = page.last().filter(|last| last.number > 1 && !page.iter().all(is_past));
        self.next = last.map(|last| last.number - 1);
        Ok(self.next.is_some())
    }
}

/// Passes all movements since a moment, newest first, and some older ones.
///
/// # Errors
/// The store fails.
pub(super) fn walk_back(store: &Store, since_ms: i64, mut each: impl FnMut(&Movement)) -> Result<(), StoreError> {
    let mut walk = Walk::back_to(since_ms);
    while walk.page(store, &mut each)? {}
    Ok(())
}

/// The movements since items were counted, which are subtracted to know the stock on hand at that moment.
pub(super) struct Undo {
    /// For each item the moment of its count, and the sum of later movements on hand.
    items: HashMap<Place, (i64, i64)>,
    walk: Walk,
    /// The last movement that was included.
    up_to: u64,
}

impl Undo {
    /// Prepares a walk back to the moments at which items were counted.
    pub(super) fn back_to(moments: impl Iterator<Item = (Place, i64)>) -> Self {
        let items: HashMap<_, _> = moments.map(|(place, at_ms)| (place, (at_ms, 0))).collect();
        let earliest = items.values().map(|(at_ms, _)| *at_ms).min().unwrap_or(i64::MAX);
        Self { items, walk: Walk::back_to(earliest), up_to: 0 }
    }

    /// Reads the newest pages, which usually suffice. False if older movements must be read.
    ///
    /// # Errors
    /// The store fails.
    pub(super) fn look_back_briefly(&mut self, store: &Store) -> Result<bool, StoreError> {
        let is_whole = self.look_back(store, SHORT)?;
        self.up_to = self.walk.newest.unwrap_or(0);
        Ok(is_whole)
    }

    /// Reads all remaining movements, and those committed meanwhile, so that little is left for the commit.
    ///
    /// # Errors
    /// The store fails.
    pub(super) fn look_back_wholly(&mut self, store: &Store) -> Result<(), StoreError> {
        self.look_back(store, usize::MAX)?;
        self.look_forward(store)
    }

    /// Reads a number of pages. True if there are no more.
    fn look_back(&mut self, store: &Store, pages: usize) -> Result<bool, StoreError> {
        let Self { items, walk, .. } = self;
        for _ in 0..pages {
            if !walk.page(store, |movement| undo(items, movement))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look_forward(&mut self, store: &Store) -> Result<(), StoreError> {
        loop {
            let page = store.page_kept(&MOVEMENTS, Some(self.up_to + 1), Order::Ascending, PAGE)?;
            for movement in &page {
                undo(&mut self.items, movement);
                self.up_to = movement.number;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Reads what was committed since, inside a commit.
    pub(super) fn catch_up(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for number in self.up_to + 1..=transaction.last_number(MOVEMENT)? {
            let missing = || StoreError::Corrupt {
                table: MOVEMENTS.name(),
                key: number.to_string(),
                why: "it is missing".into(),
            };
            undo(&mut self.items, &transaction.get(&MOVEMENTS, number)?.ok_or_else(missing)?);
        }
        Ok(())
    }

    /// The movements of an item since it was counted.
    pub(super) fn of(&self, sku: &Sku, unit: Unit) -> i64 {
        self.items.get(&(sku.clone(), unit)).map_or(0, |(_, moved)| *moved)
    }
}

/// Adds the effect of a movement on items that were counted before it.
fn undo(items: &mut HashMap<Place, (i64, i64)>, movement: &Movement) {
    for line in &movement.lines {
        if let Some((counted_at_ms, moved)) = items.get_mut(&(line.sku.clone(), line.unit))
            && movement.at_ms > *counted_at_ms
        {
            *moved += line.effect(State::OnHand);
        }
    }
}
