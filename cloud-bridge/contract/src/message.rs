//! Hello, batch, acknowledgement.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::name::{ChainLink, Epoch, HubId, Sequence, Stream};

/// The version of the messages described here.
pub const VERSION: u16 = 1;

/// The largest message either end takes, in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The most events in a batch.
pub const MAX_BATCH_EVENTS: usize = 200;

/// The longest reason in a [`Hello`], in bytes.
pub const MAX_WHY: usize = 1024;

/// The longest name of a hub's software in a [`Hello`], in bytes.
pub const MAX_SOFTWARE: usize = 128;

/// The most streams in a [`Hello`].
pub const MAX_STREAMS: usize = 32;

/// A sender puts no more bodies into a batch once they pass this many bytes. A single larger one travels alone.
pub const BATCH_BYTES: usize = 128 * 1024;

/// The kind of what a hub sends in the place of an event whose record is damaged: a [`Placeholder`].
pub const UNREADABLE: &str = "hub.unreadable";

/// The kind of what a hub sends in the place of an event that is larger than its broker takes: a [`Placeholder`].
pub const OVERSIZED: &str = "hub.oversized";

/// What stands for an event that could not be sent, so that the events after it can be. HQ keeps it for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct Event {
    /// Its place in the stream.
    pub sequence: Sequence,
    /// What it is: `sale.completed`.
    pub kind: String,
    /// When, by the hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// The record, by its kind.
    pub body: Box<RawValue>,
}

/// Events that follow each other in a stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// [`VERSION`].
    pub version: u16,
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
pub struct Acknowledgement {
    /// [`VERSION`].
    pub version: u16,
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
pub struct Hello {
    /// [`VERSION`].
    pub version: u16,
    /// Who asks.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// The hub's software, for people; at most [`MAX_SOFTWARE`] bytes.
    pub software: String,
    /// What it has to offer.
    pub streams: Vec<StreamSpan>,
    /// Why its store has stopped for good, if so; at most [`MAX_WHY`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// How far a stream is at the hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Deserialize)]
struct Versioned {
    version: u16,
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadMessage> {
    if bytes.len() > MAX_MESSAGE {
        return Err(BadMessage::TooLarge { bytes: bytes.len() });
    }
    let unreadable = |error: serde_json::Error| BadMessage::Unreadable { why: error.to_string() };
    match serde_json::from_slice::<Versioned>(bytes).map_err(unreadable)?.version {
        VERSION => serde_json::from_slice(bytes).map_err(unreadable),
        found => Err(BadMessage::Version { found }),
    }
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, BadMessage> {
    let bytes = serde_json::to_vec(message).map_err(|error| BadMessage::Unreadable { why: error.to_string() })?;
    if bytes.len() > MAX_MESSAGE { Err(BadMessage::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
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

macro_rules! wire {
    ($type:ident) => {
        impl $type {
            /// As it travels.
            ///
            /// # Errors
            /// It would be larger than [`MAX_MESSAGE`].
            pub fn encode(&self) -> Result<Vec<u8>, BadMessage> {
                encode(self)
            }
        }
    };
}
wire!(Batch);
wire!(Acknowledgement);
wire!(Hello);

impl Batch {
    /// Reads and checks a batch.
    ///
    /// # Errors
    /// Too large, unreadable, of another version, empty, or with a gap.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let batch: Self = decode(bytes)?;
        check_run(batch.events.iter().map(|event| event.sequence)).map(|()| batch)
    }
}

impl Acknowledgement {
    /// Reads an acknowledgement.
    ///
    /// # Errors
    /// Too large, unreadable, of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        decode(bytes)
    }
}

impl Hello {
    /// Reads a hello.
    ///
    /// # Errors
    /// Too large, unreadable, of another version, with more streams or longer texts than any hub has.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadMessage> {
        let hello: Self = decode(bytes)?;
        if hello.streams.len() > MAX_STREAMS {
            return Err(BadMessage::TooMany { what: "streams", count: hello.streams.len(), most: MAX_STREAMS });
        }
        if hello.software.len() > MAX_SOFTWARE {
            return Err(BadMessage::TooLong { what: "software", bytes: hello.software.len(), most: MAX_SOFTWARE });
        }
        if let Some(bytes) = hello.stopped.as_ref().map(String::len).filter(|bytes| *bytes > MAX_WHY) {
            return Err(BadMessage::TooLong { what: "reason", bytes, most: MAX_WHY });
        }
        Ok(hello)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batch(sequences: &[u64]) -> Batch {
        let event = |&sequence| Event {
            sequence: Sequence(sequence),
            kind: "sale.completed".into(),
            occurred_at_ms: 1,
            body: RawValue::from_string(r#"{"a": 1}"#.into()).unwrap(),
        };
        Batch {
            version: VERSION,
            hub: "store-367".parse().unwrap(),
            epoch: Epoch(7),
            stream: Stream::sales(),
            events: sequences.iter().map(event).collect(),
            link: Some(ChainLink([7; 32])),
        }
    }

    #[test]
    fn a_batch_travels_unchanged() {
        let sent = batch(&[4, 5, 6]).encode().unwrap();
        let got = Batch::decode(&sent).unwrap();
        assert_eq!(got.encode().unwrap(), sent);
        assert_eq!(got.events[2].body.get(), r#"{"a": 1}"#);
    }

    #[test]
    fn a_batch_with_a_gap_or_nothing_in_it_is_refused() {
        for wrong in [&[][..], &[0], &[1, 3], &[2, 2], &[3, 2]] {
            assert!(
                matches!(Batch::decode(&batch(wrong).encode().unwrap()), Err(BadMessage::Batch { .. })),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn another_version_is_named() {
        let sent = Batch { version: 2, ..batch(&[1]) }.encode().unwrap();
        assert_eq!(Batch::decode(&sent).unwrap_err(), BadMessage::Version { found: 2 });
    }

    #[test]
    fn a_message_over_the_bound_is_not_parsed() {
        assert_eq!(
            Hello::decode(&vec![b' '; MAX_MESSAGE + 1]).unwrap_err(),
            BadMessage::TooLarge { bytes: MAX_MESSAGE + 1 }
        );
    }

    #[test]
    fn a_hello_says_why_its_hub_has_stopped_within_bounds() {
        let selling = r#"{"version":1,"hub":"store-1","epoch":7,"software":"store-hub 0.1.0","streams":[]}"#;
        let hello = Hello::decode(selling.as_bytes()).unwrap();
        assert_eq!(hello.stopped, None);
        assert_eq!(hello.encode().unwrap(), selling.as_bytes());
        let said = |bytes: usize| Hello { stopped: Some("x".repeat(bytes)), ..hello.clone() }.encode().unwrap();
        assert_eq!(Hello::decode(&said(MAX_WHY)).unwrap().stopped.map(|why| why.len()), Some(MAX_WHY));
        assert!(matches!(Hello::decode(&said(MAX_WHY + 1)), Err(BadMessage::TooLong { what: "reason", .. })));
        let software = |bytes: usize| Hello { software: "x".repeat(bytes), ..hello.clone() }.encode().unwrap();
        assert!(Hello::decode(&software(MAX_SOFTWARE)).is_ok());
        let refused = Hello::decode(&software(MAX_SOFTWARE + 1));
        assert!(matches!(refused, Err(BadMessage::TooLong { what: "software", .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoders_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in ".{0,200}",
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = Batch::decode(bytes);
                let _ = Acknowledgement::decode(bytes);
                let _ = Hello::decode(bytes);
            }
        }
    }
}
