//! The routes of serial numbers: which items have them, and the units.

use std::sync::Arc;

use app::serials::{self, READ, SET, SerialPolicy, SerialRequest};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    Sku,
    serial::{SerialNumber, Unit},
};
use store::Purpose;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Command, InPath, Problem, Routes, reading},
};

/// The maximum number of items in the list.
const MOST: usize = 10_000;

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("serials", "Units with serial numbers, and their warranties", &["serials"])
        .read(&READ, routes!(policies))
        .read(&READ, routes!(unit))
        .command(&SET, routes!(set))
}

/// List the items with serial numbers
#[utoipa::path(get, path = "/api/v1/serials", responses((status = 200, body = [SerialPolicy])))]
async fn policies(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<SerialPolicy>>, Problem> {
    Ok(Json(reading(move || Ok(serials::policies(&hub.store, None, MOST)?)).await?))
}

/// Say whether an item has serial numbers, and its warranty
///
/// From the answer on, each unit is sold with its number. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/items/{sku}/serials", request_body = SerialRequest, params(("sku" = Sku, Path)),
    responses((status = 204, description = "It counts for every line that is added")))]
async fn set(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<SerialRequest>,
) -> Result<StatusCode, Problem> {
    let set = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        serials::set(transaction, by, &sku, request)
    });
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a unit: where it is, the sale, the warranty
#[utoipa::path(get, path = "/api/v1/items/{sku}/serials/{serial}",
    params(("sku" = Sku, Path), ("serial" = SerialNumber, Path)),
    responses((status = 200, body = Unit), (status = 404, body = Problem)))]
async fn unit(
    State(hub): State<Arc<Hub>>,
    InPath((sku, serial)): InPath<(Sku, SerialNumber)>,
) -> Result<Json<Unit>, Problem> {
    Ok(Json(reading(move || serials::unit(&hub.store, &sku, &serial)).await?))
}
