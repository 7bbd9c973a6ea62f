//! Registers that are paired: which have a token, by its digest.

use commerce::RegisterName;
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

static PAIRED: Table<Name, Paired> = Table::new("register");

/// See the registers.
pub static READ: Permission = Permission::new(
    "registers.read",
    "See the store's registers",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Pair registers.
pub static PAIR: Permission = Permission::new("registers.pair", "Draw pairing codes for registers", &[Holder::Person]);

/// The config has no such register.
pub static REGISTER_UNKNOWN: Kind =
    Kind::new("register-unknown", Class::NotFound, "Unknown register", "The config has no register of this name.");
/// A code is wrong, used or too old.
pub static CODE_WRONG: Kind =
    Kind::new("code-wrong", Class::Unauthenticated, "Wrong code", "The code is wrong, used or too old.");
/// Too many wrong codes.
pub static TOO_MANY_ATTEMPTS: Kind = Kind::new(
    "too-many-attempts",
    Class::TooMany,
    "Too many attempts",
    "Too many wrong codes were tried within a minute.",
);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["register"],
    refusals: &[&REGISTER_UNKNOWN, &CODE_WRONG, &TOO_MANY_ATTEMPTS],
    permissions: &[&READ, &PAIR],
    acts: &[RegisterPaired::KIND],
    ..Capability::new("registers")
};

/// A register that has a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// Its name.
    pub name: RegisterName,
    /// SHA-256 of its token, in hexadecimal.
    pub token_digest: String,
    /// Since when: milliseconds since 1970, UTC.
    pub since_ms: i64,
}

/// A register got its token.
#[derive(Serialize)]
struct RegisterPaired<'a> {
    /// Which.
    register: &'a RegisterName,
}

impl Act for RegisterPaired<'_> {
    const KIND: ActKind = ActKind { name: "register_paired", doc: "A register got its token" };
}

/// Gives a register its token; its former one is worthless then.
///
/// # Errors
/// The store fails.
pub fn pair(transaction: &mut Transaction<'_>, by: &By, paired: &Paired) -> Result<(), Refusal> {
    audit::record(transaction, by, &RegisterPaired { register: &paired.name })?;
    Ok(transaction.put(&PAIRED, paired.name.as_str(), paired)?)
}

/// Every register that has a token; of a record that can't be read, why.
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
    fn a_paired_register_reads_back_as_it_was_written() {
        let stored = include_str!("fixtures/register.json");
        let read: Paired = serde_json::from_str(stored).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(stored).unwrap());
    }
}
