//! Compares the goods in documents with the movements that reference them.
//!
//! | document | movements | must equal |
//! | --- | --- | --- |
//! | a notice's lines | `receipt`, `transfer_in` | received, by condition, less what was untracked then |
//! | a transfer's lines | `transfer_out`, `arrival`, `shortfall` | sent; arrived; the difference |
//! | a count's approved variances | `count` | the variance; or nothing, if the item may have been untracked |
//!
//! Documents are deleted after their retention period, movements never. Movements of deleted documents are skipped, so
//! memory only holds the lines of existing documents whose movements have not been found yet.

use std::collections::{BTreeMap, HashMap};

use commerce::stock::{
    Count, Decision, Kind, Line, Movement, Notice, Place, Source, State, Tally, Transfer,
    transfer::{Name, referred},
};
use store::{Checked, Store, StoreError};

use super::readable;
use crate::stock::records::{Document, POLICIES};

/// The quantity of a document that may never have moved.
#[derive(Clone, Copy)]
enum Tolerance {
    /// Exactly this much, in thousandths: it was untracked.
    Untracked(i64),
    /// The whole variance, or nothing.
    AllOrNothing(i64),
}

/// For an item of a document: its quantity less what moved, in the order good, doubtful, damaged, and the tolerated
/// rest. Goods without a condition count as good.
#[derive(Clone, Copy)]
struct Remainder {
    milli: [i64; 3],
    tolerance: Tolerance,
}

impl Default for Remainder {
    /// For an item that is not in the document.
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

    /// The difference in thousandths: what should have moved and has not, or the reverse, in any condition.
    fn difference(&self) -> i64 {
        let untracked = if let Tolerance::Untracked(milli) = self.tolerance { milli } else { 0 };
        let sum = self.milli.iter().fold(0_i64, |sum, milli| sum.saturating_add(*milli));
        let too_much = self.milli.iter().map(|milli| milli.saturating_neg()).max().unwrap_or(0);
        sum.saturating_sub(untracked).saturating_abs().max(too_much)
    }
}

/// The goods in the existing documents.
#[derive(Default)]
pub(super) struct DocumentTotals {
    /// By the kind of movement and the document's number.
    remainders: BTreeMap<(Kind, u64), BTreeMap<Place, Remainder>>,
    /// Notices of other stores' transfers, by the reference of their movements. The index of transfers is not used,
    /// because it may be damaged.
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
        // A surplus may have arrived, which moves nothing.
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

    /// Subtracts a movement.
    pub(super) fn subtract(&mut self, movement: &Movement) {
        let Some(document) = self.document(movement) else { return };
        let Some(lines) = self.remainders.get_mut(&(movement.kind, document)) else { return };
        for line in &movement.lines {
            let remainder = lines.entry((line.sku.clone(), line.unit)).or_default();
            let (condition, milli) = goods(line);
            remainder.milli[condition] = remainder.milli[condition].saturating_sub(milli);
            // A quantity that is complete is removed, as if the document did not have it.
            if remainder.milli == [0; 3] && matches!(remainder.tolerance, Tolerance::Untracked(0)) {
                lines.remove(&(line.sku.clone(), line.unit));
            }
        }
    }

    /// The document that a movement references, if its kind is compared.
    fn document(&self, movement: &Movement) -> Option<u64> {
        match (document_of(movement.kind)?, referred(&movement.reference)) {
            (Document::Notice, Some(_)) => self.transfers_in.get(&movement.reference).copied(),
            (Document::Transfer, referred) => referred?.1.parse().ok().map(|name: Name| name.id),
            _ => movement.reference.parse().ok(),
        }
    }

    /// Reports the differences that are left.
    pub(super) fn report(self, store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
        for ((kind, id), lines) in self.remainders {
            for ((sku, _), remainder) in lines {
                // A damaged policy counts as a policy.
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

/// The kind of document that movements of a kind reference, if their goods are compared.
fn document_of(kind: Kind) -> Option<Document> {
    match kind {
        Kind::Receipt | Kind::TransferIn => Some(Document::Notice),
        Kind::TransferOut | Kind::Arrival | Kind::Shortfall => Some(Document::Transfer),
        Kind::Count => Some(Document::Count),
        _ => None,
    }
}

/// The goods of a line: the index of their condition, and the quantity; negative if a count removes them.
fn goods(line: &Line) -> (usize, i64) {
    match (line.from, line.to) {
        (_, Some(State::Quarantined)) => (1, line.milli),
        (_, Some(State::Damaged)) => (2, line.milli),
        (Some(State::OnHand), None) => (0, line.milli.saturating_neg()),
        _ => (0, line.milli),
    }
}
