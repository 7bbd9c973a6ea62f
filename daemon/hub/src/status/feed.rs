//! The status feed for consoles: computed once for all of them, and only while somebody watches.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

use super::Status;
use crate::hub::Hub;

/// The interval of checks for changes.
const EVERY: Duration = Duration::from_millis(250);

/// An event for people at the console.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToConsole {
    /// The whole status, sent when it changes.
    Status(Status),
}

/// Feeds the consoles while the hub runs.
pub(super) fn start(hub: &Arc<Hub>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        let mut looks = interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            feed(&hub).await;
        }
    });
}

/// Sends the status if somebody watches and it has changed.
async fn feed(hub: &Arc<Hub>) {
    if hub.console.receiver_count() == 0 {
        return;
    }
    let Ok(status) = Status::read(Arc::clone(hub)).await else { return };
    let Ok(text) = serde_json::to_string(&ToConsole::Status(status)) else { return };
    hub.console.send_if_modified(|last| {
        let is_new = **last != *text;
        if is_new {
            *last = text.into();
        }
        is_new
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, run};

    #[tokio::test]
    async fn a_status_that_has_not_changed_is_not_sent_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config::tests::with("");
        config.store.data = directory.path().to_owned();
        config.devices.clear();
        config.register.iter_mut().for_each(|register| register.scanner = None);
        let hub = run::open(config).unwrap();
        let mut console = hub.console.subscribe();
        feed(&hub).await;
        assert!(console.borrow_and_update().contains("\"type\":\"status\""));
        // The start of the hub may still change it a few times.
        for _ in 0..100 {
            feed(&hub).await;
            if !console.has_changed().unwrap() {
                return;
            }
            console.mark_unchanged();
        }
        panic!("sent a hundred times");
    }
}
