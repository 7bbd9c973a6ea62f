//! Walks the movements back from the newest, in pages, outside the committer.
//!
//! A walk of a few pages waits for nobody. One that reaches further back (a count that was opened months ago) waits for other long ones, so that they
//! don't take the disk from the tills together; a short one never waits for it.

use std::{collections::HashMap, sync::Arc};

use commerce::{
    Sku, Unit,
    stock::{Movement, Place, State},
};
use store::{Order, Store, StoreError, Transaction};
use tokio::sync::Semaphore;

use super::{MOVEMENT, MOVEMENTS};
use crate::problem::Problem;

/// Movements read at once.
const PAGE: usize = 500;

/// How far the times of movements may be out of order: each is taken before its commit has waited. Longer than any wait.
const OUT_OF_ORDER_MS: i64 = 60_000;

/// Pages of a walk that waits for nobody: an hour or more of a busy store.
const SHORT: usize = 4;

/// One long walk over movements at a time.
pub(super) static LONG: Semaphore = Semaphore::const_new(1);

/// Reads when no other holder of the permit does. It is held by the reading itself, so that who asks and hangs up does not begin another beside it.
///
/// # Errors
/// The store fails.
pub(super) async fn alone<T: Send + 'static>(
    permit: &'static Semaphore,
    store: &Arc<Store>,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let held = permit.acquire().await.map_err(|error| Problem::internal(error.to_string()))?;
    aside(store, move |store| {
        let _held = held;
        read(store)
    })
    .await
}

/// Reads where no request is held up by it.
pub(super) async fn aside<T: Send + 'static>(
    store: &Arc<Store>,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = Arc::clone(store);
    let read = tokio::task::spawn_blocking(move || read(&store)).await;
    Ok(read.map_err(|error| Problem::internal(error.to_string()))??)
}

/// A walk over every movement at or after a moment, newest first, and some that are older.
struct Walk {
    since_ms: i64,
    /// The newest movement, once a page was looked at; 0 if there is none.
    newest: Option<u64>,
    /// Where the next page begins; at the newest without it.
    next: Option<u64>,
}

impl Walk {
    fn back_to(since_ms: i64) -> Self {
        Self { since_ms, newest: None, next: None }
    }

    /// Shows a page. False if there is none behind it.
    fn page(&mut self, store: &Store, each: impl FnMut(&Movement)) -> Result<bool, StoreError> {
        let page = store.page_kept(&MOVEMENTS, self.next, Order::Descending, PAGE)?;
        self.newest.get_or_insert(page.first().map_or(0, |movement| movement.number));
        page.iter().for_each(each);
        // A whole page: one movement of a clock that was wrong for a moment must not end the walk.
        let is_past = |movement: &Movement| movement.at_ms < self.since_ms.saturating_sub(OUT_OF_ORDER_MS);
        let last = page.last().filter(|last| last.number > 1 && !page.iter().all(is_past));
        self.next = last.map(|last| last.number - 1);
        Ok(self.next.is_some())
    }
}

/// Shows every movement at or after a moment, newest first, and some that are older.
///
/// # Errors
/// The store fails.
pub(super) fn walk_back(store: &Store, since_ms: i64, mut each: impl FnMut(&Movement)) -> Result<(), StoreError> {
    let mut walk = Walk::back_to(since_ms);
    while walk.page(store, &mut each)? {}
    Ok(())
}

/// What has to be undone of each item to know what was on hand when it was counted.
pub(super) struct Undo {
    /// The moment an item was counted, and what moved on hand since then.
    items: HashMap<Place, (i64, i64)>,
    /// The last movement that was looked at.
    up_to: u64,
}

impl Undo {
    /// Looks back to the earliest of the moments at which items were counted. Usually that is a page; a long walk waits for others, and holds none up
    /// that is short.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn look_back(
        store: &Arc<Store>,
        moments: impl Iterator<Item = (Place, i64)>,
    ) -> Result<Self, Problem> {
        let items: HashMap<_, _> = moments.map(|(place, at_ms)| (place, (at_ms, 0))).collect();
        let earliest = items.values().map(|(at_ms, _)| *at_ms).min().unwrap_or(i64::MAX);
        let (mut undo, mut walk) = (Self { items, up_to: 0 }, Walk::back_to(earliest));
        let begun = aside(store, move |store| {
            let more = undo.look(store, &mut walk, SHORT)?;
            undo.up_to = walk.newest.unwrap_or(0);
            Ok((undo, walk, more))
        });
        let (mut undo, mut walk, more) = begun.await?;
        if !more {
            return Ok(undo);
        }
        alone(&LONG, store, move |store| {
            undo.look(store, &mut walk, usize::MAX)?;
            undo.look_forward(store)?;
            Ok(undo)
        })
        .await
    }

    /// Looks at so many pages. False if there are no more.
    fn look(&mut self, store: &Store, walk: &mut Walk, pages: usize) -> Result<bool, StoreError> {
        for _ in 0..pages {
            if !walk.page(store, |movement| self.see(movement))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at what was committed during a long walk, so that little is left for the commit.
    fn look_forward(&mut self, store: &Store) -> Result<(), StoreError> {
        loop {
            let page = store.page_kept(&MOVEMENTS, Some(self.up_to + 1), Order::Ascending, PAGE)?;
            for movement in &page {
                self.see(movement);
                self.up_to = movement.number;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
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
        for number in self.up_to + 1..=transaction.last_number(MOVEMENT)? {
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
