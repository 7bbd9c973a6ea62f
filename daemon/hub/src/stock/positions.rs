//! What is there, and what moved.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{
    Sku,
    stock::{Movement, Position},
};
use serde::{Deserialize, Serialize};
use store::Order;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{MOVEMENTS, POSITIONS, Which, counts, policies::POLICIES};
use crate::{
    extract::{InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{Caller, Console},
};

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(movements))
}

/// What is there of an item by one unit; in thousandths of it.
#[derive(Serialize, ToSchema)]
struct PositionView {
    #[serde(flatten)]
    position: Position,
    /// What may be promised: on_hand less the safety stock.
    available_to_sell: i64,
}

/// Which positions, in the order of their SKUs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// Those of SKUs after this one; from the first without it.
    after: Option<String>,
    /// At most so many, 1 to 500; 100 without it.
    limit: Option<usize>,
}

fn view(hub: &Hub, position: Position) -> Result<PositionView, Problem> {
    let policy = hub.store.get(&POLICIES, position.sku.as_str())?;
    let safety = policy.filter(|policy| policy.unit == position.unit).map_or(0, |policy| policy.safety_stock);
    Ok(PositionView { available_to_sell: position.available_to_sell(safety), position })
}

/// All positions
#[utoipa::path(get, path = "/api/v1/stock/positions", tag = "stock", params(After),
    responses((status = 200, body = [PositionView]), (status = 403, body = Problem)))]
async fn list(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<After>,
) -> Result<Json<Vec<PositionView>>, Problem> {
    // Behind every unit of the SKU.
    let from = which.after.as_deref().map(|after| (after, "\u{7f}"));
    let page = hub.store.page(&POSITIONS, from, Order::Ascending, which.limit.unwrap_or(100).clamp(1, 500))?;
    page.into_iter().map(|position| view(&hub, position)).collect::<Result<_, _>>().map(Json)
}

/// What is there of an item: one position for each unit it was ever kept by
///
/// A register does not see it while the item is being counted: whoever counts must not know.
#[utoipa::path(get, path = "/api/v1/stock/positions/{sku}", tag = "stock", params(("sku" = String, Path)),
    responses((status = 200, body = [PositionView]), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn show(
    caller: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<String>,
) -> Result<Json<Vec<PositionView>>, Problem> {
    let sku: Sku = sku.parse().map_err(Problem::bad_request)?;
    if caller != Caller::Console {
        counts::not_being_counted(&hub.store, &sku)?;
    }
    let page = hub.store.page(&POSITIONS, Some((sku.as_str(), "")), Order::Ascending, commerce::Unit::ALL.len())?;
    let own = page.into_iter().filter(|position| position.sku == sku);
    own.map(|position| view(&hub, position)).collect::<Result<_, _>>().map(Json)
}

/// Movements, newest first
#[utoipa::path(get, path = "/api/v1/stock/movements", tag = "stock", params(Which),
    responses((status = 200, body = [Movement]), (status = 403, body = Problem)))]
async fn movements(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<Movement>>, Problem> {
    Ok(Json(which.page(&hub, &MOVEMENTS)?))
}
