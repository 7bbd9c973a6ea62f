//! Goods that are returned, damaged, quarantined, cleared or written off.

use commerce::{
    line::checked_text,
    stock::{self, Condition, Kind, Line, Portion, State},
};
use serde::Deserialize;
use store::Transaction;
use utoipa::ToSchema;

use super::{
    CLEAR, NOTE_GOODS, WRITE_OFF,
    ledger::{Booking, MovementBooked, book},
    policies::require_known,
};
use crate::{By, Refusal, catalog::Catalog, refusal::BAD_REQUEST};

/// An event of goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoodsEvent {
    /// Returned by a customer. This moves no money.
    Return,
    /// Damaged: on_hand to damaged.
    Damage,
    /// Found damaged after quarantine: quarantined to damaged.
    Condemn,
    /// Doubtful: on_hand to quarantined.
    Quarantine,
    /// Found good: quarantined to on_hand. Only by a person at the console.
    Clear,
    /// Thrown away: damaged to outside. Only by a person at the console.
    WriteOff,
}

impl GoodsEvent {
    /// All events.
    #[cfg(test)]
    const ALL: [Self; 6] = [Self::Return, Self::Damage, Self::Condemn, Self::Quarantine, Self::Clear, Self::WriteOff];

    /// The movement of the event.
    fn movement(self, condition: Condition) -> (Kind, Option<State>, Option<State>) {
        match self {
            Self::Return => (Kind::Return, None, Some(condition.state())),
            Self::Damage => (Kind::Damage, Some(State::OnHand), Some(State::Damaged)),
            Self::Condemn => (Kind::Damage, Some(State::Quarantined), Some(State::Damaged)),
            Self::Quarantine => (Kind::Quarantine, Some(State::OnHand), Some(State::Quarantined)),
            Self::Clear => (Kind::Clear, Some(State::Quarantined), Some(State::OnHand)),
            Self::WriteOff => (Kind::WriteOff, Some(State::Damaged), None),
        }
    }
}

/// A request to book an event of goods.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoodsNote {
    /// The event.
    pub kind: GoodsEvent,
    /// The condition of returned goods; default good.
    #[serde(default)]
    pub condition: Option<Condition>,
    /// The reason, or the receipt of a return.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
    /// The goods.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<Portion>,
}

/// Books an event of goods.
///
/// # Errors
/// An item is unknown, the rules of the stock refuse it, or the actor may not clear or write off.
pub fn note_goods(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    note: GoodsNote,
) -> Result<MovementBooked, Refusal> {
    NOTE_GOODS.require(&by.actor)?;
    let GoodsNote { kind: event, condition, reason, lines } = note;
    match event {
        GoodsEvent::Clear => CLEAR.require(&by.actor)?,
        GoodsEvent::WriteOff => WRITE_OFF.require(&by.actor)?,
        GoodsEvent::Return | GoodsEvent::Damage | GoodsEvent::Condemn | GoodsEvent::Quarantine => {}
    }
    if condition.is_some() && event != GoodsEvent::Return {
        return Err(BAD_REQUEST.because("only a `return` has a `condition`"));
    }
    require_known(transaction, catalog, &lines)?;
    let reference = checked_text("reason", reason)?;
    let (kind, from, to) = event.movement(condition.unwrap_or_default());
    let lines = Line::of(stock::sum(lines)?, from, to);
    let booking = Booking { kind, reference, by: by.actor.clone(), at_ms: by.at_ms, lines, settled: false };
    book(transaction, booking).map(MovementBooked::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_an_allowed_movement() {
        for event in GoodsEvent::ALL {
            for condition in [Condition::Good, Condition::Doubtful, Condition::Damaged] {
                let (kind, from, to) = event.movement(condition);
                assert!(kind.allows(from, to), "{kind:?} {from:?} {to:?}");
            }
        }
    }
}
