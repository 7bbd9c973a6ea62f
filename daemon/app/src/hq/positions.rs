//! The newest state first: current positions of the items that waiting events touch.

use std::{collections::BTreeSet, ops::RangeInclusive};

use commerce::{Unit, stock::State};
use contract::{
    Stream,
    positions::{MAX_LINES, Place},
};
use store::{Store, StoreError, Transaction};

use super::heard::Heard;
use crate::stock::records::POSITIONS;

/// Entries of the outbox read at once.
const PAGE: usize = 500;

/// Current positions, read at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry of the outbox's sales whose effect is in them.
    pub sales: u64,
    /// The last of its other movements.
    pub stock: u64,
    /// At most [`MAX_LINES`].
    pub lines: Vec<Place>,
}

/// The current positions of the items that these entries of the outbox touch. Blocks for as long as it takes to read
/// the entries' records; the committer is asked for [`MAX_LINES`] positions at a time.
///
/// # Errors
/// The store fails.
pub fn current_positions(
    store: &Store,
    backlog: Vec<(Stream, RangeInclusive<u64>)>,
) -> Result<Vec<Snapshot>, StoreError> {
    let touched: Vec<_> = touched(store, backlog)?.into_iter().collect();
    let snapshots = touched.chunks(MAX_LINES).map(|places| {
        let places = places.to_vec();
        // In the committer: nothing moves between the first position and the last, nor the entries that tell of it.
        store.commit_blocking(move |transaction| snapshot(transaction, &places))
    });
    let mut snapshots = snapshots.collect::<Result<Vec<_>, _>>()?;
    snapshots.retain(|snapshot| !snapshot.lines.is_empty());
    Ok(snapshots)
}

/// The items that entries touch.
fn touched(store: &Store, backlog: Vec<(Stream, RangeInclusive<u64>)>) -> Result<BTreeSet<(String, Unit)>, StoreError> {
    let (mut touched, mut heard) = (BTreeSet::new(), Heard::of(store));
    for (stream, sequences) in backlog {
        let mut next = *sequences.start();
        while next <= *sequences.end() {
            let entries = store.outbox(stream.as_str(), next, PAGE)?;
            let Some(last) = entries.last() else { break };
            next = last.sequence + 1;
            for entry in &entries {
                match heard.effects(&stream, entry) {
                    Ok(effects) => touched.extend(effects.into_iter().map(|(sku, unit, ..)| (sku, unit))),
                    // HQ hears that it is damaged, and no more.
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(touched)
}

fn snapshot(transaction: &mut Transaction<'_>, places: &[(String, Unit)]) -> Result<Snapshot, StoreError> {
    let mut lines = Vec::with_capacity(places.len());
    for (sku, unit) in places {
        match transaction.get(&POSITIONS, (sku.as_str(), unit.name())) {
            Ok(Some(position)) => {
                lines.push(Place::new(sku.clone(), *unit, State::ALL.map(|state| position.of(state))));
            }
            Ok(None) => {}
            // The check names it.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, item = %sku, "position is damaged; HQ is not told of it ahead");
            }
            Err(error) => return Err(error),
        }
    }
    let last = |stream: Stream| Ok::<_, StoreError>(transaction.next_in_outbox(stream.as_str())? - 1);
    Ok(Snapshot { sales: last(Stream::sales())?, stock: last(Stream::stock())?, lines })
}
