//! Sending one stream.

use std::sync::Arc;

use contract::{
    BadMessage, Batch, ChainLink, Event, Known, Packed, Placeholder, Sequence, Stream, Wire,
    message::{BATCH_BYTES, MAX_BATCH_EVENTS, OVERSIZED},
    topic,
};
use link::{Link, Message, Unpublished};
use serde_json::value::to_raw_value;
use tokio::{sync::watch, task::JoinError};

use crate::{
    alarms::{About, Alarms},
    outbox::{Outbox, OutboxError, Span},
    window::Window,
};

/// Read this many times the broker's packet size: events shrink at least this much when compressed.
const READ_FOR_A_PACKET: usize = 4;

/// Why a stream cannot be read or sent; retried at the next change or tick.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(
        "HQ has {stream} up to {acknowledged}, but this hub kept only {first_kept} and later: events between are \
         missing; restore them from a backup of HQ or of the hub"
    )]
    Missing { stream: Stream, acknowledged: Sequence, first_kept: Sequence },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Message(#[from] BadMessage),
    #[error("reading the outbox failed: {0}")]
    Panicked(String),
    #[error(transparent)]
    Unpublished(#[from] Unpublished),
    #[error("connected to the broker, but HQ does not answer: check that HQ's ingest runs and uses this broker")]
    Silent,
}

impl From<JoinError> for Trouble {
    fn from(error: JoinError) -> Self {
        Self::Panicked(error.to_string())
    }
}

/// A stream's window, and HQ's progress in it, kept across connections.
pub(crate) struct Flow {
    pub(crate) window: Window,
    /// The hub's chain link at HQ's cursor.
    pub(crate) known: Option<Known>,
    /// The events of the stream, as last read.
    pub(crate) span: Option<Span>,
    pub(crate) acknowledged: Sequence,
    /// The cursor for [`keep_cursor`] to store.
    pub(crate) remember: watch::Sender<Sequence>,
}

impl Flow {
    pub(crate) fn new(remember: watch::Sender<Sequence>) -> Self {
        Self { window: Window::default(), known: None, span: None, acknowledged: Sequence(0), remember }
    }

    /// Sends as much as the window allows.
    pub(crate) async fn send(
        &mut self,
        outbox: &Arc<dyn Outbox>,
        link: &Link,
        stream: &Stream,
        now_ms: u64,
        alarms: &mut Alarms,
    ) -> Result<(), Trouble> {
        let Some(span) = &mut self.span else { return Ok(()) };
        let topic = topic::stream(&outbox.hub(), stream);
        let limit = link.payload_limit(&topic);
        while let Some((from, room)) = self.window.next_batch(span.last) {
            if from < span.first_kept {
                let (stream, first_kept) = (stream.clone(), span.first_kept);
                return Err(Trouble::Missing { stream, acknowledged: self.acknowledged, first_kept });
            }
            let events = usize::try_from(room).unwrap_or(usize::MAX).min(MAX_BATCH_EVENTS);
            let (reader, of) = (Arc::clone(outbox), stream.clone());
            let bytes = BATCH_BYTES.min(limit.saturating_mul(READ_FOR_A_PACKET));
            let read = tokio::task::spawn_blocking(move || reader.read(&of, from, events, bytes));
            let events = read.await??;
            if events.is_empty() {
                return Ok(());
            }
            let (hub, epoch) = (outbox.hub(), outbox.epoch());
            let batch = Batch { hub, epoch, stream: stream.clone(), events, link: None };
            let mut batch = fit(batch, limit, alarms)?;
            let Some(through) = batch.events.last().map(|event| event.sequence) else { return Ok(()) };
            let (reader, of) = (Arc::clone(outbox), stream.clone());
            batch.link = tokio::task::spawn_blocking(move || reader.link(&of, through)).await??;
            let Packed { content_type, payload } = batch.encode()?;
            // More events may have been added since the last look.
            span.last = span.last.max(through);
            match link.publish(Message::new(topic.clone(), content_type, payload)) {
                Ok(()) => {}
                Err(Unpublished::NoRoom) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            tracing::debug!(%stream, first = %from, last = %through, "batch sent to HQ");
            self.window.sent(through, now_ms);
        }
        Ok(())
    }
}

/// Cuts a batch to the broker's maximum packet size, compressed and with room for a link. An event that is too large by
/// itself is replaced by a [`Placeholder`] and raises an alarm, so that it does not block later ones.
fn fit(mut batch: Batch, limit: usize, alarms: &mut Alarms) -> Result<Batch, BadMessage> {
    batch.link = Some(ChainLink::default());
    loop {
        let bytes = match batch.encode() {
            Ok(packed) if packed.payload.len() <= limit => return Ok(batch),
            Ok(packed) => packed.payload.len(),
            Err(BadMessage::TooLarge { bytes }) => bytes,
            Err(error) => return Err(error),
        };
        match &mut batch.events[..] {
            [event] if event.kind != OVERSIZED => replace(event, &batch.stream, bytes, limit, alarms)?,
            // Not even the placeholder fits; publishing reports that.
            [_] | [] => return Ok(batch),
            more => {
                let half = more.len() / 2;
                batch.events.truncate(half);
            }
        }
    }
}

fn replace(
    event: &mut Event,
    stream: &Stream,
    bytes: usize,
    limit: usize,
    alarms: &mut Alarms,
) -> Result<(), BadMessage> {
    let why = format!("the event needs a message of {bytes} bytes; the broker accepts at most {limit}");
    let told = Placeholder { kind: event.kind.clone(), subject: None, why };
    let (sequence, kind) = (event.sequence, event.kind.escape_debug());
    alarms.raise(
        About::Oversized(stream.clone()),
        &format!(
            "HQ did not get event {sequence} of {stream} ({kind}): {}. Raise the broker's maximum packet size, and \
             enter the event at HQ by hand",
            told.why
        ),
    );
    event.body = to_raw_value(&told).map_err(|error| BadMessage::Unreadable { why: error.to_string() })?;
    event.kind = OVERSIZED.to_owned();
    Ok(())
}

/// Stores HQ's cursor of a stream when it moves. It is separate from the connection, so that sending never waits for
/// the disk; only the latest cursor is stored.
pub(crate) async fn keep_cursor(outbox: Arc<dyn Outbox>, stream: Stream, mut cursor: watch::Receiver<Sequence>) {
    while cursor.changed().await.is_ok() {
        let up_to = *cursor.borrow_and_update();
        if let Err(error) = outbox.acknowledged(stream.clone(), up_to).await {
            // HQ repeats its cursor with the next batch or hello.
            tracing::warn!(%stream, %error, %up_to, "could not store HQ's acknowledgement");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printable text that hardly compresses.
    fn noise(seed: u64, bytes: usize) -> String {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let char = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'0' + (state >> 58) as u8)
        };
        (0..bytes).map(char).collect::<String>().replace('\\', "/")
    }

    /// A batch of events with bodies of these sizes.
    fn batch(bodies: &[usize]) -> Batch {
        let event = |(sequence, bytes): (u64, &usize)| Event {
            sequence: Sequence(sequence),
            kind: "sale.completed".into(),
            occurred_at_ms: 1,
            body: to_raw_value(&noise(sequence, *bytes)).unwrap(),
        };
        Batch {
            hub: "store-1".parse().unwrap(),
            epoch: contract::Epoch(7),
            stream: Stream::sales(),
            events: (1..).zip(bodies).map(event).collect(),
            link: Some(ChainLink::default()),
        }
    }

    #[test]
    fn a_batch_is_cut_to_the_brokers_maximum_packet_compressed() {
        let whole = batch(&[1_000; 64]);
        let bytes = whole.encode().unwrap().payload.len();
        let plain = serde_json::to_vec(&whole).unwrap().len();
        assert!(bytes < plain * 9 / 10, "{bytes} of {plain}");
        for (limit, events) in [(bytes, 64), (bytes - 1, 32), (20_000, 16), (1_300, 1)] {
            let mut alarms = Alarms::default();
            let cut = fit(whole.clone(), limit, &mut alarms).unwrap();
            let Packed { content_type, payload } = cut.encode().unwrap();
            assert_eq!(cut.events.len(), events, "{limit}");
            assert!(payload.len() <= limit);
            assert_eq!(Batch::decode(Some(&content_type), &payload).unwrap().events.len(), events);
            assert_eq!(alarms.told(), [""; 0]);
        }
    }

    #[test]
    fn an_oversized_event_is_replaced_and_reported_with_both_sizes() {
        let mut alarms = Alarms::default();
        let sent = fit(batch(&[5_000, 10]), 1_000, &mut alarms).unwrap();
        let payload = sent.encode().unwrap().payload;
        assert_eq!((sent.events.len(), &*sent.events[0].kind), (1, OVERSIZED));
        assert!(payload.len() <= 1_000);
        let told: Placeholder = serde_json::from_str(sent.events[0].body.get()).unwrap();
        assert_eq!(told.kind, "sale.completed");
        let alarm = alarms.told().concat();
        assert!(alarm.contains("event 1 of sales") && alarm.contains("at most 1000"), "{alarm}");
        assert!(alarm.contains(&batch(&[5_000]).encode().unwrap().payload.len().to_string()), "{alarm}");
    }

    #[test]
    fn a_large_event_that_compresses_enough_is_sent() {
        let mut alarms = Alarms::default();
        let mut shrinking = batch(&[10]);
        shrinking.events[0].body = to_raw_value(&"x".repeat(100_000)).unwrap();
        assert_eq!(fit(shrinking, 1_000, &mut alarms).unwrap().events[0].kind, "sale.completed");
        assert_eq!(alarms.told(), [""; 0]);
    }
}
