//! The state of the store on one page: sales and takings today, devices, registers, HQ, the last receipts.

mod doubts;
mod feed;
pub(crate) mod metrics;
mod routes;
mod sales;
mod samples;

use std::sync::Arc;

use commerce::RegisterName;
pub(crate) use feed::ToConsole;
pub(crate) use routes::{page, routes};
pub(crate) use sales::FollowSales;
pub use samples::resident_in;
use serde::Serialize;
use store::{Room, StoreError};
use tokio::task::spawn_blocking;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use self::doubts::PaymentInDoubt;
use crate::{
    hub::Hub,
    parts::{
        certificates::CertificateState, devices::DeviceState, printed::Printed, timekeeper::ClockFigures,
        today::TodayFigures,
    },
};

/// Everything the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Status {
    /// The store's name.
    pub(crate) store: String,
    /// The hub's name towards HQ.
    pub(crate) hub: String,
    /// ISO 4217.
    pub(crate) currency: &'static str,
    /// Decimals of its minor unit.
    pub(crate) currency_exponent: u32,
    /// Why the store accepts nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
    /// What a person must look at: what the check at start found wrong with the store, certificates that end, alarms of
    /// the line to HQ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
    /// The clock.
    pub(crate) clock: ClockFigures,
    /// The certificates in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificates: Vec<CertificateState>,
    /// Card payments that wait for a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) payments_in_doubt: Vec<PaymentInDoubt>,
    /// Where everything is kept.
    pub(crate) keeping: KeepingFigures,
    /// The day's figures.
    pub(crate) today: TodayFigures,
    /// Items in the catalog.
    pub(crate) items: usize,
    /// All devices.
    pub(crate) devices: Vec<DeviceState>,
    /// All registers of the config.
    pub(crate) registers: Vec<RegisterFigures>,
    /// The line to HQ; none in a store without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) headquarters: Option<HeadquartersFigures>,
    /// The last receipts, as printed.
    pub(crate) receipts: Vec<Printed>,
}

/// The store's files and the disk under them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KeepingFigures {
    /// `sled` or `sqlite`.
    pub(crate) engine: &'static str,
    /// `ample`, `low` (no more telemetry), `scarce` (sales alone) or `full` (not even sales).
    #[schema(schema_with = room)]
    pub(crate) room: Room,
    /// Left on the disk.
    pub(crate) free_bytes: u64,
    /// Samples of the hub's health dropped for want of room since the start.
    pub(crate) telemetry_dropped: u64,
    /// The engine's files.
    pub(crate) store_bytes: u64,
    /// The archive's files.
    pub(crate) archive_bytes: u64,
}

/// The schema of [`Room`], which `store` has without one.
fn room() -> Object {
    let names = ["ample", "low", "scarce", "full"];
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

impl KeepingFigures {
    fn of(hub: &Hub) -> Self {
        let (disk, sizes) = (hub.store.disk(), hub.sizes.of(&hub.store));
        Self {
            engine: hub.config.store.engine.name(),
            room: disk.room,
            free_bytes: sizes.free,
            telemetry_dropped: disk.dropped,
            store_bytes: sizes.store,
            archive_bytes: sizes.archive,
        }
    }
}

/// A register on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RegisterFigures {
    /// Its name.
    pub(crate) register: RegisterName,
    /// Whether it has a token.
    pub(crate) paired: bool,
    /// Its sales today.
    pub(crate) sales: u64,
    /// What they came to, in minor units.
    pub(crate) net: i64,
}

/// HQ on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HeadquartersFigures {
    /// HQ answers.
    pub(crate) connected: bool,
    /// Events it has.
    pub(crate) has: u64,
    /// Events it lacks.
    pub(crate) lacks: u64,
    /// What is wrong with the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
}

/// Starts what goes on beside the routes: samples of the hub's health, and the status for consoles.
pub(crate) fn start(hub: &Arc<Hub>) {
    samples::start(hub);
    feed::start(hub);
}

/// Everything that a person must look at.
fn faults(hub: &Hub) -> Vec<String> {
    let alarms = hub.headquarters.status().map(|status| status.borrow().alarms.clone());
    [hub.faults.clone(), hub.certificates.faults(), alarms.unwrap_or_default()].concat()
}

impl Status {
    /// As things are now. Files and records are looked at, so not on the runtime's threads.
    pub(crate) async fn read(hub: Arc<Hub>) -> Result<Self, StoreError> {
        spawn_blocking(move || Self::of(&hub)).await.map_err(|_| StoreError::Panicked)
    }

    /// The same, on this thread.
    fn of(hub: &Hub) -> Self {
        let (today, by_register) = hub.today.figures(hub.calendar.business_day(hub.now_ms()));
        let paired = hub.registers.paired();
        let registers = hub.config.register.iter().map(|register| {
            let (sales, net) = by_register.get(&register.name).copied().unwrap_or_default();
            RegisterFigures { register: register.name.clone(), paired: paired.contains(&register.name), sales, net }
        });
        let headquarters = hub.headquarters.status().map(|status| {
            let status = status.borrow();
            HeadquartersFigures {
                connected: status.connected,
                has: status.acknowledged,
                lacks: status.lag,
                trouble: status.trouble.clone(),
            }
        });
        Self {
            store: hub.config.store.name.clone(),
            hub: hub.config.store.hub.to_string(),
            currency: hub.currency().code(),
            currency_exponent: hub.currency().exponent(),
            stopped: hub.store.stopped(),
            faults: faults(hub),
            certificates: hub.certificates.states(),
            payments_in_doubt: PaymentInDoubt::all(hub),
            clock: ClockFigures::of(&hub.timekeeper, &hub.calendar),
            keeping: KeepingFigures::of(hub),
            today,
            items: hub.catalog.load().len(),
            devices: hub.devices.states(),
            registers: registers.collect(),
            headquarters,
            receipts: hub.last_printed.all(),
        }
    }
}
