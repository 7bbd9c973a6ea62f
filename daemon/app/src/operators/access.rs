//! What an operator may do, and overrides.

use commerce::{
    OperatorId,
    operator::{Limit, Right, Role},
};
use contract::operator::Operator;
use serde::{Deserialize, Serialize};
use store::{Name, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{SIGN_IN, known::note_right, published::GENERATION, sessions::current};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    refusal::{Class, Kind, Member},
};

/// The override that a register's next command can use.
static OVERRIDES: Table<Name, Override> = Table::new("operator_override");

/// How long an override can be used.
const LIFE_MS: i64 = 120_000;

/// Nobody is signed in.
pub static OPERATOR_NEEDED: Kind = Kind::new(
    "operator-needed",
    Class::Rule,
    "Sign in",
    "No operator is signed in at the register, or the register is locked; sign in.",
);
/// The role does not allow it.
pub static OVERRIDE_NEEDED: Kind = Kind::new(
    "override-needed",
    Class::Rule,
    "Override needed",
    "The operator's role does not allow it; another operator, whose role does, must sign for it.",
)
.with(&[
    Member::text("right", "The right that is needed, for `POST /operators/override`."),
    Member::integer("amount", "The amount: thousandths of the price for `discount`, minor units for the other rights."),
]);

/// An operator signed for another.
#[derive(Serialize)]
pub(super) struct OverrideGranted<'a> {
    /// Who signed.
    by: &'a OperatorId,
    right: Right,
    amount: u64,
}

impl Act for OverrideGranted<'_> {
    const KIND: ActKind =
        ActKind { name: "override_granted", doc: "An operator signed for what another's role does not allow" };
}

/// An override was used.
#[derive(Serialize)]
pub(super) struct OverrideUsed {
    /// Who signed.
    by: OperatorId,
    right: Right,
    amount: u64,
}

impl Act for OverrideUsed {
    const KIND: ActKind = ActKind { name: "override_used", doc: "A command used an override" };
}

/// A signature for the next command of a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Override {
    by: OperatorId,
    role: Role,
    right: Right,
    amount: u64,
    until_ms: i64,
}

/// What an override is for.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// The right, as the refusal named it.
    pub right: Right,
    /// The amount, as the refusal named it.
    #[serde(default)]
    pub amount: u64,
}

/// An override that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overridden {
    /// Who signed.
    pub by: OperatorId,
    /// The right.
    pub right: Right,
    /// Up to which amount.
    pub amount: u64,
    /// Until when the register's next command can use it: milliseconds since 1970, UTC.
    pub until_ms: i64,
}

/// Whether the store has operators, so that its registers need one.
pub(crate) fn has_operators(transaction: &Transaction<'_>) -> Result<bool, StoreError> {
    Ok(transaction.last_number(GENERATION)? > 0)
}

fn needs_operator() -> Refusal {
    OPERATOR_NEEDED.because("nobody is signed in at this register, or it is locked; sign in with a PIN or a badge")
}

/// What a limit allows of a right, for `amount`: after "may".
fn allowed(limit: Limit, right: Right, amount: u64) -> String {
    let shown = |amount: u64| match right {
        Right::Discount => format!("{}.{} %", amount / 10, amount % 10),
        _ => format!("{amount} minor units"),
    };
    match limit {
        Limit::UpTo(most) => format!("`{}` up to {}, not {}", right.name(), shown(most), shown(amount)),
        Limit::Never | Limit::Always => format!("not `{}`", right.name()),
    }
}

/// Requires that the operator of a register's command may do something up to an amount, or uses the override for it.
/// Returns who signed for it, if somebody else did. Others than registers, and registers of a store without operators,
/// need no more than their permissions.
///
/// # Errors
/// Nobody is signed in, or the role does not allow it and nobody else has signed.
pub fn allow(
    transaction: &mut Transaction<'_>,
    by: &By,
    right: Right,
    amount: u64,
) -> Result<Option<OperatorId>, Refusal> {
    let Some(register) = by.actor.register_name() else { return Ok(None) };
    if !has_operators(transaction)? {
        return Ok(None);
    }
    let session = current(transaction, by, register)?.ok_or_else(needs_operator)?;
    let limit = right.limit(session.role);
    if limit.allows(amount) {
        return Ok(None);
    }
    if let Some(signer) = use_override(transaction, by, (right, amount), &session.operator)? {
        return Ok(Some(signer));
    }
    let (operator, role, may) = (&session.operator, session.role.name(), allowed(limit, right, amount));
    let detail = format!("operator {operator} is a {role}, who may {may}; another operator must approve it");
    Err(needs_override(right, amount, detail))
}

/// Up to which amount the operator of a register's command may do something; `None` without a limit. If `amount` exceeds
/// the role's limit and another operator has signed for it, the limit is `amount`. For what may happen later, and is
/// no reason to refuse the command.
///
/// # Errors
/// Nobody is signed in, or the store fails.
pub(crate) fn limit(
    transaction: &mut Transaction<'_>,
    by: &By,
    right: Right,
    amount: u64,
) -> Result<Option<u64>, Refusal> {
    let Some(register) = by.actor.register_name() else { return Ok(None) };
    if !has_operators(transaction)? {
        return Ok(None);
    }
    let session = current(transaction, by, register)?.ok_or_else(needs_operator)?;
    let most = match right.limit(session.role) {
        Limit::Always => return Ok(None),
        Limit::UpTo(most) => most,
        Limit::Never => 0,
    };
    let is_signed = amount > most && use_override(transaction, by, (right, amount), &session.operator)?.is_some();
    Ok(Some(if is_signed { amount } else { most }))
}

fn needs_override(right: Right, amount: u64, detail: impl Into<String>) -> Refusal {
    OVERRIDE_NEEDED.because(detail).member("right", right.name()).member("amount", amount)
}

/// Uses the override of the register that sent the command, if another operator has signed it for this.
fn use_override(
    transaction: &mut Transaction<'_>,
    by: &By,
    (right, amount): (Right, u64),
    operator: &OperatorId,
) -> Result<Option<OperatorId>, Refusal> {
    let register = by.register()?;
    let signed = transaction.get(&OVERRIDES, register.as_str())?.filter(|signed| {
        signed.right == right && amount <= signed.amount && by.at_ms <= signed.until_ms && signed.by != *operator
    });
    let Some(signed) = signed else { return Ok(None) };
    transaction.delete(&OVERRIDES, register.as_str());
    audit::record(transaction, by, &OverrideUsed { by: signed.by.clone(), right, amount })?;
    Ok(Some(signed.by))
}

/// Requires that somebody else than an operator approves something: whoever is signed in, or who signs for it.
///
/// # Errors
/// As for [`allow`], or it would be the operator's own approval.
pub(crate) fn require_other(
    transaction: &mut Transaction<'_>,
    by: &By,
    right: Right,
    amount: u64,
    of: Option<&OperatorId>,
) -> Result<(), Refusal> {
    if allow(transaction, by, right, amount)?.is_some() {
        return Ok(());
    }
    match &by.actor.operator {
        Some(own) if Some(own) == of => {
            use_override(transaction, by, (right, amount), own)?.map(drop).ok_or_else(|| {
                needs_override(
                    right,
                    amount,
                    "an operator can't approve their own count; another operator must approve",
                )
            })
        }
        _ => Ok(()),
    }
}

/// An operator, who has shown PIN or badge, signs for the next command of the register that needs it.
///
/// # Errors
/// It is the operator who is signed in, or the role does not allow it either.
pub fn grant_override(
    transaction: &mut Transaction<'_>,
    by: &By,
    signer: &Operator,
    request: OverrideRequest,
) -> Result<Overridden, Refusal> {
    SIGN_IN.require(&by.actor)?;
    let register = by.register()?.clone();
    let session = current(transaction, by, &register)?.ok_or_else(needs_operator)?;
    let OverrideRequest { right, amount } = request;
    let refuse = |detail: String| Err(needs_override(right, amount, detail));
    if signer.id == session.operator {
        return refuse(format!("operator {} is signed in; another operator must sign", signer.id));
    }
    let limit = right.limit(signer.role);
    if !limit.allows(amount) {
        return refuse(format!("operator {} may {}", signer.id, allowed(limit, right, amount)));
    }
    note_right(transaction, &signer.id);
    let until_ms = by.at_ms.saturating_add(LIFE_MS);
    let signed = Override { by: signer.id.clone(), role: signer.role, right, amount, until_ms };
    transaction.put(&OVERRIDES, register.as_str(), &signed)?;
    audit::record(transaction, by, &OverrideGranted { by: &signer.id, right, amount })?;
    Ok(Overridden { by: signed.by, right, amount, until_ms })
}
