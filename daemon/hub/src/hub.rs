//! A hub at work: its parts.

use std::sync::Arc;

use app::{selling::SaleContext, timekeeping::Trust};
use axum::http::HeaderMap;
use commerce::{Currency, RegisterName, Station};
use store::Store;
use tokio::sync::{broadcast, watch};

use crate::{
    clock::Calendar,
    config::Config,
    parts::{
        catalog::LiveCatalog, certificates::Certificates, devices::Devices, events::HubEvent,
        headquarters::Headquarters, printed::LastPrinted, registers::Registers, requests::Requests, sizes::Sizes,
        terminals::TerminalLocks, timekeeper::Timekeeper, today::Today,
    },
};

/// A hub at work.
pub struct Hub {
    /// As read at start.
    pub(crate) config: Config,
    /// What the check at start found wrong with the store.
    pub(crate) faults: Vec<String>,
    /// Where everything is kept.
    pub(crate) store: Arc<Store>,
    /// The items.
    pub(crate) catalog: LiveCatalog,
    /// Scales, scanners, printers, terminals.
    pub(crate) devices: Devices,
    /// Who may ask.
    pub(crate) registers: Registers,
    /// One payment at a time on each terminal.
    pub(crate) terminals: TerminalLocks,
    /// The last receipts printed.
    pub(crate) last_printed: LastPrinted,
    /// What the hub shows and trusts.
    pub(crate) certificates: Certificates,
    /// The bridge to HQ.
    pub(crate) headquarters: Headquarters,
    /// The day's figures.
    pub(crate) today: Today,
    /// What happens, for whoever listens.
    pub(crate) events: broadcast::Sender<Arc<HubEvent>>,
    /// The status as consoles show it: a message of the WebSocket. Empty before anybody looks.
    pub(crate) console: watch::Sender<Arc<str>>,
    /// Requests that were answered.
    pub(crate) requests: Requests,
    /// How large the store's files are.
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

    /// What a sale of a register needs to know besides its basket.
    pub(crate) fn sale_context(&self, register: &RegisterName, at_ms: i64) -> SaleContext {
        SaleContext {
            epoch: self.store.epoch(),
            at_ms,
            business_day: self.calendar.business_day(at_ms),
            fiscal_year: self.fiscal_year(at_ms),
            printer: self.config.lane(register).and_then(|lane| lane.receipt_printer.clone()),
        }
    }

    /// Now, as things are stamped: milliseconds since 1970, UTC.
    pub(crate) fn now_ms(&self) -> i64 {
        self.timekeeper.read().now_ms
    }

    /// The fiscal year of a moment that was just read. A clock that is not trusted begins none.
    fn fiscal_year(&self, at_ms: i64) -> u16 {
        let reading = self.timekeeper.read();
        let is_trusted = reading.trust == Trust::Trusted;
        self.calendar.fiscal_year(if is_trusted { at_ms } else { reading.year_ms })
    }

    /// Tells whoever listens, if anybody does.
    pub(crate) fn tell(&self, event: HubEvent) {
        let _ = self.events.send(Arc::new(event));
    }
}
