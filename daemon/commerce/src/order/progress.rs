//! An order over all its stores, as HQ sees it: what is to be routed, where it stands, what is owed back.

use super::{Amount, Fulfilment, Line, Order, Payment, Refusal, Rule, State};
use crate::money::Minor;

/// An order with all its parts.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The order.
    pub order: &'a Order,
    /// What stores were given, in any state.
    pub parts: &'a [Fulfilment],
    /// What is routed to nobody any more: no store has it, or the customer gave it up before any store had it.
    pub withdrawn: &'a [Amount],
}

impl Progress<'_> {
    /// What no store has: to be routed, or withdrawn. What stores rejected or had short is among it.
    pub fn unplaced(&self) -> Vec<Amount> {
        let left = |number, ordered: i64| {
            let placed: i64 = self.lines_of(number).map(kept).sum();
            let withdrawn: i64 = self.withdrawn.iter().filter(|gone| gone.line == number).map(|gone| gone.milli).sum();
            Amount { line: number, milli: ordered - placed - withdrawn }
        };
        let lines = self.order.lines.iter().map(|line| left(line.number, line.quantity.milli()));
        lines.filter(|amount| amount.milli > 0).collect()
    }

    /// Whether one more store may be given this much.
    ///
    /// # Errors
    /// Then stores would have more of a line than was ordered, or a line is named twice or not in the order.
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

    /// Where the order stands. What no store has counts as offered, what was withdrawn as cancelled; what stores
    /// rejected or had short counts no more once another has it.
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

    /// What the customer is charged for what they have, at all stores.
    pub fn charged(&self) -> Minor {
        self.parts.iter().map(Fulfilment::charged).sum()
    }

    /// What is owed back of what was prepaid: of each line that is over, what was paid less what was charged.
    ///
    /// Once all lines are over, charged and owed back sum to what was paid; only a measured line that several stores or
    /// items fill may come to a minor unit more for each, by rounding, and then owes nothing.
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

/// What a store keeps of what it was given.
fn kept(line: &Line) -> i64 {
    line.ordered.quantity.milli() - line.sum(State::is_back_in_the_pool)
}
