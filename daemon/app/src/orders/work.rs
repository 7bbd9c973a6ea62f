//! The commands of pickers, registers and HQ, except the handover.

use std::collections::BTreeMap;

use commerce::{
    OperatorId, Unit,
    operator::Right,
    order::{Amount, Change, Command, Facts, decide, fulfilment::Line},
    stock::Rule,
};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;

use super::{
    PICK,
    records::{Kept, Part, advance, read},
    refusals::{NO_PICKER, ORDER_AT_REGISTER},
    view::{PartView, Pick},
};
use crate::{By, Refusal, operators::allow, stock};

/// The picker: who is named, or the operator of the actor.
///
/// # Errors
/// Neither is known.
pub fn picker(by: &By, named: Option<OperatorId>) -> Result<OperatorId, Refusal> {
    let unknown = || NO_PICKER.because(format!("{} has no operator; send `picker`", by.actor));
    named.or_else(|| by.actor.operator.clone()).ok_or_else(unknown)
}

/// Refuses a part that is in a basket.
pub(super) fn require_free(kept: &Kept) -> Result<(), Refusal> {
    let Some(in_basket) = &kept.basket else { return Ok(()) };
    let (order, basket) = (&kept.fulfilment.terms.order, in_basket.basket);
    let detail = format!("order {order} is in basket {basket}; complete or abandon that basket first");
    Err(ORDER_AT_REGISTER.because(detail).member("order", order.as_str()).member("basket", basket.to_string()))
}

/// Runs a command on a part and returns it.
///
/// # Errors
/// The part does not exist or is in a basket, or a rule refuses the command.
pub fn run(transaction: &mut Transaction<'_>, by: &By, part: &Part, command: Command) -> Result<PartView, Refusal> {
    let before = read(transaction, part)?;
    if !matches!(command, Command::Arrive { .. }) {
        require_free(&before)?;
    }
    let kept = step(transaction, by, &before, command)?;
    Ok(PartView::of(kept))
}

/// Decides a command and applies its changes.
pub(super) fn step(
    transaction: &mut Transaction<'_>,
    by: &By,
    before: &Kept,
    command: Command,
) -> Result<Kept, Refusal> {
    let home = stock::home(transaction)?;
    let changes = decide(&before.fulfilment, command, Facts { now_ms: by.at_ms, policy: &home.orders })?;
    let mut kept = before.clone();
    // A substitute's stock may not be tracked.
    for change in &changes {
        if let Change::Added { line } = change {
            let place = line.ordered.place();
            if stock::rule_of(transaction, &place)? == Rule::Untracked && !kept.untracked.contains(&place) {
                kept.untracked.push(place);
            }
        }
    }
    advance(transaction, by, &home, Some(before), kept, changes, None)?;
    read(transaction, &Part::of(&before.fulfilment))
}

/// A request to claim the lines of a cart.
#[derive(Clone, Debug)]
pub struct ClaimBatch {
    /// The picker.
    pub picker: Option<OperatorId>,
    /// The parts, one per tote, with the lines to claim.
    pub totes: Vec<(Part, Vec<u32>)>,
}

/// The claimed lines of a cart, in the order of the totes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claimed {
    /// The lines.
    pub picks: Vec<Pick>,
}

/// Claims what is still free of a planned cart. A part that has changed since it was planned is left out.
///
/// # Errors
/// The picker is not known.
pub fn claim_batch(transaction: &mut Transaction<'_>, by: &By, batch: ClaimBatch) -> Result<Claimed, Refusal> {
    PICK.require(&by.actor)?;
    allow(transaction, by, Right::Pick, 0)?;
    let picker = picker(by, batch.picker)?;
    let mut picks = Vec::new();
    for (part, lines) in batch.totes {
        let Ok(before) = read(transaction, &part) else { continue };
        if before.basket.is_some() {
            continue;
        }
        let is_free = |line: &&Line| lines.contains(&line.ordered.number) && free_for(line, &picker, by.at_ms);
        let lines: Vec<u32> = before.fulfilment.lines.iter().filter(is_free).map(|line| line.ordered.number).collect();
        if lines.is_empty() {
            continue;
        }
        let command = Command::Claim { picker: picker.clone(), lines: lines.clone() };
        let kept = step(transaction, by, &before, command)?;
        picks.extend(Pick::all(&kept.fulfilment).filter(|pick| lines.contains(&pick.line)));
    }
    Ok(Claimed { picks })
}

/// Whether a line has units to pick that nobody else has claimed.
pub(super) fn free_for(line: &Line, picker: &OperatorId, now_ms: i64) -> bool {
    use commerce::order::State::{Accepted, Picking};
    let claimed = line.claim.as_ref().is_some_and(|claim| claim.picker != *picker && claim.until_ms > now_ms);
    !claimed && line.of(Accepted) + line.of(Picking) > 0
}

/// The amounts that are still open of those that HQ cancels; everything if it names none.
pub(super) fn still_open(kept: &Kept, amounts: &[Amount]) -> Vec<Amount> {
    let mut wanted: BTreeMap<u32, i64> = BTreeMap::new();
    for amount in amounts {
        *wanted.entry(amount.line).or_default() += amount.milli.max(0);
    }
    let left = |line: &Line| {
        let number = line.ordered.number;
        let most = if amounts.is_empty() { i64::MAX } else { wanted.get(&number).copied().unwrap_or(0) };
        let most = if line.ordered.quantity.unit() == Unit::Each { most - most.rem_euclid(1000) } else { most };
        Amount { line: number, milli: line.open().min(most) }
    };
    kept.fulfilment.lines.iter().map(left).filter(|amount| amount.milli > 0).collect()
}
