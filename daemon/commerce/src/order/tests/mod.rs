//! Tests of orders, by subject.

mod batches;
mod handover;
mod machine;
mod model;
mod offers;
mod picking;
mod progress;
mod times;

use super::*;
use crate::{
    item::{Price, Sku},
    money::{Currency, Minor},
    quantity::{Quantity, Unit},
    stock::{self, Sums},
};

/// Noon of some day.
const NOON: i64 = 1_795_500_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const MILK: &str = "4711";
const OAT_MILK: &str = "4712";
const PEAS: &str = "5000";
const SALMON: &str = "6000";
const WINE: &str = "7000";

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

fn pieces(count: i64) -> i64 {
    count * 1000
}

fn ordered(number: u32, item: &str, count: i64) -> Ordered {
    let (unit, minor, zone, minimum_age) = match item {
        MILK => (Unit::Each, 189, Zone::Chilled, 0),
        OAT_MILK => (Unit::Each, 229, Zone::Chilled, 0),
        PEAS => (Unit::Each, 250, Zone::Frozen, 0),
        SALMON => (Unit::Kilogram, 2999, Zone::Chilled, 0),
        WINE => (Unit::Each, 899, Zone::Ambient, 18),
        _ => (Unit::Each, 500, Zone::Ambient, 0),
    };
    Ordered {
        number,
        sku: sku(item),
        description: format!("Item {item}"),
        quantity: Quantity::new(pieces(count), unit).unwrap(),
        price: Price { minor: Minor::literal(minor), per: unit },
        substitution: Substitution::Remove,
        zone,
        minimum_age,
    }
}

fn order(kind: Kind, lines: Vec<Ordered>) -> Order {
    let customer = Customer {
        id: None,
        name: "Ada Byron".into(),
        phone: Some("+44 20 7946 0000".into()),
        code: Some("K7-PLUM".to_owned().try_into().unwrap()),
        address: vec![],
    };
    let payment =
        if kind == Kind::Reserve { Payment::AtPickup } else { Payment::Prepaid { reference: "psp-1".into() } };
    let terms = Terms {
        order: "web-1".parse().unwrap(),
        kind,
        customer: (kind != Kind::Transfer).then_some(customer),
        receiver: (kind == Kind::Transfer).then(|| "store-2".into()),
        currency: Currency::from_code("EUR").unwrap(),
        payment,
        placed_at_ms: NOON,
        due_ms: NOON + 2 * HOUR,
        keep_until_ms: None,
    };
    Order { terms, lines }
}

/// A store with one fulfilment: applies decisions and keeps their stock movements, like the hub.
struct Desk {
    fulfilment: Fulfilment,
    policy: Policy,
    now_ms: i64,
    changes: Vec<Change>,
}

impl Desk {
    /// All of an order is offered, and there is enough stock.
    fn offered(order: &Order, policy: Policy) -> Self {
        let all: Vec<Amount> = all_of(order);
        let enough = order.lines.iter().map(|line| (line.place(), line.quantity.milli())).collect();
        Self::with(order, &all, &enough, policy)
    }

    fn with(order: &Order, amounts: &[Amount], available: &Sums, policy: Policy) -> Self {
        let (fulfilment, changes) =
            offer(order, 1, amounts, available, Facts { now_ms: NOON, policy: &policy }).unwrap();
        let mut desk = Self { fulfilment, policy, now_ms: NOON, changes: Vec::new() };
        desk.follow(changes);
        desk
    }

    fn accepted(order: &Order) -> Self {
        Self::offered(order, Policy::default())
    }

    fn decide(&self, command: Command) -> Result<Vec<Change>, Refusal> {
        decide(&self.fulfilment, command, Facts { now_ms: self.now_ms, policy: &self.policy })
    }

    fn follow(&mut self, changes: Vec<Change>) {
        for change in &changes {
            self.fulfilment.apply(change);
        }
        for line in &self.fulfilment.lines {
            assert_eq!(line.sum(|_| true), line.ordered.quantity.milli() + line.variance, "{line:?}");
            assert!(line.units.values().all(|milli| *milli > 0), "{line:?}");
        }
        self.changes = changes;
    }

    fn run(&mut self, command: Command) {
        let changes = self.decide(command).unwrap();
        self.follow(changes);
    }

    fn refused(&self, command: Command) -> Rule {
        self.decide(command).unwrap_err().rule
    }

    fn at(&mut self, now_ms: i64) -> &mut Self {
        self.now_ms = now_ms;
        self
    }

    fn of(&self, line: u32, state: State) -> i64 {
        self.fulfilment.line(line).unwrap().of(state)
    }

    fn state(&self) -> State {
        self.fulfilment.state().unwrap()
    }

    /// The stock movements of the last command: kind, SKU, thousandths.
    fn stock(&self) -> Vec<(stock::Kind, String, i64)> {
        let of = |change: &Change| match change {
            Change::Stock { kind, lines, .. } => {
                lines.iter().map(|line| (*kind, line.sku.to_string(), line.milli)).collect()
            }
            _ => Vec::new(),
        };
        self.changes.iter().flat_map(of).collect()
    }

    /// Picks, packs and readies the accepted units.
    fn make_ready(&mut self) {
        let lines: Vec<(u32, Ordered)> =
            self.fulfilment.lines.iter().map(|line| (line.ordered.number, line.ordered.clone())).collect();
        for (number, ordered) in lines {
            self.run(claim("ann", number));
            let left = Quantity::new(self.of(number, State::Picking), ordered.quantity.unit()).unwrap();
            self.run(Command::Pick { picker: picker("ann"), line: number, scanned: ordered.sku, quantity: left });
            let milli = self.of(number, State::Picked);
            self.run(pack(&[(number, milli)], ordered.zone));
        }
        self.run(Command::MakeReady);
    }
}

fn all_of(order: &Order) -> Vec<Amount> {
    order.lines.iter().map(|line| Amount { line: line.number, milli: line.quantity.milli() }).collect()
}

fn picker(name: &str) -> crate::ids::OperatorId {
    name.parse().unwrap()
}

fn claim(name: &str, line: u32) -> Command {
    Command::Claim { picker: picker(name), lines: vec![line] }
}

fn amounts(of: &[(u32, i64)]) -> Vec<Amount> {
    of.iter().map(|(line, milli)| Amount { line: *line, milli: *milli }).collect()
}

fn pick(name: &str, line: u32, item: &str, quantity: Quantity) -> Command {
    Command::Pick { picker: picker(name), line, scanned: sku(item), quantity }
}

fn place(zone: Zone) -> Place {
    Place { name: format!("{}-1", zone.name()), zone }
}

fn pack(of: &[(u32, i64)], zone: Zone) -> Command {
    let probe_deci_celsius = match zone {
        Zone::Ambient => None,
        Zone::Chilled => Some(40),
        Zone::Frozen => Some(-180),
    };
    Command::Pack { amounts: amounts(of), place: place(zone), probe_deci_celsius }
}

fn hand_over(of: &[(u32, i64)], paid: i64) -> Command {
    Command::HandOver(handover(of, paid))
}

fn handover(of: &[(u32, i64)], paid: i64) -> Handover {
    Handover {
        checked: amounts(of).into_iter().map(|amount| Checked { amount, scanned: None }).collect(),
        proof: Proof::Code("K7-PLUM".into()),
        age_checked: None,
        paid: Minor::literal(paid),
        partial: false,
    }
}

fn count(pieces: u32) -> Quantity {
    Quantity::pieces(pieces).unwrap()
}

fn grams(grams: i64) -> Quantity {
    Quantity::new(grams, Unit::Kilogram).unwrap()
}
