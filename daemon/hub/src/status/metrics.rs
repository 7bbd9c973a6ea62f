//! The hub's metrics, in the text format of OpenMetrics. docs/metrics.md explains each.
//!
//! Metrics of the store and the parts are read on request; only requests are counted as they occur.

use std::{fmt, sync::atomic::AtomicU64};

use app::printing;
use contract::Stream;
use drivers::device::Health;
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::samples::resident_bytes;
use crate::{config::DeviceKind, hub::Hub};

/// The content type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The maximum number of print jobs counted per kind; longer queues are reported with this number.
const JOBS: usize = 1000;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStream {
    stream: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfDevice {
    device: String,
    kind: String,
}

fn seconds(registry: &mut Registry, name: &str, help: &str, micros: u64) {
    let counter = Counter::<f64, AtomicU64>::default();
    #[allow(clippy::cast_precision_loss)] // 285 years of microseconds are exact.
    counter.inc_by(micros as f64 / 1e6);
    registry.register(name, help, counter);
}

fn counter(registry: &mut Registry, name: &str, help: &str, count: u64) {
    let counter = Counter::<u64>::default();
    counter.inc_by(count);
    registry.register(name, help, counter);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

/// All metrics as text. Reads the store and blocks.
///
/// # Errors
/// Never in practice: writing to a `String` does not fail.
pub(crate) fn text(hub: &Hub) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("store_hub");
    let all = &mut registry;
    let (timings, sizes) = (hub.store.timings(), hub.sizes.of(&hub.store));
    counter(all, "commits", "Answered commits", timings.commits);
    counter(all, "flushes", "Disk flushes, each for a group of commits", timings.groups);
    seconds(all, "commit_deciding_seconds", "Time in use cases", timings.deciding_us);
    seconds(all, "commit_applying_seconds", "Time in the engine before the flush", timings.applying_us);
    seconds(all, "commit_flushing_seconds", "Time in flushes of the disk", timings.flushing_us);
    gauge(all, "store_bytes", "The engine's files", sizes.store);
    gauge(all, "archive_bytes", "The archive's files", sizes.archive);
    gauge(all, "disk_free_bytes", "Free space on the disk of the data directory", sizes.free);
    gauge(all, "resident_bytes", "Memory in use", resident_bytes());
    gauge(all, "store_stopped", "1 if the store has stopped", u64::from(hub.store.stopped().is_some()));
    gauge(all, "faults", "Faults that need attention", super::faults(hub).len() as u64);
    gauge(all, "items", "Items in the catalog", hub.catalog.load().len() as u64);
    gauge(all, "registers_paired", "Paired registers", hub.registers.paired().len() as u64);
    let (sent, lag) = (Family::<OfStream, Counter>::default(), Family::<OfStream, Gauge>::default());
    for stream in Stream::up() {
        let Ok(span) = hub.store.outbox_span(stream.as_str()) else { continue };
        let of = OfStream { stream: stream.as_str().to_owned() };
        sent.get_or_create(&of).inc_by(span.last);
        lag.get_or_create(&of).set(i64::try_from(span.last.saturating_sub(span.acknowledged)).unwrap_or(i64::MAX));
    }
    all.register("outbox_events", "Events written for HQ", sent);
    all.register("outbox_lag_events", "Events that HQ has not acknowledged", lag);
    if let Some(status) = hub.headquarters.status() {
        let is_connected = status.borrow().connected;
        gauge(all, "headquarters_connected", "1 while HQ answers", u64::from(is_connected));
    }
    let ready = Family::<OfDevice, Gauge>::default();
    for device in hub.devices.states() {
        let of = OfDevice { device: device.device, kind: device.kind.to_owned() };
        ready.get_or_create(&of).set(i64::from(matches!(device.health, Health::Ready)));
    }
    all.register("device_ready", "1 while the device is ready", ready);
    let jobs = Family::<OfDevice, Gauge>::default();
    for printer in hub.config.devices_of(DeviceKind::ReceiptPrinter) {
        let name = printer.name.to_string();
        let Ok(waiting) = printing::receipts::waiting(&hub.store, &name, JOBS) else { continue };
        let of = OfDevice { device: name, kind: DeviceKind::ReceiptPrinter.name().to_owned() };
        jobs.get_or_create(&of).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
    all.register("print_jobs_waiting", "Receipts and copies in a printer's queue", jobs);
    let mut text = String::new();
    encode_registry(&mut text, &registry)?;
    encode_registry(&mut text, hub.requests.registry())?;
    encode_eof(&mut text)?;
    Ok(text)
}
