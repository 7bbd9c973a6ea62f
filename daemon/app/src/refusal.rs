//! Refusals of commands, independent of the transport.
//!
//! # The policy
//!
//! - A use case that returns a [`Refusal`] has changed nothing: the commit is dropped.
//! - Every refusal has a [`Kind`]: a stable name that programs may rely on, a class, and a title. A capability declares
//!   its kinds as `static`s in its own folder and lists them in its [`Capability`](crate::Capability); a test checks
//!   that the names are unique.
//! - The `detail` is for people: what failed, with which value, and what to do.
//! - Values for programs (the amount due, the quantity available) are `members`, declared by the kind.
//! - The web layer maps classes to statuses and lists the kinds in the OpenAPI document; the inbox sends refusals back
//!   to HQ.
//! - A failure of the store is a refusal too ([`From<StoreError>`]), so that `?` works everywhere.

use serde_json::Value;
use store::StoreError;

use crate::Capability;

/// The class of a refusal: all that a transport needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request itself is malformed.
    Malformed,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The caller lacks the permission.
    Forbidden,
    /// Something that does not exist.
    NotFound,
    /// It conflicts with the current state; it may succeed later.
    Conflict,
    /// A rule refuses it.
    Rule,
    /// The method is not allowed for the path.
    Method,
    /// The request did not arrive in time.
    Late,
    /// The request is too large.
    TooLarge,
    /// Too many attempts.
    TooMany,
    /// An internal error of the hub.
    Fault,
    /// A device failed.
    Device,
    /// The hub can't do it now; try again soon.
    Unavailable,
    /// The disk is full.
    NoRoom,
}

/// A member of a refusal for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: &'static str,
    /// The meaning, with the unit.
    pub doc: &'static str,
    /// The type of its values.
    pub of: MemberType,
}

/// The type of a member's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberType {
    /// A text.
    Text,
    /// An integer.
    Integer,
    /// A list of texts.
    List,
}

impl Member {
    /// A text.
    pub const fn text(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, of: MemberType::Text }
    }

    /// An integer.
    pub const fn integer(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, of: MemberType::Integer }
    }

    /// A list of texts.
    pub const fn list(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, of: MemberType::List }
    }

    /// Whether a value has its type.
    fn admits(self, value: &Value) -> bool {
        match self.of {
            MemberType::Text => value.is_string(),
            MemberType::Integer => value.is_i64() || value.is_u64(),
            MemberType::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        }
    }
}

/// A kind of refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name, such as `stock-insufficient`.
    pub slug: &'static str,
    /// The class.
    pub class: Class,
    /// The title, the same for every refusal of the kind.
    pub title: &'static str,
    /// The reason, in general.
    pub doc: &'static str,
    /// The members for programs.
    pub members: &'static [Member],
}

impl Kind {
    /// Declares a kind without members.
    pub const fn new(slug: &'static str, class: Class, title: &'static str, doc: &'static str) -> Self {
        Self { slug, class, title, doc, members: &[] }
    }

    /// Adds members.
    #[must_use]
    pub const fn with(self, members: &'static [Member]) -> Self {
        Self { members, ..self }
    }

    /// A refusal of this kind; `detail` says what failed, with which value, and what to do.
    pub fn because(&'static self, detail: impl Into<String>) -> Refusal {
        Refusal { kind: self, detail: detail.into(), members: Vec::new() }
    }
}

/// A refused command. Nothing has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The kind.
    pub kind: &'static Kind,
    /// What failed, with which value, and what to do.
    pub detail: String,
    /// The values of the kind's members.
    pub members: Vec<(&'static str, Value)>,
}

impl Refusal {
    /// Adds the value of a member that the kind declares. In debug builds it panics if the kind does not declare it, or
    /// with another type.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        debug_assert!(
            self.kind.members.iter().any(|member| member.name == name && member.admits(&value)),
            "{} declares no {name} of {value}",
            self.kind.slug
        );
        self.members.push((name, value));
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
    "The path, a parameter, a header or the body does not conform to the OpenAPI document.",
);
/// The caller is not authenticated.
pub static UNAUTHENTICATED: Kind = Kind::new(
    "unauthenticated",
    Class::Unauthenticated,
    "Authentication required",
    "The token or session is missing or unknown.",
);
/// The caller lacks the permission.
pub static FORBIDDEN: Kind =
    Kind::new("forbidden", Class::Forbidden, "Not allowed", "The caller lacks the permission of the operation.")
        .with(&[Member::text("permission", "The missing permission.")]);
/// The key was used for another command.
pub static KEY_REUSED: Kind = Kind::new(
    "idempotency-key-reused",
    Class::Conflict,
    "Idempotency key reused",
    "The idempotency key was used for another command; use a new key for each command.",
);
/// An internal error.
pub static FAULT: Kind =
    Kind::new("fault", Class::Fault, "Internal fault", "The hub has an internal error; its log says more.");
/// Too many commits are waiting.
pub static BUSY: Kind = Kind::new(
    "busy",
    Class::Unavailable,
    "Hub busy",
    "Too many commands are waiting; repeat this one with the same key.",
);
/// The store has stopped.
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
    "The disk has too little free space for this; sales are refused last.",
);
/// A record exceeds the maximum size.
pub static TOO_LARGE: Kind =
    Kind::new("too-large", Class::Rule, "Record too large", "The record exceeds the maximum size.");

/// The declaration of this module: the kinds that belong to no capability.
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
    fn failures_of_the_store_have_kinds() {
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
