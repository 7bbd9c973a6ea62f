//! Cycle counts: blind, valid while the store sells, and decided by a person.
//!
//! - **Blind.** The counter sees the items, never the expected quantity, and refusals do not reveal it
//!   ([`Refusal::without_quantity`]). Somebody who probes with larger and larger requests can find it out, but leaves a
//!   trail of reservations and notes.
//! - **As of the count.** A counted quantity is compared with on_hand at the moment when it was counted: later
//!   movements are subtracted for the comparison. Sales continue.
//! - **A delta.** Approval books the variance, not the counted quantity, so sales between the count and the approval
//!   stay correct.
//! - **Seen.** The decision names the variance that the person has seen. If a recount has changed it, the decision is
//!   refused.
//! - **Exclusive.** An item is in at most one open count, by one unit, and `counted_at` is never before the count was
//!   opened. So two variances for the same missing piece cannot both be approved.
//!
//! ```text
//!   uncounted --quantity--> counted --approve--> approved (the variance moves)
//!                            ^  | \---reject---> rejected
//!                            |--' a recount replaces <--'
//! ```
//!
//! Only on_hand is counted; stock that is reserved, quarantined, damaged or in transit is set aside. Goods in a
//! customer's basket are on_hand until they are paid, but not on the shelf: a count in a busy store misses them, and a
//! minute later they are sold. A tally therefore also records what was in open baskets: `variance +
//! in_baskets_when_counted` is the true difference if those are all the goods off the shelf. They may not be. The hub
//! cannot see goods in a trolley that are not scanned yet, or a basket that a register keeps to itself; and if a
//! quantity is reported long after it was counted, the baskets at the time of the report are used. A person judges
//! this; the hub never books it by itself. Count busy items at quiet times.

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
    /// The number of the count, from 1.
    pub id: u64,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// When it was closed: by a person, or by the last approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// The items to count.
    pub lines: Vec<CountLine>,
}

/// An item of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountLine {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// The latest tally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// The decision, once a person has made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// A counted quantity and what it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tally {
    /// The quantity found, in thousandths.
    pub counted: i64,
    /// The quantity expected at that moment, in thousandths.
    pub expected: i64,
    /// When it was counted: milliseconds since 1970, UTC.
    pub counted_at_ms: i64,
    /// Who counted.
    pub by: Actor,
    /// The quantity in open baskets at that moment, in thousandths: scanned and not paid, so off the shelf and still
    /// expected.
    pub in_baskets_when_counted: i64,
}

impl Tally {
    /// The surplus; negative if goods are missing.
    pub fn variance(&self) -> i64 {
        self.counted.saturating_sub(self.expected)
    }
}

/// A person's decision on a variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CountDecision))]
pub enum Decision {
    /// The books were wrong and are corrected.
    Approved,
    /// The count was wrong.
    Rejected,
}

/// A person's decision on a variance as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = DecidedVariance))]
pub struct Decided {
    /// The item.
    pub sku: Sku,
    /// The decision.
    pub decision: Decision,
    /// The variance that was seen, in thousandths; refused if a recount has changed it since.
    pub variance: i64,
}

impl Count {
    /// Opens a count of items.
    ///
    /// # Errors
    /// No items, too many, or one of them twice.
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

    /// Whether an item can be counted (again) by this unit at this moment.
    ///
    /// # Errors
    /// Closed, not in the count, a different unit, already approved, or the moment is outside the count.
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

    /// Records a tally and replaces an earlier one or its rejection. Checks [`Self::may_tally`] first.
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

    /// Decides an item's variance; returns the line to book, if any. The last approval closes the count.
    ///
    /// # Errors
    /// Closed, not in the count, not counted, already decided, or counted again since with a different variance.
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

    /// Closes the count; items without a decision stay as they are, on record.
    ///
    /// # Errors
    /// Already closed.
    pub fn close(&mut self, at_ms: i64) -> Result<(), Refusal> {
        self.is_open()?;
        self.closed_at_ms = Some(at_ms);
        Ok(())
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.closed_at_ms.is_none() { Ok(()) } else { Err(Refusal::Closed { document: "count" }) }
    }
}
