//! How the hub has been: a sample a minute, kept for a week, for whoever looks into why it was slow on Tuesday.
//!
//! Telemetry: the first thing that is dropped when the disk fills up, and nobody waits for it.

use std::{fs, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use store::{Number, Order, Purpose, Store, StoreError, Table};
use utoipa::ToSchema;

use crate::hub::{Hub, now_ms};

/// Samples by the minute they were taken in, counted from 1970.
static SAMPLES: Table<Number, Sample> = Table::new("health");

/// Between two samples.
const EVERY: Duration = Duration::from_secs(60);

/// How long samples are kept, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

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
    /// Events HQ lacks.
    pub hq_lacks: u64,
    /// Commits since the hub started, and the groups they shared.
    pub commits: u64,
    /// Each made durable by one flush.
    pub groups: u64,
    /// How long those flushes took in all, in microseconds: a disk that grows slow is seen here first.
    pub flushing_us: u64,
}

/// Memory in use by this process, in bytes; 0 if the system does not tell.
fn resident_bytes() -> u64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|status| resident_in(&status)).unwrap_or(0)
}

/// Memory in use, in bytes, as the system's `status` of a process tells it.
pub fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

impl Sample {
    fn now(hub: &Hub) -> Result<Self, StoreError> {
        let timings = hub.store.timings();
        let span = hub.store.outbox_span(contract::Stream::sales().as_str())?;
        Ok(Self {
            at_ms: now_ms(),
            resident_bytes: resident_bytes(),
            store_bytes: hub.store.size_on_disk()?,
            archive_bytes: hub.store.archive_size(),
            free_bytes: hub.store.disk().free_bytes,
            sales: span.last,
            hq_lacks: span.last - span.acknowledged,
            commits: timings.commits,
            groups: timings.groups,
            flushing_us: timings.flushing_us,
        })
    }
}

/// Takes samples for as long as the hub lives.
pub fn start(hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval(EVERY);
        loop {
            every.tick().await;
            match take(&hub).await {
                // Counted, and told by the status.
                Ok(()) | Err(StoreError::DiskFull { .. }) => {}
                Err(error) => tracing::warn!(%error, "no sample of the hub's health"),
            }
        }
    });
}

async fn take(hub: &Hub) -> Result<(), StoreError> {
    let sample = Sample::now(hub)?;
    let minute = u64::try_from(sample.at_ms).unwrap_or(0) / 60_000;
    let put = hub.store.commit_for(Purpose::Telemetry, move |transaction| transaction.put(&SAMPLES, minute, &sample));
    put.await
}

/// Forgets samples older than a week; gives how many.
///
/// # Errors
/// The store fails.
pub async fn tidy(store: &Store, now_ms: i64) -> Result<u64, StoreError> {
    store.forget(&SAMPLES, move |sample| sample.at_ms < now_ms.saturating_sub(KEPT_MS)).await
}

/// The last samples, newest first.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, limit: usize) -> Result<Vec<Sample>, StoreError> {
    store.page(&SAMPLES, None, Order::Descending, limit)
}
