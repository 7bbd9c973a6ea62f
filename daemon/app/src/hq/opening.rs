//! The opening stock that HQ needs at the beginning of an epoch.
//!
//! HQ sums up a store's positions by epoch, from zero. A restored store begins an epoch with stock, and with entries in
//! its outbox that HQ had not acknowledged when the backup was taken. These are sent in the new epoch, and HQ adds
//! their movements. So the opening is
//!
//! ```text
//! opening = positions - the effect of the outbox in this epoch
//! ```
//!
//! and HQ's sum equals the store's positions, in whatever order sales, movements and opening arrive. The opening is
//! written at the start, before anybody is served, as entries of the stream `stock` in parts whose bodies ([`Part`])
//! never change. Written parts are themselves in the outbox. So if writing is interrupted, the same formula gives what
//! is left to write; it gives nothing for an epoch that has been opened, or that began with the store's creation.
//! [`OPENED`] only saves the next start the walk.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, between two commits of parts | the next start writes the rest |
//! | power, before the last commit, which notes the completion | the same |
//! | the disk fails or is full | reported; a later start writes the rest, from the stock at that time |
//! | restored again before HQ has the opening | the parts are sent in the new epoch, which accounts for them |
//! | HQ gets a part twice | HQ knows its sequence number and drops it |
//! | an entry's record is damaged | HQ gets a placeholder without effect, so its stock stays in the opening |
//! | a position is damaged | the opening has the other positions; the check names the damaged one |
//! | restored, and HQ's cursor is before the outbox | the epoch begins with the kept entries; the rest is here |
//! | restored, and sales that HQ needs were deleted | HQ gets placeholders; their stock stays in the opening |
//! | entries or sales were deleted before the opening | unknown what HQ has: no opening, and the log says so |
//!
//! The cost is a walk over all positions and over the epoch's entries in the outbox, once per epoch; [`AT_ONCE`] parts
//! share a commit.

use std::collections::BTreeMap;

use commerce::{
    Unit,
    stock::{Position, State},
};
use contract::{
    StockOpened, Stream,
    stock::{OPENED as OPENED_KIND, OPENING_LINES, Standing},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Name, Number, Order, Purpose, Store, StoreError, Table, Transaction, outbox::Entry};

use super::heard::{Effect, Heard};
use crate::{Retention, Tidied, outgoing, selling, stock::records::POSITIONS};

/// The parts of openings by their sequence number in the stream `stock`.
static PARTS: Table<Number, Part> = Table::new("stock_opening");
/// The latest epoch that was opened.
static OPENED: Table<Name, u64> = Table::new("stock_opened");

/// The only key of [`OPENED`].
const EPOCH: &str = "epoch";

/// Parts per commit.
const AT_ONCE: usize = 16;

/// Entries of the outbox per read.
const PAGE: usize = 500;

/// A part of an opening as HQ receives it. Never changes; deleted with its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    sequence: u64,
    #[serde(flatten)]
    opened: StockOpened,
}

/// Quantities in thousandths by item, unit and state.
type Standings = BTreeMap<(String, Unit, State), i64>;

/// Queues the opening stock of this epoch for HQ, if it is not queued yet. Blocks; nobody else may write meanwhile.
///
/// # Errors
/// The store fails or is full, or its outbox has a gap. The hub serves all the same: a later start writes the rest.
pub fn open_epoch(store: &Store, at_ms: i64) -> Result<(), StoreError> {
    open_within(store, at_ms, usize::MAX)
}

/// The same, interrupted after a number of commits.
fn open_within(store: &Store, at_ms: i64, commits: usize) -> Result<(), StoreError> {
    // An unreadable note counts as none: the formula gives the rest.
    if matches!(store.get(&OPENED, EPOCH), Ok(Some(epoch)) if epoch == store.epoch()) {
        return Ok(());
    }
    let lines = remaining(store)?;
    if !lines.is_empty() {
        tracing::info!(lines = lines.len(), epoch = store.epoch(), "queueing the opening stock for HQ");
    }
    // Copied and split per commit, because a large store has hundreds of thousands of lines.
    let batches = lines.chunks(AT_ONCE * OPENING_LINES);
    let needed = batches.len();
    for lines in batches.take(commits) {
        let lines = lines.to_vec();
        // It can wait until the disk has space; no payment depends on it.
        store.commit_blocking_for(Purpose::Ordinary, move |transaction| {
            let mut parts = lines.chunks(OPENING_LINES).map(<[Standing]>::to_vec);
            parts.try_for_each(|lines| write(transaction, StockOpened { at_ms, lines }))
        })?;
    }
    if commits <= needed {
        return Ok(());
    }
    let epoch = store.epoch();
    store.commit_blocking(move |transaction| transaction.put(&OPENED, EPOCH, &epoch))
}

/// The body of a part's event.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let part = part_at(store, entry.sequence)?;
    outgoing::written(&OPENED_KIND, &part.ok_or_else(|| outgoing::missing("stock_opening", entry))?, entry)
}

/// The part of an opening with a sequence number.
pub(super) fn part_at(store: &Store, sequence: u64) -> Result<Option<StockOpened>, StoreError> {
    Ok(store.get(&PARTS, sequence)?.map(|part| part.opened))
}

/// Deletes parts whose entries are deleted.
pub(super) fn tidy(store: &Store, _: &Retention) -> Result<Tidied, StoreError> {
    let first_kept = store.outbox_span(Stream::stock().as_str())?.first_kept;
    let is_over = move |part: &Part| part.sequence < first_kept;
    let may_be_over = match store.page(&PARTS, None, Order::Ascending, 1) {
        Ok(oldest) => oldest.first().is_some_and(is_over),
        // It stays for the check to find; later parts are deleted.
        Err(StoreError::Corrupt { .. }) => true,
        Err(error) => return Err(error),
    };
    let forgotten = if may_be_over { store.forget(&PARTS, is_over)? } else { 0 };
    Ok(vec![("stock_openings", forgotten)])
}

fn write(transaction: &mut Transaction<'_>, opened: StockOpened) -> Result<(), StoreError> {
    let (stream, at_ms) = (Stream::stock(), opened.at_ms);
    let sequence = transaction.next_in_outbox(stream.as_str())?;
    transaction.put(&PARTS, sequence, &Part { sequence, opened })?;
    transaction.append_to_outbox(stream.as_str(), OPENED_KIND.name(), at_ms, &format!("opening-{sequence}")).map(drop)
}

/// The stock that HQ has not received in this epoch and will not receive from the outbox.
fn remaining(store: &Store) -> Result<Vec<Standing>, StoreError> {
    let span = |stream: Stream| store.outbox_span(stream.as_str());
    let (sales, stock) = (span(Stream::sales())?, span(Stream::stock())?);
    // Sales deleted before the epoch began are sent without effect and stay in the opening. For sales deleted since, it
    // is unknown whether HQ received them in this epoch.
    let may_be_told = selling::given_up_to(store)? > sales.base && sales.acknowledged > sales.base;
    if may_be_told || [sales, stock].iter().any(|span| span.first_kept > span.base + 1) {
        tracing::warn!(
            epoch = store.epoch(),
            "cannot compute the opening stock for HQ: events sent in this epoch are no longer kept; HQ counts the \
             stock from the next restore"
        );
        return Ok(Vec::new());
    }
    // HQ receives everything since the store's creation.
    if (sales.base, stock.base) == (0, 0) && selling::given_up_to(store)? == 0 {
        return Ok(Vec::new());
    }
    let (mut said, mut heard) = (Standings::new(), Heard::of(store));
    for (span, stream) in [(sales, Stream::sales()), (stock, Stream::stock())] {
        let mut next = span.base + 1;
        while next <= span.last {
            let entries = store.outbox(stream.as_str(), next, PAGE)?;
            let Some(last) = entries.last() else { break };
            next = last.sequence + 1;
            for entry in &entries {
                match heard.effects(&stream, entry) {
                    Ok(effects) => add(&mut said, effects),
                    // HQ gets a placeholder without effect.
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    let mut lines = Vec::new();
    store.each(&POSITIONS, |position| match position {
        Ok(position) => lines.extend(beyond(&position, &said)),
        Err(error) => tracing::error!(%error, "position is damaged; omitting it from the opening stock for HQ"),
    })?;
    Ok(lines)
}

fn add(said: &mut Standings, effects: Vec<Effect>) {
    for (sku, unit, state, milli) in effects {
        *said.entry((sku, unit, state)).or_default() += milli;
    }
}

/// The part of a position that is not in `said`.
fn beyond(position: &Position, said: &Standings) -> Vec<Standing> {
    let standing = |state| {
        let (sku, unit) = (position.sku.to_string(), position.unit);
        let said = said.get(&(sku.clone(), unit, state)).copied().unwrap_or(0);
        Standing { sku, unit, state, quantity_milli: position.of(state).saturating_sub(said) }
    };
    State::ALL.map(standing).into_iter().filter(|line| line.quantity_milli != 0).collect()
}

#[cfg(test)]
mod tests;
