//! Who may sign in: the operators of HQ, and temporary ones of the store.

use std::collections::BTreeMap;

use commerce::{OperatorId, RegisterName, operator::Role};
use contract::operator::{Operator, PinHash, badge_digest};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    MANAGE, OPERATOR_INVALID, OPERATOR_LOCKED, OPERATOR_TAKEN, OPERATOR_UNKNOWN, published, published::GENERATION,
};
use crate::{
    By, Refusal, Retention, Tidied,
    audit::{self, Act, ActKind},
    capability::DAY_MS,
    card_data::look_through_text,
};

/// Temporary operators.
static TEMPORARY: Table<Name, Temporary> = Table::new("operator");
/// Wrong PINs of operators.
static ATTEMPTS: Table<Name, Attempts> = Table::new("operator_attempts");

/// Wrong PINs in a row until an operator is locked.
pub const WRONG_PINS: u32 = 5;

/// How long an operator is locked.
const LOCKED_MS: i64 = 15 * 60_000;

/// The longest time of a temporary operator, in days.
const MOST_DAYS: u16 = 31;

/// An operator that a store has added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Temporary {
    operator: Operator,
    /// Until when: milliseconds since 1970, UTC.
    until_ms: i64,
}

/// Wrong PINs of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Attempts {
    wrong: u32,
    /// Until when the operator is locked: milliseconds since 1970, UTC.
    locked_until_ms: i64,
}

/// An operator was locked.
#[derive(Serialize)]
pub(super) struct OperatorLocked {
    operator: OperatorId,
    register: Option<RegisterName>,
}

impl Act for OperatorLocked {
    const KIND: ActKind = ActKind { name: "operator_locked", doc: "Too many wrong PINs were entered for an operator" };
}

/// A temporary operator was added.
#[derive(Serialize)]
pub(super) struct OperatorAdded {
    operator: OperatorId,
    role: Role,
    until_ms: i64,
}

impl Act for OperatorAdded {
    const KIND: ActKind = ActKind { name: "operator_added", doc: "A temporary operator was added" };
}

/// A temporary operator was revoked.
#[derive(Serialize)]
pub(super) struct OperatorRevoked {
    operator: OperatorId,
}

impl Act for OperatorRevoked {
    const KIND: ActKind = ActKind { name: "operator_revoked", doc: "A temporary operator was revoked" };
}

/// What a person shows to a register: an id with a PIN, or a badge.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The operator, with `pin`.
    #[serde(default)]
    pub operator: Option<OperatorId>,
    /// The PIN.
    #[serde(default)]
    #[schema(min_length = 4, max_length = 12)]
    pub pin: Option<String>,
    /// Alternatively the barcode of the badge.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub badge: Option<String>,
}

/// What came of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are of this operator.
    Right(Operator),
    /// They are of nobody; the PIN was for this operator.
    Wrong(Option<OperatorId>),
}

fn temporary(store: &Store, at_ms: i64) -> Result<BTreeMap<OperatorId, Temporary>, StoreError> {
    let mut all = BTreeMap::new();
    store.each(&TEMPORARY, |found| match found {
        Ok(found) if found.until_ms > at_ms => drop(all.insert(found.operator.id.clone(), found)),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "a temporary operator can't be read"),
    })?;
    Ok(all)
}

/// Compares credentials with the operators. Takes some 50 ms for a PIN, whether or not the operator exists. Blocks.
///
/// # Errors
/// The operator is locked, or the store fails.
pub fn verify(store: &Store, credentials: &Credentials, at_ms: i64) -> Result<Verdict, Refusal> {
    let mut all = published::read(store)?;
    for (id, found) in temporary(store, at_ms)? {
        all.entry(id).or_insert(found.operator);
    }
    let locked = |id: &OperatorId| -> Result<(), Refusal> {
        let attempts = store.get(&ATTEMPTS, id.as_str())?.unwrap_or_default();
        let left_ms = attempts.locked_until_ms.saturating_sub(at_ms);
        if left_ms <= 0 {
            return Ok(());
        }
        let seconds = left_ms.div_euclid(1000) + 1;
        let detail = format!("operator {id} is locked after {WRONG_PINS} wrong PINs; wait {seconds} s");
        Err(OPERATOR_LOCKED.because(detail).member("retry_after_s", seconds))
    };
    match credentials {
        Credentials { operator: Some(id), pin: Some(pin), badge: None } => {
            let hash = all.get(id).and_then(|operator| operator.pin.as_ref());
            let Some(hash) = hash else {
                PinHash::waste_time(pin);
                return Ok(Verdict::Wrong(None));
            };
            locked(id)?;
            let is_right = hash.is_of(pin);
            Ok(match all.remove(id) {
                Some(operator) if is_right => Verdict::Right(operator),
                _ => Verdict::Wrong(Some(id.clone())),
            })
        }
        Credentials { operator: None, pin: None, badge: Some(badge) } => {
            let digest = badge_digest(badge);
            let found = all.into_values().find(|operator| operator.badge == Some(digest));
            let Some(operator) = found else { return Ok(Verdict::Wrong(None)) };
            locked(&operator.id)?;
            Ok(Verdict::Right(operator))
        }
        _ => Err(crate::refusal::BAD_REQUEST.because("send `operator` and `pin`, or `badge` alone")),
    }
}

/// Counts a wrong PIN of an operator.
///
/// # Errors
/// The store fails.
pub fn note_wrong(transaction: &mut Transaction<'_>, by: &By, operator: &OperatorId) -> Result<(), Refusal> {
    let mut attempts = transaction.get(&ATTEMPTS, operator.as_str())?.unwrap_or_default();
    attempts.wrong = attempts.wrong.saturating_add(1);
    if attempts.wrong >= WRONG_PINS {
        attempts = Attempts { wrong: 0, locked_until_ms: by.at_ms.saturating_add(LOCKED_MS) };
        let register = by.actor.register_name().cloned();
        audit::record(transaction, by, &OperatorLocked { operator: operator.clone(), register })?;
    }
    Ok(transaction.put(&ATTEMPTS, operator.as_str(), &attempts)?)
}

/// Forgets the wrong PINs of an operator.
pub(super) fn note_right(transaction: &mut Transaction<'_>, operator: &OperatorId) {
    transaction.delete(&ATTEMPTS, operator.as_str());
}

/// A request to add a temporary operator.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOperator {
    /// The id; none of HQ's operators has it.
    pub id: OperatorId,
    /// The name.
    #[schema(min_length = 1, max_length = 80)]
    pub name: String,
    /// The role.
    pub role: Role,
    /// The PIN: 4 to 12 digits.
    #[schema(min_length = 4, max_length = 12)]
    pub pin: String,
    /// For how many days, at most 31.
    #[schema(minimum = 1, maximum = 31)]
    pub days: u16,
}

/// A temporary operator whose PIN is hashed.
#[derive(Clone, Debug)]
pub struct NewOperator(Temporary);

impl AddOperator {
    /// Hashes the PIN, which takes some 50 ms, and checks the rest. Blocks.
    ///
    /// # Errors
    /// It is invalid, or HQ has an operator with this id.
    pub fn prepare(self, store: &Store, at_ms: i64) -> Result<NewOperator, Refusal> {
        let invalid = |why: String| OPERATOR_INVALID.because(why);
        look_through_text("the id", self.id.as_str())?;
        look_through_text("the name", &self.name)?;
        if !(1..=MOST_DAYS).contains(&self.days) {
            return Err(invalid(format!("{} days; expected 1 to {MOST_DAYS}", self.days)));
        }
        if published::read(store)?.contains_key(&self.id) {
            return Err(OPERATOR_TAKEN.because(format!("HQ has an operator {}; choose another id", self.id)));
        }
        let pin = Some(PinHash::of(&self.id, &self.pin).map_err(invalid)?);
        let operator = Operator { id: self.id, name: self.name, role: self.role, pin, badge: None };
        operator.check().map_err(invalid)?;
        Ok(NewOperator(Temporary { operator, until_ms: at_ms.saturating_add(i64::from(self.days) * DAY_MS) }))
    }
}

/// Adds a temporary operator, or replaces the one with the same id.
///
/// # Errors
/// The actor lacks the permission.
pub fn add(transaction: &mut Transaction<'_>, by: &By, new: NewOperator) -> Result<OperatorInList, Refusal> {
    MANAGE.require(&by.actor)?;
    let NewOperator(temporary) = new;
    let Temporary { operator, until_ms } = &temporary;
    // A role that is replaced must not stay signed in; and from the first one on, registers need an operator.
    transaction.next_number(GENERATION)?;
    note_right(transaction, &operator.id);
    let act = OperatorAdded { operator: operator.id.clone(), role: operator.role, until_ms: *until_ms };
    audit::record(transaction, by, &act)?;
    transaction.put(&TEMPORARY, operator.id.as_str(), &temporary)?;
    Ok(OperatorInList::of(operator, Some(*until_ms)))
}

/// Revokes a temporary operator; every session ends.
///
/// # Errors
/// The actor lacks the permission, or the operator is unknown.
pub fn revoke(transaction: &mut Transaction<'_>, by: &By, id: &OperatorId) -> Result<OperatorInList, Refusal> {
    MANAGE.require(&by.actor)?;
    let unknown = || OPERATOR_UNKNOWN.because(format!("unknown temporary operator {id}"));
    let Temporary { operator, until_ms } = transaction.get(&TEMPORARY, id.as_str())?.ok_or_else(unknown)?;
    transaction.delete(&TEMPORARY, id.as_str());
    transaction.next_number(GENERATION)?;
    audit::record(transaction, by, &OperatorRevoked { operator: id.clone() })?;
    Ok(OperatorInList::of(&operator, Some(until_ms)))
}

/// An operator in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorInList {
    /// The id.
    pub id: OperatorId,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// Of a temporary operator, until when: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

impl OperatorInList {
    fn of(operator: &Operator, until_ms: Option<i64>) -> Self {
        Self { id: operator.id.clone(), name: operator.name.clone(), role: operator.role, until_ms }
    }
}

/// Who may sign in, by id. Blocks.
///
/// # Errors
/// The store fails.
pub fn list(store: &Store, at_ms: i64) -> Result<Vec<OperatorInList>, StoreError> {
    let published = published::read(store)?;
    let mut all: BTreeMap<_, _> =
        published.values().map(|operator| (operator.id.clone(), OperatorInList::of(operator, None))).collect();
    for (id, found) in temporary(store, at_ms)? {
        all.entry(id).or_insert_with(|| OperatorInList::of(&found.operator, Some(found.until_ms)));
    }
    Ok(all.into_values().collect())
}

/// Deletes temporary operators whose time is over, and locks that have ended.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let now_ms = retention.now_ms;
    let operators = store.forget(&TEMPORARY, move |found| found.until_ms < now_ms)?;
    let attempts =
        store.forget(&ATTEMPTS, move |attempts| attempts.wrong == 0 && attempts.locked_until_ms < now_ms - DAY_MS)?;
    Ok(vec![("operators", operators), ("operator_attempts", attempts)])
}
