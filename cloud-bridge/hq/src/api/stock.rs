//! The stock of each store, by item.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    by_item::ByItem,
    extract::{InQuery, Page},
    problem::Problem,
    routes::Routes,
    scope::Scope,
};
use crate::database::{DatabaseError, Row, statement::statements, value::values};

statements! {
    /// The positions of a store.
    OF_STORE = "api_stock/of_store";
    /// The positions of an item in every store.
    OF_ITEM = "api_stock/of_item";
    /// The streams from which positions are summed, and their progress.
    COUNTED = "api_stock/counted";
}

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "stock", "The stock of each store, by item").read(Scope::StockRead, &[], routes!(list))
}

/// The position of an item in a store in one unit, in thousandths, by state.
#[derive(Serialize, ToSchema)]
struct Position {
    /// The store.
    store: String,
    /// The item.
    sku: String,
    /// The unit.
    unit: String,
    /// Available for sale; negative if more was sold than was known.
    on_hand: i64,
    /// Reserved.
    reserved: i64,
    /// In transit to another store.
    in_transit: i64,
    /// Quarantined.
    quarantined: i64,
    /// Damaged.
    damaged: i64,
    /// The quantity that may be promised: what is on hand.
    available_to_sell: i64,
    /// The epoch of the store; restoring the store from a backup begins a new one.
    epoch: i64,
    /// The moment of these quantities: milliseconds since 1970, UTC. Absent if HQ does not know how far the store is.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of_ms: Option<i64>,
    /// When the store sent these quantities ahead of its events, if HQ still lacks some of these: milliseconds since
    /// 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    told_at_ms: Option<i64>,
}

/// List stock
///
/// By `store`, by `sku`, or by both. Events that HQ lacks are not included: `as_of_ms` tells how old the quantities
/// are. After an outage a store sends its current positions ahead of its events: `told_at_ms` is then their moment.
#[utoipa::path(get, path = "/api/v1/stock", params(ByItem),
    responses((status = 200, body = Page<Position>, description = "A page of positions.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<ByItem>) -> Result<Json<Page<Position>>, Problem> {
    let (read, limit) = asked.read(&api, &OF_STORE, &OF_ITEM).await?;
    let mut positions = read.into_iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let (first, last) = (positions.first(), positions.last());
    if let Some((first, last)) = first.zip(last) {
        let (first, last) = (first.store.clone(), last.store.clone());
        let as_of = as_of(&api, &first, &last).await?;
        for position in &mut positions {
            position.as_of_ms = position.told_at_ms.or_else(|| as_of.get(&position.store).copied());
        }
    }
    Ok(Json(Page::of(positions, limit, |last| (last.store.clone(), last.sku.clone(), last.unit.clone()))))
}

fn position(row: Row) -> Result<Position, DatabaseError> {
    let (store, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged, told_at_ms) = row.read()?;
    Ok(Position {
        store,
        sku,
        unit,
        on_hand,
        reserved,
        in_transit,
        quarantined,
        damaged,
        available_to_sell: on_hand,
        epoch,
        as_of_ms: None,
        told_at_ms,
    })
}

/// The progress of a stream from which positions are summed.
#[derive(Clone, Copy)]
struct Counted {
    up_to: i64,
    /// The times of the last stored event, by the hub's clock and by HQ's.
    occurred_at_ms: Option<i64>,
    received_at_ms: Option<i64>,
    /// The hub's last event at its last hello, and when that was.
    last: i64,
    heard_at_ms: i64,
}

impl Counted {
    /// All events of the stream before this moment are included.
    fn as_of_ms(self) -> Option<i64> {
        if self.up_to >= self.last {
            // HQ had all events at the hub's last hello, or later ones, too.
            Some(self.heard_at_ms.max(self.received_at_ms.unwrap_or_default()))
        } else {
            self.occurred_at_ms
        }
    }
}

/// The moment up to which all streams are included, by store.
async fn as_of(api: &Api, first: &str, last: &str) -> Result<HashMap<String, i64>, DatabaseError> {
    let mut moments: HashMap<String, Option<i64>> = HashMap::new();
    for row in api.database.read(&COUNTED, values![first, last]).await? {
        let (store, up_to, occurred_at_ms, received_at_ms, last, heard_at_ms) = row.read()?;
        let moment = Counted { up_to, occurred_at_ms, received_at_ms, last, heard_at_ms }.as_of_ms();
        let known = moments.entry(store).or_insert(moment);
        *known = known.zip(moment).map(|(one, other)| one.min(other));
    }
    Ok(moments.into_iter().filter_map(|(store, moment)| Some((store, moment?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_included_up_to_hqs_progress() {
        let counted =
            Counted { up_to: 5, occurred_at_ms: Some(50), received_at_ms: Some(80), last: 5, heard_at_ms: 70 };
        assert_eq!(counted.as_of_ms(), Some(80), "all events, and a later hello");
        assert_eq!(Counted { received_at_ms: Some(60), ..counted }.as_of_ms(), Some(70), "no event since the hello");
        assert_eq!(Counted { last: 9, ..counted }.as_of_ms(), Some(50), "behind");
        let none = Counted { up_to: 0, occurred_at_ms: None, received_at_ms: None, last: 9, heard_at_ms: 70 };
        assert_eq!(none.as_of_ms(), None, "no event yet");
        assert_eq!(Counted { last: 0, ..none }.as_of_ms(), Some(70), "the hub has no events");
    }
}
