//! Tells HQ how the hub is: a sample every half minute, and one when a device's health changes. They wait in memory,
//! bounded, and are sent after everything else ([`bridge::Samples`]).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contract::{
    Sequence, Stream,
    message::MAX_SOFTWARE,
    telemetry::{DeviceSample, MAX_ALARMS, MAX_DEVICES, MAX_TEXT, Sample, StreamSample},
};
use drivers::device::{Health, What};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::spawn_blocking,
    time::{interval, sleep},
};

use crate::{
    hub::Hub,
    parts::{
        events::{HubEvent, HubWhat},
        headquarters::SOFTWARE,
        timekeeper::ClockFigures,
    },
};

/// Between two samples.
const EVERY: Duration = Duration::from_secs(30);

/// Between a sample and the next, however often devices change.
const APART: Duration = Duration::from_secs(1);

/// Takes samples for as long as the hub lives, if there is an HQ.
pub(super) fn start(hub: &Arc<Hub>) {
    if hub.headquarters.status().is_none() {
        return;
    }
    let (hub, began) = (Arc::clone(hub), Instant::now());
    tokio::spawn(async move {
        let (mut every, mut events) = (interval(EVERY), hub.events.subscribe());
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = health_changes(&mut events) => {}
            }
            let looked = Arc::clone(&hub);
            // A panic was told where it happened; the next sample is taken all the same.
            if let Ok(sample) = spawn_blocking(move || sample(&looked, began.elapsed())).await {
                hub.headquarters.tell(sample);
            }
            sleep(APART).await;
        }
    });
}

/// Until a device's health has changed, as far as can be told.
async fn health_changes(events: &mut Receiver<Arc<HubEvent>>) {
    loop {
        match events.recv().await {
            Ok(event) => {
                if let HubWhat::Device { event, .. } = &event.what
                    && let What::Health(_) = event.what
                {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn sample(hub: &Hub, uptime: Duration) -> Sample {
    let sizes = hub.sizes.of(&hub.store);
    let devices = hub.devices.states().into_iter().take(MAX_DEVICES).map(|state| DeviceSample {
        device: cut(state.device, MAX_TEXT),
        kind: state.kind.to_owned(),
        health: word(&state.health).to_owned(),
    });
    let stopped = hub.store.stopped().map(|why| format!("the store has stopped: {why}"));
    let alarms = stopped.into_iter().chain(super::faults(hub)).chain(super::doubts::alarms(hub)).take(MAX_ALARMS);
    Sample {
        at_ms: hub.now_ms(),
        software: cut(SOFTWARE.to_owned(), MAX_SOFTWARE),
        uptime_s: uptime.as_secs(),
        devices: devices.collect(),
        disk_free_bytes: sizes.free,
        store_bytes: sizes.store.saturating_add(sizes.archive),
        streams: Stream::up().into_iter().filter_map(|stream| lag(hub, stream)).collect(),
        catalog_version: hub.catalog.load().version(),
        alarms: alarms.map(|alarm| cut(alarm, MAX_TEXT)).collect(),
        clock: ClockFigures::of(&hub.timekeeper, &hub.calendar).fault.map(|fault| cut(fault, MAX_TEXT)),
    }
}

/// How far HQ is behind in a stream; nothing if the store can't tell.
fn lag(hub: &Hub, stream: Stream) -> Option<StreamSample> {
    let span = hub.store.outbox_span(stream.as_str()).ok()?;
    let oldest = hub.store.outbox(stream.as_str(), span.acknowledged + 1, 1).ok()?;
    Some(StreamSample {
        stream,
        last: Sequence(span.last - span.base),
        acknowledged: Sequence(span.acknowledged.saturating_sub(span.base)),
        oldest_unsynced_at_ms: oldest.first().map(|entry| entry.occurred_at_ms),
    })
}

fn word(health: &Health) -> &'static str {
    match health {
        Health::Connecting => "connecting",
        Health::Ready => "ready",
        Health::Attention { .. } => "attention",
        Health::Offline { .. } => "offline",
    }
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
