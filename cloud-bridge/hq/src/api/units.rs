//! Units with serial numbers, and their warranties.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use commerce::{Sku, serial::SerialNumber};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::Command,
    extract::InPath,
    problem::{BAD_REQUEST, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    ledger::units::{self, Unit},
    moment::now_ms,
};

/// Unknown unit.
static UNIT_UNKNOWN: Kind = Kind::new(
    "unit-unknown",
    StatusCode::NOT_FOUND,
    "Unknown unit",
    "No store has sold a unit of the item with this serial number, or HQ has not heard of it yet.",
);
/// The unit has no warranty.
static NO_WARRANTY: Kind = Kind::new(
    "no-warranty",
    StatusCode::UNPROCESSABLE_ENTITY,
    "No warranty",
    "The unit came back, or was sold without a warranty.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "units", "Units with serial numbers, and their warranties")
        .read(Scope::SalesRead, &[&UNIT_UNKNOWN], routes!(read))
        .command(Scope::WarrantiesWrite, &[&UNIT_UNKNOWN, &NO_WARRANTY], routes!(register))
}

fn unknown(sku: &Sku, serial: &SerialNumber) -> Problem {
    UNIT_UNKNOWN.because(format!("no store has sold unit {serial} of item {sku}, as far as HQ has heard"))
}

/// Read a unit: where it is, its sale and its warranty
#[utoipa::path(get, path = "/api/v1/units/{sku}/{serial}",
    params(("sku" = String, Path, description = "The item."),
        ("serial" = String, Path, description = "The serial number.")),
    responses((status = 200, body = Unit, description = "The unit.")))]
async fn read(
    State(api): State<Arc<Api>>,
    InPath((sku, serial)): InPath<(Sku, SerialNumber)>,
) -> Result<Json<Unit>, Problem> {
    let unit = units::unit(&api.database, &sku, serial.as_str()).await?;
    Ok(Json(unit.ok_or_else(|| unknown(&sku, &serial))?))
}

/// The registration of a warranty.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegisterWarranty)]
struct Register {
    /// The customer.
    #[schema(min_length = 1, max_length = 120)]
    customer: String,
}

/// Register the warranty of a unit
///
/// For the account of a customer. Repeating it has no effect and returns the first registration.
#[utoipa::path(post, path = "/api/v1/units/{sku}/{serial}/registration", request_body = Register,
    params(("sku" = String, Path, description = "The item."),
        ("serial" = String, Path, description = "The serial number.")),
    responses((status = 200, body = Unit, description = "The unit with its registration.")))]
async fn register(
    State(api): State<Arc<Api>>,
    InPath((sku, serial)): InPath<(Sku, SerialNumber)>,
    mut command: Command<Register>,
) -> Result<Response, Problem> {
    let customer = std::mem::take(&mut command.body.customer);
    if !(1..=commerce::MAX_TEXT).contains(&customer.len()) || !commerce::text::is_readable(&customer) {
        return Err(BAD_REQUEST.because("`customer`: 1 to 120 bytes of text without control characters"));
    }
    let found = units::unit(&api.database, &sku, serial.as_str()).await?;
    let mut unit = found.ok_or_else(|| unknown(&sku, &serial))?;
    if unit.warranty.is_none() {
        return Err(
            NO_WARRANTY.because(format!("unit {serial} of item {sku} has no warranty: it came back, or had none"))
        );
    }
    let now_ms = now_ms();
    units::register(&mut command.transaction, (&sku, serial.as_str()), &customer, now_ms).await?;
    let new = units::Registration { customer, at_ms: now_ms };
    unit.registration = Some(unit.registration.unwrap_or(new));
    command.answer(StatusCode::OK, &unit).await
}
