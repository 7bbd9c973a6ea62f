//! The values in the engine: a byte for the encoding, a checksum, and the encoded data.
//!
//! | encoding | after the byte |
//! | --- | --- |
//! | 1 | CRC-32 (IEEE) of the key, the byte and everything after the checksum, little-endian; JSON |
//! | 2 | CRC-32; a [`Link`] of the chain; JSON |
//! | 3 | CRC-32; the number of [`parts`](crate::parts), little-endian u16; the first bytes of the value |
//! | 4 | CRC-32; the bytes of a part |
//!
//! The checksum covers the key, so that a value under the wrong key is detected. The data is JSON, so that fields can
//! be added while old records remain readable.

use crate::{
    chain::{LINK, Link},
    parts,
};

/// A checksum, then JSON.
const JSON: u8 = 1;
/// A checksum, a link, then JSON.
const LINKED_JSON: u8 = 2;
/// A checksum, a number of parts, then the beginning of a record.
const HEAD: u8 = 3;
/// A checksum, then bytes of a record.
const PART: u8 = 4;

/// Bytes of the encoding and the checksum.
pub(crate) const SEAL: usize = 5;

/// Bytes of the number of parts.
pub(crate) const COUNT: usize = 2;

fn checksum(raw_key: &[u8], encoding: u8, rest: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(raw_key);
    hasher.update(&[encoding]);
    hasher.update(rest);
    hasher.finalize().to_le_bytes()
}

/// Fills in the encoding and the checksum, for which `bytes` begins with [`SEAL`] free bytes.
fn seal(raw_key: &[u8], encoding: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    let (head, rest) = bytes.split_at_mut(SEAL);
    head[0] = encoding;
    head[1..].copy_from_slice(&checksum(raw_key, encoding, rest));
    bytes
}

fn sealed(raw_key: &[u8], encoding: u8, pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0; SEAL];
    for piece in pieces {
        bytes.extend_from_slice(piece);
    }
    seal(raw_key, encoding, bytes)
}

/// The value of a record from its JSON, which begins after [`SEAL`] free bytes.
pub(crate) fn of_json(raw_key: &[u8], json: Vec<u8>) -> Vec<u8> {
    seal(raw_key, JSON, json)
}

/// The beginning of a value that continues in parts.
pub(crate) fn of_head(raw_key: &[u8], parts: u16, beginning: &[u8]) -> Vec<u8> {
    sealed(raw_key, HEAD, &[&parts.to_le_bytes(), beginning])
}

/// A part of a value.
pub(crate) fn of_part(part_key: &[u8], bytes: &[u8]) -> Vec<u8> {
    sealed(part_key, PART, &[bytes])
}

/// Whether a value may continue in parts. Does not verify its checksum.
pub(crate) fn is_head(value: &[u8]) -> bool {
    value.first() == Some(&HEAD)
}

/// A stored value with a verified checksum.
pub(crate) enum Stored<'v> {
    Record(Value<'v>),
    Head { parts: u16, beginning: &'v [u8] },
    Part(&'v [u8]),
}

impl<'v> Stored<'v> {
    pub(crate) fn of(raw_key: &[u8], value: &'v [u8]) -> Result<Self, String> {
        let (encoding, found, rest) = match value {
            [encoding @ JSON..=PART, a, b, c, d, rest @ ..] => (*encoding, [*a, *b, *c, *d], rest),
            [JSON..=PART, ..] => return Err("it is cut off".into()),
            [encoding, ..] => return Err(format!("its encoding {encoding} is unknown")),
            [] => return Err("it is empty".into()),
        };
        if checksum(raw_key, encoding, rest) != found {
            return Err("its checksum is wrong".into());
        }
        match encoding {
            LINKED_JSON => {
                let (link, json) = rest.split_first_chunk::<LINK>().ok_or("its link is cut off")?;
                Ok(Self::Record(Value { link: Some(Link::read(link)), json }))
            }
            HEAD => {
                let (count, beginning) = rest.split_first_chunk::<COUNT>().ok_or("it is cut off")?;
                Ok(Self::Head { parts: u16::from_le_bytes(*count), beginning })
            }
            PART => Ok(Self::Part(rest)),
            _ => Ok(Self::Record(Value { link: None, json: rest })),
        }
    }
}

/// A joined record, decoded, with a verified checksum.
pub(crate) struct Value<'v> {
    /// Its place in the chain, if it is linked.
    pub(crate) link: Option<Link>,
    /// The record.
    pub(crate) json: &'v [u8],
}

impl<'v> Value<'v> {
    pub(crate) fn of(raw_key: &[u8], whole: &'v [u8]) -> Result<Self, String> {
        match Stored::of(raw_key, whole)? {
            Stored::Record(value) => Ok(value),
            Stored::Head { .. } => Err("it continues in parts".into()),
            Stored::Part(_) => Err("it is a part of another record".into()),
        }
    }

    /// The encoded value, if it fits into one.
    pub(crate) fn encode(&self, raw_key: &[u8]) -> Vec<u8> {
        match &self.link {
            Some(link) => sealed(raw_key, LINKED_JSON, &[&link.bytes(), self.json]),
            None => sealed(raw_key, JSON, &[self.json]),
        }
    }
}

/// The name of a raw key's table.
pub(crate) fn table_of(raw_key: &[u8]) -> Option<&str> {
    let (name, _) = raw_key.split_at_checked(raw_key.iter().position(|byte| *byte == 0)?)?;
    let is_name = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    is_name.then(|| str::from_utf8(name).unwrap_or_default())
}

/// Verifies that a joined record belongs to a table and is undamaged; returns it decoded.
pub(crate) fn verify<'v>(raw_key: &[u8], whole: &'v [u8]) -> Result<Value<'v>, String> {
    let shown = raw_key.escape_ascii();
    if table_of(raw_key).is_none() {
        return Err(format!("the entry {shown} belongs to no table"));
    }
    let damaged = |why: String| format!("the record {shown} can't be read: {why}");
    let value = Value::of(raw_key, whole).map_err(damaged)?;
    serde_json::from_slice::<serde::de::IgnoredAny>(value.json).map_err(|error| damaged(error.to_string()))?;
    Ok(value)
}

/// Whether one entry of the engine is undamaged, as far as that is known without its other parts.
pub(crate) fn is_sound(raw_key: &[u8], value: &[u8]) -> bool {
    match Stored::of(raw_key, value) {
        Ok(Stored::Record(_)) => verify(raw_key, value).is_ok(),
        Ok(Stored::Head { .. }) => table_of(raw_key).is_some(),
        Ok(Stored::Part(_)) => parts::owner(raw_key).is_some(),
        Err(_) => false,
    }
}
