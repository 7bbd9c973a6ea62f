//! The body of `audit.recorded`: an entry of a hub's audit trail. Stream `audit`, up.

use commerce::Actor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    kind::{BadBody, Body, EventKind, Kind, MAX_KIND},
    name::Stream,
};

/// An entry was added to the audit trail.
pub static RECORDED: EventKind<AuditRecorded> = Kind::new("audit.recorded", Stream::audit());

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditRecorded {
    /// The number in the store, from 1 without gaps.
    pub number: u64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who acted.
    pub who: Actor,
    /// The kind of act, such as `shift_closed`.
    pub act: String,
    /// The details; their fields depend on the act.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub details: Map<String, Value>,
}

/// An act without a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid act `{}`: 1 to {MAX_KIND} lowercase letters or `_`", .0.escape_debug())]
pub struct BadAct(String);

impl Body for AuditRecorded {
    fn check(&self) -> Result<(), BadBody> {
        let is_name = (1..=MAX_KIND).contains(&self.act.len())
            && self.act.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_name { Ok(()) } else { Err(BadAct(self.act.clone()).into()) }
    }
}
