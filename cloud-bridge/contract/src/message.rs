//! Hello, batch, acknowledgement.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    name::{ChainLink, Epoch, HubId, Sequence, Stream},
    wire::Wire,
};

/// The version of the messages described here; it travels in their [content type](crate::wire).
pub const VERSION: u16 = 1;

/// The largest message either end takes, in bytes, as it travels and decompressed.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The most events in a batch.
pub const MAX_BATCH_EVENTS: usize = 200;

/// The longest reason in a [`Hello`], in bytes.
pub const MAX_WHY: usize = 1024;

/// The longest name of a hub's software in a [`Hello`], in bytes.
pub const MAX_SOFTWARE: usize = 128;

/// The most streams in a [`Hello`].
pub const MAX_STREAMS: usize = 32;

/// A sender puts no more bodies into a batch once they pass this many bytes, before compression. A single larger one
/// travels alone.
pub const BATCH_BYTES: usize = 256 * 1024;

/// The kind of what a hub sends in the place of an event whose record is damaged: a [`Placeholder`].
pub const UNREADABLE: &str = "hub.unreadable";

/// The kind of what a hub sends in the place of an event that is larger than its broker takes: a [`Placeholder`].
pub const OVERSIZED: &str = "hub.oversized";

/// What stands for an event that could not be sent, so that the events after it can be. HQ keeps it for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Placeholder {
    /// The event's kind.
    pub kind: String,
    /// Where its record is in the hub, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why it could not be sent.
    pub why: String,
}

/// Something that happened in a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its place in the stream.
    pub sequence: Sequence,
    /// What it is: `sale.completed`.
    pub kind: String,
    /// When, by the hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// The record, by its kind.
    #[cfg_attr(feature = "schema", schema(value_type = serde_json::Value))]
    pub body: Box<RawValue>,
}

/// Events that follow each other in a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Batch {
    /// Who sends.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// Which stream.
    pub stream: Stream,
    /// Sequences without gaps; at least one.
    pub events: Vec<Event>,
    /// The link of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ChainLink>,
}

/// "I have everything of this stream up to here", durably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acknowledgement {
    /// To whom.
    pub hub: HubId,
    /// Of which life.
    pub epoch: Epoch,
    /// Which stream.
    pub stream: Stream,
    /// The last event that HQ has; 0 for none.
    pub up_to: Sequence,
    /// Its link, if HQ heard it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<ChainLink>,
}

/// "Here I am; where were we?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hello {
    /// Who asks.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// The hub's software, for people; at most [`MAX_SOFTWARE`] bytes.
    pub software: String,
    /// What it has to offer.
    pub streams: Vec<StreamSpan>,
    /// Which of the hub's connections this is: its last will names it. Another number with each, in no order.
    pub connection: u64,
    /// Why its store has stopped for good, if so; at most [`MAX_WHY`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// "I am gone": what the broker publishes when a hub's connection ends, as its last will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gone {
    /// Who.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// Which of its connections ended, as its [`Hello`] named it. A hub that is back already has another.
    pub connection: u64,
}

/// How far a stream is at the hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StreamSpan {
    /// Which.
    pub stream: Stream,
    /// The first event it can still send.
    pub first_kept: Sequence,
    /// The last event it has.
    pub last: Sequence,
    /// The hub's link at HQ's cursor, as HQ said that last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// A hub's link of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Known {
    /// Which event.
    pub sequence: Sequence,
    /// Its link.
    pub link: ChainLink,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Larger than the bound.
    #[error("message of {bytes} bytes; the limit is {MAX_MESSAGE}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not of the message's form.
    #[error("invalid message: {why}")]
    Unreadable {
        /// What the parser says.
        why: String,
    },
    /// Of another form, or without a content type.
    #[error("content type `{}`, expected a `{expected}`", found.escape_debug())]
    ContentType {
        /// The name of the message that was expected.
        expected: &'static str,
        /// What it said of itself, cut short.
        found: String,
    },
    /// Of another version.
    #[error("message of version {found}, expected {VERSION}; update the older end")]
    Version {
        /// Its version.
        found: u16,
    },
    /// A batch that is empty, too long, or has a gap.
    #[error("invalid batch: {why}")]
    Batch {
        /// What is wrong.
        why: String,
    },
    /// More of something than any sender has.
    #[error("{count} {what}; the limit is {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are taken.
        most: usize,
    },
    /// A text that is too long.
    #[error("{what} of {bytes} bytes; the limit is {most}")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// How many are taken.
        most: usize,
    },
    /// Refusals out of order, or of items that the hub has not reached.
    #[error("invalid refusal of item {sequence}: refusals must ascend, up to the cursor {up_to}")]
    Refusals {
        /// Which item.
        sequence: Sequence,
        /// The hub's cursor.
        up_to: Sequence,
    },
}

/// Checks that a batch is a run: 1 to [`MAX_BATCH_EVENTS`] sequences without gaps.
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
    fn a_batch_travels_unchanged() {
        let got = read(&batch(&[4, 5, 6])).unwrap();
        assert_eq!(got.encode(), batch(&[4, 5, 6]).encode());
        assert_eq!(got.events[2].body.get(), r#"{"a": 1}"#);
    }

    #[test]
    fn a_batch_with_a_gap_or_nothing_in_it_is_refused() {
        for wrong in [&[][..], &[0], &[1, 3], &[2, 2], &[3, 2]] {
            assert!(matches!(read(&batch(wrong)), Err(BadMessage::Batch { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn a_hello_says_why_its_hub_has_stopped_within_bounds() {
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
