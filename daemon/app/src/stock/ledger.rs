//! The ledger: movements and positions. Only [`book`] writes them.

use commerce::{
    Actor, Sku, Unit,
    stock::{Kind, Line, Movement, Place, Position, Rule, State},
};
use contract::stock::MOVED;
use serde::{Deserialize, Serialize};
use store::{NameName, Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{counts, policies, quota};
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
    /// The reference of the movement.
    pub(crate) reference: String,
    /// The actor.
    pub(crate) by: Actor,
    /// The time.
    pub(crate) at_ms: i64,
    /// The lines.
    pub(crate) lines: Vec<Line>,
    /// Whether it can no longer be refused.
    pub(crate) settled: bool,
}

/// The result of booking.
#[derive(Debug, Default)]
pub(crate) struct Booked {
    /// The number of the movement; `None` if no item is tracked.
    pub(crate) number: Option<u64>,
    /// The lines that moved, without those of untracked items.
    pub(crate) moved: Vec<Line>,
}

/// The result of booking a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovementBooked {
    /// The number; absent if no item is tracked.
    pub movement: Option<u64>,
}

impl From<Booked> for MovementBooked {
    fn from(booked: Booked) -> Self {
        Self { movement: booked.number }
    }
}

/// Books a movement and updates its positions, in this commit.
///
/// # Errors
/// The rules of the stock refuse it, or a position is damaged. Settled movements are never refused, and damage never
/// refuses a sale.
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
        let kept = quota::of_line(transaction, &line)?;
        if let Some(kept) = kept.as_ref().filter(|_| !settled) {
            quota::check(transaction, &by, kind, &line, (kept, position.on_hand))?;
        }
        let applied = position.apply(kind, &line, settled);
        if applied.map_err(|refusal| counts::as_heard_by(transaction, &by, refusal))? {
            transaction.put(&POSITIONS, (line.sku.as_str(), line.unit.name()), &position)?;
            if let Some(kept) = kept {
                quota::follow(transaction, &position, kept)?;
            }
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

/// A position as of this commit; if nothing has moved yet, a position of zero with its policy's rule.
pub(super) fn position(transaction: &Transaction<'_>, sku: &Sku, unit: Unit) -> Result<Position, StoreError> {
    match transaction.get(&POSITIONS, (sku.as_str(), unit.name()))? {
        Some(position) => Ok(position),
        None => {
            let policy = transaction.get(&policies::POLICIES, sku.as_str())?;
            Ok(Position::empty((sku.clone(), unit), policy.map(|policy| policy.rule).unwrap_or_default()))
        }
    }
}

/// The rule of an item's stock.
pub(crate) fn rule_of(transaction: &Transaction<'_>, (sku, unit): &Place) -> Result<Rule, StoreError> {
    match position(transaction, sku, *unit) {
        Err(StoreError::Corrupt { .. }) => Ok(Rule::default()),
        found => Ok(found?.rule),
    }
}

/// Leaves out what is not tracked and is to be taken from on_hand.
pub(crate) fn only_tracked(transaction: &Transaction<'_>, lines: Vec<Line>) -> Result<Vec<Line>, StoreError> {
    let mut tracked = Vec::with_capacity(lines.len());
    for line in lines {
        let place = (line.sku.clone(), line.unit);
        if line.from != Some(State::OnHand) || rule_of(transaction, &place)? != Rule::Untracked {
            tracked.push(line);
        }
    }
    Ok(tracked)
}

/// Reads a movement by its number.
pub(crate) fn movement_at(store: &Store, number: u64) -> Result<Option<Movement>, StoreError> {
    store.kept(&MOVEMENTS, number)
}

/// Movements from a number on, in order.
pub(crate) fn movements_from(store: &Store, number: u64, limit: usize) -> Result<Vec<Movement>, StoreError> {
    store.page_kept(&MOVEMENTS, Some(number), Order::Ascending, limit)
}
