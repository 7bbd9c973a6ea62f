//! Which registers are in training.

use commerce::{BasketId, OperatorId, RegisterName, operator::Right};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{BASKETS_OPEN, REGISTER_IN_TRAINING, REGISTER_NOT_IN_TRAINING, SWITCH, basket::BASKETS};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    operators::allow,
    selling::MaybeOpen,
};

/// The registers in training.
static REGISTERS: Table<Name, InTraining> = Table::new("training_register");

/// A register in training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InTraining {
    register: RegisterName,
    /// When it began: milliseconds since 1970, UTC.
    since_ms: i64,
    /// Who began it, if an operator had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operator: Option<OperatorId>,
    /// Its open training baskets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<BasketId>,
}

/// A request to begin or end training.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchTraining {
    /// Whether the register is in training from now on.
    pub training: bool,
}

/// Whether a register is in training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisterTraining {
    /// The register.
    pub register: RegisterName,
    /// Whether it is in training.
    pub training: bool,
    /// Since when it is: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Who began it, if an operator had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
}

impl RegisterTraining {
    fn of(register: RegisterName, mode: Option<InTraining>) -> Self {
        let (since_ms, operator) = mode.map_or((None, None), |mode| (Some(mode.since_ms), mode.operator));
        Self { register, training: since_ms.is_some(), since_ms, operator }
    }
}

/// Training began at a register.
#[derive(Serialize)]
pub(super) struct TrainingBegun {}

impl Act for TrainingBegun {
    const KIND: ActKind = ActKind { name: "training_begun", doc: "Training began at a register: nothing counts there" };
}

/// Training ended at a register.
#[derive(Serialize)]
pub(super) struct TrainingEnded {
    /// When it had begun: milliseconds since 1970, UTC.
    since_ms: i64,
}

impl Act for TrainingEnded {
    const KIND: ActKind = ActKind { name: "training_ended", doc: "Training ended at a register" };
}

/// A damaged record means that the register is real: training must not be in the way of a sale.
fn read<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "cannot read whether a register is in training; it is not");
            Ok(None)
        }
        found => found,
    }
}

/// Begins or ends the training of the register that sends the command. Does nothing if it is as wanted.
///
/// # Errors
/// The role does not allow it, or the register has an open basket.
pub fn switch(
    transaction: &mut Transaction<'_>,
    by: &By,
    wanted: SwitchTraining,
    baskets: MaybeOpen,
) -> Result<RegisterTraining, Refusal> {
    SWITCH.require(&by.actor)?;
    let register = by.register()?.clone();
    let mode = read(transaction.get(&REGISTERS, register.as_str()))?;
    if wanted.training == mode.is_some() {
        return Ok(RegisterTraining::of(register, mode));
    }
    allow(transaction, by, Right::SwitchTraining, 0)?;
    let open = match &mode {
        None => baskets.at(transaction, &register)?,
        // Baskets that were deleted because of their age are open no more.
        Some(mode) => {
            let mut open = mode.open.clone();
            open.retain(|id| !matches!(transaction.get(&BASKETS, id.0), Ok(None)));
            open
        }
    };
    if !open.is_empty() {
        let open = open.iter().map(BasketId::to_string).collect::<Vec<_>>().join(", ");
        return Err(BASKETS_OPEN.because(format!(
            "register {register} has open baskets: {open}; complete, park or abandon them, and switch again"
        )));
    }
    if let Some(mode) = mode {
        transaction.delete(&REGISTERS, register.as_str());
        audit::record(transaction, by, &TrainingEnded { since_ms: mode.since_ms })?;
        return Ok(RegisterTraining::of(register, None));
    }
    let operator = by.actor.operator.clone();
    let mode = InTraining { register: register.clone(), since_ms: by.at_ms, operator, open: Vec::new() };
    transaction.put(&REGISTERS, register.as_str(), &mode)?;
    audit::record(transaction, by, &TrainingBegun {})?;
    Ok(RegisterTraining::of(register, Some(mode)))
}

/// Requires that a command may count: it is not of a register in training.
///
/// # Errors
/// It is.
pub fn require_real(transaction: &Transaction<'_>, by: &By) -> Result<(), Refusal> {
    let Some(register) = by.actor.register_name() else { return Ok(()) };
    match read(transaction.get(&REGISTERS, register.as_str()))? {
        None => Ok(()),
        Some(_) => Err(in_mode(register)),
    }
}

/// The same for a command that stores nothing, and so has no commit.
///
/// # Errors
/// It is.
pub fn require_real_now(store: &Store, by: &By) -> Result<(), Refusal> {
    let Some(register) = by.actor.register_name() else { return Ok(()) };
    if is_in_training(store, register)? { Err(in_mode(register)) } else { Ok(()) }
}

fn in_mode(register: &RegisterName) -> Refusal {
    REGISTER_IN_TRAINING.because(format!(
        "register {register} is in training, where nothing may count; use a training basket \
         (/api/v1/training/baskets) with cash or coupons, or end training"
    ))
}

/// The mode of the register that sends the command.
///
/// # Errors
/// It is not in training.
pub(super) fn mode(transaction: &Transaction<'_>, by: &By) -> Result<InTraining, Refusal> {
    let register = by.register()?;
    read(transaction.get(&REGISTERS, register.as_str()))?.ok_or_else(|| {
        REGISTER_NOT_IN_TRAINING.because(format!("register {register} is not in training; begin training first"))
    })
}

/// Notes that a training basket of the register that sends the command is open, or no longer.
pub(super) fn note_open(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    is_open: bool,
) -> Result<(), Refusal> {
    let mut mode = mode(transaction, by)?;
    mode.open.retain(|open| *open != id);
    mode.open.extend(is_open.then_some(id));
    Ok(transaction.put(&REGISTERS, mode.register.as_str(), &mode)?)
}

/// Whether a register is in training.
///
/// # Errors
/// The engine fails.
pub fn is_in_training(store: &Store, register: &RegisterName) -> Result<bool, StoreError> {
    Ok(read(store.get(&REGISTERS, register.as_str()))?.is_some())
}

/// The registers in training. Damaged records are skipped; the check reports them.
///
/// # Errors
/// The engine fails.
pub fn in_training(store: &Store) -> Result<Vec<RegisterTraining>, StoreError> {
    let mut all = Vec::new();
    store.each(&REGISTERS, |mode| {
        all.extend(mode.map(|mode| RegisterTraining::of(mode.register.clone(), Some(mode))));
    })?;
    Ok(all)
}
