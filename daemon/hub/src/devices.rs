//! Devices: list them, weigh, print labels, open a drawer, catch up on a lane's events.

#![allow(unused_qualifications)] // in what a macro makes of `params(After)`

use std::sync::Arc;

use app::{
    Refusal,
    catalog::ITEM_UNKNOWN,
    devices::{DRAWER, DrawerOpened, LABEL_UNPRINTABLE, LABELS, LISTEN, PRINTER_FAILED, READ, SCALE_FAILED, WEIGH},
    registers::REGISTER_UNKNOWN,
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{RegisterName, Sku, Unit};
use drivers::{
    device::DeviceName,
    label_printer::{Barcode, Label, PrintError},
    scale::WeightUnit,
};
use serde::{Deserialize, Serialize};
use store::{Purpose, StoreError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    config::DeviceKind,
    hub::Hub,
    parts::devices::{DeviceState, lanes::LaneEvents},
    printing::lane_printer,
    web::{Asker, Command, Empty, InPath, InQuery, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("devices", "Scales, scanners, printers, terminals", &["devices", "catalog", "registers", "printing"])
        .read(&READ, routes!(list))
        .read(&LISTEN, routes!(lane))
        .read(&LISTEN, routes!(lane_events))
        .command(&WEIGH, routes!(weigh))
        .command(&LABELS, routes!(print_label))
        .command(&DRAWER, routes!(open_drawer))
}

/// A stable weight in the scale's own unit and resolution; usable as the quantity of a line.
#[derive(Serialize, ToSchema)]
struct Weighed {
    /// Thousandths of the unit.
    milli: u32,
    /// The scale's unit, `kilogram` or `pound`.
    unit: Unit,
}

/// A request to print labels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PrintLabel {
    /// The item.
    sku: Sku,
    /// The number of labels, 1 to 999. Default 1.
    #[serde(default)]
    #[schema(value_type = u16, minimum = 1, maximum = 999, default = 1)]
    copies: Copies,
}

/// The number of labels: 1 to 999.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
struct Copies(u16);

impl Default for Copies {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u16> for Copies {
    type Error = String;

    fn try_from(copies: u16) -> Result<Self, String> {
        if (1..=999).contains(&copies) {
            Ok(Self(copies))
        } else {
            Err(format!("Invalid number of copies {copies}: expected 1 to 999"))
        }
    }
}

/// Selects events of a lane.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct After {
    /// The sequence of the last event that the register has processed. Default 0: all that are kept.
    #[serde(default)]
    after: u64,
    /// The `boot` of that event.
    #[param(max_length = 16)]
    boot: Option<String>,
}

/// A register's lane.
#[derive(Serialize, ToSchema)]
struct Lane {
    /// The lane's register.
    register: RegisterName,
    /// The store's name.
    store: String,
    /// The hub's name at HQ.
    hub: String,
    /// The hub's version.
    version: &'static str,
    /// The currency, ISO 4217.
    currency: &'static str,
    /// The decimals of the minor unit: with 2, an amount of 105 is 1.05.
    currency_exponent: u32,
    /// The lane's devices and the store's label printers.
    devices: Vec<DeviceState>,
}

/// Get the register's own lane: its devices and the currency
#[utoipa::path(get, path = "/api/v1/lanes/me", responses((status = 200, body = Lane), (status = 404, body = Problem)))]
async fn lane(Asker(actor): Asker, State(hub): State<Arc<Hub>>) -> Result<Json<Lane>, Problem> {
    let lane = actor.register_name().and_then(|register| hub.config.lane(register));
    let lane = lane.ok_or_else(|| REGISTER_UNKNOWN.because(format!("{actor} is no longer in the config")))?;
    let names = DeviceKind::ALL.map(|kind| kind.of_lane(lane));
    let is_label_printer = |device: &DeviceState| device.kind == DeviceKind::LabelPrinter.name();
    let mut devices = hub.devices.states();
    devices.retain(|device| is_label_printer(device) || names.contains(&Some(device.device.as_str())));
    Ok(Json(Lane {
        register: lane.name.clone(),
        store: hub.config.store.name.clone(),
        hub: hub.config.store.hub.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        currency: hub.currency().code(),
        currency_exponent: hub.currency().exponent(),
        devices,
    }))
}

/// Get the lane's events after a sequence: scans and weights
///
/// For a register that has lost its connection to the events. First connect to the events again, then call this, and
/// process each sequence once. `restarted` and `missed` tell if events may be lost: then scan again what is not in the
/// basket.
#[utoipa::path(get, path = "/api/v1/lanes/me/events", params(After),
    responses((status = 200, body = LaneEvents), (status = 404, body = Problem)))]
async fn lane_events(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<After>,
) -> Result<Json<LaneEvents>, Problem> {
    let heard = actor
        .register_name()
        .and_then(|register| hub.devices.lanes.after(register, which.boot.as_deref(), which.after));
    Ok(Json(heard.ok_or_else(|| REGISTER_UNKNOWN.because(format!("{actor} is no longer in the config")))?))
}

/// List all devices and their health
#[utoipa::path(get, path = "/api/v1/devices", responses((status = 200, body = [DeviceState])))]
async fn list(State(hub): State<Arc<Hub>>) -> Json<Vec<DeviceState>> {
    Json(hub.devices.states())
}

/// Weigh: get a stable weight from a scale
///
/// A repeat weighs again.
#[utoipa::path(post, path = "/api/v1/devices/{name}/weigh", params(("name" = DeviceName, Path)), request_body = Empty,
    responses((status = 200, body = Weighed), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn weigh(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    _: Command<Empty>,
) -> Result<Json<Weighed>, Problem> {
    let weight = hub.devices.scale(&name)?.weigh().await.map_err(|error| SCALE_FAILED.because(error.to_string()))?;
    let unit = match weight.unit {
        WeightUnit::Kilogram => Unit::Kilogram,
        WeightUnit::Pound => Unit::Pound,
    };
    Ok(Json(Weighed { milli: weight.milli, unit }))
}

/// Print shelf labels for an item
///
/// The barcode is the item's GTIN; an item without one gets its SKU as Code 128.
/// A repeat under the same key prints nothing more, unless the first attempt failed.
#[utoipa::path(post, path = "/api/v1/devices/{name}/labels", params(("name" = DeviceName, Path)), request_body = PrintLabel,
    responses((status = 204, description = "Printed"), (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn print_label(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    command: Command<PrintLabel>,
) -> Result<StatusCode, Problem> {
    // Looked up before the commit and refused inside it, so that a repeat gets its answer even if the item has changed.
    let found =
        hub.devices.label_printer(&name).and_then(|printer| Ok((Arc::clone(printer), label(&hub, &command.body)?)));
    let refused = found.as_ref().map(drop).map_err(Clone::clone);
    act_once(&hub, command, |_, _, _| refused, async move {
        let (printer, label) = found?;
        printer.print(&label).await.map_err(|error| match error {
            PrintError::Invalid { .. } => LABEL_UNPRINTABLE.because(error.to_string()),
            error => PRINTER_FAILED.because(error.to_string()),
        })
    })
    .await
}

fn label(hub: &Hub, wanted: &PrintLabel) -> Result<Label, Refusal> {
    let item = hub.catalog.load().sku(&wanted.sku).cloned();
    let item = item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: SKU {}", wanted.sku)))?;
    let currency = hub.currency();
    let per = if item.price.per.is_measure() { format!("/{}", item.price.per.symbol()) } else { String::new() };
    Ok(Label {
        title: item.description.clone(),
        detail: [&*item.package_size, &*item.department].join("  ").trim().to_owned(),
        price: format!("{}{per}", item.price.minor.display(currency)),
        currency: currency.symbol(),
        barcode: match item.gtin {
            Some(gtin) => Barcode::Gtin(gtin.to_string()),
            None => Barcode::Code128(item.sku.to_string()),
        },
        copies: wanted.copies.0,
    })
}

/// Open the cash drawer at the lane's receipt printer
///
/// A repeat under the same key does not open it again, unless the first attempt failed. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/drawer", request_body = Empty,
    responses((status = 204, description = "Opened"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn open_drawer(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    // As for labels: the lane may have a different printer, or none, when the command is repeated.
    let found = lane_printer(&hub, command.by.register()?)
        .and_then(|name| Ok((name.to_owned(), Arc::clone(hub.devices.receipt_printer(name)?))));
    let printer_name = found.as_ref().map(|(name, _)| name.clone()).map_err(Clone::clone);
    let record = move |transaction: &mut store::Transaction<'_>, by: &app::By, _: &Empty| {
        Ok(app::audit::record(transaction, by, &DrawerOpened { printer: printer_name? })?)
    };
    act_once(&hub, command, record, async move {
        let (_, printer) = found?;
        printer.open_drawer().await.map_err(|error| PRINTER_FAILED.because(error.to_string()))
    })
    .await
}

/// Does something with a device once. The key and the audit entry are stored first, so that a repeat does nothing more,
/// also after a restart. If the device fails, the key is released.
async fn act_once<T: Send + 'static>(
    hub: &Hub,
    command: Command<T>,
    record: impl FnOnce(&mut store::Transaction<'_>, &app::By, &T) -> Result<(), Refusal> + Send + 'static,
    act: impl Future<Output = Result<(), Refusal>>,
) -> Result<StatusCode, Problem> {
    let key = command.key.clone();
    let begun = command
        .commit_first(&hub.store, Purpose::Ordinary, move |transaction, by, body| record(transaction, by, &body));
    let ((), is_first) = begun.await?;
    if is_first && let Err(refusal) = act.await {
        let forgotten = hub.store.commit_for(Purpose::Settled, move |transaction| {
            transaction.forget_answer(&key);
            Ok::<_, StoreError>(())
        });
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "could not release the key of a command whose device failed");
        }
        return Err(refusal.into());
    }
    Ok(StatusCode::NO_CONTENT)
}
