//! Durable sales per second of the committer alone, without the LAN, compared with raw appends of the same bytes in the
//! same groups.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::Refusal;
use commerce::{Currency, Item};
use serde::Serialize;
use store::{EngineKind, Store, Timings, idempotency::CommandKey};

use super::{disk, made_up};
use crate::now_ms;

/// The result for a number of concurrent callers.
#[derive(Serialize)]
pub(super) struct Durable {
    /// The number of concurrent callers.
    pub(super) callers: usize,
    /// Durable sales per second.
    pub(super) sales_per_s: f64,
    /// Sales per second of raw appends of the same bytes, with a flush per group.
    pub(super) raw_per_s: f64,
    /// The ratio of the two.
    pub(super) ratio: f64,
    /// Bytes that a sale writes into the engine.
    pub(super) bytes_per_sale: f64,
    /// Sales per flush.
    pub(super) sales_per_flush: f64,
    /// Microseconds per sale: in closures, until it was applied, until it was durable.
    pub(super) deciding_us: f64,
    pub(super) applying_us: f64,
    pub(super) flushing_us: f64,
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn per(all: u64, of: u64) -> f64 {
    all as f64 / (of.max(1)) as f64
}

/// Measures in a separate store below a directory.
///
/// # Errors
/// The store or the disk fails.
pub(super) async fn measure(
    directory: &Path,
    engine: EngineKind,
    currency: Currency,
    items: &[Item],
    callers: usize,
    span: Duration,
) -> Result<Durable, String> {
    let home = directory.join(format!("durable-{callers}"));
    let store = Arc::new(Store::open(&home, engine, &app::linked_tables(), 1).map_err(|error| error.to_string())?);
    let lines = made_up::some(items, 0);
    let sizes = Arc::new(Mutex::new(Vec::<usize>::new()));
    let heard = Arc::clone(&sizes);
    store.listen(move |batch| {
        let bytes = batch.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    });
    let before = store.timings();
    let began = Instant::now();
    let mut tasks = Vec::new();
    for asker in 0..callers {
        let (store, lines) = (Arc::clone(&store), lines.clone());
        tasks.push(tokio::spawn(async move {
            let mut sold = 0_u64;
            let register = format!("till-{asker}");
            while began.elapsed() < span {
                let at_ms = now_ms();
                let name = register.parse().map_err(|_| commerce::Refusal::BadText { field: "register" })?;
                let basket = made_up::basket(name, currency, at_ms, &lines)?;
                let context = made_up::context(1, at_ms);
                let key = CommandKey {
                    asker: register.clone(),
                    key: format!("bench-{sold}"),
                    fingerprint: "f".repeat(64),
                    at_ms,
                };
                store.commit(move |transaction| made_up::sell(transaction, basket, &context, Some(&key))).await?;
                sold += 1;
            }
            Ok::<_, Refusal>(sold)
        }));
    }
    let mut sales = 0;
    for task in tasks {
        sales += task.await.map_err(|error| error.to_string())?.map_err(|refusal| refusal.detail)?;
    }
    let took = began.elapsed();
    store.stop_listening();
    let spent = difference(before, store.timings());
    drop(store);
    let sizes = std::mem::take(&mut *sizes.lock().unwrap_or_else(PoisonError::into_inner));
    let bytes: usize = sizes.iter().sum();
    let raw = disk::append(directory, sizes.into_iter())?;
    std::fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
    Ok(Durable {
        callers,
        sales_per_s: per(sales, 1) / took.as_secs_f64(),
        raw_per_s: per(sales, 1) / raw.as_secs_f64(),
        ratio: raw.as_secs_f64() / took.as_secs_f64(),
        bytes_per_sale: per(bytes as u64, sales),
        sales_per_flush: per(sales, spent.groups),
        deciding_us: per(spent.deciding_us, sales),
        applying_us: per(spent.applying_us, sales),
        flushing_us: per(spent.flushing_us, sales),
    })
}

/// The difference between two readings.
pub(super) fn difference(before: Timings, after: Timings) -> Timings {
    Timings {
        commits: after.commits - before.commits,
        groups: after.groups - before.groups,
        deciding_us: after.deciding_us - before.deciding_us,
        applying_us: after.applying_us - before.applying_us,
        flushing_us: after.flushing_us - before.flushing_us,
    }
}
