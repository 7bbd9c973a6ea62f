//! Why a command is refused, without a word about how the answer travels.
//!
//! # The policy
//!
//! - A use case returns a [`Refusal`]. It has changed nothing then: the commit drops what it wrote.
//! - Every refusal is of a [`Kind`]: a stable name that programs may rely on, a class, and a title in words. A
//!   capability declares its kinds as `static`s in its own folder and lists them in its
//!   [`Capability`](crate::Capability); a test holds that names are unique.
//! - The `detail` is for people: what happened, with which value, and what to do.
//! - What programs want to read (how much is due, what is available) goes into `members`, named by the kind.
//! - The web layer maps classes to statuses and lists the kinds in the OpenAPI document; the inbox sends them back to
//!   HQ.
//! - What fails in the store is a refusal too ([`From<StoreError>`]), so that `?` works everywhere.

use serde_json::Value;
use store::StoreError;

use crate::Capability;

/// What sort of refusal it is: all that a transport needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is malformed.
    Malformed,
    /// Nobody known asks.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// It names something that does not exist.
    NotFound,
    /// It does not fit the state that things are in; later it may.
    Conflict,
    /// A rule refuses it.
    Rule,
    /// What it names can't be asked in this way.
    Method,
    /// It did not arrive in time.
    Late,
    /// It is larger than the hub takes.
    TooLarge,
    /// Too many attempts.
    TooMany,
    /// The hub has a fault.
    Fault,
    /// A device failed.
    Device,
    /// The hub can't do it now; ask again soon.
    Unavailable,
    /// The disk has no room.
    NoRoom,
}

/// A value that a refusal carries for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the answer.
    pub name: &'static str,
    /// What it says, with its unit.
    pub doc: &'static str,
}

/// A kind of refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its stable name: `stock-insufficient`.
    pub slug: &'static str,
    /// What sort it is.
    pub class: Class,
    /// In words, the same for every refusal of the kind.
    pub title: &'static str,
    /// When it happens.
    pub doc: &'static str,
    /// What it carries for programs.
    pub members: &'static [Member],
}

impl Kind {
    /// A kind without members.
    pub const fn new(slug: &'static str, class: Class, title: &'static str, doc: &'static str) -> Self {
        Self { slug, class, title, doc, members: &[] }
    }

    /// The same with members.
    #[must_use]
    pub const fn with(self, members: &'static [Member]) -> Self {
        Self { members, ..self }
    }

    /// A refusal of this kind: what happened, with which value, and what to do.
    pub fn because(&'static self, detail: impl Into<String>) -> Refusal {
        Refusal { kind: self, detail: detail.into(), members: Vec::new() }
    }
}

/// A command was refused, and nothing has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Which kind.
    pub kind: &'static Kind,
    /// What happened, with which value, and what to do.
    pub detail: String,
    /// For programs.
    pub members: Vec<(&'static str, Value)>,
}

impl Refusal {
    /// Adds a value for programs. Its kind names it.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(self.kind.members.iter().any(|member| member.name == name), "{} has no {name}", self.kind.slug);
        self.members.push((name, value.into()));
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}

/// The request is malformed.
pub static BAD_REQUEST: Kind = Kind::new(
    "bad-request",
    Class::Malformed,
    "Malformed request",
    "The path, a parameter, a header or the body is not as the document describes it.",
);
/// Nobody known asks.
pub static UNAUTHENTICATED: Kind = Kind::new(
    "unauthenticated",
    Class::Unauthenticated,
    "Authentication required",
    "No token or session, or one that is unknown.",
);
/// Whoever asks may not.
pub static FORBIDDEN: Kind = Kind::new(
    "forbidden",
    Class::Forbidden,
    "Not allowed",
    "Whoever asks lacks the permission that the operation names.",
)
.with(&[Member { name: "permission", doc: "The permission that is missing." }]);
/// The key was used for another command.
pub static KEY_REUSED: Kind = Kind::new(
    "idempotency-key-reused",
    Class::Conflict,
    "Idempotency key reused",
    "The idempotency key was used for another command; use a new key for each command.",
);
/// The hub has a fault.
pub static FAULT: Kind = Kind::new("fault", Class::Fault, "Internal fault", "The hub has a fault; its log says more.");
/// More commits wait than the hub takes.
pub static BUSY: Kind =
    Kind::new("busy", Class::Unavailable, "Hub busy", "Too many commands wait; repeat this one with the same key.");
/// The store takes nothing more.
pub static STORE_STOPPED: Kind = Kind::new(
    "store-stopped",
    Class::Unavailable,
    "Store stopped",
    "The disk failed, so the store accepts nothing until the hub is restarted.",
);
/// The store can't be read.
pub static STORE_UNREADABLE: Kind =
    Kind::new("store-unreadable", Class::Unavailable, "Store unreadable", "The disk failed while it was read.");
/// The disk is nearly full.
pub static DISK_FULL: Kind = Kind::new(
    "disk-full",
    Class::NoRoom,
    "Disk nearly full",
    "The disk has no room for this; sales are the last to be refused.",
);
/// A record is larger than the store takes.
pub static TOO_LARGE: Kind =
    Kind::new("too-large", Class::Rule, "Record too large", "What would be stored is larger than the store takes.");

/// What this module declares: the kinds that belong to no capability of the shop.
pub(crate) static CAPABILITY: Capability = Capability {
    refusals: &[
        &BAD_REQUEST,
        &UNAUTHENTICATED,
        &FORBIDDEN,
        &KEY_REUSED,
        &FAULT,
        &BUSY,
        &STORE_STOPPED,
        &STORE_UNREADABLE,
        &DISK_FULL,
        &TOO_LARGE,
    ],
    ..Capability::new("general")
};

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Busy => &BUSY,
            StoreError::Stopped { .. } => &STORE_STOPPED,
            StoreError::Engine(_) => &STORE_UNREADABLE,
            StoreError::DiskFull { .. } => &DISK_FULL,
            StoreError::TooLarge { .. } => &TOO_LARGE,
            _ => &FAULT,
        };
        kind.because(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_in_the_store_is_told_by_kind() {
        let kind = |error: StoreError| Refusal::from(error).kind;
        assert_eq!(kind(StoreError::Busy), &BUSY);
        assert_eq!(kind(StoreError::Stopped { why: "Input/output error".into() }), &STORE_STOPPED);
        let unreadable = store::engine::EngineError { what: "read".into(), why: "Input/output error".into() };
        assert_eq!(kind(StoreError::Engine(unreadable)), &STORE_UNREADABLE);
        assert_eq!(kind(StoreError::Panicked), &FAULT);
        let full = Refusal::from(StoreError::DiskFull { free: 15_000_000, least: 64_000_000 });
        assert_eq!((full.kind, full.detail.contains("15 MB")), (&DISK_FULL, true));
    }
}
