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

use std::collections::{BTreeMap, HashMap};

use commerce::stock::{
    Count, Decision, Kind, Line, Movement, Notice, Place, Source, State, Tally, Transfer,
    transfer::{Name, referred},
};
use store::{Checked, Store, StoreError};

use super::readable;
use crate::stock::{documents::Document, policies::POLICIES};

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

/// What the documents tell that are there.
#[derive(Default)]
pub(super) struct Told {
    /// By the kind of movement and the document's number.
    left: BTreeMap<(Kind, u64), BTreeMap<Place, Left>>,
    /// Notices of other stores' transfers, as movements refer to them. The index of transfers is not asked: it may be damaged.
    transfers_in: HashMap<String, u64>,
}

impl Told {
    /// `is_known` if its lines tell what was not tracked.
    pub(super) fn by_notice(&mut self, notice: &Notice, is_known: bool) {
        if matches!(notice.source, Source::Store { .. }) {
            self.transfers_in.insert(notice.reference(), notice.id);
        }
        let told = self.left.entry((notice.source.kind(), notice.id)).or_default();
        for line in &notice.lines {
            let milli = [line.good, line.doubtful, line.damaged];
            let still = if is_known { Still::Untracked(line.untracked) } else { Still::Unknown };
            if milli != [0; 3] {
                told.insert((line.sku.clone(), line.unit), Left { milli, still });
            }
        }
    }

    pub(super) fn by_transfer(&mut self, transfer: &Transfer) {
        let mut tell = |kind, of: fn(i64, Option<i64>) -> i64| {
            let told = self.left.entry((kind, transfer.id)).or_default();
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
        let told = self.left.entry((Kind::Count, count.id)).or_default();
        for line in count.lines.iter().filter(|line| line.decision == Some(Decision::Approved)) {
            let variance = line.tally.as_ref().map_or(0, Tally::variance);
            let left = Left { milli: [variance, 0, 0], still: Still::All(variance) };
            told.insert((line.sku.clone(), line.unit), left);
        }
    }

    /// Takes off what moved.
    pub(super) fn found(&mut self, movement: &Movement) {
        let Some(document) = self.document(movement) else { return };
        let Some(told) = self.left.get_mut(&(movement.kind, document)) else { return };
        for line in &movement.lines {
            let left = told.entry((line.sku.clone(), line.unit)).or_default();
            let (condition, milli) = goods(line);
            left.milli[condition] = left.milli[condition].saturating_sub(milli);
            // Nothing is held of what is found: it is as if the document did not tell of it.
            if left.milli == [0; 3] && matches!(left.still, Still::Untracked(0)) {
                told.remove(&(line.sku.clone(), line.unit));
            }
        }
    }

    /// The document that a movement refers to, if it is of a kind that is compared.
    fn document(&self, movement: &Movement) -> Option<u64> {
        match (of_kind(movement.kind)?, referred(&movement.reference)) {
            (Document::Notice, Some(_)) => self.transfers_in.get(&movement.reference).copied(),
            (Document::Transfer, Some((_, transfer))) => transfer.parse().ok().map(|name: Name| name.id),
            // Also of transfers, by hubs of before.
            _ => movement.reference.parse().ok(),
        }
    }

    /// Tells of what is left.
    pub(super) fn faults(self, store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
        for ((kind, id), told) in self.left {
            for ((sku, _), left) in told {
                // One that can't be read is one.
                let has_policy =
                    || Ok(readable(checked, store.get(&POLICIES, sku.as_str()))?.is_none_or(|it| it.is_some()));
                if !left.is_right(has_policy)? {
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

/// A line's goods: their condition, and how many; less than none if a count takes them off.
fn goods(line: &Line) -> (usize, i64) {
    match (line.from, line.to) {
        (_, Some(State::Quarantined)) => (1, line.milli),
        (_, Some(State::Damaged)) => (2, line.milli),
        (Some(State::OnHand), None) => (0, line.milli.saturating_neg()),
        _ => (0, line.milli),
    }
}
