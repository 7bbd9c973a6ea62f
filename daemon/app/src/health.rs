//! How the hub has been: a sample a minute, kept for a week, for whoever looks into why it was slow on Tuesday.
//!
//! Telemetry: the first thing that is dropped when the disk fills up, and nobody waits for it.

use serde::{Deserialize, Serialize};
use store::{Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    Capability, Retention, Tidied,
    capability::DAY_MS,
    permission::{Holder, Permission},
};

/// Samples by the minute they were taken in, counted from 1970.
static SAMPLES: Table<Number, Sample> = Table::new("health");

/// How long samples are kept, in milliseconds.
const KEPT_MS: i64 = 7 * DAY_MS;

/// See the state of the store.
pub static READ: Permission =
    Permission::new("status.read", "See the state of the store", &[Holder::Register, Holder::Person, Holder::Service]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability =
    Capability { tables: &["health"], permissions: &[&READ], tidy: Some(tidy), ..Capability::new("health") };

/// The hub at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Memory in use.
    pub resident_bytes: u64,
    /// The engine's files.
    pub store_bytes: u64,
    /// The archive's files.
    pub archive_bytes: u64,
    /// Left on the disk.
    pub free_bytes: u64,
    /// Sales since the store began.
    pub sales: u64,
    /// Events that HQ lacks, of all streams.
    pub hq_lacks: u64,
    /// Commits since the hub started.
    pub commits: u64,
    /// The groups that they shared, each made durable by one flush.
    pub groups: u64,
    /// How long those flushes took in all, in microseconds: a disk that grows slow is seen here first.
    pub flushing_us: u64,
}

/// Keeps a sample; a second one of a minute replaces the first.
///
/// # Errors
/// The store fails.
pub fn keep(transaction: &mut Transaction<'_>, sample: &Sample) -> Result<(), StoreError> {
    transaction.put(&SAMPLES, u64::try_from(sample.at_ms).unwrap_or(0) / 60_000, sample)
}

/// The last samples, newest first.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, limit: usize) -> Result<Vec<Sample>, StoreError> {
    let damaged = |error: StoreError| tracing::warn!(%error, "sample left out");
    store.readable_page(&SAMPLES, None, Order::Descending, limit, damaged)
}

fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let too_old = retention.now_ms.saturating_sub(KEPT_MS);
    Ok(vec![("samples", store.forget(&SAMPLES, move |sample| sample.at_ms < too_old)?)])
}
