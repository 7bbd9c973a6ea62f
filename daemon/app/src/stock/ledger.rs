//! The ledger: movements, and the positions that are their sums. [`book`] is the one place where either is written.

use commerce::{
    Actor, Sku, Unit,
    stock::{Kind, Line, Movement, Position},
};
use contract::stock::MOVED;
use serde::{Deserialize, Serialize};
use store::{NameName, Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{counts, policies};
use crate::Refusal;

/// Movements by their number.
pub(crate) static MOVEMENTS: Table<Number, Movement> = Table::new("movement");
/// Positions by SKU and unit.
pub(crate) static POSITIONS: Table<NameName, Position> = Table::new("position");

/// The counter of movements.
pub(crate) const MOVEMENT: &str = "movement";

/// A movement to book.
pub(crate) struct Booking {
    pub(crate) kind: Kind,
    /// What it belongs to.
    pub(crate) reference: String,
    /// Who.
    pub(crate) by: Actor,
    /// When.
    pub(crate) at_ms: i64,
    /// What moves.
    pub(crate) lines: Vec<Line>,
    /// It can't be refused any more.
    pub(crate) settled: bool,
}

/// What was booked.
#[derive(Debug, Default)]
pub(crate) struct Booked {
    /// The movement's number; none if nothing of it is tracked.
    pub(crate) number: Option<u64>,
    /// What moved: the lines without those of items that are not tracked.
    pub(crate) moved: Vec<Line>,
}

/// A movement that was booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovementBooked {
    /// Its number; none if nothing of it is tracked.
    pub movement: Option<u64>,
}

impl From<Booked> for MovementBooked {
    fn from(booked: Booked) -> Self {
        Self { movement: booked.number }
    }
}

/// Books a movement: the movement and its positions, in this commit.
///
/// # Errors
/// The rules of the stock refuse it, or a position is damaged. Neither refuses what is settled, and damage refuses no
/// sale.
pub(crate) fn book(transaction: &mut Transaction<'_>, booking: Booking) -> Result<Booked, Refusal> {
    let Booking { kind, reference, by, at_ms, lines, settled } = booking;
    let mut moved = Vec::with_capacity(lines.len());
    for line in lines {
        debug_assert!(kind.allows(line.from, line.to), "{kind:?} from {:?} to {:?}", line.from, line.to);
        let mut position = match position(transaction, &line.sku, line.unit) {
            Err(error @ StoreError::Corrupt { .. }) if settled || kind == Kind::Sale => {
                tracing::error!(%error, item = %line.sku, "position is damaged; movement recorded without updating it");
                moved.push(line);
                continue;
            }
            found => found?,
        };
        let applied = position.apply(kind, &line, settled);
        if applied.map_err(|refusal| counts::as_heard_by(transaction, &by, refusal))? {
            transaction.put(&POSITIONS, (line.sku.as_str(), line.unit.name()), &position)?;
            moved.push(line);
        }
    }
    if moved.is_empty() {
        return Ok(Booked::default());
    }
    let number = transaction.next_number(MOVEMENT)?;
    let movement = Movement { number, kind, reference, at_ms, by, lines: moved };
    transaction.put(&MOVEMENTS, number, &movement)?;
    if kind != Kind::Sale {
        transaction.append_to_outbox(MOVED.stream().as_str(), MOVED.name(), at_ms, &number.to_string())?;
    }
    Ok(Booked { number: Some(number), moved: movement.lines })
}

/// A position as it will stand; an empty one, under its policy's rule, if nothing has moved yet.
pub(super) fn position(transaction: &Transaction<'_>, sku: &Sku, unit: Unit) -> Result<Position, StoreError> {
    match transaction.get(&POSITIONS, (sku.as_str(), unit.name()))? {
        Some(position) => Ok(position),
        None => {
            let policy = transaction.get(&policies::POLICIES, sku.as_str())?;
            Ok(Position::empty((sku.clone(), unit), policy.map(|policy| policy.rule).unwrap_or_default()))
        }
    }
}

/// Reads a movement by its number.
pub(crate) fn movement_at(store: &Store, number: u64) -> Result<Option<Movement>, StoreError> {
    store.kept(&MOVEMENTS, number)
}

/// Movements from a number on, in order.
pub(crate) fn movements_from(store: &Store, number: u64, limit: usize) -> Result<Vec<Movement>, StoreError> {
    store.page_kept(&MOVEMENTS, Some(number), Order::Ascending, limit)
}
