//! Who is signed in at a register.

use commerce::{OperatorId, RegisterName, operator::Role};
use contract::operator::Operator;
use serde::{Deserialize, Serialize};
use store::{Name, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{SIGN_IN, known::note_right, published::GENERATION};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
};

/// The session of each register.
static SESSIONS: Table<Name, Session> = Table::new("operator_session");

/// An operator signed in.
#[derive(Serialize)]
pub(super) struct SignedIn<'a> {
    operator: &'a OperatorId,
    role: Role,
}

impl Act for SignedIn<'_> {
    const KIND: ActKind = ActKind { name: "operator_signed_in", doc: "An operator signed in at a register" };
}

/// An operator signed out.
#[derive(Serialize)]
pub(super) struct SignedOut {
    operator: OperatorId,
    /// Whether the register was only locked.
    locked: bool,
}

impl Act for SignedOut {
    const KIND: ActKind =
        ActKind { name: "operator_signed_out", doc: "An operator signed out of a register, or locked it" };
}

/// A session of an operator at a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OperatorSession)]
pub struct Session {
    /// The register.
    pub register: RegisterName,
    /// The operator.
    pub operator: OperatorId,
    /// The operator's name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// When it began: milliseconds since 1970, UTC.
    pub since_ms: i64,
    /// Of which operators: it ends when they change.
    #[serde(default)]
    pub(super) generation: u64,
}

/// Signs an operator in at the register that sent the command. Whoever was signed in there is signed out.
///
/// # Errors
/// Only registers can do this.
pub fn sign_in(transaction: &mut Transaction<'_>, by: &By, operator: &Operator) -> Result<Session, Refusal> {
    SIGN_IN.require(&by.actor)?;
    let register = by.register()?.clone();
    note_right(transaction, &operator.id);
    let session = Session {
        operator: operator.id.clone(),
        name: operator.name.clone(),
        role: operator.role,
        since_ms: by.at_ms,
        generation: transaction.last_number(GENERATION)?,
        register,
    };
    transaction.put(&SESSIONS, session.register.as_str(), &session)?;
    audit::record(transaction, by, &SignedIn { operator: &operator.id, role: operator.role })?;
    Ok(session)
}

fn end(transaction: &mut Transaction<'_>, by: &By, locked: bool) -> Result<(), Refusal> {
    SIGN_IN.require(&by.actor)?;
    let register = by.register()?;
    let Some(session) = transaction.get(&SESSIONS, register.as_str())? else { return Ok(()) };
    transaction.delete(&SESSIONS, register.as_str());
    Ok(audit::record(transaction, by, &SignedOut { operator: session.operator, locked })?)
}

/// Signs the operator of the register out.
///
/// # Errors
/// Only registers can do this.
pub fn sign_out(transaction: &mut Transaction<'_>, by: &By) -> Result<(), Refusal> {
    end(transaction, by, false)
}

/// Locks the register: an operator must sign in again.
///
/// # Errors
/// Only registers can do this.
pub fn lock(transaction: &mut Transaction<'_>, by: &By) -> Result<(), Refusal> {
    end(transaction, by, true)
}

/// The session of a register, if its operator sends this command and the operators have not changed since.
pub(super) fn current(
    transaction: &Transaction<'_>,
    by: &By,
    register: &RegisterName,
) -> Result<Option<Session>, StoreError> {
    let session = transaction.get(&SESSIONS, register.as_str())?;
    let generation = transaction.last_number(GENERATION)?;
    let is_good =
        |session: &Session| session.generation == generation && by.actor.operator.as_ref() == Some(&session.operator);
    Ok(session.filter(is_good))
}
