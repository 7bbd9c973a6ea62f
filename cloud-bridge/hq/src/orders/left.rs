//! The units of an order to be routed, and its state over all stores. Pure.
//!
//! A unit is to be routed if the customer wants it and no store has it: it was not offered yet, a store rejected it or
//! was short, or a store gave it back after a recall. Units that a store cancelled without a request of HQ are not
//! routed again, because the customer cancelled them there.

use commerce::{
    Minor,
    order::{Amount, Fulfilment, Line, Progress, State},
};

use super::record::{Part, Record, of};

/// How often a store is offered parts of an order if it does not answer in time.
const MOST_OFFERS: usize = 3;

/// The cancelled units, including those to be put back.
fn cancelled(fulfilment: &Fulfilment, line: &Line) -> i64 {
    let put_back = match fulfilment.given_up {
        Some(commerce::order::GivenUp::Cancelled) => line.sum(|s| matches!(s, State::Returning | State::Returned)),
        _ => 0,
    };
    line.of(State::Cancelled) + put_back
}

/// The lines of a part for an ordered line, without substitutes.
fn ordered(part: &Part, line: u32) -> impl Iterator<Item = &Line> {
    part.fulfilment.lines.iter().filter(move |of| of.ordered.number == line && of.instead_of.is_none())
}

/// The units that the store still has or delivered.
fn held(part: &Part, line: &Line) -> i64 {
    line.ordered.quantity.milli() - line.sum(State::may_be_routed_again) - cancelled(&part.fulfilment, line)
}

#[allow(clippy::redundant_closure_for_method_calls)] // the methods are not general over the lifetime
impl Record {
    /// The amounts to be routed.
    pub(crate) fn left(&self) -> Vec<Amount> {
        let lines = self.order.lines.iter().map(|line| {
            let (number, ordered_milli) = (line.number, line.quantity.milli());
            let (mut held_milli, mut by_store) = (0, 0);
            for part in &self.parts {
                for line in ordered(part, number) {
                    held_milli += held(part, line);
                    if part.recalled_at_ms.is_none() {
                        by_store += cancelled(&part.fulfilment, line);
                    }
                }
            }
            let gone = of(&self.given_up.unwanted, number).max(by_store);
            Amount { line: number, milli: ordered_milli - gone - of(&self.given_up.unavailable, number) - held_milli }
        });
        lines.filter(|amount| amount.milli > 0).collect()
    }

    /// Calls `with` with the order across all stores. Units that a store gave back after a recall count as rejected.
    fn progress<T>(&self, with: impl FnOnce(&Progress<'_>) -> T) -> T {
        let parts: Vec<Fulfilment> = self
            .parts
            .iter()
            .map(|part| {
                let mut fulfilment = part.fulfilment.clone();
                if part.recalled_at_ms.is_some() {
                    let given_back: Vec<i64> =
                        part.fulfilment.lines.iter().map(|line| cancelled(&part.fulfilment, line)).collect();
                    for (line, milli) in fulfilment.lines.iter_mut().zip(given_back).filter(|(_, milli)| *milli > 0) {
                        line.units
                            .retain(|state, _| !matches!(state, State::Cancelled | State::Returning | State::Returned));
                        *line.units.entry(State::Rejected).or_default() += milli;
                    }
                }
                fulfilment
            })
            .collect();
        let left = self.left();
        let none = Progress { order: &self.order, parts: &parts, withdrawn: &[] };
        // Neither placed nor to be routed.
        let withdrawn: Vec<Amount> = none
            .unplaced()
            .into_iter()
            .map(|amount| Amount { line: amount.line, milli: amount.milli - of(&left, amount.line) })
            .filter(|amount| amount.milli > 0)
            .collect();
        with(&Progress { withdrawn: &withdrawn, ..none })
    }

    /// The state of the order over all stores.
    pub(crate) fn state_now(&self) -> State {
        self.progress(|progress| progress.state())
    }

    /// The charge for the delivered goods.
    pub(crate) fn charged(&self) -> Minor {
        self.progress(|progress| progress.charged())
    }

    /// The refund of a prepayment.
    pub(crate) fn refund(&self) -> Minor {
        self.progress(|progress| progress.refund())
    }

    /// Whether the order is finished: no unit is open, to be routed or to be put back.
    pub(crate) fn is_over(&self) -> bool {
        let is_done = |part: &Part| {
            let returning = |line: &Line| line.of(State::Returning) > 0;
            !part.fulfilment.is_open() && !part.fulfilment.lines.iter().any(returning)
        };
        self.left().is_empty() && self.parts.iter().all(is_done)
    }

    /// The number of parts that count toward the maximum: those whose stores have or delivered goods.
    pub(crate) fn parts_elsewhere(&self) -> u32 {
        let has = |part: &&Part| part.fulfilment.lines.iter().any(|line| held(part, line) > 0);
        u32::try_from(self.parts.iter().filter(has).count()).unwrap_or(u32::MAX)
    }

    /// The stores that get no further part: they rejected units, were short, or were asked to give units back.
    pub(crate) fn refused_by(&self) -> Vec<contract::HubId> {
        let refused = |part: &&Part| {
            let lacks = |line: &Line| line.sum(State::may_be_routed_again) > 0;
            part.recalled_at_ms.is_some() || part.fulfilment.lines.iter().any(lacks)
        };
        self.parts.iter().filter(refused).map(|part| part.hub.clone()).collect()
    }

    /// The stores among these that only were asked to give units back, and may be offered them again.
    pub(crate) fn slow(&self) -> Vec<contract::HubId> {
        let is_slow = |part: &&Part| {
            let parts: Vec<_> = self.parts.iter().filter(|other| other.hub == part.hub).collect();
            parts.len() < MOST_OFFERS && parts.iter().all(|part| part.recalled_at_ms.is_some())
        };
        self.parts.iter().filter(is_slow).map(|part| part.hub.clone()).collect()
    }
}
