//! What a person notes about goods: brought back, broken, doubtful, good after all, thrown away.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{
    line::checked_text,
    stock::{self, Condition, Kind, Line, Portion, State as At},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Booking, book, documents::Booked, once, policies::known};
use crate::{hub::Hub, problem::Problem, registers::Command};

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(book_goods))
}

/// What happened to goods.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Happened {
    /// Brought back by a customer. No money moves here.
    Return,
    /// Broken: on_hand to damaged.
    Damage,
    /// Broken, as was suspected: quarantined to damaged.
    Condemn,
    /// Doubtful: on_hand to quarantined.
    Quarantine,
    /// Good after all: quarantined to on_hand. By a person at the console.
    Clear,
    /// Thrown away: damaged to outside. By a person at the console.
    WriteOff,
}

impl Happened {
    /// The movement it is.
    fn movement(self, condition: Condition) -> (Kind, Option<At>, Option<At>) {
        match self {
            Self::Return => (Kind::Return, None, Some(condition.state())),
            Self::Damage => (Kind::Damage, Some(At::OnHand), Some(At::Damaged)),
            Self::Condemn => (Kind::Damage, Some(At::Quarantined), Some(At::Damaged)),
            Self::Quarantine => (Kind::Quarantine, Some(At::OnHand), Some(At::Quarantined)),
            Self::Clear => (Kind::Clear, Some(At::Quarantined), Some(At::OnHand)),
            Self::WriteOff => (Kind::WriteOff, Some(At::Damaged), None),
        }
    }
}

/// A note about goods.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// What happened.
    kind: Happened,
    /// How they came back, if they did; good without it.
    #[serde(default)]
    condition: Option<Condition>,
    /// Why, or the receipt it belongs to.
    reason: String,
    /// To what.
    lines: Vec<Portion>,
}

/// Note what happened to goods: a return, damage, quarantine, its end, a write-off
#[utoipa::path(post, path = "/api/v1/stock/movements", tag = "stock", request_body = Note, params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Booked), (status = 400, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn book_goods(State(hub): State<Arc<Hub>>, command: Command<Note>) -> Result<Json<Booked>, Problem> {
    let Note { kind, condition, lines, .. } = &command.body;
    if matches!(kind, Happened::Clear | Happened::WriteOff) {
        command.by_person()?;
    }
    if condition.is_some() && *kind != Happened::Return {
        return Err(Problem::bad_request("`condition` belongs to a `return` alone"));
    }
    known(&hub, lines.iter().map(|line| (&line.sku, line.quantity.unit())))?;
    once(&hub, command, |transaction, by, note| {
        let reference = checked_text("reason", note.reason)?;
        let (kind, from, to) = note.kind.movement(note.condition.unwrap_or_default());
        let lines = Line::of(stock::sum(note.lines)?, from, to);
        let booking = Booking { kind, reference, by: by.name, at_ms: by.at_ms, lines, settled: false };
        Ok(Booked { movement: book(transaction, booking)? })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_happens_is_a_movement_of_the_table() {
        let all = [
            Happened::Return,
            Happened::Damage,
            Happened::Condemn,
            Happened::Quarantine,
            Happened::Clear,
            Happened::WriteOff,
        ];
        for (happened, condition) in all.into_iter().flat_map(|happened| {
            [Condition::Good, Condition::Doubtful, Condition::Damaged].map(|condition| (happened, condition))
        }) {
            let (kind, from, to) = happened.movement(condition);
            assert!(kind.allows(from, to), "{kind:?} {from:?} {to:?}");
        }
    }
}
