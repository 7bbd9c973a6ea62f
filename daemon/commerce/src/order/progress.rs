//! An order across all its stores, as HQ sees it: units to be routed, the state, the refund.

use super::{Amount, Fulfilment, Line, Order, Payment, Refusal, Rule, State};
use crate::money::Minor;

/// An order with all its parts.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The order.
    pub order: &'a Order,
    /// The parts that stores were given, in any state.
    pub parts: &'a [Fulfilment],
    /// Amounts that are not routed any more: no store has the goods, or the customer cancelled them before routing.
    pub withdrawn: &'a [Amount],
}

impl Progress<'_> {
    /// The amounts that no store has, including rejected and short units. They must be routed or withdrawn.
    pub fn unplaced(&self) -> Vec<Amount> {
        let left = |number, ordered: i64| {
            let placed: i64 = self.lines_of(number).map(kept).sum();
            let withdrawn: i64 = self.withdrawn.iter().filter(|gone| gone.line == number).map(|gone| gone.milli).sum();
            Amount { line: number, milli: ordered - placed - withdrawn }
        };
        let lines = self.order.lines.iter().map(|line| left(line.number, line.quantity.milli()));
        lines.filter(|amount| amount.milli > 0).collect()
    }

    /// Whether another store may be given these amounts.
    ///
    /// # Errors
    /// Stores would have more of a line than was ordered, or a line is listed twice or not in the order.
    pub fn may_place(&self, amounts: &[Amount]) -> Result<(), Refusal> {
        let unplaced = self.unplaced();
        let mut seen = std::collections::BTreeSet::new();
        for amount in amounts {
            let refuse = |rule| Err(Refusal::of_line(&self.order.terms.order, amount.line, rule));
            let Some(line) = self.order.line(amount.line) else { return refuse(Rule::NoSuchLine) };
            if !seen.insert(amount.line) {
                return refuse(Rule::LineTwice);
            }
            if amount.milli <= 0 {
                return refuse(Rule::Nothing);
            }
            let left = unplaced.iter().find(|left| left.line == amount.line).map_or(0, |left| left.milli);
            if amount.milli > left {
                let ordered = line.quantity.milli();
                return refuse(Rule::NotOrdered { given: ordered - left + amount.milli, ordered });
            }
        }
        Ok(())
    }

    /// The state of the order. Unplaced units count as offered, withdrawn units as cancelled. Rejected and short units
    /// do not count once another store has them.
    pub fn state(&self) -> State {
        let units = self.parts.iter().flat_map(|part| {
            let over = part.given_up.map(super::GivenUp::state);
            let seen = move |state| match (state, over) {
                (State::Returning | State::Returned, Some(over)) => over,
                _ => state,
            };
            part.lines.iter().flat_map(|line| line.units.keys().copied()).map(seen)
        });
        let unplaced = (!self.unplaced().is_empty()).then_some(State::Offered);
        let withdrawn = (!self.withdrawn.is_empty()).then_some(State::Cancelled);
        State::of_many(units.chain(unplaced).chain(withdrawn)).unwrap_or(State::Offered)
    }

    /// The charge for the goods that the customer received, at all stores.
    pub fn charged(&self) -> Minor {
        self.parts.iter().map(Fulfilment::charged).sum()
    }

    /// The refund of a prepayment: for each finished line, the payment minus the charge.
    ///
    /// When all lines are finished, the charge and the refund sum to the payment. The exception is a measured line that
    /// several stores or items fill: rounding can add a minor unit for each, and then nothing is refunded.
    pub fn refund(&self) -> Minor {
        if self.order.terms.payment == Payment::AtPickup {
            return Minor::ZERO;
        }
        let unplaced = self.unplaced();
        let over = self.order.lines.iter().filter(|line| {
            let is_unplaced = unplaced.iter().any(|left| left.line == line.number);
            !is_unplaced && self.with_substitutes(line.number).all(|line| line.open() == 0)
        });
        over.map(|line| {
            let charged = self.with_substitutes(line.number).map(|part| part.charge(&self.order.terms.payment)).sum();
            (line.cost(line.quantity.milli()) - charged).max(Minor::ZERO)
        })
        .sum()
    }

    fn lines_of(&self, number: u32) -> impl Iterator<Item = &Line> {
        let of = move |line: &&Line| line.ordered.number == number && line.instead_of.is_none();
        self.parts.iter().flat_map(|part| &part.lines).filter(of)
    }

    fn with_substitutes(&self, number: u32) -> impl Iterator<Item = &Line> {
        let of = move |line: &&Line| match line.instead_of {
            None => line.ordered.number == number,
            Some(instead_of) => instead_of == number,
        };
        self.parts.iter().flat_map(|part| &part.lines).filter(of)
    }
}

/// The amount that stays with a store.
fn kept(line: &Line) -> i64 {
    line.ordered.quantity.milli() - line.sum(State::may_be_routed_again)
}
