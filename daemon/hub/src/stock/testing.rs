//! Stock for the tests of other capabilities.

use commerce::{
    Basket, Currency, Item, Minor, NewLine, Price, Quantity, Sku, Unit,
    line::What,
    stock::{Condition, Kind, Line, Policy, Portion, Position, Rule, State},
};
use store::{Store, Transaction};

use super::{
    Booking, By, POSITIONS, book,
    notices::{DeliveredLine, Delivery, NoticeRequest, enter_now, receive_now},
    policies,
    transfers::{Arrival, Dispatch, arrive_now, dispatch_now},
};
use crate::problem::Problem;

/// An item on file.
pub(crate) fn cereal() -> Item {
    Item {
        sku: "818981".parse().unwrap(),
        gtin: None,
        description: "Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::literal(369), per: Unit::Each },
    }
}

/// A basket with so many pieces of it.
pub(crate) fn basket(id: String, pieces: u32) -> Basket {
    let currency = Currency::from_code("USD").unwrap();
    let mut basket = Basket::open(id, "till-1".into(), currency, 1, None, None).unwrap();
    let quantity = Quantity::pieces(pieces).unwrap();
    basket.add_line(NewLine { what: What::Item(&cereal()), quantity, keyed: None, discounts: vec![] }).unwrap();
    basket
}

/// So many pieces of an item that may not go below zero.
pub(crate) fn stock(transaction: &mut Transaction<'_>, sku: &Sku, pieces: u32) -> Result<(), Problem> {
    rule(transaction, sku, true)?;
    let lines = Line::of([((sku.clone(), Unit::Each), i64::from(pieces) * 1000)], None, Some(State::OnHand));
    let booking =
        Booking { kind: Kind::Receipt, reference: "1".into(), by: "till-1".into(), at_ms: 1, lines, settled: false };
    book(transaction, booking).map(drop)
}

/// Lets an item go below zero, or not.
pub(crate) fn rule(transaction: &mut Transaction<'_>, sku: &Sku, strict: bool) -> Result<(), Problem> {
    let rule = if strict { Rule::ToZero } else { Rule::BelowZero };
    let policy = Policy {
        sku: sku.clone(),
        unit: Unit::Each,
        rule,
        safety_stock: 0,
        lead_time_days: 0,
        cover_days: 0,
        pack: 1000,
    };
    Ok(policies::put(transaction, &policy)?)
}

/// What is there of an item.
pub(crate) fn position(store: &Store, sku: &Sku) -> Position {
    store.get(&POSITIONS, (sku.as_str(), "each")).unwrap().unwrap()
}

fn by() -> By {
    By { name: "(console)".into(), at_ms: 1 }
}

fn portions(pieces: u32) -> Vec<Portion> {
    vec![Portion { sku: cereal().sku, quantity: Quantity::pieces(pieces).unwrap() }]
}

/// A hub sends pieces to another; gives the transfer's number.
pub(crate) fn send(
    transaction: &mut Transaction<'_>,
    (here, epoch): (&str, u64),
    to: &str,
    pieces: u32,
) -> Result<u64, Problem> {
    let dispatch = Dispatch { to: to.parse().unwrap(), lines: portions(pieces) };
    Ok(dispatch_now(transaction, by(), (here.parse().unwrap(), epoch), dispatch)?.id)
}

/// The sender is told that so many pieces arrived.
pub(crate) fn arrive(transaction: &mut Transaction<'_>, here: &str, id: u64, pieces: u32) -> Result<(), Problem> {
    arrive_now(transaction, &by(), &here.parse().unwrap(), id, Arrival { lines: portions(pieces) }).map(drop)
}

/// A hub enters a transfer, and receives so many pieces of it.
pub(crate) fn come_in(
    transaction: &mut Transaction<'_>,
    (sender, transfer): (&str, &str),
    here: &str,
    pieces: u32,
) -> Result<(), Problem> {
    let (store, transfer, to) = (sender.parse().unwrap(), transfer.parse().unwrap(), here.parse().unwrap());
    let notice = NoticeRequest::Store { store, transfer, to, lines: portions(pieces) };
    let id = enter_now(transaction, &by(), here.parse().unwrap(), notice)?.id;
    let (sku, quantity) = (cereal().sku, Quantity::pieces(pieces).unwrap());
    let lines = vec![DeliveredLine { sku, quantity, condition: Condition::Good }];
    receive_now(transaction, by(), id, Delivery { delivery_note: None, lines }).map(drop)
}
