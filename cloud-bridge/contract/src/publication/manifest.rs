//! The manifest: which segments, and from when they count.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};

use super::{
    BadPublication,
    segment::{self, Entry},
};
use crate::name::PublicationKind;

/// The form of manifests and segments described here.
pub const FORMAT: u16 = 1;

/// The largest signed manifest, in bytes.
pub const MAX_MANIFEST: usize = 1024 * 1024;

/// The most segments.
pub const MAX_SEGMENTS: usize = 2_000;

/// The most records of all segments.
pub const MAX_RECORDS: u64 = 500_000;

/// A publication whole, but for the records themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u16,
    /// What it is, such as `catalog`.
    pub kind: PublicationKind,
    /// Its number among all that HQ publishes of the kind; later ones higher.
    pub version: u64,
    /// When HQ made it: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
    /// From when it counts.
    pub effective: Effective,
    /// It may leave out many of the records that the store has. Without it a hub refuses a publication that looks cut
    /// off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_shrink: bool,
    /// Records of all segments.
    pub records: u64,
    /// In the order of their keys.
    pub segments: Vec<Entry>,
}

/// From when a publication counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effective {
    /// From a moment: milliseconds since 1970, UTC. One that is past means at once.
    #[serde(rename = "at_ms")]
    At(i64),
    /// From a time on the clock of the store's own zone: at five in the morning in each of them.
    #[serde(rename = "local")]
    Local(LocalTime),
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at_ms) => write!(f, "{at_ms} ms since 1970, UTC"),
            Self::Local(local) => write!(f, "{local}, the store's own time"),
        }
    }
}

/// A date and a time without a zone: `2026-12-01T05:00`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime(String);

impl LocalTime {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LocalTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let form = b"dddd-dd-ddTdd:dd";
        let is_of_form = |(byte, form): (u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form };
        if text.len() == form.len() && text.bytes().zip(form).all(is_of_form) {
            Ok(Self(text))
        } else {
            Err(format!("invalid local time `{}`: as in 2026-12-01T05:00", text.escape_debug()))
        }
    }
}

impl From<LocalTime> for String {
    fn from(LocalTime(text): LocalTime) -> Self {
        text
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Manifest {
    /// Checks what can be checked without the segments: sizes, counts, and that the ranges of keys follow each other.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), BadPublication> {
        let too_many = |what, count, most| Err(BadPublication::TooMany { what, count, most });
        if self.format != FORMAT {
            let why = format!("format {}, expected {FORMAT}; update the older end", self.format);
            return Err(BadPublication::Unreadable { what: "manifest", why });
        }
        if self.segments.len() > MAX_SEGMENTS {
            return too_many("segments", self.segments.len() as u64, MAX_SEGMENTS as u64);
        }
        let (mut before, mut digests, mut records): (Option<&str>, _, u64) = (None, HashSet::new(), 0);
        for entry in &self.segments {
            let Entry { digest, first, last, .. } = entry;
            entry.check()?;
            if let Some(before) = before.filter(|before| **before >= **first) {
                let (first, before) = (first.clone(), before.to_owned());
                return Err(BadPublication::Overlap { digest: *digest, first, before });
            }
            if !digests.insert(digest) {
                return Err(BadPublication::Segment { digest: *digest, why: "it is listed twice".into() });
            }
            before = Some(last);
            records += u64::from(entry.records);
        }
        if records != self.records {
            let why = format!("it says {} records, its segments have {records}", self.records);
            return Err(BadPublication::Unreadable { what: "manifest", why });
        }
        if records > MAX_RECORDS {
            return too_many("records", records, MAX_RECORDS);
        }
        Ok(())
    }

    /// The segment in whose range of keys a key lies.
    pub fn segment_of(&self, key: &str) -> Option<&Entry> {
        segment::of(&self.segments, key)
    }
}
