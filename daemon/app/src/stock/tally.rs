//! Noting what was counted.
//!
//! Movements since the moment an item was counted are undone: read back in pages before the commit
//! ([`CountedItems::look_back`]), and those that came in between by their numbers inside it. Without `counted_at_ms`
//! the moment is the arrival of the request, however long its commit waits then. A repeat arrives later: a register
//! that keeps a command, or repeats one, must say when it was counted.

use commerce::{
    MAX_LINES, Quantity, Sku,
    stock::{self, Count, Sums, Tally},
};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{TALLY, counts, history::Undo, ledger::position};
use crate::{By, Refusal};

/// What was counted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedQuantities {
    /// Each item once; one that was counted before is replaced.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<CountedLine>,
}

/// An item that was counted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedLine {
    /// Of what.
    pub sku: Sku,
    /// How much was there; may be nothing.
    pub quantity: Quantity,
    /// When, by the hub's clock: milliseconds since 1970, UTC. Without it, when this request arrives: a command that is
    /// kept before it is sent, or repeated, must say it.
    #[serde(default)]
    pub counted_at_ms: Option<i64>,
}

/// How far a count is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountProgress {
    /// Items counted.
    pub counted: usize,
    /// Items to be counted yet.
    pub remaining: usize,
}

/// An item that was counted, and when.
struct Counted {
    sku: Sku,
    quantity: Quantity,
    at_ms: i64,
}

/// Items that were counted, and what moved since: gathered before the commit that notes them.
pub struct CountedItems {
    items: Vec<Counted>,
    undo: Undo,
}

impl CountedItems {
    /// Items of a request that arrived now. Nothing is read back yet.
    ///
    /// # Errors
    /// There is no such count; or no items, too many, or one twice; or a moment lies before the count's opening or in
    /// the future.
    pub fn of(store: &Store, id: u64, quantities: &CountedQuantities, now_ms: i64) -> Result<Self, Refusal> {
        Ok(Self::of_count(&counts::stored(store, id)?, &quantities.lines, now_ms)?)
    }

    pub(super) fn of_count(count: &Count, lines: &[CountedLine], now_ms: i64) -> Result<Self, stock::Refusal> {
        if lines.is_empty() || lines.len() > MAX_LINES {
            return Err(if lines.is_empty() { stock::Refusal::NoLines } else { stock::Refusal::TooManyLines });
        }
        // The clock may have been set back since the opening.
        let now_ms = now_ms.max(count.opened_at_ms);
        let counted = |(index, line): (usize, &CountedLine)| {
            let sku = line.sku.clone();
            if lines.iter().skip(index + 1).any(|other| other.sku == sku) {
                return Err(stock::Refusal::Twice { sku });
            }
            let at_ms = line.counted_at_ms.unwrap_or(now_ms);
            if at_ms < count.opened_at_ms || at_ms > now_ms {
                return Err(stock::Refusal::NotDuringTheCount { sku });
            }
            Ok(Counted { sku, quantity: line.quantity, at_ms })
        };
        let items = lines.iter().enumerate().map(counted).collect::<Result<Vec<_>, _>>()?;
        let moments = items.iter().map(|item| ((item.sku.clone(), item.quantity.unit()), item.at_ms));
        let undo = Undo::back_to(moments);
        Ok(Self { items, undo })
    }

    /// Reads back what moved since, as far as the newest movements tell: an hour or more of a busy store. False if it
    /// takes [`Self::look_back_wholly`].
    ///
    /// # Errors
    /// The store fails.
    pub fn look_back(&mut self, store: &Store) -> Result<bool, StoreError> {
        self.undo.look_back_briefly(store)
    }

    /// Reads the rest back, after [`Self::look_back`]: months, for an item that was counted months ago. One caller at a
    /// time, so that they don't take the disk from the tills together.
    ///
    /// # Errors
    /// The store fails.
    pub fn look_back_wholly(&mut self, store: &Store) -> Result<(), StoreError> {
        self.undo.look_back_wholly(store)
    }

    #[cfg(test)]
    pub(super) fn undone(&self, sku: &Sku, unit: commerce::Unit) -> i64 {
        self.undo.of(sku, unit)
    }
}

/// Notes what was counted. `baskets` is what lies in open baskets: looked at before movements are read back, as near to
/// the moment as can be.
///
/// # Errors
/// There is no such count, it is closed, or an item can't be counted in it by this unit or at this moment.
pub fn tally(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: u64,
    counted: CountedItems,
    baskets: &Sums,
) -> Result<CountProgress, Refusal> {
    TALLY.require(&by.actor)?;
    let mut count = counts::read(transaction, id)?;
    let CountedItems { items, mut undo } = counted;
    undo.catch_up(transaction)?;
    let now_ms = by.at_ms.max(count.opened_at_ms);
    for Counted { sku, quantity, at_ms } in items {
        let on_hand = position(transaction, &sku, quantity.unit())?.on_hand;
        let tally = Tally {
            counted: quantity.milli(),
            expected: on_hand.saturating_sub(undo.of(&sku, quantity.unit())),
            counted_at_ms: at_ms,
            by: by.actor.clone(),
            in_baskets_when_counted: counts::in_baskets(baskets, &sku, quantity.unit()),
        };
        count.tally(&sku, quantity, tally, now_ms)?;
    }
    counts::put(transaction, &count)?;
    let counted = count.lines.iter().filter(|line| line.tally.is_some()).count();
    Ok(CountProgress { counted, remaining: count.lines.len() - counted })
}
