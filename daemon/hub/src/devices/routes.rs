//! Devices: see them, weigh, print a label, open a drawer.

#![allow(unused_qualifications)] // in what a macro makes of `params(After)`

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::Sku;
use drivers::label_printer::Label;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{DeviceState, lanes::LaneEvents};
use crate::{
    extract::{Body, InPath, InQuery},
    hub::Hub,
    problem::Problem,
    registers::{Caller, RegisterName},
};

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(weigh))
        .routes(routes!(print_label))
        .routes(routes!(open_drawer))
        .routes(routes!(lane_events))
}

/// A weight at rest.
#[derive(Serialize, ToSchema)]
struct Weighed {
    /// Grams.
    grams: u32,
}

/// Labels to print.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PrintLabel {
    /// Of which item.
    sku: Sku,
    /// How many, 1 to 999; one without it.
    #[serde(default)]
    copies: Option<u16>,
}

/// After which of a lane's events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct After {
    /// The sequence of the last event that the register took; 0 or nothing for all that are kept.
    #[serde(default)]
    after: u64,
    /// The `boot` that came with it.
    boot: Option<String>,
}

/// What the register's lane heard: scans and weights after a sequence
///
/// For a register whose connection to the events broke. Listen to the events first, then ask, and take each sequence
/// once. `restarted` and `missed` say when something may be lost: scan again what is not in the basket.
#[utoipa::path(get, path = "/api/v1/lanes/me/events", tag = "devices", params(After),
    responses((status = 200, body = LaneEvents), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn lane_events(
    RegisterName(register): RegisterName,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<After>,
) -> Result<Json<LaneEvents>, Problem> {
    let heard = hub.devices.lanes.after(&register, which.boot.as_deref(), which.after);
    let gone = || Problem::not_found("register", format!("register {register} is no longer in the config"));
    heard.map(Json).ok_or_else(gone)
}

/// All devices and how they are
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", responses((status = 200, body = [DeviceState])))]
async fn list(_: Caller, State(hub): State<Arc<Hub>>) -> Json<Vec<DeviceState>> {
    Json(hub.devices.states())
}

/// Weigh what lies on a scale, at rest
#[utoipa::path(post, path = "/api/v1/devices/{name}/weigh", tag = "devices", params(("name" = String, Path)),
    responses((status = 200, body = Weighed), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn weigh(_: Caller, State(hub): State<Arc<Hub>>, InPath(name): InPath<String>) -> Result<Json<Weighed>, Problem> {
    let weight =
        hub.devices.scale(&name)?.weigh().await.map_err(|error| Problem::device("scale-failed", error.to_string()))?;
    Ok(Json(Weighed { grams: weight.0 }))
}

/// Print shelf labels of an item
#[utoipa::path(post, path = "/api/v1/devices/{name}/labels", tag = "devices", params(("name" = String, Path)), request_body = PrintLabel,
    responses((status = 204, description = "Printed"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn print_label(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    Body(wanted): Body<PrintLabel>,
) -> Result<StatusCode, Problem> {
    let printer = hub.devices.label_printer(&name)?;
    let item = hub.catalog.load().sku(&wanted.sku).cloned();
    let item = item.ok_or_else(|| Problem::not_found("item", format!("no item has the SKU {}", wanted.sku)))?;
    let gtin = item.gtin.ok_or_else(|| Problem::bad_request(format!("item {} has no GTIN to print", item.sku)))?;
    let currency = hub.currency();
    let per = if item.price.per.is_measure() { format!("/{}", item.price.per.symbol()) } else { String::new() };
    let label = Label {
        title: item.description.clone(),
        detail: [&*item.package_size, &*item.department].join("  ").trim().to_owned(),
        price: format!("{}{per}", item.price.minor.display(currency)),
        currency: currency.symbol(),
        barcode: gtin.to_string(),
        copies: wanted.copies.unwrap_or(1),
    };
    printer.print(&label).await.map_err(|error| Problem::device("printer-failed", error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Open the drawer at the lane's receipt printer
#[utoipa::path(post, path = "/api/v1/drawer", tag = "devices",
    responses((status = 204, description = "Opened"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn open_drawer(RegisterName(register): RegisterName, State(hub): State<Arc<Hub>>) -> Result<StatusCode, Problem> {
    let lane = hub.config.register.iter().find(|lane| lane.name == register);
    let printer = lane.and_then(|lane| lane.receipt_printer.as_deref()).ok_or_else(|| {
        Problem::not_found(
            "device",
            format!("register {register} has no receipt printer; add `receipt_printer` to its [[register]]"),
        )
    })?;
    hub.devices
        .receipt_printer(printer)?
        .open_drawer()
        .await
        .map_err(|error| Problem::device("printer-failed", error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}
