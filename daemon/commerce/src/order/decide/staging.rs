//! Packing into staging places, readiness, and goods that are put back.

use super::Draft;
use crate::{
    order::{Amount, Change, Place, Refusal, Rule, State, Step, fulfilment::Staged, state, terms::checked},
    stock::Condition,
};

/// The maximum number of staging entries of a line.
const MAX_STAGED: usize = 100;

pub(super) fn pack(
    draft: &mut Draft<'_>,
    amounts: &[Amount],
    place: &Place,
    probe: Option<i16>,
) -> Result<(), Refusal> {
    checked(&draft.state.terms.order, "place", &place.name)?;
    for amount in amounts {
        let line = draft.line(amount.line)?;
        let refuse = |rule| Err(draft.refuse_line(amount.line, rule));
        let zone = line.ordered.zone;
        if zone != place.zone {
            return refuse(Rule::WrongZone { needs: zone, place: place.name.clone(), is: place.zone });
        }
        match (draft.facts.policy.warmest(zone), probe) {
            (Some(_), None) => return refuse(Rule::NoProbe { zone }),
            (Some(most), Some(reading)) if reading > most => return refuse(Rule::TooWarm { zone, reading, most }),
            _ => {}
        }
        if line.staged.len() >= MAX_STAGED {
            return refuse(Rule::OutOfRange { field: "place", range: "a line is packed in at most 100 goes" });
        }
    }
    draft.advance_each(Step::Pack, amounts)?;
    for Amount { line, milli } in amounts {
        let (place, at_ms) = (place.clone(), draft.facts.now_ms);
        let staged = Staged { place, milli: *milli, probe_deci_celsius: probe, at_ms };
        draft.push(Change::Staged { line: *line, staged });
    }
    Ok(())
}

/// All open units must be packed, so that the customer is notified once.
pub(super) fn make_ready(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.takes(Step::MakeReady)?;
    if draft.state.lines.iter().any(|line| line.sum(|state| state < State::Packed) > 0) {
        return Err(draft.wrong_state(Step::MakeReady));
    }
    draft.advance_all(Step::MakeReady)?;
    draft.push(Change::Readied { at_ms: draft.facts.now_ms });
    if draft.state.arrival.is_some() {
        draft.advance_all(Step::Arrive)?;
    }
    Ok(())
}

pub(super) fn put_back(draft: &mut Draft<'_>, amount: Amount, condition: Condition) -> Result<(), Refusal> {
    draft.advance(Step::Return, amount)?;
    let ordered = &draft.line(amount.line)?.ordered;
    if let Some(way) = state::put_back(ordered.zone, condition) {
        draft.moves(way, ordered.place(), amount.milli, false);
    }
    Ok(())
}
