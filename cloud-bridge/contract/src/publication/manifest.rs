//! The manifest: the segments of a publication, and when it takes effect.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};

use super::{
    BadPublication,
    segment::{self, Entry},
};
use crate::name::PublicationKind;

/// The format of manifests and segments.
pub const FORMAT: u16 = 1;

/// The maximum size of a signed manifest, in bytes.
pub const MAX_MANIFEST: usize = 1024 * 1024;

/// The maximum number of segments.
pub const MAX_SEGMENTS: usize = 2_000;

/// The maximum number of records in all segments.
pub const MAX_RECORDS: u64 = 500_000;

/// A publication without its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Manifest {
    /// The format, [`FORMAT`].
    pub format: u16,
    /// The kind, such as `catalog`.
    pub kind: PublicationKind,
    /// The version; later publications of the kind have higher ones.
    pub version: u64,
    /// When HQ created it: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
    /// When it takes effect.
    pub effective: Effective,
    /// Whether it may omit many of the store's current records. If not, a hub refuses a publication that looks
    /// truncated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_shrink: bool,
    /// The number of records in all segments.
    pub records: u64,
    /// The segments, in the order of their keys.
    pub segments: Vec<Entry>,
}

/// When a publication takes effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Effective {
    /// At a moment: milliseconds since 1970, UTC. A past one means immediately.
    #[serde(rename = "at_ms")]
    At(i64),
    /// At a local time of each store, such as five in the morning.
    #[serde(rename = "local")]
    Local(LocalTime),
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at_ms) => write!(f, "{at_ms} ms since 1970, UTC"),
            Self::Local(local) => write!(f, "{local}, the store's local time"),
        }
    }
}

/// A date and time without a zone, such as `2026-12-01T05:00`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"))]
pub struct LocalTime(String);

impl LocalTime {
    /// The text.
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
            Err(format!("invalid local time `{}`: expected a form like 2026-12-01T05:00", text.escape_debug()))
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
    /// Checks what can be checked without the segments: sizes, counts, and that the key ranges do not overlap.
    ///
    /// # Errors
    /// The first violation.
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
            let why = format!("it states {} records, its segments have {records}", self.records);
            return Err(BadPublication::Unreadable { what: "manifest", why });
        }
        if records > MAX_RECORDS {
            return too_many("records", records, MAX_RECORDS);
        }
        Ok(())
    }

    /// The segment whose key range includes a key.
    pub fn segment_of(&self, key: &str) -> Option<&Entry> {
        segment::of(&self.segments, key)
    }
}
