//! The bodies of `stock.moved` and `stock.opened`, and what a sale took from the stock.
//!
//! HQ keeps the same positions as the store, from two streams: a sale carries what it moved
//! ([`SaleCompleted::moved`](crate::SaleCompleted::moved)), every other movement is an event of the stream `stock`.
//! Sums don't depend on the order in which they are added, so the streams need not be in step.
//!
//! HQ counts each epoch from nothing. So a store that begins one with stock says what HQ does not hear as movements in
//! it: its opening, in parts ([`StockOpened`]), which are added like movements.

use commerce::{
    Actor, MAX_LINES, Quantity, Unit,
    stock::{Kind, State},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, EventKind, Kind as Carried},
    name::Stream,
};

/// Stock moved, other than by a sale.
pub static MOVED: EventKind<StockMoved> = Carried::new("stock.moved", Stream::stock());

/// An epoch began with stock.
pub static OPENED: EventKind<StockOpened> = Carried::new("stock.opened", Stream::stock());

/// The most lines in a part of an opening.
pub const OPENING_LINES: usize = 400;

/// The most that a line of a movement moves, in thousandths: as much as a document can have of an item.
#[allow(clippy::cast_possible_wrap)] // a few hundred
pub const MAX_MOVED: i64 = MAX_LINES as i64 * Quantity::MAX_MILLI;

/// The most that stands in a state, in thousandths: a thousand such lines. A count corrects what stands, and may move
/// as much.
pub const MAX_STANDING: i64 = 1_000 * MAX_MOVED;

/// A part of what was there when an epoch began, beyond what the epoch's movements tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockOpened {
    /// When it was made up: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// What was there; at most [`OPENING_LINES`].
    pub lines: Vec<Standing>,
}

/// A quantity of an item in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Standing {
    /// Of what.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// Where.
    pub state: State,
    /// Thousandths of the unit; not zero, at most [`MAX_STANDING`], and negative where more was sold than was known to
    /// be there.
    pub quantity_milli: i64,
}

/// Why a part of an opening is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOpening {
    /// Too long.
    #[error("opening with {lines} lines in a part; the limit is {OPENING_LINES}")]
    TooManyLines {
        /// How many.
        lines: usize,
    },
    /// A line of more than there can be.
    #[error("opening of item {sku}: {quantity_milli} thousandths {}; the limit is {MAX_STANDING}", state.name())]
    TooMuch {
        /// Of what.
        sku: String,
        /// Where.
        state: State,
        /// How much.
        quantity_milli: i64,
    },
    /// A line of nothing.
    #[error("opening of item {sku}: quantity 0 {}", state.name())]
    Nothing {
        /// Of what.
        sku: String,
        /// Where.
        state: State,
    },
}

impl StockOpened {
    /// Checks the quantities.
    ///
    /// # Errors
    /// Too many lines, or one of nothing or of more than there can be.
    pub fn verify(&self) -> Result<(), BadOpening> {
        if self.lines.len() > OPENING_LINES {
            return Err(BadOpening::TooManyLines { lines: self.lines.len() });
        }
        for Standing { sku, state, quantity_milli, .. } in &self.lines {
            let (sku, state, quantity_milli) = (sku.clone(), *state, *quantity_milli);
            match quantity_milli {
                0 => return Err(BadOpening::Nothing { sku, state }),
                _ if (-MAX_STANDING..=MAX_STANDING).contains(&quantity_milli) => {}
                _ => return Err(BadOpening::TooMuch { sku, state, quantity_milli }),
            }
        }
        Ok(())
    }
}

/// A movement that is not a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockMoved {
    /// Its number in the hub's ledger; sales have theirs in between.
    pub movement: u64,
    /// Why.
    pub kind: Kind,
    /// What it belongs to: a notice, a count, a reservation; a transfer as [`commerce::stock::transfer::reference`]
    /// names it at both stores; or a person's reason.
    pub reference: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who.
    pub by: Actor,
    /// What moved.
    pub lines: Vec<Moved>,
}

/// A quantity of an item, from one state to another; no state is outside the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Moved {
    /// Of what.
    pub sku: String,
    /// Thousandths of the unit, more than zero; at most [`MAX_MOVED`], or [`MAX_STANDING`] by a count.
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

/// A line that a movement of its kind cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {sku}: a {kind:?} cannot move {quantity_milli} thousandths from {} to {}", place(*from), place(*to))]
pub struct Impossible {
    /// Of what.
    pub sku: String,
    /// How much.
    pub quantity_milli: i64,
    /// The movement's kind.
    pub kind: Kind,
    /// From which state.
    pub from: Option<State>,
    /// Into which state.
    pub to: Option<State>,
}

fn place(state: Option<State>) -> &'static str {
    state.map_or("outside", State::name)
}

/// Checks that a movement of a kind can have these lines.
///
/// # Errors
/// The first that it cannot.
pub fn verify(kind: Kind, lines: &[Moved]) -> Result<(), Impossible> {
    let most = if kind == Kind::Count { MAX_STANDING } else { MAX_MOVED };
    let is_one = |line: &&Moved| (1..=most).contains(&line.quantity_milli) && kind.allows(line.from, line.to);
    match lines.iter().find(|line| !is_one(line)) {
        None => Ok(()),
        Some(&Moved { ref sku, quantity_milli, from, to, .. }) => {
            Err(Impossible { sku: sku.clone(), quantity_milli, kind, from, to })
        }
    }
}

impl Body for StockMoved {
    fn check(&self) -> Result<(), BadBody> {
        if self.kind == Kind::Sale {
            return Err(BadBody::SaleAsMovement);
        }
        Ok(verify(self.kind, &self.lines)?)
    }
}

impl Body for StockOpened {
    fn check(&self) -> Result<(), BadBody> {
        Ok(self.verify()?)
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
    fn a_line_moves_no_more_than_a_document_can_have_and_a_count_what_can_stand() {
        let moved =
            |quantity_milli, from, to| Moved { sku: "4011".into(), quantity_milli, unit: Unit::Kilogram, from, to };
        for (kind, from, to, most) in [
            (Kind::Sale, Some(State::OnHand), None, 400_000_000_000),
            (Kind::Receipt, None, Some(State::OnHand), 400_000_000_000),
            (Kind::Count, Some(State::OnHand), None, 400_000_000_000_000),
        ] {
            assert_eq!(verify(kind, &[moved(most, from, to)]), Ok(()));
            for wrong in [most + 1, i64::MAX, i64::MIN] {
                assert!(verify(kind, &[moved(most, from, to), moved(wrong, from, to)]).is_err(), "{kind:?} {wrong}");
            }
        }
    }

    #[test]
    fn a_part_of_an_opening_has_few_lines_and_each_says_something() {
        let line =
            |quantity_milli| Standing { sku: "818981".into(), unit: Unit::Each, state: State::OnHand, quantity_milli };
        let part = |lines| StockOpened { at_ms: 1, lines };
        assert_eq!(part(vec![line(-1000); OPENING_LINES]).verify(), Ok(()));
        let long = part(vec![line(1000); OPENING_LINES + 1]);
        assert_eq!(long.verify(), Err(BadOpening::TooManyLines { lines: OPENING_LINES + 1 }));
        assert!(part(vec![line(1000), line(0)]).verify().is_err());
        assert_eq!(part(vec![line(MAX_STANDING), line(-MAX_STANDING)]).verify(), Ok(()));
        for wrong in [MAX_STANDING + 1, -MAX_STANDING - 1, i64::MAX, i64::MIN] {
            let refused = part(vec![line(1000), line(wrong)]).verify();
            assert!(matches!(refused, Err(BadOpening::TooMuch { quantity_milli, .. }) if quantity_milli == wrong));
        }
    }
}
