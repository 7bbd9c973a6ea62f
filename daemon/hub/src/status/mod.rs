//! The status of the store: today's sales, devices, registers, HQ, the latest receipts.

mod doubts;
mod feed;
pub(crate) mod metrics;
mod numbering;
mod orders;
mod routes;
mod sales;
mod samples;
mod telemetry;

use std::sync::Arc;

use app::payments::{self, Exposure};
use commerce::RegisterName;
pub(crate) use feed::ToConsole;
pub(crate) use routes::routes;
pub(crate) use sales::FollowSales;
pub use samples::resident_in;
use serde::Serialize;
use store::{Room, StoreError};
use tokio::task::spawn_blocking;
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use self::{doubts::PaymentInDoubt, numbering::NumberFigures, orders::OrderFigures};
use crate::{
    hub::Hub,
    parts::{
        certificates::CertificateState, devices::DeviceState, printed::Printed, timekeeper::ClockFigures,
        today::TodayFigures,
    },
};

/// The status as shown on the page.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Status {
    /// The store's name.
    pub(crate) store: String,
    /// The hub's name at HQ.
    pub(crate) hub: String,
    /// The currency, ISO 4217.
    pub(crate) currency: &'static str,
    /// The decimals of its minor unit.
    pub(crate) currency_exponent: u32,
    /// The reason, if the store has stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stopped: Option<String>,
    /// Faults that need attention: those that the check at start found in the store, certificates that expire, alarms
    /// of the connection to HQ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<String>,
    /// The clock.
    pub(crate) clock: ClockFigures,
    /// The certificates in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificates: Vec<CertificateState>,
    /// Card payments that a person must decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) payments_in_doubt: Vec<PaymentInDoubt>,
    /// Card payments that were approved without the bank, which has not answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offline_payments: Option<Exposure>,
    /// Card payments that the bank declined after the customer had left; a person collects their amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payments_to_collect: Option<Exposure>,
    /// The store's files and disk.
    pub(crate) keeping: KeepingFigures,
    /// The day's totals.
    pub(crate) today: TodayFigures,
    /// Items in the catalog.
    pub(crate) items: usize,
    /// All devices.
    pub(crate) devices: Vec<DeviceState>,
    /// All registers of the config.
    pub(crate) registers: Vec<RegisterFigures>,
    /// The connection to HQ; absent in a store without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) headquarters: Option<HeadquartersFigures>,
    /// Where receipt numbers come from; absent in a store without HQ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt_numbers: Option<NumberFigures>,
    /// Customer orders.
    pub(crate) orders: OrderFigures,
    /// The latest printed receipts.
    pub(crate) receipts: Vec<Printed>,
}

/// The store's files and the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct KeepingFigures {
    /// The engine: `sled` or `sqlite`.
    pub(crate) engine: &'static str,
    /// Whether the records on the disk are encrypted.
    pub(crate) encrypted: bool,
    /// The free space: `ample`, `low` (no more telemetry), `scarce` (only sales) or `full` (not even sales).
    #[schema(schema_with = room)]
    pub(crate) room: Room,
    /// The free space in bytes.
    pub(crate) free_bytes: u64,
    /// Health samples dropped for lack of space since the start.
    pub(crate) telemetry_dropped: u64,
    /// The size of the engine's files.
    pub(crate) store_bytes: u64,
    /// The size of the archive's files.
    pub(crate) archive_bytes: u64,
}

/// The schema of [`Room`], because `store` has no schemas.
fn room() -> Object {
    let names = ["ample", "low", "scarce", "full"];
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

impl KeepingFigures {
    fn of(hub: &Hub) -> Self {
        let (disk, sizes) = (hub.store.disk(), hub.sizes.of(&hub.store));
        Self {
            engine: hub.config.store.engine.name(),
            encrypted: hub.is_encrypted,
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
    /// The register's name.
    pub(crate) register: RegisterName,
    /// Whether it is paired.
    pub(crate) paired: bool,
    /// The number of its sales today.
    pub(crate) sales: u64,
    /// The net total, in minor units.
    pub(crate) net: i64,
}

/// HQ on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HeadquartersFigures {
    /// Whether HQ answers.
    pub(crate) connected: bool,
    /// The number of events that it has acknowledged.
    pub(crate) has: u64,
    /// The number of events that it has not acknowledged.
    pub(crate) lacks: u64,
    /// The fault of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trouble: Option<String>,
}

/// Starts the background tasks: health samples, and the status for consoles.
pub(crate) fn start(hub: &Arc<Hub>) {
    samples::start(hub);
    telemetry::start(hub);
    feed::start(hub);
}

/// All faults that need attention.
fn faults(hub: &Hub) -> Vec<String> {
    let alarms = hub.headquarters.status().map(|status| status.borrow().alarms.clone());
    let trouble = hub.headquarters.trouble().into_iter().collect();
    let numbers = NumberFigures::of(hub).and_then(|numbers| numbers.fault()).into_iter().collect();
    let enrolment = hub.enrolment.faults();
    [hub.faults.clone(), hub.certificates.faults(), enrolment, trouble, numbers, alarms.unwrap_or_default()].concat()
}

impl Status {
    /// The current status. Reads files and records, so it runs off the runtime's threads.
    pub(crate) async fn read(hub: Arc<Hub>) -> Result<Self, StoreError> {
        spawn_blocking(move || Self::of(&hub)).await.map_err(|_| StoreError::Panicked)
    }

    /// The same on this thread.
    fn of(hub: &Hub) -> Self {
        let at_ms = hub.now_ms();
        // If the engine fails, the status must still say so.
        let business_day = hub.business_day(at_ms).unwrap_or_else(|_| hub.calendar.business_day(at_ms));
        let (today, by_register) = hub.today.figures(business_day);
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
            offline_payments: doubts::sum(payments::offline(&hub.store)),
            payments_to_collect: doubts::sum(payments::to_collect(&hub.store)),
            clock: ClockFigures::of(&hub.timekeeper, &hub.calendar),
            keeping: KeepingFigures::of(hub),
            today,
            items: hub.catalog.load().len(),
            devices: hub.devices.states(),
            registers: registers.collect(),
            headquarters,
            receipt_numbers: NumberFigures::of(hub),
            orders: OrderFigures::of(hub),
            receipts: hub.last_printed.all(),
        }
    }
}
