//! Hello, last will, batch, acknowledgement.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    name::{ChainLink, Epoch, HubId, Sequence, Stream},
    wire::Wire,
};

/// The version of these messages; it is in their [content type](crate::wire).
pub const VERSION: u16 = 1;

/// The maximum size of a message in bytes, both compressed and decompressed.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The maximum number of events in a batch.
pub const MAX_BATCH_EVENTS: usize = 200;

/// The maximum length of the reason in a [`Hello`], in bytes.
pub const MAX_WHY: usize = 1024;

/// The maximum length of the software's name in a [`Hello`], in bytes.
pub const MAX_SOFTWARE: usize = 128;

/// The maximum number of streams in a [`Hello`].
pub const MAX_STREAMS: usize = 32;

/// A sender adds no more bodies to a batch once they pass this many bytes, before compression. A single larger body
/// is sent alone.
pub const BATCH_BYTES: usize = 256 * 1024;

/// The kind of the [`Placeholder`] for an event whose record is damaged.
pub const UNREADABLE: &str = "hub.unreadable";

/// The kind of the [`Placeholder`] for an event that is too large for the broker.
pub const OVERSIZED: &str = "hub.oversized";

/// Replaces an event that could not be sent, so that later events can be. HQ keeps it for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Placeholder {
    /// The event's kind.
    pub kind: String,
    /// The place of its record in the hub, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why it could not be sent.
    pub why: String,
}

/// An event in a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// The event's place in the stream.
    pub sequence: Sequence,
    /// The kind, such as `sale.completed`.
    pub kind: String,
    /// The hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// The body; its form depends on the kind.
    #[cfg_attr(feature = "schema", schema(value_type = serde_json::Value))]
    pub body: Box<RawValue>,
}

/// Consecutive events of a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Batch {
    /// The sending hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The stream.
    pub stream: Stream,
    /// At least one event; the sequences have no gaps.
    pub events: Vec<Event>,
    /// The chain link of the last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ChainLink>,
}

/// Acknowledges durably that HQ has all events of a stream up to a sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acknowledgement {
    /// The receiving hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The stream.
    pub stream: Stream,
    /// The last event that HQ has; 0 if it has none.
    pub up_to: Sequence,
    /// The chain link of that event, if HQ received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ChainLink>,
}

/// Begins a conversation: the hub names its streams and asks for HQ's cursors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hello {
    /// The sending hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The hub's software and version, for people; at most [`MAX_SOFTWARE`] bytes.
    pub software: String,
    /// The hub's streams.
    pub streams: Vec<StreamSpan>,
    /// The number of this connection, which the last will repeats. Each connection has another, in no order.
    pub connection: u64,
    /// Why the hub's store has stopped, if it has; at most [`MAX_WHY`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// The last will, published by the broker when a hub's connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gone {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The connection that ended, as in its [`Hello`]. A reconnected hub already has another.
    pub connection: u64,
}

/// The events of a stream that the hub has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StreamSpan {
    /// The stream.
    pub stream: Stream,
    /// The first event that the hub can still send.
    pub first_kept: Sequence,
    /// The last event it has.
    pub last: Sequence,
    /// The hub's chain link at the cursor that HQ reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// The hub's chain link of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Known {
    /// The event.
    pub sequence: Sequence,
    /// The link.
    pub link: ChainLink,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// The message is too large.
    #[error("message of {bytes} bytes; the limit is {MAX_MESSAGE}")]
    TooLarge {
        /// The message's size.
        bytes: usize,
    },
    /// The message does not have its form.
    #[error("invalid message: {why}")]
    Unreadable {
        /// The parser's error.
        why: String,
    },
    /// The content type names another message, or is missing.
    #[error("content type `{}`, expected a `{expected}`", found.escape_debug())]
    ContentType {
        /// The name of the expected message.
        expected: &'static str,
        /// The content type, truncated.
        found: String,
    },
    /// The message has another version.
    #[error("message of version {found}, expected {VERSION}; update the older end")]
    Version {
        /// The message's version.
        found: u16,
    },
    /// A batch is empty, too long, or has a gap.
    #[error("invalid batch: {why}")]
    Batch {
        /// The violation.
        why: String,
    },
    /// There are too many of something.
    #[error("{count} {what}; the limit is {most}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// Their number.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// A text is too long.
    #[error("{what} of {bytes} bytes; the limit is {most}")]
    TooLong {
        /// The text.
        what: &'static str,
        /// The text's length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Refusals are out of order, or of items that the hub has not reached.
    #[error("invalid refusal of item {sequence}: refusals must ascend, up to the cursor {up_to}")]
    Refusals {
        /// The item.
        sequence: Sequence,
        /// The hub's cursor.
        up_to: Sequence,
    },
}

/// Checks that a batch has 1 to [`MAX_BATCH_EVENTS`] sequences without gaps.
pub(crate) fn check_run(sequences: impl ExactSizeIterator<Item = Sequence>) -> Result<(), BadMessage> {
    let (count, mut due) = (sequences.len(), None);
    let invalid = |why: String| Err(BadMessage::Batch { why });
    if count == 0 {
        return invalid("it is empty".into());
    }
    if count > MAX_BATCH_EVENTS {
        return invalid(format!("{count} entries; the limit is {MAX_BATCH_EVENTS}"));
    }
    for sequence in sequences {
        if sequence == Sequence(0) {
            return invalid("sequences count from 1".into());
        }
        if let Some(due) = due.filter(|due| *due != sequence) {
            return invalid(format!("expected sequence {due}, found {sequence}"));
        }
        due = Some(sequence.next());
    }
    Ok(())
}

impl Wire for Batch {
    const NAME: &'static str = "batch";

    fn check(&self) -> Result<(), BadMessage> {
        check_run(self.events.iter().map(|event| event.sequence))
    }
}

impl Wire for Acknowledgement {
    const NAME: &'static str = "acknowledgement";

    fn check(&self) -> Result<(), BadMessage> {
        Ok(())
    }
}

impl Wire for Gone {
    const NAME: &'static str = "gone";

    fn check(&self) -> Result<(), BadMessage> {
        Ok(())
    }
}

impl Wire for Hello {
    const NAME: &'static str = "hello";

    fn check(&self) -> Result<(), BadMessage> {
        if self.streams.len() > MAX_STREAMS {
            return Err(BadMessage::TooMany { what: "streams", count: self.streams.len(), most: MAX_STREAMS });
        }
        if self.software.len() > MAX_SOFTWARE {
            return Err(BadMessage::TooLong { what: "software", bytes: self.software.len(), most: MAX_SOFTWARE });
        }
        if let Some(bytes) = self.stopped.as_ref().map(String::len).filter(|bytes| *bytes > MAX_WHY) {
            return Err(BadMessage::TooLong { what: "reason", bytes, most: MAX_WHY });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Packed;

    fn batch(sequences: &[u64]) -> Batch {
        let event = |&sequence| Event {
            sequence: Sequence(sequence),
            kind: "sale.completed".into(),
            occurred_at_ms: 1,
            body: RawValue::from_string(r#"{"a": 1}"#.into()).unwrap(),
        };
        Batch {
            hub: "store-367".parse().unwrap(),
            epoch: Epoch(7),
            stream: Stream::sales(),
            events: sequences.iter().map(event).collect(),
            link: Some(ChainLink([7; 32])),
        }
    }

    fn read<W: Wire>(message: &W) -> Result<W, BadMessage> {
        let Packed { content_type, payload } = message.encode().unwrap();
        W::decode(Some(&content_type), &payload)
    }

    #[test]
    fn a_batch_reads_back() {
        let got = read(&batch(&[4, 5, 6])).unwrap();
        assert_eq!(got.encode(), batch(&[4, 5, 6]).encode());
        assert_eq!(got.events[2].body.get(), r#"{"a": 1}"#);
    }

    #[test]
    fn a_batch_with_a_gap_or_without_events_is_refused() {
        for wrong in [&[][..], &[0], &[1, 3], &[2, 2], &[3, 2]] {
            assert!(matches!(read(&batch(wrong)), Err(BadMessage::Batch { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn the_reason_in_a_hello_is_bounded() {
        let selling = r#"{"hub":"store-1","epoch":7,"software":"store-hub 0.1.0","streams":[],"connection":1}"#;
        let content_type = "application/vnd.store-hub.hello+json; version=1";
        let hello = Hello::decode(Some(content_type), selling.as_bytes()).unwrap();
        assert_eq!(hello.stopped, None);
        assert_eq!(hello.encode().unwrap().payload, selling.as_bytes());
        let said = |bytes: usize| read(&Hello { stopped: Some("x".repeat(bytes)), ..hello.clone() });
        assert_eq!(said(MAX_WHY).unwrap().stopped.map(|why| why.len()), Some(MAX_WHY));
        assert!(matches!(said(MAX_WHY + 1), Err(BadMessage::TooLong { what: "reason", .. })));
        let software = |bytes: usize| read(&Hello { software: "x".repeat(bytes), ..hello.clone() });
        assert!(software(MAX_SOFTWARE).is_ok());
        assert!(matches!(software(MAX_SOFTWARE + 1), Err(BadMessage::TooLong { what: "software", .. })));
    }
}
