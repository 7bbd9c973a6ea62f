//! A store's part of an order: its lines and the states of their units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Change, GivenUp, Ordered, Payment, Place, Policy, State, Terms, clock::Clock};
use crate::{ids::OperatorId, item::Sku, money::Minor, stock::Sums};

/// A store's part of an order. Its hub and HQ have the same record, made from the same changes.
///
/// Its state is derived from its lines' units; it is not stored elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fulfilment {
    /// The terms that all parts of the order share.
    pub terms: Terms,
    /// The number of this part, from 1; never reused, not even for another store.
    pub part: u32,
    /// This store's lines, including substitutes. Lines for other stores are not included.
    pub lines: Vec<Line>,
    /// The time of the offer.
    pub offered_at_ms: i64,
    /// The time of the last notification that the goods are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at_ms: Option<i64>,
    /// The customer's arrival and waiting place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// The time at which the last unit was no longer open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// The end of the extended storage time, if it was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to_ms: Option<i64>,
    /// Why picked goods were not handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
    /// The carrier's tracking numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking: Vec<String>,
    /// The missed deadlines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breached: Vec<Clock>,
}

/// The customer's arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Arrival {
    /// The time of arrival.
    pub at_ms: i64,
    /// The parking bay or another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
}

/// A line of a fulfilment. Quantities are in thousandths of its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = FulfilmentLine))]
pub struct Line {
    /// The ordered item and quantity; if another store has a part of the line, only this store's part. For a
    /// substitute's line, the substitute at the charged price.
    pub ordered: Ordered,
    /// The replaced line, if this is a substitute's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u32>,
    /// The deviation of weighed goods from the ordered quantity; negative for less.
    #[serde(default, skip_serializing_if = "crate::stock::position::is_zero")]
    pub variance: i64,
    /// The quantity in each state. The sum is the ordered quantity plus the variance.
    pub units: BTreeMap<State, i64>,
    /// The picker's claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The places of packed goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<Staged>,
}

/// A picker's claim of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PickerClaim))]
pub struct Claim {
    /// The picker.
    pub picker: OperatorId,
    /// The end of the claim.
    pub until_ms: i64,
}

/// Goods that were put into a staging place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Staged {
    /// The place.
    pub place: Place,
    /// The quantity.
    pub milli: i64,
    /// The temperature, in tenths of a degree Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_deci_celsius: Option<i16>,
    /// The time.
    pub at_ms: i64,
}

impl Line {
    /// A line with all its units in one state.
    pub(super) fn new(ordered: Ordered, instead_of: Option<u32>, state: State) -> Self {
        let units = BTreeMap::from([(state, ordered.quantity.milli())]);
        Self { ordered, instead_of, variance: 0, units, claim: None, staged: Vec::new() }
    }

    /// The quantity in a state.
    pub fn of(&self, state: State) -> i64 {
        self.units.get(&state).copied().unwrap_or(0)
    }

    /// The quantity in the states for which `of` holds.
    pub fn sum(&self, of: impl Fn(State) -> bool) -> i64 {
        self.units.iter().filter(|(state, _)| of(**state)).map(|(_, milli)| milli).sum()
    }

    /// The quantity that is reserved for the line.
    pub fn open(&self) -> i64 {
        self.sum(State::is_open)
    }

    /// The state.
    pub fn state(&self) -> Option<State> {
        State::of_many(self.units.keys().copied())
    }

    /// The charge for handed-over and shipped goods. Weighed goods are charged by the measured weight, prepaid goods
    /// at most with the amount paid.
    pub fn charge(&self, payment: &Payment) -> Minor {
        self.charge_with(payment, 0)
    }

    /// The additional charge when another `more` thousandths leave the store.
    pub fn charge_for(&self, payment: &Payment, more: i64) -> Minor {
        self.charge_with(payment, more) - self.charge(payment)
    }

    /// The charge after another `more` thousandths are handed over.
    fn charge_with(&self, payment: &Payment, more: i64) -> Minor {
        let taken = self.sum(|state| matches!(state, State::HandedOver | State::Shipped));
        let cost = self.ordered.cost(taken.saturating_add(more));
        match payment {
            Payment::Prepaid { .. } => cost.min(self.ordered.cost(self.ordered.quantity.milli())),
            Payment::AtPickup => cost,
        }
    }

    pub(super) fn add(&mut self, state: State, milli: i64) {
        let units = self.units.entry(state).or_default();
        *units += milli;
        if *units == 0 {
            self.units.remove(&state);
        }
    }
}

impl Fulfilment {
    /// The state.
    pub fn state(&self) -> Option<State> {
        let state = State::of_many(self.lines.iter().flat_map(|line| line.units.keys().copied()))?;
        match (state, self.given_up) {
            (State::Returning | State::Returned, Some(why)) => Some(why.state()),
            _ => Some(state),
        }
    }

    /// Whether the store still owes something to the customer.
    pub fn is_open(&self) -> bool {
        self.lines.iter().any(|line| line.open() > 0)
    }

    /// The reserved quantities: the content of the fulfilment's [`Reservation`](crate::stock::Reservation).
    pub fn held(&self) -> Sums {
        let mut sums = Sums::new();
        for line in self.lines.iter().filter(|line| line.open() > 0) {
            *sums.entry(line.ordered.place()).or_default() += line.open();
        }
        sums
    }

    /// A line by its number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.ordered.number == number)
    }

    /// An open line of an item.
    pub fn open_line_of(&self, sku: &Sku) -> Option<&Line> {
        self.lines.iter().find(|line| line.ordered.sku == *sku && line.open() > 0)
    }

    /// The end of the storage time for the customer; `None` if it is not known yet.
    pub fn kept_until_ms(&self, policy: &Policy) -> Option<i64> {
        let after_ready = || self.ready_at_ms.map(|at_ms| at_ms.saturating_add(policy.keep_ms));
        self.extended_to_ms.or(self.terms.keep_until_ms).or_else(after_ready)
    }

    /// How long the customer has waited, or waited until the end; `None` before the arrival.
    pub fn waited_ms(&self, now_ms: i64) -> Option<i64> {
        let since = self.arrival.as_ref()?.at_ms;
        Some(self.ended_at_ms.unwrap_or(now_ms).saturating_sub(since).max(0))
    }

    /// The charge for the goods that the customer received.
    pub fn charged(&self) -> Minor {
        self.lines.iter().map(|line| line.charge(&self.terms.payment)).sum()
    }

    /// The amount that the customer still has to pay for these amounts.
    pub fn due(&self, amounts: &[Amount]) -> Minor {
        let payment = &self.terms.payment;
        if matches!(payment, Payment::Prepaid { .. }) {
            return Minor::ZERO;
        }
        let named = amounts.iter().filter_map(|amount| self.line(amount.line).map(|line| (line, amount.milli)));
        named.map(|(line, milli)| line.charge_for(payment, milli)).sum()
    }

    /// Applies a change that [`decide`](super::decide) returned for this state. The hub does so in the commit of the
    /// command, HQ when it receives the event.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Moved { line, from, to, milli, .. } => {
                if let Some(line) = self.line_mut(*line) {
                    line.add(*from, -milli);
                    line.add(*to, *milli);
                    if line.of(State::Picking) == 0 {
                        line.claim = None;
                    }
                    if line.open() == 0 && line.of(State::Returning) == 0 {
                        line.staged.clear();
                    }
                }
            }
            Change::Claimed { line, claim } => {
                if let Some(line) = self.line_mut(*line) {
                    line.claim = Some(claim.clone());
                }
            }
            Change::Weighed { line, milli } => {
                if let Some(line) = self.line_mut(*line) {
                    line.variance += milli;
                    line.add(State::Picking, *milli);
                }
            }
            Change::Added { line } => self.lines.push((**line).clone()),
            Change::Staged { line, staged } => {
                if let Some(line) = self.line_mut(*line) {
                    line.staged.push(staged.clone());
                }
            }
            Change::Repriced { line, price } => {
                if let Some(line) = self.line_mut(*line) {
                    line.ordered.price = *price;
                }
            }
            Change::Readied { at_ms } => self.ready_at_ms = Some(*at_ms),
            Change::Arrived { arrival } => self.arrival = Some(arrival.clone()),
            Change::Extended { until_ms } => self.extended_to_ms = Some(*until_ms),
            Change::GaveUp { why } => self.given_up = Some(*why),
            Change::Tracked { number } => self.tracking.push(number.clone()),
            Change::Breached { clock, .. } => self.breached.push(*clock),
            Change::Ended { at_ms } => self.ended_at_ms = Some(*at_ms),
            Change::Rejected { .. } | Change::Checked { .. } | Change::Stock { .. } => {}
        }
    }

    fn line_mut(&mut self, number: u32) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.ordered.number == number)
    }
}
