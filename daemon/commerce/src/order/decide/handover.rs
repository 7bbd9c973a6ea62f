//! Goods leave the store: to the customer or with a carrier.

use super::Draft;
use crate::{
    item::Price,
    order::{
        Amount, Change, Checked, Handover, Payment, PickupCode, Proof, Refusal, Rule, State, Step, fulfilment::Arrival,
        terms::checked as checked_text,
    },
};

/// The maximum number of parcels of a fulfilment.
const MAX_TRACKED: usize = 100;

/// The customer has arrived, possibly before the order is ready. The wait counts from the first arrival.
pub(super) fn arrive(draft: &mut Draft<'_>, bay: Option<String>) -> Result<(), Refusal> {
    draft.takes(Step::Arrive)?;
    if !draft.state.is_open() {
        return Err(draft.wrong_state(Step::Arrive));
    }
    if let Some(bay) = &bay {
        checked_text(&draft.state.terms.order, "bay", bay)?;
    }
    let at_ms = draft.state.arrival.as_ref().map_or(draft.facts.now_ms, |arrival| arrival.at_ms);
    draft.push(Change::Arrived { arrival: Arrival { at_ms, bay } });
    for line in draft.numbers() {
        draft.advance_whole(Step::Arrive, line);
    }
    Ok(())
}

pub(super) fn hand_over(draft: &mut Draft<'_>, asked: Handover) -> Result<(), Refusal> {
    let Handover { checked, proof, age_checked, paid, partial } = asked;
    draft.takes(Step::HandOver)?;
    let by_code = is_theirs(draft, proof)?;
    for Checked { amount, scanned } in &checked {
        let ordered = &draft.line(amount.line)?.ordered;
        if let Some(scanned) = scanned.as_ref().filter(|scanned| **scanned != ordered.sku) {
            let (expected, scanned) = (ordered.sku.clone(), scanned.clone());
            return Err(draft.refuse_line(amount.line, Rule::WrongItem { expected, scanned }));
        }
        let minimum = ordered.minimum_age;
        if minimum > 0 && age_checked.is_none_or(|age| age < minimum) {
            return Err(draft.refuse_line(amount.line, Rule::AgeUnchecked { minimum }));
        }
    }
    let amounts: Vec<Amount> = checked.iter().map(|checked| checked.amount).collect();
    if !partial {
        check_all_ready_goods(draft, &amounts)?;
    }
    let due = draft.state.due(&amounts);
    draft.advance_each(Step::HandOver, &amounts)?;
    if due != paid {
        return Err(draft.refuse(Rule::NotPaid { due, paid }));
    }
    draft.push(Change::Checked { by_code, age: age_checked });
    Ok(())
}

/// Sets today's prices before a handover; what was handed over or substituted keeps its price.
pub(super) fn reprice(draft: &mut Draft<'_>, prices: Vec<(u32, Price)>) -> Result<(), Refusal> {
    draft.takes(Step::HandOver)?;
    if draft.state.terms.payment != Payment::AtPickup {
        return Err(draft.refuse(Rule::OutOfRange { field: "prices", range: "prepaid orders keep theirs" }));
    }
    for (number, price) in prices {
        let line = draft.line(number)?;
        let (kept, asked) = (line.ordered.quantity.unit(), price.per);
        if kept != asked {
            return Err(draft.refuse_line(number, Rule::WrongUnit { kept, asked }));
        }
        if price.minor.is_negative() {
            return Err(draft.refuse_line(number, Rule::OutOfRange { field: "price", range: "not negative" }));
        }
        let is_agreed = line.instead_of.is_some() || line.of(State::HandedOver) > 0;
        if !is_agreed && line.ordered.price != price {
            draft.push(Change::Repriced { line: number, price });
        }
    }
    Ok(())
}

/// Checks the customer's proof; returns whether it is the code.
fn is_theirs(draft: &Draft<'_>, proof: Proof) -> Result<bool, Refusal> {
    let Proof::Code(text) = proof else { return Ok(false) };
    let own = draft.state.terms.customer.as_ref().and_then(|customer| customer.code.as_ref());
    let is_own = PickupCode::try_from(text).is_ok_and(|code| own == Some(&code));
    if is_own { Ok(true) } else { Err(draft.refuse(Rule::WrongCode)) }
}

/// Checks that all ready goods were checked.
fn check_all_ready_goods(draft: &Draft<'_>, amounts: &[Amount]) -> Result<(), Refusal> {
    for line in &draft.state.lines {
        let number = line.ordered.number;
        let ready = line.sum(|state| matches!(state, State::Ready | State::Arrived));
        let checked: i64 = amounts.iter().filter(|amount| amount.line == number).map(|amount| amount.milli).sum();
        if checked < ready {
            return Err(draft.refuse_line(number, Rule::Unchecked { missing: ready - checked }));
        }
    }
    Ok(())
}

pub(super) fn ship(draft: &mut Draft<'_>, amounts: &[Amount], tracking: Option<String>) -> Result<(), Refusal> {
    draft.takes(Step::Ship)?;
    draft.advance_each(Step::Ship, amounts)?;
    if let Some(number) = tracking {
        checked_text(&draft.state.terms.order, "tracking", &number)?;
        if draft.state.tracking.len() >= MAX_TRACKED {
            return Err(draft.refuse(Rule::OutOfRange { field: "tracking", range: "at most 100 parcels" }));
        }
        draft.push(Change::Tracked { number });
    }
    Ok(())
}
