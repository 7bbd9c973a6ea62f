//! The pickup slots of a store.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use contract::HubId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InPath, InQuery},
    problem::{BAD_REQUEST, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    database::{DatabaseError, Row, statement::statements, value::values},
    moment::now_ms,
    orders::{Profile, profile::Slots, stores},
};

statements! {
    /// The number of orders of each slot.
    BETWEEN = "slot/between";
}

/// The store's master data is missing.
static NO_PROFILE: Kind = Kind::new(
    "store-not-loaded",
    StatusCode::NOT_FOUND,
    "Store not loaded",
    "The store does not exist, or its master data is not loaded.",
);

const MINUTE_MS: i64 = 60_000;

/// The maximum span.
const SPAN_MS: i64 = 7 * 24 * 60 * MINUTE_MS;

/// The maximum number of slots in a response.
const MOST: usize = 1_000;

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "slots", "Pickup slots of stores").read(Scope::OrdersRead, &[&NO_PROFILE], routes!(list))
}

/// A pickup slot. An order with its `due_ms` in the slot takes one of its places.
#[derive(Serialize, ToSchema)]
struct Slot {
    /// The start: milliseconds since 1970, UTC.
    from_ms: i64,
    /// The end.
    to_ms: i64,
    /// The number of free places; 0 if an order can't be ready by then. Absent if the store has no slots, and so no
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<u32>,
}

/// Pickup slots, or opening times if the store has no slots.
#[derive(Serialize, ToSchema)]
struct AllSlots {
    /// By time.
    items: Vec<Slot>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The start; by default, now.
    from_ms: Option<i64>,
    /// The end, at most a week later; by default, a day later.
    to_ms: Option<i64>,
}

/// List pickup slots
#[utoipa::path(get, path = "/api/v1/stores/{store}/slots",
    params(("store" = String, Path, description = "The store's name."), Asked),
    responses((status = 200, body = AllSlots, description = "The slots, including full ones; at most 1000.")))]
async fn list(
    State(api): State<Arc<Api>>,
    InPath(store): InPath<String>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<AllSlots>, Problem> {
    let now_ms = now_ms();
    let from_ms = asked.from_ms.unwrap_or(now_ms).max(now_ms);
    let to_ms = asked.to_ms.unwrap_or(from_ms.saturating_add(SPAN_MS / 7));
    if !(0..=SPAN_MS).contains(&to_ms.saturating_sub(from_ms)) {
        return Err(BAD_REQUEST.because("`from_ms` and `to_ms`: at most a week"));
    }
    let hub: HubId = store.parse().map_err(|why: String| BAD_REQUEST.because(why))?;
    let mut snapshot = api.database.snapshot().await?;
    let profile = stores::one(&mut snapshot, &hub).await?;
    let profile = profile
        .ok_or_else(|| NO_PROFILE.because(format!("store {hub} is not loaded; use `store-hub-hq stores load`")))?;
    let counted = |row: Row| row.read::<(i64, i64)>();
    // A slot may have begun before.
    let bounds = values![hub.as_str(), from_ms.saturating_sub(SPAN_MS), to_ms];
    let taken = snapshot.query(&BETWEEN, bounds).await?.into_iter().map(counted);
    let taken = taken.collect::<Result<HashMap<_, _>, DatabaseError>>()?;
    snapshot.commit().await?;
    Ok(Json(AllSlots { items: slots(&profile, &taken, (from_ms, to_ms), now_ms) }))
}

fn slots(profile: &Profile, taken: &HashMap<i64, i64>, (from_ms, to_ms): (i64, i64), now_ms: i64) -> Vec<Slot> {
    let ready_ms = now_ms.saturating_add(profile.prepare_minutes.saturating_mul(MINUTE_MS));
    let mut slots = Vec::new();
    let mut at_ms = from_ms;
    while at_ms < to_ms && slots.len() < MOST {
        let Some(window) = profile.open_at(at_ms) else {
            let open = profile.open(at_ms, to_ms).unwrap_or_default();
            let Some(next) = open.into_iter().map(|window| window.from_ms).filter(|from| *from > at_ms).min() else {
                break;
            };
            at_ms = next;
            continue;
        };
        let slot = match profile.slots {
            None => Slot { from_ms: window.from_ms, to_ms: window.to_ms, free: None },
            Some(Slots { minutes, orders }) => {
                let from_ms = profile.slot_at(at_ms).unwrap_or(at_ms);
                let left = i64::from(orders) - taken.get(&from_ms).copied().unwrap_or(0);
                let to_ms = from_ms.saturating_add(minutes.saturating_mul(MINUTE_MS)).min(window.to_ms);
                let is_in_time = from_ms > now_ms && to_ms > ready_ms;
                Slot { from_ms, to_ms, free: Some(if is_in_time { u32::try_from(left).unwrap_or(0) } else { 0 }) }
            }
        };
        at_ms = slot.to_ms.max(at_ms.saturating_add(1));
        slots.push(slot);
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * MINUTE_MS;

    #[test]
    fn slots_follow_each_other_through_opening_times_and_count_what_is_taken() {
        let mut profile = Profile::new("store-1".parse().unwrap());
        // 1970-01-01 was a Thursday.
        profile.hours = Some("thu 10:00-12:30; fri 10:00-11:00".parse().unwrap());
        profile.slots = Some(Slots { minutes: 60, orders: 4 });
        let taken = HashMap::from([(11 * HOUR, 3)]);
        let all = slots(&profile, &taken, (0, 48 * HOUR), 0);
        let all: Vec<_> = all.into_iter().map(|slot| (slot.from_ms / HOUR, slot.to_ms, slot.free.unwrap())).collect();
        let half = 12 * HOUR + HOUR / 2;
        assert_eq!(all, [(10, 11 * HOUR, 4), (11, 12 * HOUR, 1), (12, half, 4), (34, 35 * HOUR, 4)]);
        let now = slots(&profile, &taken, (10 * HOUR + 1, 12 * HOUR), 10 * HOUR + 1);
        assert_eq!(
            now.iter().map(|slot| slot.free).collect::<Vec<_>>(),
            [Some(0), Some(1)],
            "a slot that began is past"
        );
        profile.slots = None;
        let open = slots(&profile, &taken, (0, 24 * HOUR), 0);
        assert_eq!(open.iter().map(|slot| slot.free).collect::<Vec<_>>(), [None], "the opening time, without a limit");
    }
}
