//! Whether the hub may be restarted for an upgrade: not from the first scan of a basket to its printed receipt, and not
//! while a payment has no outcome.
//!
//! Nothing is lost if the hub is restarted all the same; the customer waits. So what can take days does not count: a
//! payment that a person must decide, a basket that is parked or was opened before [`FORGOTTEN_MS`], the queue of a
//! printer that is out of order.

use std::path::Path;

use app::{payments, printing, selling};
use commerce::{PaymentState, payment::Waits};
use drivers::device::Health;
use hyper::{Method, StatusCode};
use store::StoreError;

use super::admin;
use crate::{
    config::{self, Config, DeviceKind},
    hub::Hub,
};

/// A basket that was opened this long ago is forgotten: milliseconds.
const FORGOTTEN_MS: i64 = 2 * 60 * 60 * 1000;

/// Why the hub should not be restarted now; empty if it may be. Reads the store and blocks.
pub(super) fn reasons(hub: &Hub) -> Result<Vec<String>, StoreError> {
    let mut reasons = Vec::new();
    let parked: Vec<_> = selling::parked(&hub.store)?.into_iter().map(|parked| parked.basket).collect();
    let forgotten_before = hub.now_ms().saturating_sub(FORGOTTEN_MS);
    selling::each_open_basket(&hub.store, |basket| {
        let is_begun = basket.lines.iter().any(|line| !line.voided) || basket.live_tenders().next().is_some();
        if is_begun && basket.opened_at_ms > forgotten_before && !parked.contains(&basket.id) {
            reasons.push(format!("register {} sells: basket {} is open", basket.register, basket.id));
        }
    })?;
    for payment in payments::unresolved(&hub.store)? {
        if !matches!(payment.state, PaymentState::Unknown { waits_for: Waits::Person, .. }) {
            reasons.push(format!("payment {} on terminal {} has no outcome yet", payment.id, payment.terminal));
        }
    }
    let ready: Vec<_> =
        hub.devices.states().into_iter().filter(|device| device.health == Health::Ready).map(|it| it.device).collect();
    for printer in hub.config.devices_of(DeviceKind::ReceiptPrinter) {
        let name = printer.name.to_string();
        if ready.contains(&name) && printing::receipts::waiting(&hub.store, &name, 1)? > 0 {
            reasons.push(format!("printer {name} is printing receipts"));
        }
    }
    Ok(reasons)
}

/// `store-hub may-restart`: succeeds if the hub may be restarted now, or is not running, or there is no config yet.
/// Prints a line `busy: …` for each reason otherwise.
///
/// # Errors
/// It may not, or can't be asked.
pub async fn may_restart(config: &Path) -> Result<(), String> {
    if config::is_unconfigured(config) {
        // A box that was not configured or claimed yet sells nothing, and must not miss upgrades.
        return Ok(());
    }
    let config = Config::read(config).map_err(|error| error.to_string())?;
    let Some((status, body)) = admin::ask(&config.store.data, Method::GET, "/busy").await? else { return Ok(()) };
    if status != StatusCode::OK {
        return Err(format!("the hub could not tell: {}", String::from_utf8_lossy(&body).trim_end()));
    }
    let reasons: Vec<String> =
        serde_json::from_slice(&body).map_err(|error| format!("could not read the hub's answer: {error}"))?;
    for reason in &reasons {
        println!("busy: {reason}");
    }
    if reasons.is_empty() { Ok(()) } else { Err("a customer would wait: try again in a minute".into()) }
}
