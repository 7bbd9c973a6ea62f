//! The record of the stockroom: every command with its movements, and the expected positions.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::{At, Effects, Pieces, is_short, outcome};
use crate::{
    power::Notes,
    register::Client,
    till::{Asked, Basket, ITEMS, sku},
};

/// The note of a command of the stockroom: this plus its number.
pub const STOCK: usize = 1 << 32;

/// A command of the stockroom.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) key: String,
    pub(super) path: String,
    pub(super) body: String,
    pub(super) effects: Effects,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Open,
    Done,
    /// There was not enough stock.
    Refused,
}

/// An order that a customer collects: a reservation and its pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The number of the reservation; `None` if nothing is reserved.
    pub reservation: Option<u64>,
    /// The pieces.
    pub pieces: Pieces,
}

/// All commands of the stockroom.
#[derive(Default)]
pub struct Ledger {
    commands: Mutex<Vec<Command>>,
    pub(super) orders: Mutex<Vec<Order>>,
    notes: Option<Notes>,
}

/// The position of an item: on_hand, reserved, damaged.
type Position = [i64; 3];

impl Ledger {
    /// A ledger that also notes requests and answers in a trace.
    pub fn with_notes(notes: Notes) -> Self {
        Self { notes: Some(notes), ..Self::default() }
    }

    fn commands(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order that has not been collected yet.
    pub fn next_order(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn ask(&self, command: Command) -> usize {
        let mut commands = self.commands();
        commands.push(command);
        let number = commands.len() - 1;
        drop(commands);
        if let Some(notes) = &self.notes {
            notes.asked(STOCK + number);
        }
        number
    }

    pub(super) fn ended(&self, number: usize, outcome: Outcome) {
        if let Some(notes) = &self.notes
            && outcome == Outcome::Done
        {
            notes.answered(STOCK + number);
        }
        self.commands()[number].outcome = outcome;
    }

    /// The number of answered commands, and of those refused for lack of stock.
    pub fn counts(&self) -> (usize, usize) {
        let commands = self.commands();
        let of = |outcome| commands.iter().filter(|command| command.outcome == outcome).count();
        (of(Outcome::Done), of(Outcome::Refused))
    }

    /// Repeats unanswered commands until they are answered, so that nothing is in doubt.
    ///
    /// # Errors
    /// The hub refuses, or gives no answer.
    pub fn settle(&self, console: &Client) -> Result<(), String> {
        let open: Vec<_> = self.commands().iter().cloned().enumerate().collect();
        for (number, command) in open.into_iter().filter(|(_, command)| command.outcome == Outcome::Open) {
            let mut tries = 0;
            let again = console.command(&command.path, &command.key, &command.body, || {
                tries += 1;
                tries < 500
            });
            let outcome = outcome(again)?;
            self.ended(number, outcome.map_or(Outcome::Refused, |_| Outcome::Done));
        }
        Ok(())
    }

    /// The movements of the commands for which `is_done` is true.
    fn effects(&self, is_done: impl Fn(usize, Outcome) -> bool) -> HashMap<u64, Position> {
        let mut positions = HashMap::new();
        let commands = self.commands();
        let done = commands.iter().enumerate().filter(|(number, command)| is_done(*number, command.outcome));
        for (item, at, milli) in done.flat_map(|(_, command)| command.effects.iter()) {
            positions.entry(*item).or_insert([0; 3])[*at as usize] += milli;
        }
        positions
    }

    /// The faults of a hub's positions when nothing is in doubt any more.
    pub fn faults(&self, positions: &[Value], sold: &[&Basket], held: &[&Basket]) -> Vec<String> {
        let mut expected = self.effects(|_, outcome| outcome == Outcome::Done);
        for basket in sold {
            basket.takes(|item, milli, reserved| {
                let position = expected.entry(item).or_insert([0; 3]);
                position[At::OnHand as usize] -= milli - reserved;
                position[At::Reserved as usize] -= reserved;
            });
        }
        for basket in held {
            basket.takes(|item, milli, reserved| {
                if is_short(item) {
                    let position = expected.entry(item).or_insert([0; 3]);
                    position[At::OnHand as usize] -= milli - reserved;
                    position[At::Reserved as usize] += milli - reserved;
                }
            });
        }
        compare(positions, |item| expected.get(&item).copied().unwrap_or_default(), |found, expected| found == expected)
    }

    /// The faults after a power failure, given which of the stockroom's commands were requested and answered.
    pub fn faults_after_a_cut(
        &self,
        positions: &[Value],
        sold: &[&Basket],
        asked: &[usize],
        answered: &[usize],
    ) -> Vec<String> {
        let sums = |is_done: &dyn Fn(usize) -> bool| {
            let mut expected = self.effects(|number, _| is_done(number));
            for basket in sold {
                basket.takes(|item, milli, _| expected.entry(item).or_insert([0; 3])[At::OnHand as usize] -= milli);
            }
            // Baskets hold what they are about to sell, which does not matter here.
            let is_same = |[on_hand, reserved, damaged]: Position, expected: Position| {
                on_hand + reserved == expected[0] + expected[1] && damaged == expected[2]
            };
            compare(positions, |item| expected.get(&item).copied().unwrap_or_default(), is_same)
        };
        let without = sums(&|number| answered.contains(&number));
        // The stockroom waits for each answer, so at most one command is in progress.
        let with_the_last = || sums(&|number| answered.contains(&number) || asked.last() == Some(&number));
        if without.is_empty() || with_the_last().is_empty() { Vec::new() } else { without }
    }
}

/// The faults of positions.
fn compare(
    positions: &[Value],
    expected: impl Fn(u64) -> Position,
    is_same: impl Fn(Position, Position) -> bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for item in 0..ITEMS {
        let found = positions.iter().find(|position| position["sku"] == sku(item));
        let of = |state: &str| found.and_then(|position| position[state].as_i64()).unwrap_or(0);
        let (there, must) = (["on_hand", "reserved", "damaged"].map(of), expected(item));
        if !is_same(there, must) {
            faults.push(format!("STOCK: {} has (on_hand, reserved, damaged) {there:?}, expected {must:?}", sku(item)));
        }
        if is_short(item) && there.iter().any(|milli| *milli < 0) {
            faults.push(format!("STOCK: {} is below zero: {there:?}", sku(item)));
        }
    }
    faults
}

/// Baskets with fixed lines that are not sold: their items that may not go below zero are held.
pub fn held(asked: &[Asked]) -> Vec<&Basket> {
    let is_sold =
        |basket: &str| asked.iter().any(|one| one.sells && one.answer.is_some() && one.basket.reference == basket);
    let fixed = asked.iter().filter(|one| one.answer.is_some() && one.path.ends_with("/tenders"));
    fixed.map(|one| &*one.basket).filter(|basket| !is_sold(&basket.reference)).collect()
}

/// The differences between HQ's stock and a hub's positions.
pub fn differs_from_headquarters(positions: &[Value], theirs: &[Value]) -> Vec<String> {
    const STATES: [&str; 5] = ["on_hand", "reserved", "in_transit", "quarantined", "damaged"];
    let of = |row: &Value| -> ((String, String), [i64; 5]) {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        ((text("sku"), text("unit")), STATES.map(|state| row[state].as_i64().unwrap_or(0)))
    };
    // Positions that never moved, or are back at zero, are unknown to HQ.
    let known = |rows: &[Value]| -> Vec<_> {
        let mut rows: Vec<_> = rows.iter().map(of).filter(|(_, states)| *states != [0; 5]).collect();
        rows.sort();
        rows
    };
    let (ours, theirs) = (known(positions), known(theirs));
    if ours == theirs { Vec::new() } else { vec![format!("STOCK: HQ has {theirs:?}, the hub {ours:?}")] }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::moved, *};

    const LAST: u64 = ITEMS - 1;

    fn ledger(commands: Vec<(Effects, Outcome)>) -> Ledger {
        let command = |(effects, outcome)| Command {
            key: String::new(),
            path: String::new(),
            body: String::new(),
            effects,
            outcome,
        };
        Ledger { commands: Mutex::new(commands.into_iter().map(command).collect()), ..Ledger::default() }
    }

    fn position(on_hand: i64, reserved: i64) -> Value {
        json!({ "sku": sku(LAST), "unit": "each", "on_hand": on_hand, "reserved": reserved })
    }

    fn basket(pieces: u64, ordered: u64) -> Basket {
        let order = Order { reservation: Some(1), pieces: vec![(LAST, ordered)] };
        Basket { reference: "till-1-1".into(), register: "till-1".into(), lines: vec![(LAST, pieces)], order }
    }

    #[test]
    fn a_wrong_position_is_found() {
        let came = moved(&[(LAST, 9)], None, Some(At::OnHand));
        let aside = moved(&[(LAST, 2)], Some(At::OnHand), Some(At::Reserved));
        let ledger = ledger(vec![(came, Outcome::Done), (aside.clone(), Outcome::Done), (aside, Outcome::Refused)]);
        let (sold, held) = (basket(3, 2), basket(4, 0));
        let faults = |on_hand, reserved| ledger.faults(&[position(on_hand, reserved)], &[&sold], &[&held]);
        assert_eq!(faults(2_000, 4_000), [""; 0]);
        for (on_hand, reserved) in [(3_000, 4_000), (2_000, 3_000), (3_000, 3_000), (-1_000, 7_000)] {
            assert_ne!(faults(on_hand, reserved), [""; 0], "{on_hand}, {reserved}");
        }
    }

    #[test]
    fn after_a_cut_only_the_last_command_is_uncertain() {
        let came = || (moved(&[(LAST, 5)], None, Some(At::OnHand)), Outcome::Done);
        let ledger = ledger(vec![came(), came(), came()]);
        let is_right = |pieces: i64, answered: &[usize]| {
            ledger.faults_after_a_cut(&[position(pieces * 1000, 0)], &[], &[0, 1], answered).is_empty()
        };
        assert!(is_right(10, &[0]) && is_right(5, &[0]) && is_right(10, &[0, 1]));
        assert!(!is_right(5, &[0, 1]) && !is_right(0, &[0]) && !is_right(15, &[0]) && !is_right(9, &[0]));
    }

    #[test]
    fn headquarters_must_have_the_same_stock() {
        let differs = |ours: &[Value], theirs: &[Value]| !differs_from_headquarters(ours, theirs).is_empty();
        assert!(!differs(&[position(2_000, 1_000)], &[position(2_000, 1_000)]));
        assert!(!differs(&[position(2_000, 1_000), position(0, 0)], &[position(2_000, 1_000)]));
        assert!(differs(&[position(2_000, 1_000)], &[position(2_000, 0)]));
        assert!(differs(&[position(2_000, 1_000)], &[]) && differs(&[], &[position(2_000, 1_000)]));
    }
}
