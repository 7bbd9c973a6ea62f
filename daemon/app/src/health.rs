//! The history of the hub's health: one sample per minute, kept for a week, to find out why it was slow on Tuesday.
//!
//! Samples are telemetry: the first thing that is dropped when the disk is nearly full.

use serde::{Deserialize, Serialize};
use store::{Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    Capability, Retention, Tidied,
    capability::DAY_MS,
    permission::{Holder, Permission},
};

/// Samples by minute since 1970.
static SAMPLES: Table<Number, Sample> = Table::new("health");

/// How long samples are kept, in milliseconds.
const KEPT_MS: i64 = 7 * DAY_MS;

/// See the state of the store.
pub static READ: Permission =
    Permission::new("status.read", "See the state of the store", &[Holder::Register, Holder::Person, Holder::Service]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability =
    Capability { tables: &["health"], permissions: &[&READ], tidy: Some(tidy), ..Capability::new("health") };

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

/// The latest samples, newest first.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, limit: usize) -> Result<Vec<Sample>, StoreError> {
    let damaged = |error: StoreError| tracing::warn!(%error, "could not read a health sample");
    store.readable_page(&SAMPLES, None, Order::Descending, limit, damaged)
}

fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let too_old = retention.now_ms.saturating_sub(KEPT_MS);
    Ok(vec![("samples", store.forget(&SAMPLES, move |sample| sample.at_ms < too_old)?)])
}
