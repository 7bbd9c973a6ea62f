//! Segments: records in the order of their keys, compressed, named by their SHA-256.
//!
//! A segment is zstd-compressed lines, one per record: a JSON array of key and record, `["818981",{...}]`.
//!
//! # Segment boundaries
//!
//! A segment begins at each key whose SHA-256, as a number, is divisible by [`ABOUT`], and, rarely, where it would
//! exceed [`MAX_RECORDS`] or [`MAX_PLAIN`]. So boundaries depend on the keys and not on how many records precede them:
//! changing, inserting or removing a record changes the segment that contains it, and may split or join two segments.
//! All other segments keep their bytes and names and need not be downloaded again.

use std::collections::HashSet;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::BadPublication;
use crate::name::Digest;

/// The approximate number of records in a segment.
pub const ABOUT: u64 = 1_000;

/// The maximum number of records in a segment.
pub const MAX_RECORDS: u32 = 4_000;

/// The maximum size of a segment before compression, in bytes.
pub const MAX_PLAIN: u32 = 1024 * 1024;

/// The maximum size of a compressed segment, in bytes. Incompressible content grows a little.
pub const MAX_BYTES: u32 = MAX_PLAIN + 64 * 1024;

/// The maximum length of a key, in bytes.
pub const MAX_KEY: usize = 64;

/// zstd's level: a segment is compressed once and downloaded thousands of times.
const LEVEL: i32 = 19;

/// A segment in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SegmentEntry))]
pub struct Entry {
    /// The SHA-256 of the compressed bytes.
    pub digest: Digest,
    /// The size of the compressed bytes.
    pub bytes: u32,
    /// The size before compression.
    pub plain: u32,
    /// The number of records.
    pub records: u32,
    /// The first key.
    pub first: String,
    /// The last key.
    pub last: String,
}

/// A record with its key.
#[derive(Debug, Deserialize, Serialize)]
pub struct Record(
    /// The key: 1 to [`MAX_KEY`] printable ASCII characters.
    pub String,
    /// The record; its form depends on the kind.
    pub Box<RawValue>,
);

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its entry in the manifest.
    pub entry: Entry,
    /// The compressed bytes.
    pub bytes: Vec<u8>,
}

impl Digest {
    /// The SHA-256 of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut whole = [0; 32];
        whole.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(whole)
    }
}

impl Entry {
    /// Checks the sizes.
    ///
    /// # Errors
    /// A size is out of range.
    pub(super) fn check(&self) -> Result<(), BadPublication> {
        let Self { digest, bytes, plain, records, first, last } = self;
        let wrong = |why: String| Err(BadPublication::Segment { digest: *digest, why });
        for (what, size, most) in [
            ("bytes", *bytes, MAX_BYTES),
            ("bytes before compression", *plain, MAX_PLAIN),
            ("records", *records, MAX_RECORDS),
        ] {
            if !(1..=most).contains(&size) {
                return wrong(format!("{size} {what}; 1 to {most} expected"));
            }
        }
        if !is_key(first) || !is_key(last) || first > last {
            return wrong("its first key is after its last key".into());
        }
        Ok(())
    }

    /// The records of a segment's bytes. The bytes are decompressed only if their digest matches, and never beyond the
    /// size in the manifest.
    ///
    /// # Errors
    /// The bytes do not match the manifest.
    pub fn open(&self, bytes: &[u8]) -> Result<Vec<Record>, BadPublication> {
        let wrong = |why: String| BadPublication::Segment { digest: self.digest, why };
        self.check()?;
        if bytes.len() != self.bytes as usize || Digest::of(bytes) != self.digest {
            return Err(wrong(format!("{} bytes with another SHA-256", bytes.len())));
        }
        let plain = zstd::bulk::decompress(bytes, self.plain as usize).map_err(|error| wrong(error.to_string()))?;
        if plain.len() != self.plain as usize {
            return Err(wrong(format!("{} bytes after decompression, expected {}", plain.len(), self.plain)));
        }
        let mut records: Vec<Record> = Vec::with_capacity(self.records as usize);
        for line in plain.split_inclusive(|byte| *byte == b'\n') {
            if records.len() == self.records as usize {
                return Err(wrong(format!("more than {} records", self.records)));
            }
            let record: Record = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            let before = records.last().map(|before| &before.0);
            if before.is_some_and(|before| *before >= record.0) || !is_key(&record.0) {
                return Err(wrong(format!("its keys are out of order at `{}`", record.0.escape_debug())));
            }
            records.push(record);
        }
        let (first, last) = (records.first().map(|record| &record.0), records.last().map(|record| &record.0));
        if records.len() != self.records as usize || first != Some(&self.first) || last != Some(&self.last) {
            return Err(wrong(format!("{} records outside of the manifest's range", records.len())));
        }
        Ok(records)
    }
}

/// The segment whose key range includes a key.
pub fn of<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    let place = entries.partition_point(|entry| entry.last.as_str() < key);
    entries.get(place).filter(|entry| entry.first.as_str() <= key)
}

/// Splits records, in the order of their keys, into segments.
///
/// # Errors
/// A key is out of order, too long or not printable, or a record is larger than a segment.
pub fn cut(records: impl IntoIterator<Item = Record>) -> Result<Vec<Segment>, BadPublication> {
    let (mut segments, mut open) = (Vec::new(), Open::default());
    let mut before: Option<String> = None;
    for record in records {
        let refuse = |why: &str| Err(BadPublication::Record { key: record.0.clone(), why: why.to_owned() });
        if !is_key(&record.0) {
            return refuse("a key is 1 to 64 printable ASCII characters without blanks");
        }
        if before.as_ref().is_some_and(|before| *before >= record.0) {
            return refuse("duplicate key");
        }
        let line = match serde_json::to_vec(&record) {
            Ok(line) if line.len() < MAX_PLAIN as usize => line,
            Ok(_) => return refuse("it is larger than a segment"),
            Err(error) => return refuse(&error.to_string()),
        };
        if begins_segment(&record.0) || !open.has_room_for(&line) {
            segments.extend(std::mem::take(&mut open).close()?);
        }
        open.push(&record.0, &line);
        before = Some(record.0);
    }
    segments.extend(open.close()?);
    Ok(segments)
}

/// The entries that are not among the known ones.
pub fn new_among<'e>(entries: &'e [Entry], known: &[Entry]) -> impl Iterator<Item = &'e Entry> {
    let known: HashSet<_> = known.iter().map(|entry| entry.digest).collect();
    entries.iter().filter(move |entry| !known.contains(&entry.digest))
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a segment begins at a key.
fn begins_segment(key: &str) -> bool {
    let Digest(whole) = Digest::of(key.as_bytes());
    let number = whole.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    number % ABOUT == 0
}

/// A segment to which records are added.
#[derive(Default)]
struct Open {
    plain: Vec<u8>,
    records: u32,
    first: String,
    last: String,
}

impl Open {
    fn has_room_for(&self, line: &[u8]) -> bool {
        self.records < MAX_RECORDS && self.plain.len() + line.len() < MAX_PLAIN as usize
    }

    fn push(&mut self, key: &str, line: &[u8]) {
        if self.records == 0 {
            self.first = key.to_owned();
        }
        self.last = key.to_owned();
        self.records += 1;
        self.plain.extend_from_slice(line);
        self.plain.push(b'\n');
    }

    /// `None` if it has no records.
    fn close(self) -> Result<Option<Segment>, BadPublication> {
        let Self { plain, records, first, last } = self;
        if records == 0 {
            return Ok(None);
        }
        let failed = |why: String| BadPublication::Record { key: first.clone(), why };
        let bytes = zstd::bulk::compress(&plain, LEVEL).map_err(|error| failed(error.to_string()))?;
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|error| failed(error.to_string()));
        let (compressed, plain) = (size(&bytes)?, size(&plain)?);
        let digest = Digest::of(&bytes);
        let entry = Entry { digest, bytes: compressed, plain, records, first: first.clone(), last };
        Ok(Some(Segment { entry, bytes }))
    }
}

#[cfg(test)]
mod tests;
