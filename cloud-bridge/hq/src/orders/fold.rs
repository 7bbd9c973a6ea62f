//! The state of a part: its offer with its store's events applied, in order. Pure.
//!
//! | event | effect |
//! | --- | --- |
//! | `order.advanced` | the changes are applied |
//! | `order.stated` | it replaces the state |
//! | the first `order.advanced` of a later epoch | applied to the offer: the restored store took it as new |
//! | an event of another hub | none |
//! | the hub refuses the offer as an item | everything is rejected |
//!
//! A change that does not fit, for example of units that the line does not have, has no effect and raises an alarm.

use commerce::order::{Change, Fulfilment, State, Step};
use contract::order::{ADVANCED, OrderAdvanced, OrderStated, STATED};

use super::record::{Part, as_offered};

/// An event of a part, as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) hub: String,
    pub(super) epoch: u64,
    pub(super) kind: String,
    pub(super) body: String,
}

/// Applies the store's events to an offered part.
pub(super) fn fold(part: &mut Part, told: &[Told]) {
    let mut epoch = None;
    for event in told.iter().filter(|event| event.hub == part.hub.as_str()) {
        part.is_answered = true;
        let is_new_epoch = epoch.replace(event.epoch).is_some_and(|before| before != event.epoch);
        // Both were checked before they were stored.
        if event.kind == STATED.name() {
            if let Ok(OrderStated { fulfilment, .. }) = serde_json::from_str(&event.body) {
                part.fulfilment = fulfilment;
                part.contradiction = None;
            }
        } else if event.kind == ADVANCED.name()
            && let Ok(advanced) = serde_json::from_str::<OrderAdvanced>(&event.body)
        {
            if is_new_epoch && let Ok(offered) = as_offered(&part.offered) {
                part.fulfilment = offered;
                part.contradiction = None;
            }
            for change in &advanced.changes {
                match fits(&part.fulfilment, change) {
                    Ok(()) => part.fulfilment.apply(change),
                    Err(why) => part.contradiction = Some(why),
                }
            }
            part.sales.extend(advanced.sale);
        }
    }
}

/// Rejects everything that is offered: the hub could not read the offer.
pub(super) fn reject(part: &mut Part) {
    part.is_answered = true;
    let offered = part.fulfilment.lines.iter().map(|line| (line.ordered.number, line.of(State::Offered)));
    for (line, milli) in offered.filter(|(_, milli)| *milli > 0).collect::<Vec<_>>() {
        let (step, from, to) = (Step::Reject, State::Offered, State::Rejected);
        part.fulfilment.apply(&Change::Moved { line, step, from, to, milli });
    }
}

/// The maximum quantity of a line.
const MOST: i64 = 1_000_000_000_000;

/// Whether a change can be applied.
fn fits(fulfilment: &Fulfilment, change: &Change) -> Result<(), String> {
    match change {
        Change::Moved { line, from, milli, .. } => {
            let there = fulfilment.line(*line).map_or(0, |line| line.of(*from));
            if (1..=there).contains(milli) {
                return Ok(());
            }
            Err(format!("line {line}: {milli} thousandths left {}, but only {there} are in it", from.name()))
        }
        Change::Weighed { line, milli } => {
            let of = |line: &commerce::order::Line| line.of(State::Picking);
            let after = fulfilment.line(*line).map(of).and_then(|picking| picking.checked_add(*milli));
            match after {
                Some(0..=MOST) => Ok(()),
                _ => Err(format!("line {line}: a variance of {milli} thousandths is out of range")),
            }
        }
        Change::Added { line } if fulfilment.line(line.ordered.number).is_some() => {
            Err(format!("line {} was added twice", line.ordered.number))
        }
        Change::Added { line } if line.units.values().any(|milli| !(0..=MOST).contains(milli)) => {
            Err(format!("line {} was added with a quantity out of range", line.ordered.number))
        }
        _ => Ok(()),
    }
}
