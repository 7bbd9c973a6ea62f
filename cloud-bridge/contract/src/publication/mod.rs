//! Publications: what HQ wants a store to have whole, such as its catalog with all prices.
//!
//! A publication is (kind, version). Its content is a sorted list of records, each with a key, cut into **segments** of
//! about 1,000 records. A segment is one compressed file that is named by its SHA-256, so whoever has it has the right
//! one, wherever it came from. Its bounds lie where keys say so ([`segment`]): an edit changes the segments that it
//! touches and no other, and a hub fetches only what it does not have yet. The **manifest** lists the segments and says
//! from when they count. It is signed, and named by its SHA-256 like a segment.
//!
//! # A conversation
//!
//! ```text
//! hub                                                  HQ
//!  | <-- announcement: kind, version, manifest -------- |   a small retained message, signed, for this hub
//!  | -- GET manifest, then unknown segments ----------> |   HTTPS with ranges, from HQ or any static server
//!  | -- states: fetching, waiting, active, refused ---> |   when one changes, and at every (re)connect
//! ```
//!
//! # What both ends promise
//!
//! - **Signed, for this hub.** Announcement and manifest are signed by HQ's key ([`signed`]), which a hub's config
//!   names. A broker or a file server can withhold a publication, and nothing else.
//! - **Whole, or not at all.** A hub checks all of it before it applies any, applies it in one commit at its time, and
//!   says why if it refuses it.
//! - **Newest wins.** Versions of a kind count up. One publication of a kind waits at a time: a later one takes the
//!   place of an earlier one that is not active yet. A version that is not later than one the hub knows is ignored.
//! - **Bounded.** Every size is in the manifest, is checked against a limit of this module, and is kept to while
//!   fetching and while decompressing.
//!
//! What a kind's records are, and what applying them means, is the affair of the capability that owns the kind. Nothing
//! here knows.

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

/// Why a publication, or a part of it, is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPublication {
    /// Not signed by the key.
    #[error("the signature of the {what} is not one of the key in the config; is `publications.key` HQ's?")]
    Signature {
        /// `manifest` or `announcement`.
        what: &'static str,
    },
    /// Not of the form.
    #[error("invalid {what}: {why}")]
    Unreadable {
        /// Of what.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// More of something than is taken.
    #[error("{count} {what}; the limit is {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many are taken.
        most: u64,
    },
    /// A manifest of something else than was announced.
    #[error("announced {kind} version {version}, but the manifest is of {found}")]
    Other {
        /// The kind that was announced.
        kind: PublicationKind,
        /// The version that was announced.
        version: u64,
        /// What it is.
        found: String,
    },
    /// Segments that are out of order, or whose ranges of keys overlap.
    #[error("segment {digest}: its keys begin at `{first}`, not after `{before}`, the last of the one before it")]
    Overlap {
        /// Which segment.
        digest: Digest,
        /// Its first key.
        first: String,
        /// The last key before it.
        before: String,
    },
    /// A segment that does not hold what the manifest says.
    #[error("segment {digest}: {why}")]
    Segment {
        /// Which.
        digest: Digest,
        /// What is wrong.
        why: String,
    },
    /// Records that can't be cut into segments.
    #[error("record `{}`: {why}", key.escape_debug())]
    Record {
        /// Its key.
        key: String,
        /// What is wrong.
        why: String,
    },
}
