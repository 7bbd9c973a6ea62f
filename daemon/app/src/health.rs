//! The history of the hub's health: one sample per minute, kept for a week, to find out why it was slow on Tuesday.
//!
//! Samples are telemetry: the first thing that is dropped when the disk is nearly full.

use serde::{Deserialize, Serialize};
use store::{Name, Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    Capability, Retention, Tidied,
    capability::DAY_MS,
    permission::{Holder, Permission},
};

/// Samples by minute since 1970.
static SAMPLES: Table<Number, Sample> = Table::new("health");

/// The moment of the latest heartbeat, so that a heartbeat writes something.
static HEARTBEAT: Table<Name, i64> = Table::new("heartbeat");

/// How long samples are kept, in milliseconds.
const KEPT_MS: i64 = 7 * DAY_MS;

/// Samples per read.
const PAGE: usize = 500;

/// See the state of the store.
pub static READ: Permission =
    Permission::new("status.read", "See the state of the store", &[Holder::Register, Holder::Person, Holder::Service]);

/// See the settings.
pub static READ_SETTINGS: Permission =
    Permission::new("status.settings", "See the settings of the hub", &[Holder::Person]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["health", "heartbeat"],
    permissions: &[&READ, &READ_SETTINGS],
    tidy: Some(tidy),
    ..Capability::new("health")
};

/// The state of the hub at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// The time: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Memory in use.
    pub resident_bytes: u64,
    /// The size of the engine's files.
    pub store_bytes: u64,
    /// The size of the archive's files.
    pub archive_bytes: u64,
    /// The free space on the disk.
    pub free_bytes: u64,
    /// Sales since the store began.
    pub sales: u64,
    /// The last sale that HQ has acknowledged.
    #[serde(default)]
    pub hq_has_sales: u64,
    /// Events that HQ has not acknowledged, in all streams.
    pub hq_lacks: u64,
    /// Commits since the hub started.
    pub commits: u64,
    /// The groups of commits, each made durable by one flush.
    pub groups: u64,
    /// The total time of these flushes, in microseconds: the first sign of a disk that becomes slow.
    pub flushing_us: u64,
}

/// Stores a sample; a second one in the same minute replaces the first.
///
/// # Errors
/// The store fails.
pub fn keep(transaction: &mut Transaction<'_>, sample: &Sample) -> Result<(), StoreError> {
    transaction.put(&SAMPLES, u64::try_from(sample.at_ms).unwrap_or(0) / 60_000, sample)
}

/// Writes a heartbeat: whoever commits it knows that the store makes changes durable.
///
/// # Errors
/// The store fails.
pub fn beat(transaction: &mut Transaction<'_>, at_ms: i64) -> Result<(), StoreError> {
    transaction.put(&HEARTBEAT, "latest", &at_ms)
}

/// The latest samples, newest first.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, limit: usize) -> Result<Vec<Sample>, StoreError> {
    let damaged = |error: StoreError| tracing::warn!(%error, "could not read a health sample");
    store.readable_page(&SAMPLES, None, Order::Descending, limit, damaged)
}

/// The first sample in which HQ had a sale, if there is one among the samples that are kept.
///
/// # Errors
/// The store fails.
pub fn first_with_sale(store: &Store, sequence: u64, since_ms: i64) -> Result<Option<Sample>, StoreError> {
    let damaged = |error: StoreError| tracing::warn!(%error, "could not read a health sample");
    let mut minute = u64::try_from(since_ms).unwrap_or(0) / 60_000;
    loop {
        let page = store.readable_page(&SAMPLES, Some(minute), Order::Ascending, PAGE, damaged)?;
        if let Some(found) = page.iter().find(|sample| sample.hq_has_sales >= sequence) {
            return Ok(Some(*found));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => minute = u64::try_from(last.at_ms).unwrap_or(0) / 60_000 + 1,
            _ => return Ok(None),
        }
    }
}

fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let too_old = retention.now_ms.saturating_sub(KEPT_MS);
    Ok(vec![("samples", store.forget(&SAMPLES, move |sample| sample.at_ms < too_old)?)])
}
