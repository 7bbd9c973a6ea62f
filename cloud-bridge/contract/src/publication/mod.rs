//! Publications: large content that a store must have whole, such as its catalog with all prices.
//!
//! A publication is identified by (kind, version). Its content is a sorted list of records, each with a key, split into
//! **segments** of about 1,000 records. A segment is a compressed file named by its SHA-256, so it is correct wherever
//! it came from. Segment boundaries depend on the keys ([`segment`]): an edit changes only the segments that it
//! touches, and a hub downloads only segments that it does not have. The **manifest** lists the segments and says when
//! they take effect. It is signed, and named by its SHA-256 like a segment.
//!
//! # A conversation
//!
//! ```text
//! hub                                                  HQ
//!  | <-- announcement: kind, version, manifest -------- |   a small, signed, retained message for this hub
//!  | -- GET manifest, then missing segments ----------> |   HTTPS with ranges, from HQ or any static server
//!  | -- states: fetching, waiting, active, refused ---> |   on every change and every (re)connect
//! ```
//!
//! # What both ends promise
//!
//! - **Signed.** Announcement and manifest are signed by HQ's key ([`signed`]), which is in the hub's config. A broker
//!   or a file server can withhold a publication, but not alter it.
//! - **All or nothing.** A hub checks the whole publication before it applies it, applies it in one commit when it
//!   takes effect, and gives a reason if it refuses it.
//! - **The newest wins.** Versions of a kind increase. At most one publication of a kind waits: a later one replaces it
//!   if it is not active yet. A version that is not later than a known one is ignored.
//! - **Bounded.** Every size is in the manifest, is checked against a limit of this module, and is enforced during
//!   download and decompression.
//!
//! The capability that owns a kind defines its records and how they are applied; this module does not depend on it.

pub mod manifest;
mod message;
pub mod segment;
pub mod signed;

pub use manifest::{Effective, LocalTime, Manifest};
pub use message::{
    ANNOUNCEMENT, Announcement, MAX_ANNOUNCEMENT, MAX_STATES, PublicationState, PublicationStates, State,
};
pub use segment::{Entry, Record, Segment};
pub use signed::{Purpose, SigningKey, VerifyingKey};

use crate::name::{Digest, PublicationKind};

/// The kind of the catalog: items with their prices.
pub const CATALOG: &str = "catalog";

/// The kind of the price book: prices, offers and taxes. A record is a [`commerce::pricing::Record`].
pub const PRICES: &str = "prices";

/// The kind of publication that holds the policy of returns.
pub const RETURNS: &str = "returns";

/// Why a publication, or a part of it, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPublication {
    /// The signature is not by the trusted key.
    #[error("the {what} is not signed by the key in the config; check that `publications.key` is HQ's")]
    Signature {
        /// `manifest` or `announcement`.
        what: &'static str,
    },
    /// The form is invalid.
    #[error("invalid {what}: {why}")]
    Unreadable {
        /// The part.
        what: &'static str,
        /// The violation.
        why: String,
    },
    /// There are too many of something.
    #[error("{count} {what}; the limit is {most}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// Their number.
        count: u64,
        /// The limit.
        most: u64,
    },
    /// The manifest is not the announced one.
    #[error("announced {kind} version {version}, but the manifest is for {found}")]
    Other {
        /// The announced kind.
        kind: PublicationKind,
        /// The announced version.
        version: u64,
        /// The manifest's kind and version.
        found: String,
    },
    /// Segments are out of order, or their key ranges overlap.
    #[error("segment {digest}: its first key `{first}` is not after `{before}`, the last key of the segment before")]
    Overlap {
        /// The segment.
        digest: Digest,
        /// The segment's first key.
        first: String,
        /// The last key of the segment before.
        before: String,
    },
    /// A segment does not match the manifest.
    #[error("segment {digest}: {why}")]
    Segment {
        /// The segment.
        digest: Digest,
        /// The violation.
        why: String,
    },
    /// A record cannot be put into a segment.
    #[error("record `{}`: {why}", key.escape_debug())]
    Record {
        /// The record's key.
        key: String,
        /// The violation.
        why: String,
    },
}
