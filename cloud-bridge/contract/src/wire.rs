//! The encoding of messages: JSON, compressed if that makes it smaller, with a content type that names form and
//! version.
//!
//! ```text
//! application/vnd.store-hub.batch+json; version=1
//! application/vnd.store-hub.batch+json+zstd; version=1
//! ```
//!
//! The content type is the MQTT 5 property of that name (section 3.3.2.3.9); the version is only there. `+zstd` (RFC
//! 8878, section 7.2) means that the payload is one zstd frame that states the size of its content, so a reader knows
//! the size before it allocates, and refuses more than [`MAX_MESSAGE`].

use serde::{Serialize, de::DeserializeOwned};

use crate::message::{BadMessage, MAX_MESSAGE, VERSION};

/// JSON of more than this many bytes is compressed.
const COMPRESS_BEYOND: usize = 1024;

/// zstd's default: at higher levels time grows faster than the size shrinks.
const LEVEL: i32 = 3;

/// The maximum length of a content type repeated in an error, in bytes.
const MAX_TOLD: usize = 100;

/// An encoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Form, version and compression.
    pub content_type: String,
    /// At most [`MAX_MESSAGE`] bytes, also when decompressed.
    pub payload: Vec<u8>,
}

/// A message between a hub and HQ.
pub trait Wire: Serialize + DeserializeOwned {
    /// The name in the content type.
    const NAME: &'static str;

    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// The first violation.
    fn check(&self) -> Result<(), BadMessage>;

    /// Encodes the message. It is not checked; the reader does that.
    ///
    /// # Errors
    /// The JSON is larger than [`MAX_MESSAGE`].
    fn encode(&self) -> Result<Packed, BadMessage> {
        let json = serde_json::to_vec(self).map_err(unreadable)?;
        if json.len() > MAX_MESSAGE {
            return Err(BadMessage::TooLarge { bytes: json.len() });
        }
        if json.len() > COMPRESS_BEYOND {
            let compressed = zstd::bulk::compress(&json, LEVEL).map_err(unreadable)?;
            if compressed.len() < json.len() {
                return Ok(Packed { content_type: content_type(Self::NAME, true), payload: compressed });
            }
        }
        Ok(Packed { content_type: content_type(Self::NAME, false), payload: json })
    }

    /// Decodes and checks a message.
    ///
    /// # Errors
    /// It is of another form or version, too large, unreadable, or invalid.
    fn decode(content_type: Option<&str>, payload: &[u8]) -> Result<Self, BadMessage> {
        let found = content_type.unwrap_or_default();
        let (_, is_compressed, version) = parse(found).filter(|(name, ..)| *name == Self::NAME).ok_or_else(|| {
            let cut = found.floor_char_boundary(MAX_TOLD);
            BadMessage::ContentType { expected: Self::NAME, found: found.get(..cut).unwrap_or_default().to_owned() }
        })?;
        if version != VERSION {
            return Err(BadMessage::Version { found: version });
        }
        let message: Self = if is_compressed {
            serde_json::from_slice(&decompress(payload)?).map_err(unreadable)?
        } else if payload.len() > MAX_MESSAGE {
            return Err(BadMessage::TooLarge { bytes: payload.len() });
        } else {
            serde_json::from_slice(payload).map_err(unreadable)?
        };
        message.check().map(|()| message)
    }
}

fn content_type(name: &str, is_compressed: bool) -> String {
    let zstd = if is_compressed { "+zstd" } else { "" };
    format!("application/vnd.store-hub.{name}+json{zstd}; version={VERSION}")
}

/// Name, compression, version.
fn parse(content_type: &str) -> Option<(&str, bool, u16)> {
    let (form, version) = content_type.strip_prefix("application/vnd.store-hub.")?.split_once("; version=")?;
    let (name, is_compressed) = match form.strip_suffix("+zstd") {
        Some(form) => (form.strip_suffix("+json")?, true),
        None => (form.strip_suffix("+json")?, false),
    };
    Some((name, is_compressed, version.parse().ok()?))
}

/// The content of a frame that states its size, at most [`MAX_MESSAGE`].
fn decompress(frame: &[u8]) -> Result<Vec<u8>, BadMessage> {
    let refuse = |why: &str| BadMessage::Unreadable { why: why.into() };
    let said = zstd::zstd_safe::get_frame_content_size(frame).map_err(|_| refuse("not a zstd frame"))?;
    let said = said.ok_or_else(|| refuse("its zstd frame does not state the size of its content"))?;
    let bytes = usize::try_from(said).unwrap_or(usize::MAX);
    if bytes > MAX_MESSAGE {
        return Err(BadMessage::TooLarge { bytes });
    }
    let content = zstd::bulk::decompress(frame, bytes).map_err(unreadable)?;
    if content.len() == bytes { Ok(content) } else { Err(refuse("its zstd frame is cut short")) }
}

fn unreadable(error: impl std::fmt::Display) -> BadMessage {
    BadMessage::Unreadable { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::{Acknowledgement, Batch, DownAcknowledgement, DownBatch, Epoch, Hello, Stream};

    const PLAIN: &str = "application/vnd.store-hub.hello+json; version=1";
    const COMPRESSED: &str = "application/vnd.store-hub.hello+json+zstd; version=1";

    fn hello(software: usize) -> Hello {
        Hello {
            hub: "store-1".parse().unwrap(),
            epoch: Epoch(7),
            software: "x".repeat(software),
            streams: vec![],
            connection: 1,
            stopped: None,
        }
    }

    #[test]
    fn large_messages_are_compressed_and_read_back() {
        let small = hello(10).encode().unwrap();
        assert_eq!((&*small.content_type, small.payload[0]), (PLAIN, b'{'));
        assert_eq!(Hello::decode(Some(PLAIN), &small.payload), Ok(hello(10)));
        let large = hello(100_000).encode().unwrap();
        assert_eq!(large.content_type, COMPRESSED);
        assert!(large.payload.len() < 1_000, "{}", large.payload.len());
        let read = Hello::decode(Some(COMPRESSED), &large.payload);
        assert_eq!(
            read,
            Err(BadMessage::TooLong { what: "software", bytes: 100_000, most: 128 }),
            "read, then checked"
        );
    }

    #[test]
    fn another_form_or_version_is_named_in_the_error() {
        let payload = hello(10).encode().unwrap().payload;
        for wrong in [
            None,
            Some(""),
            Some("application/json"),
            Some("application/vnd.store-hub.batch+json; version=1"),
            Some("application/vnd.store-hub.hello+json"),
            Some("application/vnd.store-hub.hello+zstd; version=1"),
            Some("application/vnd.store-hub.hello+json; version=99999"),
        ] {
            let refused = Hello::decode(wrong, &payload);
            assert!(matches!(refused, Err(BadMessage::ContentType { expected: "hello", .. })), "{wrong:?}");
        }
        let later = Hello::decode(Some("application/vnd.store-hub.hello+json; version=2"), &payload);
        assert_eq!(later, Err(BadMessage::Version { found: 2 }));
        let long = Hello::decode(Some(&"ä".repeat(1_000)), &payload).unwrap_err().to_string();
        assert!(long.len() < 1_000, "{long}");
    }

    #[test]
    fn an_oversized_frame_is_refused_before_it_is_decompressed() {
        let bomb = zstd::bulk::compress(&vec![b' '; MAX_MESSAGE + 1], 19).unwrap();
        assert!(bomb.len() < 1_000);
        assert_eq!(Hello::decode(Some(COMPRESSED), &bomb), Err(BadMessage::TooLarge { bytes: MAX_MESSAGE + 1 }));
        let plain = vec![b' '; MAX_MESSAGE + 1];
        assert_eq!(Hello::decode(Some(PLAIN), &plain), Err(BadMessage::TooLarge { bytes: MAX_MESSAGE + 1 }));
        // A stream does not state its size.
        let mut silent = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        for _ in 0..2 {
            silent.write_all(&[b' '; 5_000]).unwrap();
            silent.flush().unwrap();
        }
        let silent = silent.finish().unwrap();
        let refused = Hello::decode(Some(COMPRESSED), &silent).unwrap_err().to_string();
        assert!(refused.contains("does not state the size"), "{refused}");
        // A second frame after the first exceeds the stated size.
        let one = zstd::bulk::compress(&serde_json::to_vec(&hello(10)).unwrap(), 3).unwrap();
        assert!(Hello::decode(Some(COMPRESSED), &one).is_ok());
        assert!(Hello::decode(Some(COMPRESSED), &[&one[..], &one].concat()).is_err());
        assert!(Hello::decode(Some(COMPRESSED), &one[..one.len() - 1]).is_err());
        assert!(Hello::decode(Some(COMPRESSED), b"{}").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoders_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in ".{0,200}",
            any_type in ".{0,100}",
        ) {
            let frame = zstd::bulk::compress(&bytes, 1).unwrap();
            for (zstd, bytes) in [("", &bytes[..]), ("", text.as_bytes()), ("+zstd", &bytes), ("+zstd", &frame)] {
                let of = |name: &str| format!("application/vnd.store-hub.{name}+json{zstd}; version=1");
                let _ = Batch::decode(Some(&of(Batch::NAME)), bytes);
                let _ = Acknowledgement::decode(Some(&of(Acknowledgement::NAME)), bytes);
                let _ = Hello::decode(Some(&of(Hello::NAME)), bytes);
                let _ = DownBatch::decode(Some(&of(DownBatch::NAME)), bytes);
                let _ = DownAcknowledgement::decode(Some(&of(DownAcknowledgement::NAME)), bytes);
                let _ = Hello::decode(Some(&any_type), bytes);
            }
        }

        #[test]
        fn a_batch_reads_back_whatever_its_size(events in 1_usize..200, bytes in 0_usize..3_000) {
            let body = serde_json::value::to_raw_value(&"x".repeat(bytes)).unwrap();
            let event = |sequence| crate::Event {
                sequence: crate::Sequence(sequence), kind: "a.b".into(), occurred_at_ms: 1, body: body.clone(),
            };
            let batch = Batch {
                hub: "store-1".parse().unwrap(), epoch: Epoch(7), stream: Stream::sales(),
                events: (1..=events as u64).map(event).collect(), link: None,
            };
            let packed = batch.encode().unwrap();
            let read = Batch::decode(Some(&packed.content_type), &packed.payload).unwrap();
            prop_assert_eq!(read.encode().unwrap(), packed);
        }
    }
}
