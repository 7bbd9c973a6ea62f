//! What every capability shares: the store, the catalog, the devices, the events; and the clock.

use std::sync::Arc;

use arc_swap::ArcSwap;
use commerce::Currency;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use store::Store;
use tokio::sync::broadcast;

use crate::{
    catalog::Catalog, config::Config, devices::Devices, events::HubEvent, headquarters::Headquarters,
    payments::Payments, printing::Printing, registers::Registers, status::Today,
};

/// A hub at work.
pub struct Hub {
    /// As read at start.
    pub config: Config,
    /// What the check at start found wrong with the store.
    pub faults: Vec<String>,
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The items, swapped whole.
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// Scales, scanners, printers, terminals.
    pub devices: Devices,
    /// Who may ask.
    pub registers: Registers,
    /// Card payments under way.
    pub payments: Payments,
    /// Receipts under way.
    pub printing: Printing,
    /// The bridge to HQ.
    pub headquarters: Headquarters,
    /// The day's figures.
    pub today: Today,
    /// What happens, for whoever listens.
    pub events: broadcast::Sender<Arc<HubEvent>>,
    /// The store's zone.
    pub time_zone: TimeZone,
}

impl Hub {
    /// The store's currency.
    pub fn currency(&self) -> Currency {
        self.config.store.currency
    }

    /// The day a moment counts to, by the store's clock.
    pub fn business_day(&self, at_ms: i64) -> String {
        business_day(at_ms, &self.time_zone)
    }

    /// The fiscal year a moment counts to, by the calendar year in which it begins, by the store's clock.
    pub fn fiscal_year(&self, at_ms: i64) -> u16 {
        let date = zoned(at_ms, &self.time_zone).date();
        let begun = (date.month(), date.day()) >= self.config.store.fiscal_year_starts.into();
        u16::try_from(date.year()).unwrap_or(0).saturating_sub(u16::from(!begun))
    }

    /// A moment as it is printed on receipts.
    pub fn local_time(&self, at_ms: i64) -> String {
        zoned(at_ms, &self.time_zone).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// Tells whoever listens. Nobody need listen.
    pub fn tell(&self, event: HubEvent) {
        let _ = self.events.send(Arc::new(event));
    }
}

/// A moment by a store's clock.
fn zoned(at_ms: i64, time_zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(time_zone.clone())
}

/// The day a moment counts to, by a store's clock.
pub(crate) fn business_day(at_ms: i64, time_zone: &TimeZone) -> String {
    zoned(at_ms, time_zone).date().to_string()
}

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
