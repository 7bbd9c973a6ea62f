//! A store's part of an order: its lines, and where their units stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Change, GivenUp, Ordered, Payment, Place, Policy, State, Terms, clock::Clock};
use crate::{ids::OperatorId, item::Sku, money::Minor, stock::Sums};

/// A store's part of an order. Its hub has the record, and HQ the same one, made of the same changes.
///
/// Its states are those of its lines' units; nothing else says where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fulfilment {
    /// What the order's parts have in common.
    pub terms: Terms,
    /// Which part of the order it is, from 1; never given again, also not to another store.
    pub part: u32,
    /// What this store has to do, and substitutes. Lines of the order that go to other stores are not among them.
    pub lines: Vec<Line>,
    /// When it was offered to the store.
    pub offered_at_ms: i64,
    /// When the customer was told that it is ready, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at_ms: Option<i64>,
    /// When the customer came, and where they wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// When nothing of it was open any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// Until when it is kept for the customer, if that was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_to_ms: Option<i64>,
    /// Why goods that were picked were not handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
    /// By which number the carrier knows what was shipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking: Vec<String>,
    /// The promises that were broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breached: Vec<Clock>,
}

/// The customer is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Arrival {
    /// Since when.
    pub at_ms: i64,
    /// The parking bay, or whatever else says where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
}

/// A line of a fulfilment. Quantities are in thousandths of its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = FulfilmentLine))]
pub struct Line {
    /// What was ordered; of a line that another store has a part of, this store's part. Of a substitute's line, what
    /// goes in the other's place, for the price that it is charged at.
    pub ordered: Ordered,
    /// The line it stands for, if it is a substitute's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u32>,
    /// What weighed goods came to beyond what was ordered; negative if they came to less.
    #[serde(default, skip_serializing_if = "crate::stock::position::is_zero")]
    pub variance: i64,
    /// How much is in each state. Together they are what was ordered and the variance.
    pub units: BTreeMap<State, i64>,
    /// Who picks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Where packed goods are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<Staged>,
}

/// A picker has a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PickerClaim))]
pub struct Claim {
    /// Who.
    pub picker: OperatorId,
    /// Until when nobody else may take it.
    pub until_ms: i64,
}

/// Goods that were put into a staging place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Staged {
    /// Where.
    pub place: Place,
    /// How much.
    pub milli: i64,
    /// How warm it was, in tenths of a degree Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_deci_celsius: Option<i16>,
    /// When.
    pub at_ms: i64,
}

impl Line {
    /// A line with all its units in one state.
    pub(super) fn new(ordered: Ordered, instead_of: Option<u32>, state: State) -> Self {
        let units = BTreeMap::from([(state, ordered.quantity.milli())]);
        Self { ordered, instead_of, variance: 0, units, claim: None, staged: Vec::new() }
    }

    /// How much is in a state.
    pub fn of(&self, state: State) -> i64 {
        self.units.get(&state).copied().unwrap_or(0)
    }

    /// How much is in states of a kind.
    pub fn sum(&self, of: impl Fn(State) -> bool) -> i64 {
        self.units.iter().filter(|(state, _)| of(**state)).map(|(_, milli)| milli).sum()
    }

    /// What is reserved for it.
    pub fn open(&self) -> i64 {
        self.sum(State::is_open)
    }

    /// Where it stands.
    pub fn state(&self) -> Option<State> {
        State::of_many(self.units.keys().copied())
    }

    /// What the customer is charged for what was handed over or shipped. For weighed goods that is what the scale said;
    /// but what is prepaid costs at most what was paid for it.
    pub fn charge(&self, payment: &Payment) -> Minor {
        self.charge_with(payment, 0)
    }

    /// The same once `more` of it is handed over.
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
    /// Where it stands.
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

    /// What is reserved for it: what its [`Reservation`](crate::stock::Reservation) holds.
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

    /// A line of an item that is open.
    pub fn open_line_of(&self, sku: &Sku) -> Option<&Line> {
        self.lines.iter().find(|line| line.ordered.sku == *sku && line.open() > 0)
    }

    /// Until when it is kept for the customer; `None` before that is known.
    pub fn kept_until_ms(&self, policy: &Policy) -> Option<i64> {
        let after_ready = || self.ready_at_ms.map(|at_ms| at_ms.saturating_add(policy.keep_ms));
        self.extended_to_ms.or(self.terms.keep_until_ms).or_else(after_ready)
    }

    /// How long the customer has waited, or did until it was over; `None` if nobody has come.
    pub fn waited_ms(&self, now_ms: i64) -> Option<i64> {
        let since = self.arrival.as_ref()?.at_ms;
        Some(self.ended_at_ms.unwrap_or(now_ms).saturating_sub(since).max(0))
    }

    /// What the customer is charged for what they have.
    pub fn charged(&self) -> Minor {
        self.lines.iter().map(|line| line.charge(&self.terms.payment)).sum()
    }

    /// What the customer still has to pay to get this much.
    pub fn due(&self, amounts: &[Amount]) -> Minor {
        let payment = &self.terms.payment;
        if matches!(payment, Payment::Prepaid { .. }) {
            return Minor::ZERO;
        }
        let named = amounts.iter().filter_map(|amount| self.line(amount.line).map(|line| (line, amount.milli)));
        named.map(|(line, milli)| line.charge_with(payment, milli) - line.charge(payment)).sum()
    }

    /// Follows a change that [`decide`](super::decide) made of this state. The hub does so in the commit of the
    /// command, HQ when it hears of it.
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
