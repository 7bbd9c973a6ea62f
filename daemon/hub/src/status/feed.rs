//! The status for all consoles together: made once, however many watch, and not at all while nobody does.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

use super::Status;
use crate::hub::Hub;

/// Between two looks at whether it changed.
const EVERY: Duration = Duration::from_millis(250);

/// An event for people at the console.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToConsole {
    /// The whole status; sent when it changes.
    Status(Status),
}

/// Feeds the consoles for as long as the hub lives.
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

/// Tells the status if somebody watches and it changed.
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
