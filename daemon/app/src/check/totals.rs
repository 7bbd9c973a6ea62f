//! What documents say of their goods, against the movements that refer to them.
//!
//! | document | movements | must be |
//! | --- | --- | --- |
//! | a notice's lines | `receipt`, `transfer_in` | what came, by its condition, less what was not tracked then |
//! | a transfer's lines | `transfer_out`, `arrival`, `shortfall` | what was sent; what arrived of it; the rest of it |
//! | a count's approved variances | `count` | the variance; or nothing, of an item that has a policy and may not have been tracked |
//!
//! Documents are forgotten in their time and movements never: those of a document that is gone are passed. So what is
//! held in memory is the lines of the documents that are there, less what has been found.

use std::collections::{BTreeMap, HashMap};

use commerce::stock::{
    Count, Decision, Kind, Line, Movement, Notice, Place, Source, State, Tally, Transfer,
    transfer::{Name, referred},
};
use store::{Checked, Store, StoreError};

use super::readable;
use crate::stock::records::{Document, POLICIES};

/// How much of a document's goods may never have moved.
#[derive(Clone, Copy)]
enum Tolerance {
    /// Exactly this much, in thousandths: it was not tracked.
    Untracked(i64),
    /// All of a variance, or nothing.
    AllOrNothing(i64),
}

/// Of an item of a document: what it says, less what moved, in the order good, doubtful, damaged; and what may be left
/// of that. Where goods have no condition, they stand first.
#[derive(Clone, Copy)]
struct Remainder {
    milli: [i64; 3],
    tolerance: Tolerance,
}

impl Default for Remainder {
    /// Of an item that the document does not name.
    fn default() -> Self {
        Self { milli: [0; 3], tolerance: Tolerance::Untracked(0) }
    }
}

impl Remainder {
    fn is_right(&self, has_policy: impl FnOnce() -> Result<bool, StoreError>) -> Result<bool, StoreError> {
        Ok(match self.tolerance {
            Tolerance::Untracked(_) => self.difference() == 0,
            Tolerance::AllOrNothing(variance) => {
                self.milli == [0; 3] || (self.milli == [variance, 0, 0] && has_policy()?)
            }
        })
    }

    /// How far it is from right, in thousandths: what has not moved and should have, or has moved and should not, of
    /// any condition.
    fn difference(&self) -> i64 {
        let untracked = if let Tolerance::Untracked(milli) = self.tolerance { milli } else { 0 };
        let sum = self.milli.iter().fold(0_i64, |sum, milli| sum.saturating_add(*milli));
        let too_much = self.milli.iter().map(|milli| milli.saturating_neg()).max().unwrap_or(0);
        sum.saturating_sub(untracked).saturating_abs().max(too_much)
    }
}

/// What the documents that are there say of their goods.
#[derive(Default)]
pub(super) struct DocumentTotals {
    /// By the kind of movement and the document's number.
    remainders: BTreeMap<(Kind, u64), BTreeMap<Place, Remainder>>,
    /// Notices of other stores' transfers, as movements refer to them. The index of transfers is not asked: it may be
    /// damaged.
    transfers_in: HashMap<String, u64>,
}

impl DocumentTotals {
    pub(super) fn add_notice(&mut self, notice: &Notice) {
        if matches!(notice.source, Source::Store { .. }) {
            self.transfers_in.insert(notice.reference(), notice.id);
        }
        let lines = self.remainders.entry((notice.source.kind(), notice.id)).or_default();
        for line in &notice.lines {
            let milli = [line.good, line.doubtful, line.damaged];
            if milli != [0; 3] {
                let remainder = Remainder { milli, tolerance: Tolerance::Untracked(line.untracked) };
                lines.insert((line.sku.clone(), line.unit), remainder);
            }
        }
    }

    pub(super) fn add_transfer(&mut self, transfer: &Transfer) {
        let mut add = |kind, of: fn(i64, Option<i64>) -> i64| {
            let lines = self.remainders.entry((kind, transfer.id)).or_default();
            for line in &transfer.lines {
                let milli = [of(line.sent, line.arrived), 0, 0];
                if milli != [0; 3] {
                    lines.insert((line.sku.clone(), line.unit), Remainder { milli, ..Remainder::default() });
                }
            }
        };
        add(Kind::TransferOut, |sent, _| sent);
        // More may have arrived than was sent; nothing moves for that.
        add(Kind::Arrival, |sent, arrived| arrived.map_or(0, |arrived| arrived.min(sent)));
        add(Kind::Shortfall, |sent, arrived| arrived.map_or(0, |arrived| sent.saturating_sub(arrived).max(0)));
    }

    pub(super) fn add_count(&mut self, count: &Count) {
        let lines = self.remainders.entry((Kind::Count, count.id)).or_default();
        for line in count.lines.iter().filter(|line| line.decision == Some(Decision::Approved)) {
            let variance = line.tally.as_ref().map_or(0, Tally::variance);
            let tolerance = Tolerance::AllOrNothing(variance);
            lines.insert((line.sku.clone(), line.unit), Remainder { milli: [variance, 0, 0], tolerance });
        }
    }

    /// Takes off what moved.
    pub(super) fn subtract(&mut self, movement: &Movement) {
        let Some(document) = self.document(movement) else { return };
        let Some(lines) = self.remainders.get_mut(&(movement.kind, document)) else { return };
        for line in &movement.lines {
            let remainder = lines.entry((line.sku.clone(), line.unit)).or_default();
            let (condition, milli) = goods(line);
            remainder.milli[condition] = remainder.milli[condition].saturating_sub(milli);
            // Nothing is held of what is found: it is as if the document did not name it.
            if remainder.milli == [0; 3] && matches!(remainder.tolerance, Tolerance::Untracked(0)) {
                lines.remove(&(line.sku.clone(), line.unit));
            }
        }
    }

    /// The document that a movement refers to, if it is of a kind that is compared.
    fn document(&self, movement: &Movement) -> Option<u64> {
        match (document_of(movement.kind)?, referred(&movement.reference)) {
            (Document::Notice, Some(_)) => self.transfers_in.get(&movement.reference).copied(),
            (Document::Transfer, referred) => referred?.1.parse().ok().map(|name: Name| name.id),
            _ => movement.reference.parse().ok(),
        }
    }

    /// Reports what is left and should not be.
    pub(super) fn report(self, store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
        for ((kind, id), lines) in self.remainders {
            for ((sku, _), remainder) in lines {
                // A policy that can't be read is one.
                let has_policy =
                    || Ok(readable(checked, store.get(&POLICIES, sku.as_str()))?.is_none_or(|it| it.is_some()));
                if !remainder.is_right(has_policy)? {
                    let document = document_of(kind).map_or("document", Document::name);
                    let by = remainder.difference();
                    checked.fault(format!(
                        "{document} {id}, item {sku}: document and movements ({kind:?}) differ by {by} thousandths"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The kind of document that movements of a kind refer to, where goods are compared.
fn document_of(kind: Kind) -> Option<Document> {
    match kind {
        Kind::Receipt | Kind::TransferIn => Some(Document::Notice),
        Kind::TransferOut | Kind::Arrival | Kind::Shortfall => Some(Document::Transfer),
        Kind::Count => Some(Document::Count),
        _ => None,
    }
}

/// A line's goods: the place of their condition, and how many; negative if a count takes them off.
fn goods(line: &Line) -> (usize, i64) {
    match (line.from, line.to) {
        (_, Some(State::Quarantined)) => (1, line.milli),
        (_, Some(State::Damaged)) => (2, line.milli),
        (Some(State::OnHand), None) => (0, line.milli.saturating_neg()),
        _ => (0, line.milli),
    }
}
