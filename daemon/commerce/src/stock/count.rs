//! Cycle counts: blind, right while selling goes on, decided by a person.
//!
//! - **Blind.** Whoever counts is shown the items, never what should be there; nor does a refusal tell
//!   ([`Refusal::without_quantity`]). Who asks for more and more until it is refused can find out; that leaves a trail
//!   of reservations and notes.
//! - **At that moment.** A counted quantity is compared with on_hand *when it was counted*: movements since then are
//!   undone for the comparison. Sales go on.
//! - **A delta.** What is approved is the variance, not the counted quantity, so sales between the count and the
//!   approval are right as well.
//! - **Seen.** Whoever decides names the variance that was read. A recount replaces it until then; what nobody has seen
//!   is not decided.
//! - **One at a time.** An item is in one open count only, by one unit, and nothing is counted before its count was
//!   opened: two variances that mean the same missing piece can't both be approved.
//!
//! ```text
//!   uncounted --quantity--> counted --approve--> approved (the variance moves)
//!                            ^  | \---reject---> rejected
//!                            |--' a recount replaces <--'
//! ```
//!
//! Only on_hand is counted: what is reserved, quarantined, damaged or in transit is set aside. Goods in a customer's
//! basket are on_hand until they are paid for, and not on the shelf; who counts while the store is full finds them
//! missing, and they are sold a minute later. So a tally has beside it what lay in open baskets as it was noted:
//! `variance + in_baskets_when_counted` is what is amiss, if those are all the goods that were off the shelf. They are
//! not always. What is in a trolley and not scanned, or in a basket that a register keeps to itself until it sells,
//! nobody can see; and of a quantity that is told long after it was counted, baskets were looked at when it was told.
//! It is for a person to judge, and never booked by itself; count busy items at quiet times.

use serde::{Deserialize, Serialize};

use super::{Line, Refusal, State};
use crate::{
    MAX_LINES,
    actor::Actor,
    item::Sku,
    quantity::{Quantity, Unit},
};

/// A count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Counts from 1.
    pub id: u64,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// When it was closed: by a person, or with the last approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// What is to be counted.
    pub lines: Vec<CountLine>,
}

/// An item of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountLine {
    /// Of what.
    pub sku: Sku,
    /// By which unit.
    pub unit: Unit,
    /// What was counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// What a person made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// A counted quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tally {
    /// What was there, in thousandths.
    pub counted: i64,
    /// What should have been there at that moment, in thousandths.
    pub expected: i64,
    /// When it was counted: milliseconds since 1970, UTC.
    pub counted_at_ms: i64,
    /// Who counted.
    pub by: Actor,
    /// What of it lay in open baskets then, in thousandths: scanned and not paid for, so off the shelf and still
    /// expected.
    pub in_baskets_when_counted: i64,
}

impl Tally {
    /// What is there too much; negative for what is missing.
    pub fn variance(&self) -> i64 {
        self.counted.saturating_sub(self.expected)
    }
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CountDecision))]
pub enum Decision {
    /// The books were wrong, and are corrected.
    Approved,
    /// The count was wrong.
    Rejected,
}

/// A variance as a person decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = DecidedVariance))]
pub struct Decided {
    /// Of what.
    pub sku: Sku,
    /// What a person decided.
    pub decision: Decision,
    /// The variance that was seen, in thousandths; refused if the item was counted again since, and another came of it.
    pub variance: i64,
}

impl Count {
    /// A count of some items.
    ///
    /// # Errors
    /// None, too many, or one twice.
    pub fn open(id: u64, opened_at_ms: i64, items: Vec<(Sku, Unit)>) -> Result<Self, Refusal> {
        if items.is_empty() {
            return Err(Refusal::NoLines);
        }
        if items.len() > MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        let mut lines: Vec<CountLine> = Vec::with_capacity(items.len());
        for (sku, unit) in items {
            if lines.iter().any(|line| line.sku == sku) {
                return Err(Refusal::Twice { sku });
            }
            lines.push(CountLine { sku, unit, tally: None, decision: None });
        }
        Ok(Self { id, opened_at_ms, closed_at_ms: None, lines })
    }

    /// Whether an item can be counted (again), by this unit, at this moment.
    ///
    /// # Errors
    /// Closed, not in it, another unit, approved already, or the moment lies before the count.
    pub fn may_tally(&self, sku: &Sku, quantity: Quantity, counted_at_ms: i64, now_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        let line = self.lines.iter().find(|line| line.sku == *sku);
        let line = line.ok_or_else(|| Refusal::NoSuchItem { sku: sku.clone(), document: "count" })?;
        if line.unit != quantity.unit() {
            return Err(Refusal::WrongUnit { sku: sku.clone(), kept: line.unit, asked: quantity.unit() });
        }
        if line.decision == Some(Decision::Approved) {
            return Err(Refusal::Closed { document: "count of this item" });
        }
        if counted_at_ms < self.opened_at_ms || counted_at_ms > now_ms {
            return Err(Refusal::NotDuringTheCount { sku: sku.clone() });
        }
        Ok(())
    }

    /// Notes what was counted; an earlier quantity, or its rejection, is replaced. Asks [`Self::may_tally`] before.
    ///
    /// # Errors
    /// As [`Self::may_tally`].
    pub fn tally(&mut self, sku: &Sku, quantity: Quantity, tally: Tally, now_ms: i64) -> Result<(), Refusal> {
        self.may_tally(sku, quantity, tally.counted_at_ms, now_ms)?;
        if let Some(line) = self.lines.iter_mut().find(|line| line.sku == *sku) {
            (line.tally, line.decision) = (Some(tally), None);
        }
        Ok(())
    }

    /// Decides an item's variance as it was seen; gives what moves. With its last approval the count is closed.
    ///
    /// # Errors
    /// Closed, not in it, not counted, decided already, or counted again since with another variance.
    pub fn decide(&mut self, decided: &Decided, at_ms: i64) -> Result<Option<Line>, Refusal> {
        let Decided { sku, decision, variance: seen } = decided;
        self.is_open()?;
        let line = self.lines.iter_mut().find(|line| line.sku == *sku);
        let line = line.ok_or_else(|| Refusal::NoSuchItem { sku: sku.clone(), document: "count" })?;
        let Some(tally) = line.tally.as_ref().filter(|_| line.decision.is_none()) else {
            return Err(Refusal::NothingToDecide { sku: sku.clone() });
        };
        let variance = tally.variance();
        if variance != *seen {
            return Err(Refusal::Recounted { sku: sku.clone(), seen: *seen, now: variance });
        }
        line.decision = Some(*decision);
        let (from, to) = if variance > 0 { (None, Some(State::OnHand)) } else { (Some(State::OnHand), None) };
        let correction = Line { sku: sku.clone(), milli: variance.saturating_abs(), unit: line.unit, from, to };
        if self.lines.iter().all(|line| line.decision == Some(Decision::Approved)) {
            self.closed_at_ms = Some(at_ms);
        }
        Ok((*decision == Decision::Approved && variance != 0).then_some(correction))
    }

    /// Ends it; what is not decided stays as it is, on record.
    ///
    /// # Errors
    /// Closed already.
    pub fn close(&mut self, at_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        self.closed_at_ms = Some(at_ms);
        Ok(())
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.closed_at_ms.is_none() { Ok(()) } else { Err(Refusal::Closed { document: "count" }) }
    }
}
