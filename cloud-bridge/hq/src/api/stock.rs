//! What each store has of each item.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::database::{DatabaseError, Row, statement::statements, value::values};

statements! {
    /// Positions of a store.
    OF_STORE = "api_stock/of_store";
    /// Positions of an item, in every store.
    OF_ITEM = "api_stock/of_item";
    /// How far the streams are from which positions are summed.
    COUNTED = "api_stock/counted";
}

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "stock", "What each store has of each item").read(Scope::StockRead, &[], routes!(list))
}

/// What a store has of an item by a unit, in thousandths of it. The states part what is in the store.
#[derive(Serialize, ToSchema)]
struct Position {
    /// Which store.
    store: String,
    /// The item's number.
    sku: String,
    /// The unit.
    unit: String,
    /// On the shelves. Negative where more was sold than was known to be there.
    on_hand: i64,
    /// Set aside.
    reserved: i64,
    /// On its way between stores.
    in_transit: i64,
    /// Kept from sale.
    quarantined: i64,
    /// Damaged.
    damaged: i64,
    /// What may be promised: what is on hand.
    available_to_sell: i64,
    /// The epoch of the store; a new one begins when it is restored from a backup.
    epoch: i64,
    /// The store had this at that moment: milliseconds since 1970, UTC. None if the store has not said yet how far it
    /// is.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of_ms: Option<i64>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A store.
    store: Option<String>,
    /// An item's number.
    sku: Option<String>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List stock
///
/// By a `store`, an item's `sku`, or both. What a store has not told yet is not in it: `as_of_ms` says how old the
/// figures are.
#[utoipa::path(get, path = "/api/v1/stock", params(Asked),
    responses((status = 200, body = Page<Position>, description = "A page of positions.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<Position>>, Problem> {
    let Asked { store, sku, after, limit: size } = asked;
    let limit = limit(size, 100, 500)?;
    let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let after: Option<(String, String, String)> = after.as_deref().map(read_cursor).transpose()?;
    let (hub, item, unit) = after.unwrap_or_default();
    let read = match (&store, &sku) {
        (Some(store), sku) => {
            let sku = sku.as_deref().unwrap_or_default();
            api.database.read(&OF_STORE, values![store, sku, item, unit, rows]).await?
        }
        (None, Some(sku)) => api.database.read(&OF_ITEM, values![sku, hub, unit, rows]).await?,
        (None, None) => return Err(BAD_REQUEST.because("ask by `store`, by `sku`, or by both")),
    };
    let mut positions = read.into_iter().map(position).collect::<Result<Vec<_>, _>>()?;
    let (first, last) = (positions.first(), positions.last());
    if let Some((first, last)) = first.zip(last) {
        let (first, last) = (first.store.clone(), last.store.clone());
        let as_of = as_of(&api, &first, &last).await?;
        for position in &mut positions {
            position.as_of_ms = as_of.get(&position.store).copied();
        }
    }
    Ok(Json(Page::of(positions, limit, |last| (last.store.clone(), last.sku.clone(), last.unit.clone()))))
}

fn position(row: Row) -> Result<Position, DatabaseError> {
    let (store, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged) = row.read()?;
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
    })
}

/// How far a stream is from which positions are summed.
#[derive(Clone, Copy)]
struct Counted {
    up_to: i64,
    /// Of the event there: by the hub's clock, and by HQ's.
    occurred_at_ms: Option<i64>,
    received_at_ms: Option<i64>,
    /// What the hub had when it was heard of last, and when that was.
    last: i64,
    heard_at_ms: i64,
}

impl Counted {
    /// Everything of the stream before this moment is counted.
    fn as_of_ms(self) -> Option<i64> {
        if self.up_to >= self.last {
            // It had no more when it was heard of, or has told all that and more.
            Some(self.heard_at_ms.max(self.received_at_ms.unwrap_or_default()))
        } else {
            self.occurred_at_ms
        }
    }
}

/// By store: the moment up to which all streams are counted.
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
    fn a_stream_counts_up_to_where_hq_has_followed_it() {
        let counted =
            Counted { up_to: 5, occurred_at_ms: Some(50), received_at_ms: Some(80), last: 5, heard_at_ms: 70 };
        assert_eq!(counted.as_of_ms(), Some(80), "all, and heard of since");
        assert_eq!(Counted { received_at_ms: Some(60), ..counted }.as_of_ms(), Some(70), "quiet since it was heard of");
        assert_eq!(Counted { last: 9, ..counted }.as_of_ms(), Some(50), "behind");
        let none = Counted { up_to: 0, occurred_at_ms: None, received_at_ms: None, last: 9, heard_at_ms: 70 };
        assert_eq!(none.as_of_ms(), None, "nothing came yet");
        assert_eq!(Counted { last: 0, ..none }.as_of_ms(), Some(70), "there is nothing");
    }
}
