//! Walks the movements back from the newest, in pages, outside the committer.

use std::collections::HashMap;

use commerce::{
    Sku, Unit,
    stock::{Movement, Place, State},
};
use store::{Order, Store, StoreError, Transaction};
use tokio::sync::Semaphore;

use super::{MOVEMENT, MOVEMENTS};
use crate::selling::last_number;

/// Movements read at once.
const PAGE: usize = 500;

/// How far the times of movements may be out of order: each is taken before its commit has waited. Longer than any wait.
const OUT_OF_ORDER_MS: i64 = 60_000;

/// One walk at a time: held by the walk itself, so that who asks and hangs up does not begin another beside it.
pub(super) static WALK: Semaphore = Semaphore::const_new(1);

/// Shows every movement at or after a moment, newest first, and some that are older. Gives the number of the newest; 0 if there is none.
///
/// # Errors
/// The store fails.
pub(super) fn walk_back(store: &Store, since_ms: i64, mut each: impl FnMut(&Movement)) -> Result<u64, StoreError> {
    let (mut newest, mut from) = (None, None);
    loop {
        let page = store.page_kept(&MOVEMENTS, from, Order::Descending, PAGE)?;
        for movement in &page {
            newest.get_or_insert(movement.number);
            each(movement);
        }
        // A whole page: one movement of a clock that was wrong for a moment must not end the walk.
        let is_past = |movement: &Movement| movement.at_ms < since_ms.saturating_sub(OUT_OF_ORDER_MS);
        match page.last() {
            Some(last) if last.number > 1 && !page.iter().all(is_past) => from = Some(last.number - 1),
            _ => return Ok(newest.unwrap_or(0)),
        }
    }
}

/// What has to be undone of each item to know what was on hand when it was counted.
#[derive(Default)]
pub(super) struct Undo {
    /// The moment an item was counted, and what moved on hand since then.
    items: HashMap<Place, (i64, i64)>,
    /// The last movement that was looked at.
    up_to: u64,
}

impl Undo {
    /// Looks back to the earliest of the moments at which items were counted.
    pub(super) fn look_back(store: &Store, moments: impl Iterator<Item = (Place, i64)>) -> Result<Self, StoreError> {
        let mut undo = Self { items: moments.map(|(place, at_ms)| (place, (at_ms, 0))).collect(), up_to: 0 };
        if let Some(earliest) = undo.items.values().map(|(at_ms, _)| *at_ms).min() {
            undo.up_to = walk_back(store, earliest, |movement| undo.see(movement))?;
        }
        Ok(undo)
    }

    fn see(&mut self, movement: &Movement) {
        for line in &movement.lines {
            if let Some((counted_at_ms, moved)) = self.items.get_mut(&(line.sku.clone(), line.unit))
                && movement.at_ms > *counted_at_ms
            {
                *moved += line.effect(State::OnHand);
            }
        }
    }

    /// Looks at what was committed since, inside a commit.
    pub(super) fn catch_up(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if self.items.is_empty() {
            return Ok(());
        }
        for number in self.up_to + 1..=last_number(transaction, MOVEMENT)? {
            let missing = || StoreError::Corrupt {
                table: MOVEMENTS.name(),
                key: number.to_string(),
                why: "it is missing".into(),
            };
            self.see(&transaction.get(&MOVEMENTS, number)?.ok_or_else(missing)?);
        }
        Ok(())
    }

    /// What moved of an item since it was counted.
    pub(super) fn of(&self, sku: &Sku, unit: Unit) -> i64 {
        self.items.get(&(sku.clone(), unit)).map_or(0, |(_, moved)| *moved)
    }
}
