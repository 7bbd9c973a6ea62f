//! The bodies of `stock.moved` and `stock.opened`, and what a sale took from the stock.
//!
//! HQ keeps the same positions as the store, from two streams: a sale carries what it moved ([`SaleCompleted::moved`](crate::SaleCompleted::moved)), every other
//! movement is an event of the stream `stock`. Sums don't depend on the order in which they are added, so the streams need not be in step.
//!
//! HQ counts each epoch from nothing. So a store that begins one with stock says what HQ won't hear as movements in it: its opening, in parts
//! ([`StockOpened`]), which are added like movements. A hub of before there were openings sends none; its positions count from the epoch's beginning.
//!
//! Update HQ before the hubs. An HQ of before there were openings quarantines `stock.opened` as a kind it does not know and passes it for good: its positions
//! of that hub then count from the epoch's beginning, until the hub is restored once more.

use commerce::{
    Unit,
    stock::{Kind, State},
};
use serde::{Deserialize, Serialize};

/// The kind of an event that carries a [`StockMoved`].
pub const KIND: &str = "stock.moved";

/// The kind of an event that carries a [`StockOpened`].
pub const OPENED: &str = "stock.opened";

/// The most lines in a part of an opening.
pub const OPENING_LINES: usize = 400;

/// A part of what was there when an epoch began, beyond what the epoch's movements tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOpened {
    /// When it was made up: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// What was there; at most [`OPENING_LINES`].
    pub lines: Vec<Standing>,
}

/// So much of an item stood in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Of what.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// Where.
    pub state: State,
    /// Thousandths of the unit; not zero, and negative where more was sold than was known to be there.
    pub quantity_milli: i64,
}

/// A part of an opening that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOpening {
    /// Too long.
    #[error("a part of an opening has {lines} lines; at most {OPENING_LINES} are taken")]
    TooManyLines {
        /// How many.
        lines: usize,
    },
    /// A line of nothing.
    #[error("an opening says that none of item {sku} is {}", state.name())]
    Nothing {
        /// Of what.
        sku: String,
        /// Where.
        state: State,
    },
}

impl StockOpened {
    /// Checks that it is a part of an opening.
    ///
    /// # Errors
    /// Too many lines, or one of nothing.
    pub fn verify(&self) -> Result<(), NoOpening> {
        if self.lines.len() > OPENING_LINES {
            return Err(NoOpening::TooManyLines { lines: self.lines.len() });
        }
        match self.lines.iter().find(|line| line.quantity_milli == 0) {
            None => Ok(()),
            Some(Standing { sku, state, .. }) => Err(NoOpening::Nothing { sku: sku.clone(), state: *state }),
        }
    }
}

/// A movement that is not a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMoved {
    /// Its number in the hub's ledger; sales have theirs in between.
    pub movement: u64,
    /// Why.
    pub kind: Kind,
    /// What it belongs to: a notice, a count, a reservation; a transfer as [`commerce::stock::transfer::reference`] names it at both stores; or a person's
    /// reason.
    pub reference: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who: a register, or the console.
    pub by: String,
    /// What moved.
    pub lines: Vec<Moved>,
}

/// So much of an item, from one state to another; outside the store where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Of what.
    pub sku: String,
    /// Thousandths of the unit, more than zero.
    pub quantity_milli: i64,
    /// The unit.
    pub unit: Unit,
    /// Where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// Where it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
}

/// A line that is no movement of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{quantity_milli} thousandths of item {sku} move as no {kind:?} can")]
pub struct Impossible {
    /// Of what.
    pub sku: String,
    /// How much.
    pub quantity_milli: i64,
    /// The movement's kind.
    pub kind: Kind,
}

/// Checks that lines are movements of a kind.
///
/// # Errors
/// The first that is not.
pub fn verify(kind: Kind, lines: &[Moved]) -> Result<(), Impossible> {
    match lines.iter().find(|line| line.quantity_milli <= 0 || !kind.allows(line.from, line.to)) {
        None => Ok(()),
        Some(Moved { sku, quantity_milli, .. }) => {
            Err(Impossible { sku: sku.clone(), quantity_milli: *quantity_milli, kind })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_movement_of_its_kind_is_found() {
        let moved =
            |quantity_milli, from, to| Moved { sku: "818981".into(), quantity_milli, unit: Unit::Each, from, to };
        let sold = moved(1000, Some(State::Reserved), None);
        assert_eq!(verify(Kind::Sale, std::slice::from_ref(&sold)), Ok(()));
        for wrong in [moved(0, Some(State::OnHand), None), moved(-1, Some(State::OnHand), None), moved(1, None, None)] {
            assert!(verify(Kind::Sale, &[sold.clone(), wrong]).is_err());
        }
        assert!(verify(Kind::Receipt, &[sold]).is_err());
    }
    #[test]
    fn a_part_of_an_opening_has_few_lines_and_each_says_something() {
        let line =
            |quantity_milli| Standing { sku: "818981".into(), unit: Unit::Each, state: State::OnHand, quantity_milli };
        let part = |lines| StockOpened { at_ms: 1, lines };
        assert_eq!(part(vec![line(-1000); OPENING_LINES]).verify(), Ok(()));
        let long = part(vec![line(1000); OPENING_LINES + 1]);
        assert_eq!(long.verify(), Err(NoOpening::TooManyLines { lines: OPENING_LINES + 1 }));
        assert!(part(vec![line(1000), line(0)]).verify().is_err());
    }
}
