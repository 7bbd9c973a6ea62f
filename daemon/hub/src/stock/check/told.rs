//! What documents tell of their goods, against the movements that refer to them.
//!
//! | document | movements | must be |
//! | --- | --- | --- |
//! | a notice's lines | `receipt`, `transfer_in` | what came, by its condition, less what was not tracked then |
//! | a transfer's lines | `transfer_out`, `arrival`, `shortfall` | what was sent; what arrived of it; the rest of it |
//! | a count's approved variances | `count` | the variance; or nothing, of an item that has a policy and may not have been tracked |
//!
//! Documents are forgotten in their time and movements never: those of a document that is gone are passed. So what is held is the lines of the documents
//! that are there, less what has been found.

use std::collections::BTreeMap;

use commerce::stock::{
    Count, Decision, Kind, Line, Movement, Notice, Place, State, Tally, Transfer,
    transfer::{Name, referred},
};
use store::{Checked, Store, StoreError};

use crate::stock::{
    documents::Document,
    notices::{KNOWN_FROM, NOTICE, TRANSFERS_IN},
    policies::POLICIES,
};

/// What of a document's goods may never have moved.
#[derive(Clone, Copy)]
enum Still {
    /// So much: thousandths that were not tracked.
    Untracked(i64),
    /// Nobody noted it: of hubs of before.
    Unknown,
    /// All of it, or nothing.
    All(i64),
}

/// Of an item of a document: what it tells, less what moved, in the order good, doubtful, damaged; and what may be left of that. Where goods have no
/// condition, they stand first.
#[derive(Clone, Copy)]
struct Left {
    milli: [i64; 3],
    still: Still,
}

impl Default for Left {
    /// Of an item that the document does not tell of.
    fn default() -> Self {
        Self { milli: [0; 3], still: Still::Untracked(0) }
    }
}

impl Left {
    fn is_right(&self, has_policy: impl FnOnce() -> Result<bool, StoreError>) -> Result<bool, StoreError> {
        Ok(match self.still {
            Still::Untracked(_) => self.by() == 0,
            Still::Unknown => self.milli.iter().all(|milli| *milli >= 0),
            Still::All(variance) => self.milli == [0; 3] || (self.milli == [variance, 0, 0] && has_policy()?),
        })
    }

    /// How far it is from right, in thousandths: what has not moved and should have, or has moved and should not, of any condition.
    fn by(&self) -> i64 {
        let untracked = if let Still::Untracked(milli) = self.still { milli } else { 0 };
        let sum = self.milli.iter().fold(0_i64, |sum, milli| sum.saturating_add(*milli));
        let too_much = self.milli.iter().map(|milli| milli.saturating_neg()).max().unwrap_or(0);
        sum.saturating_sub(untracked).saturating_abs().max(too_much)
    }
}

/// What the documents tell that are there, by the kind of movement and the document's number.
#[derive(Default)]
pub(super) struct Told(BTreeMap<(Kind, u64), BTreeMap<Place, Left>>);

impl Told {
    pub(super) fn by_notice(&mut self, store: &Store, notice: &Notice) -> Result<(), StoreError> {
        let is_known = store.get(&KNOWN_FROM, NOTICE)?.is_some_and(|first| notice.id >= first);
        let told = self.0.entry((notice.source.kind(), notice.id)).or_default();
        for line in &notice.lines {
            let milli = [line.good, line.doubtful, line.damaged];
            let still = if is_known { Still::Untracked(line.untracked) } else { Still::Unknown };
            if milli != [0; 3] {
                told.insert((line.sku.clone(), line.unit), Left { milli, still });
            }
        }
        Ok(())
    }

    pub(super) fn by_transfer(&mut self, transfer: &Transfer) {
        let mut tell = |kind, of: fn(i64, Option<i64>) -> i64| {
            let told = self.0.entry((kind, transfer.id)).or_default();
            for line in &transfer.lines {
                let milli = [of(line.sent, line.arrived), 0, 0];
                if milli != [0; 3] {
                    told.insert((line.sku.clone(), line.unit), Left { milli, ..Left::default() });
                }
            }
        };
        tell(Kind::TransferOut, |sent, _| sent);
        // More may have arrived than was sent; nothing moves for that.
        tell(Kind::Arrival, |sent, arrived| arrived.map_or(0, |arrived| arrived.min(sent)));
        tell(Kind::Shortfall, |sent, arrived| arrived.map_or(0, |arrived| sent.saturating_sub(arrived).max(0)));
    }

    pub(super) fn by_count(&mut self, count: &Count) {
        let told = self.0.entry((Kind::Count, count.id)).or_default();
        for line in count.lines.iter().filter(|line| line.decision == Some(Decision::Approved)) {
            let variance = line.tally.as_ref().map_or(0, Tally::variance);
            let left = Left { milli: [variance, 0, 0], still: Still::All(variance) };
            told.insert((line.sku.clone(), line.unit), left);
        }
    }

    /// Takes off what moved.
    pub(super) fn found(&mut self, store: &Store, movement: &Movement) -> Result<(), StoreError> {
        let Some(document) = document(store, movement)? else { return Ok(()) };
        let Some(told) = self.0.get_mut(&(movement.kind, document)) else { return Ok(()) };
        for line in &movement.lines {
            let left = told.entry((line.sku.clone(), line.unit)).or_default();
            let (condition, milli) = goods(line);
            left.milli[condition] = left.milli[condition].saturating_sub(milli);
            // Nothing is held of what is found: it is as if the document did not tell of it.
            if left.milli == [0; 3] && matches!(left.still, Still::Untracked(0)) {
                told.remove(&(line.sku.clone(), line.unit));
            }
        }
        Ok(())
    }

    /// Tells of what is left.
    pub(super) fn faults(self, store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
        for ((kind, id), told) in self.0 {
            for ((sku, _), left) in told {
                if !left.is_right(|| Ok(store.get(&POLICIES, sku.as_str())?.is_some()))? {
                    let document = of_kind(kind).map_or("document", Document::name);
                    let by = left.by();
                    checked.fault(format!(
                        "{document} {id} tells something else of item {sku} than its movements ({kind:?}), by {by} thousandths"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The kind of document that movements of a kind refer to, where goods are compared.
fn of_kind(kind: Kind) -> Option<Document> {
    match kind {
        Kind::Receipt | Kind::TransferIn => Some(Document::Notice),
        Kind::TransferOut | Kind::Arrival | Kind::Shortfall => Some(Document::Transfer),
        Kind::Count => Some(Document::Count),
        _ => None,
    }
}

/// The document that a movement refers to, if it is of a kind that is compared.
fn document(store: &Store, movement: &Movement) -> Result<Option<u64>, StoreError> {
    let Some(document) = of_kind(movement.kind) else { return Ok(None) };
    match (document, referred(&movement.reference)) {
        (Document::Notice, Some((sender, transfer))) => store.get(&TRANSFERS_IN, (sender, transfer)),
        (Document::Transfer, Some((_, transfer))) => Ok(transfer.parse().ok().map(|name: Name| name.id)),
        // Also of transfers, by hubs of before.
        _ => Ok(movement.reference.parse().ok()),
    }
}

/// A line's goods: their condition, and how many; less than none if a count takes them off.
fn goods(line: &Line) -> (usize, i64) {
    match (line.from, line.to) {
        (_, Some(State::Quarantined)) => (1, line.milli),
        (_, Some(State::Damaged)) => (2, line.milli),
        (Some(State::OnHand), None) => (0, line.milli.saturating_neg()),
        _ => (0, line.milli),
    }
}
