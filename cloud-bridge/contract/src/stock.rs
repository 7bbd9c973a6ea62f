//! The bodies of `stock.moved` and `stock.opened`, and the stock moved by a sale.
//!
//! HQ keeps the store's positions from two streams: a sale carries its own movement
//! ([`SaleCompleted::moved`](crate::SaleCompleted::moved)), every other movement is an event of the stream `stock`.
//! Sums do not depend on their order, so the streams need not be in step.
//!
//! HQ counts each epoch from zero. A store that begins an epoch with stock sends what HQ cannot learn from the epoch's
//! movements: its opening, in parts ([`StockOpened`]), which HQ adds like movements.

use commerce::{
    Actor, MAX_LINES, Quantity, Unit,
    stock::{Kind, State},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, EventKind, Kind as Carried},
    name::Stream,
};

/// A stock movement other than a sale.
pub static MOVED: EventKind<StockMoved> = Carried::new("stock.moved", Stream::stock());

/// A part of an epoch's opening stock.
pub static OPENED: EventKind<StockOpened> = Carried::new("stock.opened", Stream::stock());

/// The maximum number of lines in a part of an opening.
pub const OPENING_LINES: usize = 400;

/// The maximum quantity of a movement's line, in thousandths: the most that a document can have of an item.
#[allow(clippy::cast_possible_wrap)] // a few hundred
pub const MAX_MOVED: i64 = MAX_LINES as i64 * Quantity::MAX_MILLI;

/// The maximum quantity in a state, in thousandths: a thousand such lines. A count corrects a whole position, so it
/// may move as much.
pub const MAX_STANDING: i64 = 1_000 * MAX_MOVED;

/// A part of an epoch's opening stock: what the epoch's movements do not account for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StockOpened {
    /// When it was computed: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The quantities; at most [`OPENING_LINES`].
    pub lines: Vec<Standing>,
}

/// A quantity of an item in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Standing {
    /// The item.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// The state.
    pub state: State,
    /// Thousandths of the unit; not zero, at most [`MAX_STANDING`], and negative if more was sold than was known.
    pub quantity_milli: i64,
}

/// Why a part of an opening is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOpening {
    /// There are too many lines.
    #[error("part of an opening has {lines} lines; the limit is {OPENING_LINES}")]
    TooManyLines {
        /// Their number.
        lines: usize,
    },
    /// A quantity is out of range.
    #[error("opening of item {sku}: {quantity_milli} thousandths {}; the limit is {MAX_STANDING}", state.name())]
    TooMuch {
        /// The item.
        sku: String,
        /// The state.
        state: State,
        /// The quantity.
        quantity_milli: i64,
    },
    /// A quantity is zero.
    #[error("opening of item {sku}: quantity 0 {}", state.name())]
    Nothing {
        /// The item.
        sku: String,
        /// The state.
        state: State,
    },
}

impl StockOpened {
    /// Checks the quantities.
    ///
    /// # Errors
    /// There are too many lines, or a quantity is zero or out of range.
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
    /// Its number in the hub's stock ledger, which also numbers sales.
    pub movement: u64,
    /// The kind of movement.
    pub kind: Kind,
    /// The document it belongs to: a notice, a count, a reservation; a transfer under
    /// [`commerce::stock::transfer::reference`], the same in both stores; or a person's reason.
    pub reference: String,
    /// When it was booked: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who booked it.
    pub by: Actor,
    /// The lines.
    pub lines: Vec<Moved>,
}

/// A quantity of an item that moves from one state to another; an absent state is outside the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Moved {
    /// The item.
    pub sku: String,
    /// Thousandths of the unit, more than zero.
    pub quantity_milli: i64,
    /// The unit.
    pub unit: Unit,
    /// The state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// The state after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
}

/// A line that is impossible for its kind of movement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {sku}: a {kind:?} cannot move {quantity_milli} thousandths from {} to {}", place(*from), place(*to))]
pub struct Impossible {
    /// The item.
    pub sku: String,
    /// The quantity.
    pub quantity_milli: i64,
    /// The movement's kind.
    pub kind: Kind,
    /// The state before.
    pub from: Option<State>,
    /// The state after.
    pub to: Option<State>,
}

fn place(state: Option<State>) -> &'static str {
    state.map_or("outside", State::name)
}

/// Checks that the lines are possible for a kind of movement.
///
/// # Errors
/// The first line that is not.
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
    fn an_impossible_line_is_found() {
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
    fn quantities_are_bounded_by_documents_and_for_counts_by_positions() {
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
    fn a_part_of_an_opening_has_few_lines_and_none_is_zero() {
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
