//! Stock for the tests of other capabilities.

use commerce::{
    Basket, Currency, Item, Minor, NewLine, Price, Quantity, Sku, Unit,
    line::What,
    stock::{Kind, Line, Policy, Position, Rule, State},
};
use store::{Store, Transaction};

use super::{Booking, POSITIONS, book, policies};
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
