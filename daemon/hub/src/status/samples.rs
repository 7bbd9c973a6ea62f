//! Takes a sample of the hub's health every minute. They are kept by [`app::health`].

use std::{fs, sync::Arc, time::Duration};

use app::{
    health::{self, Sample},
    hq,
};
use contract::Stream;
use store::{Purpose, StoreError};
use tokio::task::spawn_blocking;

use crate::hub::Hub;

/// The interval of samples.
const EVERY: Duration = Duration::from_secs(60);

/// The memory used by this process, in bytes; 0 if the system does not report it.
pub(super) fn resident_bytes() -> u64 {
    fs::read_to_string("/proc/self/status").ok().and_then(|status| resident_in(&status)).unwrap_or(0)
}

/// The memory used, in bytes, from the system's `status` file of a process.
pub fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn sample(hub: &Hub) -> Result<Sample, StoreError> {
    let (timings, sizes) = (hub.store.timings(), hub.sizes.of(&hub.store));
    let sales = hub.store.outbox_span(Stream::sales().as_str())?;
    Ok(Sample {
        at_ms: hub.now_ms(),
        resident_bytes: resident_bytes(),
        store_bytes: sizes.store,
        archive_bytes: sizes.archive,
        free_bytes: sizes.free,
        sales: sales.last,
        hq_has_sales: sales.acknowledged,
        hq_lacks: hq::lacking(&hub.store)?,
        commits: timings.commits,
        groups: timings.groups,
        flushing_us: timings.flushing_us,
    })
}

/// Takes samples while the hub runs.
pub(super) fn start(hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut every = tokio::time::interval(EVERY);
        loop {
            every.tick().await;
            match take(&hub).await {
                // Dropped samples are counted and shown in the status.
                Ok(()) | Err(StoreError::DiskFull { .. }) => {}
                Err(error) => tracing::warn!(%error, "could not store a health sample"),
            }
        }
    });
}

async fn take(hub: &Arc<Hub>) -> Result<(), StoreError> {
    let looked = Arc::clone(hub);
    let sample = spawn_blocking(move || sample(&looked)).await.unwrap_or(Err(StoreError::Panicked))?;
    hub.store.commit_for(Purpose::Telemetry, move |transaction| health::keep(transaction, &sample)).await
}
