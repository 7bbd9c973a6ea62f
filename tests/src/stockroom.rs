//! The stockroom at work while the tills sell: what comes in, is set aside, breaks and is counted, and the witness of what must be there.
//!
//! Some items may not go below zero ([`is_short`]). They arrive by a notice and its delivery, and the tills fight for them. The [`Ledger`] has every command of the stockroom with
//! what it moves if it is done; together with the tills' book it says what each position must be.
//!
//! | looked at | must be |
//! | --- | --- |
//! | an item's on_hand and reserved, together; its damaged goods | what the answered commands and the stored sales moved |
//! | a command that was not answered | done whole, or not at all |
//! | an item that may not go below zero | not below zero |
//! | on_hand and reserved, each | the same, once every command was repeated until it was answered ([`Ledger::settle`]) |

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    power::Notes,
    register::{Client, NoAnswer},
    shop::Shop,
    till::{Asked, Basket, ITEMS, sku},
};

/// The note of a command of the stockroom: this, and its number.
pub const STOCK: usize = 1 << 32;

/// The last items of the catalog may not go below zero.
const SHORT: u64 = 3;

/// Whether an item may not go below zero.
pub fn is_short(item: u64) -> bool {
    item + SHORT >= ITEMS
}

fn short_items() -> impl Iterator<Item = u64> {
    (0..ITEMS).filter(|item| is_short(*item))
}

/// Where goods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    OnHand,
    Reserved,
    Damaged,
}

/// What a command moves: of an item, in a state, in thousandths.
type Effects = Vec<(u64, At, i64)>;

/// Pieces of items.
type Pieces = Vec<(u64, u64)>;

fn moved(pieces: &[(u64, u64)], from: Option<At>, to: Option<At>) -> Effects {
    let effect = |at: Option<At>, sign: i64| {
        pieces.iter().filter_map(move |(item, count)| Some((*item, at?, sign * milli(*count))))
    };
    effect(from, -1).chain(effect(to, 1)).collect()
}

fn milli(pieces: u64) -> i64 {
    i64::try_from(pieces).unwrap_or(i64::MAX / 1000) * 1000
}

fn lines(pieces: &[(u64, u64)]) -> Value {
    let line = |(item, count): &(u64, u64)| json!({ "sku": sku(*item), "quantity": { "milli": count * 1000, "unit": "each" } });
    pieces.iter().map(line).collect()
}

/// A command of the stockroom.
#[derive(Clone, Debug)]
struct Command {
    key: String,
    path: String,
    body: String,
    effects: Effects,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Open,
    Done,
    /// Not so much was there.
    Refused,
}

/// An order that a customer comes for: a reservation, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Its number; none if nothing is reserved.
    pub reservation: Option<u64>,
    /// What.
    pub pieces: Pieces,
}

/// Everything the stockroom asked for.
#[derive(Default)]
pub struct Ledger {
    commands: Mutex<Vec<Command>>,
    orders: Mutex<Vec<Order>>,
    notes: Option<Notes>,
}

/// What is there of an item: on_hand, reserved, damaged.
type Position = [i64; 3];

impl Ledger {
    /// A ledger that notes down in a power trace what is asked and answered, too.
    pub fn with_notes(notes: Notes) -> Self {
        Self { notes: Some(notes), ..Self::default() }
    }

    fn commands(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An order that nobody has come for yet.
    pub fn next_order(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn ask(&self, command: Command) -> usize {
        let mut commands = self.commands();
        commands.push(command);
        let number = commands.len() - 1;
        drop(commands);
        if let Some(notes) = &self.notes {
            notes.asked(STOCK + number);
        }
        number
    }

    fn ended(&self, number: usize, outcome: Outcome) {
        if let Some(notes) = &self.notes
            && outcome == Outcome::Done
        {
            notes.answered(STOCK + number);
        }
        self.commands()[number].outcome = outcome;
    }

    /// Commands that were answered, and those that were refused for want of stock.
    pub fn counts(&self) -> (usize, usize) {
        let commands = self.commands();
        let of = |outcome| commands.iter().filter(|command| command.outcome == outcome).count();
        (of(Outcome::Done), of(Outcome::Refused))
    }

    /// Repeats what was never answered until it is, so that nothing is in doubt.
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

    /// What was moved by the commands of which `is_done` says so.
    fn effects(&self, is_done: impl Fn(usize, Outcome) -> bool) -> HashMap<u64, Position> {
        let mut positions = HashMap::new();
        let commands = self.commands();
        let done = commands.iter().enumerate().filter(|(number, command)| is_done(*number, command.outcome));
        for (item, at, milli) in done.flat_map(|(_, command)| command.effects.iter()) {
            positions.entry(*item).or_insert([0; 3])[*at as usize] += milli;
        }
        positions
    }

    /// What is wrong with a hub's positions when nothing is in doubt any more.
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

    /// What is wrong with them after a power cut: of the stockroom's commands these were asked, and these answered.
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
            // Baskets hold what they are about to sell: that is no concern here.
            let is_same = |[on_hand, reserved, damaged]: Position, expected: Position| {
                on_hand + reserved == expected[0] + expected[1] && damaged == expected[2]
            };
            compare(positions, |item| expected.get(&item).copied().unwrap_or_default(), is_same)
        };
        let without = sums(&|number| answered.contains(&number));
        // The stockroom waits for each answer: one command at most is under way.
        let with_the_last = || sums(&|number| answered.contains(&number) || asked.last() == Some(&number));
        if without.is_empty() || with_the_last().is_empty() { Vec::new() } else { without }
    }
}

/// What is wrong with positions.
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
            faults.push(format!(
                "STOCK: of {} there are (on_hand, reserved, damaged) {there:?}, and must be {must:?}",
                sku(item)
            ));
        }
        if is_short(item) && there.iter().any(|milli| *milli < 0) {
            faults.push(format!("STOCK: {} is below zero: {there:?}", sku(item)));
        }
    }
    faults
}

/// Done, or refused for want of stock.
fn outcome(answer: Result<Value, NoAnswer>) -> Result<Option<Value>, String> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(NoAnswer::Refused(why)) if why.contains("/problems/stock-insufficient") => Ok(None),
        Err(NoAnswer::Refused(why)) => Err(why),
        Err(NoAnswer::GaveUp) => Err("no answer".into()),
    }
}

/// A person in the stockroom.
pub struct Stockroom<'l> {
    shop: &'l Shop,
    console: Client,
    ledger: &'l Ledger,
    dice: Rng,
    commands: u64,
}

impl<'l> Stockroom<'l> {
    /// Opens the stockroom: sets the policies, and has a first delivery of what is short.
    ///
    /// # Errors
    /// The hub refuses, or gives no answer.
    pub fn open(shop: &'l Shop, ledger: &'l Ledger, dice: Rng) -> Result<Self, String> {
        let mut room = Self { shop, console: shop.console()?, ledger, dice, commands: 0 };
        let mut goes_on = || true;
        for item in short_items() {
            let path = format!("/api/v1/stock/policies/{}", sku(item));
            room.ask(&path, &json!({ "rule": "to_zero" }), Vec::new(), &mut goes_on)
                .map_err(|why| format!("{why:?}"))?;
        }
        room.deliver(300, &mut goes_on).map_err(|why| format!("{why:?}"))?;
        Ok(room)
    }

    /// A round: goods come in, some are set aside for a customer or given back, one breaks, and now and then two items are counted.
    ///
    /// # Errors
    /// The hub refused what it must not refuse, or patience ended.
    pub fn work(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        self.deliver(40, goes_on)?;
        self.reserve(goes_on)?;
        let broken = [(self.dice.u64(..ITEMS), 1)];
        let body = json!({ "kind": "damage", "reason": "dropped", "lines": lines(&broken) });
        self.ask("/api/v1/stock/movements", &body, moved(&broken, Some(At::OnHand), Some(At::Damaged)), goes_on)?;
        if self.dice.u8(..3) == 0 { self.count(goes_on) } else { Ok(()) }
    }

    fn deliver(&mut self, most: u64, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let pieces: Pieces = short_items().map(|item| (item, self.dice.u64(1..=most))).collect();
        // An order is entered once, and a delivery note booked once.
        let order = format!("order-{}", self.commands);
        let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": order, "lines": lines(&pieces) });
        let Some(notice) = self.ask("/api/v1/stock/notices", &announced, Vec::new(), goes_on)? else { return Ok(()) };
        let path = format!("/api/v1/stock/notices/{}", notice["id"]);
        let came = json!({ "delivery_note": order, "lines": lines(&pieces) });
        self.ask(&format!("{path}/deliveries"), &came, moved(&pieces, None, Some(At::OnHand)), goes_on)?;
        self.ask(&format!("{path}/close"), &json!({}), Vec::new(), goes_on).map(drop)
    }

    fn reserve(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let pieces: Pieces = vec![(ITEMS - 1, self.dice.u64(1..=3)), (ITEMS - 2, 1)];
        let body = json!({ "reference": "an order", "lines": lines(&pieces) });
        let aside = moved(&pieces, Some(At::OnHand), Some(At::Reserved));
        let Some(opened) = self.ask("/api/v1/stock/reservations", &body, aside, goes_on)? else { return Ok(()) };
        if self.dice.bool() {
            let path = format!("/api/v1/stock/reservations/{}/release", opened["id"]);
            let back = moved(&pieces, Some(At::Reserved), Some(At::OnHand));
            return self.ask(&path, &json!({}), back, goes_on).map(drop);
        }
        let order = Order { reservation: opened["id"].as_u64(), pieces };
        self.ledger.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        Ok(())
    }

    /// Counts while the tills sell; what was counted is any number, and what is approved is the difference to what the books had at that moment.
    fn count(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        let items = [self.dice.u64(..ITEMS - SHORT), ITEMS - SHORT];
        let skus = items.map(sku);
        let Some(opened) = self.ask("/api/v1/stock/counts", &json!({ "skus": skus }), Vec::new(), goes_on)? else {
            return Ok(());
        };
        let path = format!("/api/v1/stock/counts/{}", opened["id"]);
        let counted: Pieces = items.iter().map(|item| (*item, self.dice.u64(..60))).collect();
        self.ask(&format!("{path}/quantities"), &json!({ "lines": lines(&counted) }), Vec::new(), goes_on)?;
        let Some(variances) = self.read(&format!("{path}/variances"), goes_on)? else { return Ok(()) };
        let variance = |item: u64| {
            let lines = variances.as_array().into_iter().flatten();
            lines.filter(|line| line["sku"] == sku(item)).filter_map(|line| line["variance"].as_i64()).sum::<i64>()
        };
        let effects = items.map(|item| (item, At::OnHand, variance(item))).to_vec();
        let decided = json!({ "lines": items.map(|item| json!({ "sku": sku(item), "decision": "approved", "variance": variance(item) })) });
        // Refused if more was sold since than was counted.
        if self.ask(&format!("{path}/decisions"), &decided, effects, goes_on)?.is_none() {
            self.ask(&format!("{path}/close"), &json!({}), Vec::new(), goes_on)?;
        }
        Ok(())
    }

    /// Asks until there is an answer; none if not so much was there.
    fn ask(
        &mut self,
        path: &str,
        body: &Value,
        effects: Effects,
        goes_on: &mut impl FnMut() -> bool,
    ) -> Result<Option<Value>, NoAnswer> {
        self.commands += 1;
        let (key, body) = (format!("stockroom-{:08}", self.commands), body.to_string());
        let command =
            Command { key: key.clone(), path: path.to_owned(), body: body.clone(), effects, outcome: Outcome::Open };
        let number = self.ledger.ask(command);
        let answer = loop {
            match self.console.command(path, &key, &body, &mut *goes_on) {
                Err(NoAnswer::Refused(why)) if why.starts_with("401") => self.log_in_again(goes_on)?,
                Err(NoAnswer::GaveUp) => return Err(NoAnswer::GaveUp),
                answer => {
                    break outcome(answer).map_err(|why| NoAnswer::Refused(format!("POST {path} {body}: {why}")))?;
                }
            }
        };
        self.ledger.ended(number, if answer.is_some() { Outcome::Done } else { Outcome::Refused });
        Ok(answer)
    }

    /// Reads; none if patience ended with a hub that was being started.
    fn read(&mut self, path: &str, goes_on: &mut impl FnMut() -> bool) -> Result<Option<Value>, NoAnswer> {
        loop {
            match self.console.get(path) {
                Ok(answer) => return Ok(Some(answer)),
                Err(why) if why.starts_with("401") => self.log_in_again(goes_on)?,
                // It was answered, and that is not what was asked for.
                Err(why) if why.starts_with(|first: char| first.is_ascii_digit()) && !why.starts_with("503") => {
                    return Err(NoAnswer::Refused(format!("GET {path}: {why}")));
                }
                Err(_) if !goes_on() => return Err(NoAnswer::GaveUp),
                Err(_) => {}
            }
        }
    }

    /// A hub that was started again knows no session of before, and has another code.
    fn log_in_again(&mut self, goes_on: &mut impl FnMut() -> bool) -> Result<(), NoAnswer> {
        while goes_on() {
            if let Ok(console) = self.shop.console() {
                self.console = console;
                return Ok(());
            }
        }
        Err(NoAnswer::GaveUp)
    }
}

/// All positions of a hub.
///
/// # Errors
/// The hub refuses, or gives no answer.
pub fn positions(console: &Client) -> Result<Vec<Value>, String> {
    let positions = console.get("/api/v1/stock/positions?limit=500")?;
    positions.as_array().cloned().ok_or_else(|| "the positions are no list".into())
}

/// Baskets whose lines are fixed and that are no sale: what may not go below zero is held for them.
pub fn held(asked: &[Asked]) -> Vec<&Basket> {
    let is_sold =
        |basket: &str| asked.iter().any(|one| one.sells && one.answer.is_some() && one.basket.reference == basket);
    let fixed = asked.iter().filter(|one| one.answer.is_some() && one.path.ends_with("/tenders"));
    fixed.map(|one| &*one.basket).filter(|basket| !is_sold(&basket.reference)).collect()
}

/// How HQ's stock differs from a hub's positions, of which a store that was never restored has one set.
pub fn differs_from_headquarters(positions: &[Value], theirs: &[Value]) -> Vec<String> {
    const STATES: [&str; 5] = ["on_hand", "reserved", "in_transit", "quarantined", "damaged"];
    let of = |row: &Value| -> ((String, String), [i64; 5]) {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        ((text("sku"), text("unit")), STATES.map(|state| row[state].as_i64().unwrap_or(0)))
    };
    // A position that never moved is not HQ's concern, nor is one that is back at nothing.
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
    use super::*;

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
    fn a_position_that_is_not_what_was_moved_is_found() {
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
    fn after_a_cut_the_last_command_alone_may_be_done_or_not() {
        let came = || (moved(&[(LAST, 5)], None, Some(At::OnHand)), Outcome::Done);
        let ledger = ledger(vec![came(), came(), came()]);
        let is_right = |pieces: i64, answered: &[usize]| {
            ledger.faults_after_a_cut(&[position(pieces * 1000, 0)], &[], &[0, 1], answered).is_empty()
        };
        assert!(is_right(10, &[0]) && is_right(5, &[0]) && is_right(10, &[0, 1]));
        assert!(!is_right(5, &[0, 1]) && !is_right(0, &[0]) && !is_right(15, &[0]) && !is_right(9, &[0]));
    }

    #[test]
    fn headquarters_must_have_the_very_same() {
        let differs = |ours: &[Value], theirs: &[Value]| !differs_from_headquarters(ours, theirs).is_empty();
        assert!(!differs(&[position(2_000, 1_000)], &[position(2_000, 1_000)]));
        assert!(!differs(&[position(2_000, 1_000), position(0, 0)], &[position(2_000, 1_000)]));
        assert!(differs(&[position(2_000, 1_000)], &[position(2_000, 0)]));
        assert!(differs(&[position(2_000, 1_000)], &[]) && differs(&[], &[position(2_000, 1_000)]));
    }
}
