//! The time from the start of the hub's process to its first answer, and its memory.

use std::{fs, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{client::Client, stage::Stage};

/// The time limit of a start.
const PATIENCE: Duration = Duration::from_mins(2);

/// Kills the hub as a power failure would, and waits until it answers again.
///
/// # Errors
/// It does not answer again.
pub(super) async fn restart(stage: &Stage, client: &Client, path: &str) -> Result<Duration, String> {
    let mut hub = stage.hub.clone();
    let before = hub.borrow_and_update().map(|running| running.process);
    let before = before.ok_or("the hub is not running")?;
    let killed = tokio::process::Command::new("kill").args(["-9", &before.to_string()]).status().await;
    killed.map_err(|error| error.to_string())?;
    let again = hub.wait_for(|running| running.is_some_and(|running| running.process != before));
    let started = tokio::time::timeout(PATIENCE, again).await.map_err(|_| "the hub was not started again")?;
    let started = started.map_err(|error| error.to_string())?.map(|running| running.started).ok_or("no hub")?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if client.twin().try_get(path).await.is_ok() {
            return Ok(started.elapsed());
        }
        sleep(Duration::from_millis(2)).await;
    }
    Err("the hub does not answer".into())
}

/// The memory used by the hub, in bytes.
///
/// # Errors
/// It is not running.
pub(super) fn resident(stage: &Stage) -> Result<u64, String> {
    let process = stage.hub.borrow().map(|running| running.process).ok_or("the hub is not running")?;
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    hub::resident_in(&status).ok_or_else(|| "the system does not report the hub's memory".into())
}
