//! Recording counted quantities.
//!
//! Movements since the moment when an item was counted are subtracted: most are read in pages before the commit
//! ([`CountedItems::look_back`]), and those in between by number inside it. Without `counted_at_ms` the moment is the
//! arrival of the request, however long its commit waits. A repeated request arrives later, so a register that stores
//! or repeats a command must send the moment.

use commerce::{
    MAX_LINES, Quantity, Sku,
    stock::{self, Count, Sums, Tally},
};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{TALLY, counts, history::Undo, ledger::position};
use crate::{By, Refusal};

/// Counted quantities.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedQuantities {
    /// The items, each once; an earlier tally of an item is replaced.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<CountedLine>,
}

/// A counted item.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountedLine {
    /// The item.
    pub sku: Sku,
    /// The counted quantity, which may be zero.
    pub quantity: Quantity,
    /// When it was counted, by the hub's clock: milliseconds since 1970, UTC. The default is the arrival of this
    /// request, so a command that is stored before it is sent, or repeated, must send the moment.
    #[serde(default)]
    pub counted_at_ms: Option<i64>,
}

/// The progress of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountProgress {
    /// The number of counted items.
    pub counted: usize,
    /// The number of items still to be counted.
    pub remaining: usize,
}

/// A counted item and the moment.
struct Counted {
    sku: Sku,
    quantity: Quantity,
    at_ms: i64,
}

/// Counted items and the movements since, collected before the commit.
pub struct CountedItems {
    items: Vec<Counted>,
    undo: Undo,
}

impl CountedItems {
    /// The items of a request that has just arrived. Nothing is read back yet.
    ///
    /// # Errors
    /// The count does not exist; there are no items, too many, or one twice; or a moment is before the count's opening
    /// or in the future.
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

    /// Reads back the movements since then, as far as the newest pages go: an hour or more of a busy store. False if
    /// [`Self::look_back_wholly`] is needed.
    ///
    /// # Errors
    /// The store fails.
    pub fn look_back(&mut self, store: &Store) -> Result<bool, StoreError> {
        self.undo.look_back_briefly(store)
    }

    /// Reads back the rest, after [`Self::look_back`]: months, for an item that was counted months ago. Only one caller
    /// at a time, so that the disk stays free for the tills.
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

/// Records the counted quantities. `baskets` is the stock in open baskets, read before movements are read back, as
/// close to the moment as possible.
///
/// # Errors
/// The count does not exist or is closed, or an item can't be counted by this unit or at this moment.
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
