//! The running hub and its parts.

use std::sync::Arc;

use app::{health, selling::SaleContext, timekeeping::Trust};
use axum::http::HeaderMap;
use commerce::{BusinessDay, Currency, RegisterName, Station, returns::Policies};
use drivers::bitmap::Bitmap;
use store::{Purpose, Store, StoreError};
use tokio::sync::{broadcast, watch};

use crate::{
    clock::Calendar,
    config::{Config, Templates},
    parts::{
        budget::Budget, catalog::LiveCatalog, certificates::Certificates, devices::Devices, enrolment::EnrolmentState,
        events::HubEvent, headquarters::Headquarters, operators::Operators, prices::Prices, printed::LastPrinted,
        publications::Publications, registers::Registers, requests::Requests, sizes::Sizes, suggestions::Suggestions,
        terminals::TerminalLocks, timekeeper::Timekeeper, today::Today,
    },
};

/// A running hub.
pub struct Hub {
    /// The config, as read at start.
    pub(crate) config: Config,
    /// Whether the store is encrypted.
    pub(crate) is_encrypted: bool,
    /// The faults that the check at start found in the store.
    pub(crate) faults: Vec<String>,
    /// The store.
    pub(crate) store: Arc<Store>,
    /// The catalog in memory.
    pub(crate) catalog: LiveCatalog,
    /// The price book in memory.
    pub(crate) prices: Prices,
    /// Scales, scanners, printers, terminals.
    pub(crate) devices: Devices,
    /// Authentication of registers and people.
    pub(crate) registers: Registers,
    /// Who is signed in at which register.
    pub(crate) operators: Operators,
    /// What each register may still write.
    pub(crate) budget: Budget,
    /// Locks: one payment at a time per terminal.
    pub(crate) terminals: TerminalLocks,
    /// The label templates.
    pub(crate) templates: Templates,
    /// The logo at the top of receipts.
    pub(crate) logo: Option<Bitmap>,
    /// The latest printed receipts.
    pub(crate) last_printed: LastPrinted,
    /// The certificates that the hub uses and trusts.
    pub(crate) certificates: Certificates,
    /// How publications of HQ get in, if the config names its key.
    pub(crate) publications: Option<Publications>,
    /// How the hub's identity is kept.
    pub(crate) enrolment: EnrolmentState,
    /// The bridge to HQ.
    pub(crate) headquarters: Headquarters,
    /// The day's totals.
    pub(crate) today: Today,
    /// The events for listeners.
    pub(crate) events: broadcast::Sender<Arc<HubEvent>>,
    /// The status message for consoles. Empty before the first request.
    pub(crate) console: watch::Sender<Arc<str>>,
    /// Counters of answered requests.
    pub(crate) requests: Requests,
    /// What customers buy together.
    pub(crate) suggestions: Suggestions,
    /// The sizes of the store's files.
    pub(crate) sizes: Sizes,
    /// The store's calendar.
    pub(crate) calendar: Calendar,
    /// The clock.
    pub(crate) timekeeper: Arc<Timekeeper>,
}

impl Hub {
    /// The store's records.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Whether a request comes from a person at the console.
    pub fn is_person(&self, headers: &HeaderMap) -> bool {
        self.registers.asker(headers).is_ok_and(|grant| grant.actor.station == Station::Console)
    }

    /// The store's currency.
    pub(crate) fn currency(&self) -> Currency {
        self.config.store.currency
    }

    /// The business day of sales at a moment.
    pub(crate) fn business_day(&self, at_ms: i64) -> Result<BusinessDay, StoreError> {
        app::cash::date_of_sales(&self.store, self.calendar.business_day(at_ms))
    }

    /// The data of a register's sale besides its basket.
    pub(crate) fn sale_context(&self, register: &RegisterName, at_ms: i64) -> SaleContext {
        SaleContext {
            epoch: self.store.epoch(),
            at_ms,
            business_day: self.calendar.business_day(at_ms),
            fiscal_year: self.fiscal_year(at_ms),
            printer: self.config.lane(register).and_then(|lane| lane.receipt_printer.clone()),
        }
    }

    /// The policy of returns in force. Blocks.
    pub(crate) fn return_policies(&self) -> Result<Policies, StoreError> {
        app::returns::policies(&self.store, &self.config.returns)
    }

    /// Commits a heartbeat: it is answered while the store makes changes durable.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn beat(&self) -> Result<(), StoreError> {
        let at_ms = self.now_ms();
        // On a full disk, too: then the hub is not better after a restart.
        self.store.commit_for(Purpose::Settled, move |transaction| health::beat(transaction, at_ms)).await
    }

    /// The current time for stamps: milliseconds since 1970, UTC.
    pub(crate) fn now_ms(&self) -> i64 {
        self.timekeeper.read().now_ms
    }

    /// The fiscal year of a moment that was just read. An untrusted clock does not start a new one.
    fn fiscal_year(&self, at_ms: i64) -> u16 {
        let reading = self.timekeeper.read();
        let is_trusted = reading.trust == Trust::Trusted;
        self.calendar.fiscal_year(if is_trusted { at_ms } else { reading.year_ms })
    }

    /// Sends an event to the listeners, if there are any.
    pub(crate) fn tell(&self, event: HubEvent) {
        let _ = self.events.send(Arc::new(event));
    }
}
