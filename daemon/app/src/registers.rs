//! Paired registers, each with the digest of its token.

use commerce::RegisterName;
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
};

static PAIRED: Table<Name, Paired> = Table::new("register");

/// See the registers.
pub static READ: Permission = Permission::new(
    "registers.read",
    "See the store's registers",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Pair and unpair registers.
pub static PAIR: Permission =
    Permission::new("registers.pair", "Draw pairing codes for registers, and unpair them", &[Holder::Person]);
/// End sessions.
pub static END_SESSIONS: Permission =
    Permission::new("registers.end_sessions", "Log out, and log everybody out", &[Holder::Person]);

/// The config has no such register.
pub static REGISTER_UNKNOWN: Kind =
    Kind::new("register-unknown", Class::NotFound, "Unknown register", "The config has no register of this name.");
/// A code is wrong, already used or expired.
pub static CODE_WRONG: Kind =
    Kind::new("code-wrong", Class::Unauthenticated, "Wrong code", "The code is wrong, already used or expired.");
/// Too many wrong codes.
pub static TOO_MANY_ATTEMPTS: Kind = Kind::new(
    "too-many-attempts",
    Class::TooMany,
    "Too many attempts",
    "Too many wrong codes came from one address; it must wait, longer after each further one.",
)
.with(&[Member::integer("retry_after_s", "Seconds until the next code is accepted.")]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["register"],
    refusals: &[&REGISTER_UNKNOWN, &CODE_WRONG, &TOO_MANY_ATTEMPTS],
    permissions: &[&READ, &PAIR, &END_SESSIONS],
    acts: &[
        RegisterPaired::KIND,
        RegisterUnpaired::KIND,
        PairingCodeDrawn::KIND,
        LoggedIn::KIND,
        LoggedOut::KIND,
        AllLoggedOut::KIND,
        CodesRefused::KIND,
    ],
    ..Capability::new("registers")
};

/// A register with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// The register's name.
    pub name: RegisterName,
    /// The SHA-256 of the token, in hexadecimal.
    pub token_digest: String,
    /// When it was paired: milliseconds since 1970, UTC.
    pub since_ms: i64,
    /// The origin of the web page that it is, if its page does not come from the hub: `https://till.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// A register was paired.
#[derive(Serialize)]
struct RegisterPaired<'a> {
    /// The register.
    register: &'a RegisterName,
}

impl Act for RegisterPaired<'_> {
    const KIND: ActKind = ActKind { name: "register_paired", doc: "A register was paired" };
}

/// A register was unpaired.
#[derive(Serialize)]
struct RegisterUnpaired<'a> {
    /// The register.
    register: &'a RegisterName,
}

impl Act for RegisterUnpaired<'_> {
    const KIND: ActKind =
        ActKind { name: "register_unpaired", doc: "A register was unpaired; its token is no longer valid" };
}

/// A pairing code was drawn.
#[derive(Serialize)]
pub struct PairingCodeDrawn {
    /// The register.
    pub register: RegisterName,
}

impl Act for PairingCodeDrawn {
    const KIND: ActKind = ActKind { name: "pairing_code_drawn", doc: "A pairing code was drawn for a register" };
}

/// A person logged in.
#[derive(Serialize)]
pub struct LoggedIn {
    /// The peer's address.
    pub peer: String,
}

impl Act for LoggedIn {
    const KIND: ActKind = ActKind { name: "logged_in", doc: "A person logged in with the console code" };
}

/// A person logged out.
#[derive(Serialize)]
pub struct LoggedOut {}

impl Act for LoggedOut {
    const KIND: ActKind = ActKind { name: "logged_out", doc: "A person logged out" };
}

/// Everybody was logged out.
#[derive(Serialize)]
pub struct AllLoggedOut {}

impl Act for AllLoggedOut {
    const KIND: ActKind = ActKind { name: "all_logged_out", doc: "A person ended all sessions" };
}

/// Wrong codes were received from an address.
#[derive(Serialize)]
pub struct CodesRefused {
    /// The peer's address.
    pub peer: String,
    /// The kind of the last code: `console` or `pairing`.
    pub code: &'static str,
    /// The number since the previous entry.
    pub times: u64,
}

impl Act for CodesRefused {
    const KIND: ActKind = ActKind { name: "codes_refused", doc: "Wrong codes were received from an address" };
}

/// Unpairs a register: its token is no longer valid.
///
/// # Errors
/// The store fails.
pub fn unpair(transaction: &mut Transaction<'_>, by: &By, register: &RegisterName) -> Result<(), Refusal> {
    audit::record(transaction, by, &RegisterUnpaired { register })?;
    transaction.delete(&PAIRED, register.as_str());
    Ok(())
}

/// Pairs a register; its previous token is no longer valid.
///
/// # Errors
/// The store fails.
pub fn pair(transaction: &mut Transaction<'_>, by: &By, paired: &Paired) -> Result<(), Refusal> {
    audit::record(transaction, by, &RegisterPaired { register: &paired.name })?;
    Ok(transaction.put(&PAIRED, paired.name.as_str(), paired)?)
}

/// Passes every paired register, or the reason why a record can't be read.
///
/// # Errors
/// The engine fails.
pub fn each_paired(store: &Store, take: impl FnMut(Result<Paired, StoreError>)) -> Result<(), StoreError> {
    store.each(&PAIRED, take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paired_register_round_trips() {
        let _: Paired = crate::testing::read_back(include_str!("fixtures/register.json"));
    }
}
