//! The state of the store on one page: sales and takings today, devices, registers, HQ, the last receipts.

mod doubts;
mod routes;
mod sales;
mod samples;

use commerce::RegisterName;
pub(crate) use routes::{page, routes};
pub(crate) use sales::FollowSales;
pub use samples::resident_in;
pub(crate) use samples::start;
use serde::Serialize;
use store::Room;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use self::doubts::PaymentInDoubt;
use crate::{
    clock::now_ms,
    hub::Hub,
    parts::{certificates::CertificateState, devices::DeviceState, printed::Printed, today::TodayFigures},
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
        let disk = hub.store.disk();
        Self {
            engine: hub.config.store.engine.name(),
            room: disk.room,
            free_bytes: disk.free_bytes,
            telemetry_dropped: disk.dropped,
            store_bytes: hub.store.size_on_disk().unwrap_or(0),
            archive_bytes: hub.store.archive_size(),
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

/// Everything that a person must look at.
fn faults(hub: &Hub) -> Vec<String> {
    let alarms = hub.headquarters.status().map(|status| status.borrow().alarms.clone());
    [hub.faults.clone(), hub.certificates.faults(), alarms.unwrap_or_default()].concat()
}

impl Status {
    /// As things are now.
    pub(crate) fn of(hub: &Hub) -> Self {
        let (today, by_register) = hub.today.figures(hub.calendar.business_day(now_ms()));
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
