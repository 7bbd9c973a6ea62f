//! Devices: list them, weigh, open a drawer, catch up on a lane's events.

#![allow(unused_qualifications)] // in what a macro makes of `params(After)`

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    Refusal,
    devices::{DISCOVER, DRAWER, DrawerOpened, LEASE, LISTEN, PRINTER_FAILED, READ, SCALE_FAILED, WEIGH},
    registers::REGISTER_UNKNOWN,
    training,
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{Quantity, RegisterName, Unit, operator::Right};
use drivers::{
    device::DeviceName,
    discover::{Found, look},
};
use serde::{Deserialize, Serialize};
use store::{Purpose, StoreError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    config::DeviceKind,
    hub::Hub,
    parts::devices::{DeviceState, displays::Shown, lanes::LaneEvents, leases::TERM, weighings::Weighing},
    printing::lane_printer,
    web::{Asker, Command, Empty, InPath, InQuery, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("devices", "Scales, scanners, printers, terminals", &["devices", "registers", "roles"])
        .read(&READ, routes!(list))
        .read(&LISTEN, routes!(lane))
        .read(&LISTEN, routes!(lane_events))
        .read(&LISTEN, routes!(lane_display))
        .also_in_training(&WEIGH, routes!(weigh))
        .also_in_training(&LEASE, routes!(lease))
        .also_in_training(&LEASE, routes!(give_back))
        .read(&DISCOVER, routes!(discover))
        .command(&DRAWER, routes!(open_drawer))
}

/// How to weigh.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Weigh {
    /// How long to wait until the plate is still, in milliseconds. Default 2000.
    #[serde(default)]
    #[schema(minimum = 100, maximum = 10_000, default = 2000)]
    within_ms: Option<u64>,
    /// The price of a unit in minor units, for a scale that computes the price.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 999_999)]
    unit_price: Option<u32>,
}

/// A stable weight in the scale's own unit and resolution.
#[derive(Serialize, ToSchema)]
struct Weighed {
    /// Send it as the `weighing` of a line within two minutes. It can be sold once.
    weighing: String,
    /// Thousandths of the unit.
    milli: u32,
    /// The scale's unit, `kilogram` or `pound`.
    unit: Unit,
    /// The price that the scale computed, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<i64>,
    /// The scale's answer as sent, with unprintable bytes escaped.
    sent: String,
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
    /// Whether the register is in training: nothing that it does counts.
    training: bool,
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
    let training = training::is_in_training(&hub.store, &lane.name)?;
    Ok(Json(Lane {
        register: lane.name.clone(),
        store: hub.config.store.name.clone(),
        hub: hub.config.store.hub.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        currency: hub.currency().code(),
        currency_exponent: hub.currency().exponent(),
        training,
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

/// Get what the customer of the register sees, for a second screen
///
/// Each change comes as an event `display`.
#[utoipa::path(get, path = "/api/v1/lanes/me/display",
    responses((status = 200, body = Shown), (status = 404, body = Problem)))]
async fn lane_display(Asker(actor): Asker, State(hub): State<Arc<Hub>>) -> Result<Json<Shown>, Problem> {
    let register = actor.register_name().filter(|register| hub.config.lane(register).is_some());
    let register = register.ok_or_else(|| REGISTER_UNKNOWN.because(format!("{actor} is no longer in the config")))?;
    Ok(Json(hub.devices.displays.of(register)))
}

/// List all devices and their health
#[utoipa::path(get, path = "/api/v1/devices", responses((status = 200, body = [DeviceState])))]
async fn list(State(hub): State<Arc<Hub>>) -> Json<Vec<DeviceState>> {
    Json(hub.devices.states())
}

/// Weigh: get a stable weight from a scale
///
/// The scale is asked until the plate is still. An unstable, negative or out-of-range weight is refused with the
/// reason. A repeat weighs again.
#[utoipa::path(post, path = "/api/v1/devices/{name}/weigh", params(("name" = DeviceName, Path)), request_body = Weigh,
    responses((status = 200, body = Weighed), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 502, body = Problem)))]
async fn weigh(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    command: Command<Weigh>,
) -> Result<Json<Weighed>, Problem> {
    hub.devices.free(&name, command.by.actor.register_name())?;
    let Weigh { within_ms, unit_price } = command.body;
    let within = Duration::from_millis(within_ms.unwrap_or(2000).clamp(100, 10_000));
    let stable = hub.devices.scale(&name)?.weigh(within, unit_price).await;
    let stable = stable.map_err(|error| SCALE_FAILED.because(error.to_string()))?;
    let (milli, unit) = (stable.milli(), if stable.is_metric() { Unit::Kilogram } else { Unit::Pound });
    let quantity = Quantity::new(i64::from(milli), unit).map_err(|error| SCALE_FAILED.because(error.to_string()))?;
    let weight = stable.weight();
    let (amount, sent) = (weight.amount, weight.sent.clone());
    let weighing = hub.devices.weighings.keep(Weighing { quantity, sent: sent.clone() }, Instant::now());
    Ok(Json(Weighed { weighing, milli, unit, amount, sent }))
}

/// A lease.
#[derive(Serialize, ToSchema)]
struct Lease {
    /// Renew it before this many milliseconds have passed.
    expires_in_ms: u64,
}

/// Take or renew the lease of a device
///
/// While a register holds a device, only it may use it and hears its scans and weights. A register renews its lease
/// every five seconds; the lease of a register that has died ends by itself. A repeat under the same key renews it.
#[utoipa::path(post, path = "/api/v1/devices/{name}/lease", params(("name" = DeviceName, Path)), request_body = Empty,
    responses((status = 200, body = Lease), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn lease(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    command: Command<Empty>,
) -> Result<Json<Lease>, Problem> {
    hub.devices.lease(&name, command.by.register()?)?;
    Ok(Json(Lease { expires_in_ms: u64::try_from(TERM.as_millis()).unwrap_or(u64::MAX) }))
}

/// Give a leased device back
///
/// Changes nothing if the register does not hold it.
#[utoipa::path(post, path = "/api/v1/devices/{name}/give-back", params(("name" = DeviceName, Path)),
    request_body = Empty,
    responses((status = 204, description = "Given back")))]
async fn give_back(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    command: Command<Empty>,
) -> Result<StatusCode, Problem> {
    hub.devices.leases.give_back(&name, command.by.register()?);
    Ok(StatusCode::NO_CONTENT)
}

/// List what is plugged in, with a table for the config where a driver fits
#[utoipa::path(get, path = "/api/v1/devices/found", responses((status = 200, body = Found)))]
async fn discover() -> Json<Found> {
    Json(look().await)
}

/// Open the cash drawer at the lane's receipt printer
///
/// A repeat under the same key does not open it again, unless the first attempt failed. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/drawer", request_body = Empty,
    responses((status = 204, description = "Opened"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn open_drawer(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    // Refused inside the commit: the lane may have a different printer, or none, when the command is repeated.
    let found = lane_printer(&hub, command.by.register()?)
        .and_then(|name| Ok((name.to_owned(), Arc::clone(hub.devices.receipt_printer(name)?))));
    let printer_name = found.as_ref().map(|(name, _)| name.clone()).map_err(Clone::clone);
    let record = move |transaction: &mut store::Transaction<'_>, by: &app::By, _: &Empty| {
        app::operators::allow(transaction, by, Right::OpenDrawer, 0)?;
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
