//! Offers, and their acceptance or rejection.

use super::Draft;
use crate::{
    order::{Amount, Change, Facts, Fulfilment, Line, Order, Reason, Refusal, Rule, State, Step, terms::Ordered},
    quantity::{Quantity, Unit},
    stock::{self, Sums},
};

/// HQ offers a part of an order. Returns the offered fulfilment and the store's immediate changes.
///
/// `available` is the stock that may be promised to this order: for a web order, the rest of HQ's quota and the stock
/// that is available to sell. Missing units are rejected; the rest is reserved at once, and accepted if the store's
/// policy is to accept automatically.
///
/// # Errors
/// A line is not in the order or listed twice, or more than the ordered quantity is offered.
pub fn offer(
    order: &Order,
    part: u32,
    amounts: &[Amount],
    available: &Sums,
    facts: Facts<'_>,
) -> Result<(Fulfilment, Vec<Change>), Refusal> {
    let lines = amounts.iter().map(|amount| offered(order, *amount)).collect::<Result<Vec<_>, _>>()?;
    let fulfilment = Fulfilment {
        terms: order.terms.clone(),
        part,
        lines: lines.into_iter().map(|ordered| Line::new(ordered, None, State::Offered)).collect(),
        offered_at_ms: facts.now_ms,
        ready_at_ms: None,
        arrival: None,
        ended_at_ms: None,
        extended_to_ms: None,
        given_up: None,
        tracking: Vec::new(),
        breached: Vec::new(),
    };
    let mut draft = Draft::new(&fulfilment, facts);
    draft.are_distinct(amounts.iter().map(|amount| amount.line))?;
    reject_what_is_missing(&mut draft, available.clone());
    let way = (stock::Kind::Reservation, Some(stock::State::OnHand), Some(stock::State::Reserved));
    for (place, milli) in draft.state.held() {
        draft.moves(way, place, milli, false);
    }
    if facts.policy.auto_accept && draft.state.is_open() {
        accept(&mut draft)?;
    }
    Ok((fulfilment, draft.finish()))
}

/// A line of the order with this store's quantity.
fn offered(order: &Order, Amount { line, milli }: Amount) -> Result<Ordered, Refusal> {
    let refuse = |rule| Refusal::of_line(&order.terms.order, line, rule);
    let ordered = order.line(line).ok_or_else(|| refuse(Rule::NoSuchLine))?;
    let most = ordered.quantity.milli();
    let quantity = Quantity::new(milli, ordered.quantity.unit())
        .map_err(|_| refuse(Rule::OutOfRange { field: "milli", range: "0 to 1,000,000,000, and whole pieces" }))?;
    match milli {
        0 => Err(refuse(Rule::Nothing)),
        milli if milli > most => Err(refuse(Rule::NotOrdered { given: milli, ordered: most })),
        _ => Ok(Ordered { quantity, ..ordered.clone() }),
    }
}

/// Rejects the missing units. They were never reserved, so nothing is released.
fn reject_what_is_missing(draft: &mut Draft<'_>, mut available: Sums) {
    let mut any_is_missing = false;
    for number in draft.numbers() {
        let Some(line) = draft.state.line(number) else { continue };
        let wanted = line.of(State::Offered);
        let left = available.entry(line.ordered.place()).or_default();
        let whole = if line.ordered.quantity.unit() == Unit::Each { *left - left.rem_euclid(1000) } else { *left };
        let taken = wanted.min(whole.max(0));
        *left -= taken;
        if taken < wanted {
            let (from, to) = (State::Offered, State::Rejected);
            draft.push(Change::Moved { line: number, step: Step::Reject, from, to, milli: wanted - taken });
            any_is_missing = true;
        }
    }
    if any_is_missing {
        draft.push(Change::Rejected { reason: Reason::NoStock });
    }
}

pub(super) fn accept(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.advance_all(Step::Accept)
}

pub(super) fn reject(draft: &mut Draft<'_>, amounts: &[Amount], reason: Reason) -> Result<(), Refusal> {
    if amounts.is_empty() {
        draft.advance_all(Step::Reject)?;
    } else {
        draft.advance_each(Step::Reject, amounts)?;
    }
    draft.push(Change::Rejected { reason });
    Ok(())
}
