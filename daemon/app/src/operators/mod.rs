//! Operators: who works at a register, and what they may do there.
//!
//! # What this capability promises
//!
//! - Operators come from HQ with the publication `operators`, and work without HQ. A person at the console can add a
//!   temporary one, who is forgotten after at most 31 days.
//! - An operator signs in at a register with a PIN or a badge. The session ends by signing out, when the register was
//!   idle for a while, when the hub restarts, and when HQ publishes other operators.
//! - What a role may do, and up to which limit, is one table ([`commerce::operator`]). What exceeds it needs an
//!   **override**: another operator, whose role allows it, signs for the register's next command that needs it.
//! - Wrong PINs are slowed down for each peer and counted for each operator, who is locked for a while after
//!   [`WRONG_PINS`] of them, also over a restart.
//! - A store without operators works as before: a register may do what its permissions say.
//!
//! | failure | effect |
//! | --- | --- |
//! | power | who was signed in signs in again; locks and temporary operators stay |
//! | the WAN is down | the operators of the last publication can sign in |
//! | a segment of the publication is damaged | its operators can't sign in, and the check reports it |

mod access;
mod known;
mod published;
mod sessions;
#[cfg(test)]
mod tests;

pub use access::allow;
pub use access::{OPERATOR_NEEDED, OVERRIDE_NEEDED, Overridden, OverrideRequest, grant_override};
pub(crate) use access::{has_operators, limit, require_other};
pub use known::{
    AddOperator, Credentials, NewOperator, OperatorInList, Verdict, WRONG_PINS, add, list, note_wrong, revoke, verify,
};
pub use sessions::{Session, lock, sign_in, sign_out};

use crate::{
    Capability, PublishedKind,
    audit::Act as _,
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
};

/// Sign in.
pub static SIGN_IN: Permission =
    Permission::new("operators.sign_in", "Sign in at a register, and sign for an override", &[Holder::Register]);
/// See operators.
pub static READ: Permission =
    Permission::new("operators.read", "See who may sign in", &[Holder::Register, Holder::Person]);
/// Manage temporary operators.
pub static MANAGE: Permission =
    Permission::new("operators.manage", "Add and revoke temporary operators", &[Holder::Person]);

/// The PIN or badge is wrong.
pub static OPERATOR_WRONG: Kind = Kind::new(
    "operator-wrong",
    Class::Rule,
    "Wrong operator or PIN",
    "No operator has this id and PIN, or this badge.",
);
/// The operator is locked.
pub static OPERATOR_LOCKED: Kind = Kind::new(
    "operator-locked",
    Class::TooMany,
    "Operator locked",
    "Too many wrong PINs were entered for the operator, who must wait.",
)
.with(&[Member::integer("retry_after_s", "Seconds until the operator can sign in.")]);
static OPERATOR_UNKNOWN: Kind = Kind::new(
    "operator-unknown",
    Class::NotFound,
    "Unknown operator",
    "The store has no temporary operator with this id.",
);
static OPERATOR_TAKEN: Kind =
    Kind::new("operator-taken", Class::Conflict, "Id taken", "HQ has published an operator with this id.");
static OPERATOR_INVALID: Kind = Kind::new(
    "operator-invalid",
    Class::Rule,
    "Invalid operator",
    "The name is illegible, the PIN is not 4 to 12 digits, or the time is out of range.",
);

/// What the routes of other capabilities may answer: a role is in the way.
pub(crate) static ROLES: Capability = Capability {
    tables: &["operator_override"],
    refusals: &[&OPERATOR_NEEDED, &OVERRIDE_NEEDED],
    acts: &[access::OverrideGranted::KIND, access::OverrideUsed::KIND],
    ..Capability::new("roles")
};

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["operator", "operator_session", "operator_attempts"],
    refusals: &[&OPERATOR_WRONG, &OPERATOR_LOCKED, &OPERATOR_UNKNOWN, &OPERATOR_TAKEN, &OPERATOR_INVALID],
    permissions: &[&SIGN_IN, &READ, &MANAGE],
    acts: &[
        sessions::SignedIn::KIND,
        sessions::SignedOut::KIND,
        known::OperatorLocked::KIND,
        known::OperatorAdded::KIND,
        known::OperatorRevoked::KIND,
    ],
    published: &[PublishedKind {
        kind: contract::operator::OPERATORS,
        prepare: published::prepare,
        touched: published::touched,
        activate: published::activate,
        settle: published::settle,
    }],
    tidy: Some(known::tidy),
    ..Capability::new("operators")
};
