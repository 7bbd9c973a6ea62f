//! Picking: one picker per line, every item scanned, weighed goods within the tolerance.

use super::Draft;
use crate::{
    MAX_LINES,
    ids::OperatorId,
    item::{Price, Sku},
    order::{
        Amount, Change, GivenUp, Line, Ordered, Refusal, Rule, State, Step, Substitute, Substitution,
        fulfilment::Claim,
        terms::{MAX_ORDERED, checked},
    },
    quantity::Quantity,
};

/// The maximum number of lines of a fulfilment, including substitutes.
const MAX_WITH_SUBSTITUTES: usize = 2 * MAX_LINES;

pub(super) fn claim(draft: &mut Draft<'_>, picker: &OperatorId, lines: &[u32]) -> Result<(), Refusal> {
    draft.are_distinct(lines.iter().copied())?;
    for number in lines {
        check_unclaimed(draft, picker, *number)?;
        if draft.line(*number)?.sum(|state| matches!(state, State::Accepted | State::Picking)) == 0 {
            let state = draft.line(*number)?.state().unwrap_or(State::Offered);
            return Err(draft.refuse_line(*number, Rule::WrongState { step: Step::Claim, state }));
        }
        draft.advance_whole(Step::Claim, *number);
        let until_ms = draft.facts.now_ms.saturating_add(draft.facts.policy.claim_ms);
        draft.push(Change::Claimed { line: *number, claim: Claim { picker: picker.clone(), until_ms } });
    }
    Ok(())
}

pub(super) fn unclaim(draft: &mut Draft<'_>, picker: &OperatorId, line: u32) -> Result<(), Refusal> {
    has(draft, picker, line)?;
    draft.advance_whole(Step::Unclaim, line);
    Ok(())
}

pub(super) fn pick(
    draft: &mut Draft<'_>,
    picker: &OperatorId,
    number: u32,
    scanned: Sku,
    quantity: Quantity,
) -> Result<(), Refusal> {
    let line = has(draft, picker, number)?;
    if scanned != line.ordered.sku {
        let expected = line.ordered.sku.clone();
        return Err(draft.refuse_line(number, Rule::WrongItem { expected, scanned }));
    }
    let variance = variance(draft, line, quantity)?;
    if variance != 0 {
        weigh(draft, number, variance);
    }
    draft.advance(Step::Pick, Amount { line: number, milli: quantity.milli() })
}

/// The deviation of the picked goods from the quantity left to pick. Pieces never deviate: missing pieces stay to be
/// picked. Weighed goods that are short by more than the tolerance are treated the same way.
fn variance(draft: &Draft<'_>, line: &Line, quantity: Quantity) -> Result<i64, Refusal> {
    let (number, kept, asked) = (line.ordered.number, line.ordered.quantity.unit(), quantity.unit());
    if asked != kept {
        return Err(draft.refuse_line(number, Rule::WrongUnit { kept, asked }));
    }
    let tolerance = if kept.is_measure() {
        line.ordered.quantity.milli().saturating_mul(draft.facts.policy.tolerance_permille) / 1000
    } else {
        0
    };
    let (left, picked) = (line.of(State::Picking), quantity.milli());
    if picked > left + tolerance {
        return Err(draft.refuse_line(number, Rule::TooMuch { picked, most: left + tolerance }));
    }
    Ok(if left - picked <= tolerance { picked - left } else { 0 })
}

/// Adjusts the reservation to the weight of the goods.
fn weigh(draft: &mut Draft<'_>, number: u32, variance: i64) {
    use crate::stock::{
        Kind,
        State::{OnHand, Reserved},
    };
    if let Some(place) = draft.state.line(number).map(|line| line.ordered.place()) {
        if variance > 0 {
            draft.reserve(place, variance);
        } else {
            draft.moves((Kind::Release, Some(Reserved), Some(OnHand)), place, -variance, false);
        }
    }
    draft.push(Change::Weighed { line: number, milli: variance });
}

pub(super) fn short(draft: &mut Draft<'_>, picker: &OperatorId, number: u32) -> Result<(), Refusal> {
    check_unclaimed(draft, picker, number)?;
    let cancels = draft.line(number)?.ordered.substitution == Substitution::CancelOrder;
    if !draft.advance_whole(Step::Short, number) {
        let state = draft.line(number)?.state().unwrap_or(State::Offered);
        return Err(draft.refuse_line(number, Rule::WrongState { step: Step::Short, state }));
    }
    if cancels {
        for line in draft.numbers() {
            draft.advance_whole(Step::Cancel, line);
        }
        draft.give_up(GivenUp::Cancelled);
    }
    Ok(())
}

pub(super) fn substitute(
    draft: &mut Draft<'_>,
    picker: &OperatorId,
    number: u32,
    with: Substitute,
    quantity: Quantity,
) -> Result<(), Refusal> {
    let line = has(draft, picker, number)?;
    check_substitute(draft, &line.ordered, &with.sku)?;
    checked(&draft.state.terms.order, "description", &with.description)?;
    if with.price.per != line.ordered.quantity.unit() {
        let (kept, asked) = (line.ordered.quantity.unit(), with.price.per);
        return Err(draft.refuse_line(number, Rule::WrongUnit { kept, asked }));
    }
    if with.price.minor.is_negative() {
        return Err(draft.refuse_line(number, Rule::OutOfRange { field: "price", range: "not negative" }));
    }
    if draft.state.lines.len() >= MAX_WITH_SUBSTITUTES {
        return Err(draft.refuse(Rule::TooManyLines));
    }
    let variance = variance(draft, line, quantity)?;
    let replaced = quantity.milli() - variance;
    // The customer pays the lower price.
    let price = Price { minor: with.price.minor.min(line.ordered.price.minor), per: with.price.per };
    let highest = draft.numbers().into_iter().max().unwrap_or_default().max(MAX_ORDERED);
    let ordered = Ordered {
        number: highest + 1,
        sku: with.sku,
        description: with.description,
        quantity,
        price,
        substitution: Substitution::Remove,
        zone: with.zone,
        minimum_age: with.minimum_age,
    };
    draft.advance(Step::Substitute, Amount { line: number, milli: replaced })?;
    draft.reserve(ordered.place(), quantity.milli());
    draft.push(Change::Added { line: Box::new(Line::new(ordered, Some(number), State::Picked)) });
    Ok(())
}

/// Checks that the customer accepts this substitute.
fn check_substitute(draft: &Draft<'_>, ordered: &Ordered, offered: &Sku) -> Result<(), Refusal> {
    let refuse = |rule| Err(draft.refuse_line(ordered.number, rule));
    if *offered == ordered.sku {
        return refuse(Rule::NotAnotherItem { sku: offered.clone() });
    }
    match &ordered.substitution {
        Substitution::Any => Ok(()),
        Substitution::Chosen { substitute } if substitute == offered => Ok(()),
        Substitution::Chosen { substitute } => {
            refuse(Rule::NotTheChosen { chosen: substitute.clone(), offered: offered.clone() })
        }
        Substitution::Remove | Substitution::CancelOrder => refuse(Rule::NoSubstitute),
    }
}

/// The line, if the picker has claimed it. An expired claim stays valid until somebody else claims the line.
fn has<'d>(draft: &'d Draft<'_>, picker: &OperatorId, number: u32) -> Result<&'d Line, Refusal> {
    check_unclaimed(draft, picker, number)?;
    let line = draft.line(number)?;
    if line.claim.as_ref().is_some_and(|claim| claim.picker == *picker) {
        return Ok(line);
    }
    Err(draft.refuse_line(number, Rule::NotClaimed { picker: picker.clone() }))
}

fn check_unclaimed(draft: &Draft<'_>, picker: &OperatorId, number: u32) -> Result<(), Refusal> {
    match &draft.line(number)?.claim {
        Some(claim) if claim.picker != *picker && claim.until_ms > draft.facts.now_ms => {
            let Claim { picker, until_ms } = claim.clone();
            Err(draft.refuse_line(number, Rule::Claimed { picker, until_ms }))
        }
        _ => Ok(()),
    }
}
