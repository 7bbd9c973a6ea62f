//! The decisions: a state, a command and the facts result in changes or a refusal.

mod handover;
mod offering;
mod picking;
mod staging;

use std::collections::BTreeMap;

pub use offering::offer;

use super::{Amount, Change, Command, Facts, Fulfilment, GivenUp, Line, Refusal, Rule, State, Step, state};
use crate::{
    quantity::Unit,
    stock::{self, Sums},
};

/// Decides a command.
///
/// # Errors
/// A rule refuses the command. The refusal has the order and, if it is about one line, the line. Nothing has changed.
pub fn decide(fulfilment: &Fulfilment, command: Command, facts: Facts<'_>) -> Result<Vec<Change>, Refusal> {
    let mut draft = Draft::new(fulfilment, facts);
    match command {
        Command::Accept => offering::accept(&mut draft)?,
        Command::Reject { amounts, reason } => offering::reject(&mut draft, &amounts, reason)?,
        Command::Claim { picker, lines } => picking::claim(&mut draft, &picker, &lines)?,
        Command::Unclaim { picker, line } => picking::unclaim(&mut draft, &picker, line)?,
        Command::Pick { picker, line, scanned, quantity } => {
            picking::pick(&mut draft, &picker, line, scanned, quantity)?;
        }
        Command::Short { picker, line } => picking::short(&mut draft, &picker, line)?,
        Command::Substitute { picker, line, with, quantity } => {
            picking::substitute(&mut draft, &picker, line, with, quantity)?;
        }
        Command::Pack { amounts, place, probe_deci_celsius } => {
            staging::pack(&mut draft, &amounts, &place, probe_deci_celsius)?;
        }
        Command::MakeReady => staging::make_ready(&mut draft)?,
        Command::Arrive { bay } => handover::arrive(&mut draft, bay)?,
        Command::HandOver(asked) => handover::hand_over(&mut draft, asked)?,
        Command::Ship { amounts, tracking } => handover::ship(&mut draft, &amounts, tracking)?,
        Command::Cancel { amounts } => cancel(&mut draft, &amounts)?,
        Command::Extend { until_ms } => extend(&mut draft, until_ms)?,
        Command::PutBack { amount, condition } => staging::put_back(&mut draft, amount, condition)?,
        Command::Reprice { prices } => handover::reprice(&mut draft, prices)?,
        Command::Tick => tick(&mut draft),
    }
    Ok(draft.finish())
}

/// Cancels the amounts.
fn cancel(draft: &mut Draft<'_>, amounts: &[Amount]) -> Result<(), Refusal> {
    if amounts.is_empty() {
        draft.advance_all(Step::Cancel)?;
    } else {
        draft.advance_each(Step::Cancel, amounts)?;
    }
    draft.give_up(GivenUp::Cancelled);
    Ok(())
}

/// Extends the storage time.
fn extend(draft: &mut Draft<'_>, until_ms: i64) -> Result<(), Refusal> {
    draft.takes(Step::Expire)?;
    if !draft.state.is_open() {
        return Err(draft.wrong_state(Step::Expire));
    }
    if until_ms <= draft.facts.now_ms {
        return Err(draft.refuse(Rule::OutOfRange { field: "until_ms", range: "later than now" }));
    }
    draft.push(Change::Extended { until_ms });
    Ok(())
}

/// Applies the effects of time. The order of a customer who has arrived does not expire.
fn tick(draft: &mut Draft<'_>) {
    let (now_ms, policy) = (draft.facts.now_ms, draft.facts.policy);
    for clock in super::clock::Clock::ALL {
        if let Some(due_ms) = clock.is_breached(&draft.state, policy, now_ms) {
            draft.push(Change::Breached { clock, due_ms });
        }
    }
    let ran_out = |line: &&Line| line.claim.as_ref().is_some_and(|claim| claim.until_ms <= now_ms);
    let ran_out: Vec<u32> = draft.state.lines.iter().filter(ran_out).map(|line| line.ordered.number).collect();
    for line in ran_out {
        draft.advance_whole(Step::Unclaim, line);
    }
    let is_over = draft.state.kept_until_ms(policy).is_some_and(|until_ms| until_ms < now_ms);
    if is_over && draft.state.arrival.is_none() && Step::Expire.is_of(draft.state.terms.kind) {
        for line in draft.numbers() {
            draft.advance_whole(Step::Expire, line);
        }
        draft.give_up(GivenUp::Expired);
    }
}

/// Stock movements, in the order in which they are booked: reservations, then releases, then goods that leave.
type Moves = BTreeMap<(u8, stock::Kind, Option<stock::State>, Option<stock::State>, bool), Sums>;

/// A decision in progress: the resulting state and the changes so far.
struct Draft<'a> {
    state: Fulfilment,
    facts: Facts<'a>,
    changes: Vec<Change>,
    moves: Moves,
    was_open: bool,
}

impl<'a> Draft<'a> {
    fn new(fulfilment: &Fulfilment, facts: Facts<'a>) -> Self {
        let was_open = fulfilment.is_open();
        Self { state: fulfilment.clone(), facts, changes: Vec::new(), moves: Moves::new(), was_open }
    }

    fn finish(mut self) -> Vec<Change> {
        if self.was_open && !self.state.is_open() {
            self.push(Change::Ended { at_ms: self.facts.now_ms });
        }
        for ((_, kind, from, to, settled), sums) in self.moves {
            self.changes.push(Change::Stock { kind, lines: stock::Line::of(sums, from, to), settled });
        }
        self.changes
    }

    fn push(&mut self, change: Change) {
        self.state.apply(&change);
        self.changes.push(change);
    }

    fn refuse(&self, rule: Rule) -> Refusal {
        Refusal::of(&self.state.terms.order, rule)
    }

    fn refuse_line(&self, line: u32, rule: Rule) -> Refusal {
        Refusal::of_line(&self.state.terms.order, line, rule)
    }

    /// The refusal if no units are in a state from which the step takes them.
    fn wrong_state(&self, step: Step) -> Refusal {
        self.refuse(Rule::WrongState { step, state: self.state.state().unwrap_or(State::Offered) })
    }

    /// Checks that orders of this kind have the step.
    fn takes(&self, step: Step) -> Result<(), Refusal> {
        let kind = self.state.terms.kind;
        if step.is_of(kind) { Ok(()) } else { Err(self.refuse(Rule::WrongKind { step, kind })) }
    }

    fn line(&self, number: u32) -> Result<&Line, Refusal> {
        self.state.line(number).ok_or_else(|| self.refuse_line(number, Rule::NoSuchLine))
    }

    fn numbers(&self) -> Vec<u32> {
        self.state.lines.iter().map(|line| line.ordered.number).collect()
    }

    /// Applies a step to an amount of a line, all or nothing.
    fn advance(&mut self, step: Step, Amount { line: number, milli }: Amount) -> Result<(), Refusal> {
        let line = self.line(number)?;
        let there = line.sum(|state| step.target(state).is_some());
        if milli <= 0 {
            return Err(self.refuse_line(number, Rule::Nothing));
        }
        if line.ordered.quantity.unit() == Unit::Each && milli % 1000 != 0 {
            return Err(self.refuse_line(number, Rule::OutOfRange { field: "milli", range: "whole pieces" }));
        }
        if milli > there {
            return Err(self.refuse_line(number, Rule::NotEnough { step, there, asked: milli }));
        }
        let mut left = milli;
        for from in step.sources() {
            let taken = self.line(number)?.of(from).min(left);
            if let (1.., Some(to)) = (taken, step.target(from)) {
                self.transit(number, step, (from, to), taken);
                left -= taken;
            }
        }
        Ok(())
    }

    /// Applies a step to all possible units of a line; returns false if there are none.
    fn advance_whole(&mut self, step: Step, number: u32) -> bool {
        let there = self.state.line(number).map_or(0, |line| line.sum(|state| step.target(state).is_some()));
        there > 0 && self.advance(step, Amount { line: number, milli: there }).is_ok()
    }

    /// Applies a step to all possible units of all lines.
    fn advance_all(&mut self, step: Step) -> Result<(), Refusal> {
        let moved = self.numbers().into_iter().filter(|line| self.advance_whole(step, *line)).count();
        if moved == 0 { Err(self.wrong_state(step)) } else { Ok(()) }
    }

    /// Applies a step to amounts of several lines.
    fn advance_each(&mut self, step: Step, amounts: &[Amount]) -> Result<(), Refusal> {
        self.are_distinct(amounts.iter().map(|amount| amount.line))?;
        amounts.iter().try_for_each(|amount| self.advance(step, *amount))
    }

    /// Checks that there are lines, and no line twice.
    fn are_distinct(&self, lines: impl IntoIterator<Item = u32>) -> Result<(), Refusal> {
        let mut seen = std::collections::BTreeSet::new();
        match lines.into_iter().find(|line| !seen.insert(*line)) {
            Some(line) => Err(self.refuse_line(line, Rule::LineTwice)),
            None if seen.is_empty() => Err(self.refuse(Rule::NoLines)),
            None => Ok(()),
        }
    }

    fn transit(&mut self, number: u32, step: Step, (from, to): (State, State), milli: i64) {
        let kind = self.state.terms.kind;
        let place = self.state.line(number).map(|line| (line.ordered.place(), line.ordered.zone));
        if let Some((place, zone)) = place {
            for (kind, from, to) in state::stock(kind, zone, to) {
                self.moves((kind, from, to), place.clone(), milli, false);
            }
        }
        self.push(Change::Moved { line: number, step, from, to, milli });
    }

    /// Adds a stock movement. `settled` movements must not be refused, because somebody already has the goods.
    fn moves(
        &mut self,
        (kind, from, to): (stock::Kind, Option<stock::State>, Option<stock::State>),
        place: stock::Place,
        milli: i64,
        settled: bool,
    ) {
        let rank = match kind {
            stock::Kind::Reservation => 0,
            stock::Kind::Release => 1,
            _ => 2,
        };
        *self.moves.entry((rank, kind, from, to, settled)).or_default().entry(place).or_default() += milli;
    }

    /// Reserves goods that somebody already has.
    fn reserve(&mut self, place: stock::Place, milli: i64) {
        let way = (stock::Kind::Reservation, Some(stock::State::OnHand), Some(stock::State::Reserved));
        self.moves(way, place, milli, true);
    }

    /// Adds the reason why picked goods must be put back, if the command has such goods.
    fn give_up(&mut self, why: GivenUp) {
        let gave_up = |change: &Change| matches!(change, Change::Moved { to: State::Returning, .. });
        if self.changes.iter().any(gave_up) {
            self.push(Change::GaveUp { why });
        }
    }
}
