//! Books and baskets for tests, as JSON.

use serde_json::{Value, json};

use super::{
    basket::{Basket, BasketLine, Priced},
    load::{Loader, Problem, Store},
    time::{LocalTime, Moment, Weekday},
    *,
};

mod best_deal;
mod books;
mod explanations;
mod offers;
mod properties;
mod taxes;

/// Tests' stores live in UTC.
pub(super) fn utc(time: LocalTime) -> i64 {
    let (year, month, day) = time.date();
    let (y, m) =
        if month <= 2 { (i64::from(year) - 1, i64::from(month) + 9) } else { (i64::from(year), i64::from(month) - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + i64::from(day) - 1 - 719_468;
    (days * 1440 + i64::from(time.minute())) * 60_000
}

pub(super) fn load(records: &[Value]) -> Result<Book, Vec<Problem>> {
    load_for("store-1", records, &utc)
}

pub(super) fn load_for(name: &str, records: &[Value], zone: &dyn Fn(LocalTime) -> i64) -> Result<Book, Vec<Problem>> {
    let mut loader = Loader::default();
    for (line, record) in (1..).zip(records) {
        loader.read_line(line, &record.to_string());
    }
    loader.finish(&Store { name, zone })
}

pub(super) fn header() -> Value {
    json!({"book": {"version": "7", "currency": "EUR"}})
}

/// A book with a header and these records.
pub(super) fn book(records: &[Value]) -> Book {
    let mut all = vec![header()];
    all.extend_from_slice(records);
    load(&all).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// A regular price of a piece.
pub(super) fn at(sku: &str, minor: i64) -> Value {
    json!({"price": {"id": format!("p-{sku}"), "sku": sku, "kind": "regular",
        "price": {"minor": minor, "per": "each"}}})
}

/// An offer with this rule and these other fields.
pub(super) fn offer(id: &str, rule: &Value, more: &Value) -> Value {
    let mut offer = json!({"id": id, "version": 1, "name": id, "rule": rule});
    for (key, value) in more.as_object().unwrap() {
        offer[key] = value.clone();
    }
    json!({ "offer": offer })
}

pub(super) fn noon() -> Moment {
    Moment { at_ms: utc("2026-12-01T12:00".parse().unwrap()), weekday: Weekday::Tuesday, minute: 720 }
}

/// A basket of pieces.
pub(super) fn pieces(lines: &[(&str, u32)]) -> Basket {
    let line = |(number, (sku, count)): (u32, &(&str, u32))| BasketLine {
        number,
        sku: sku.parse().unwrap(),
        quantity: crate::Quantity::pieces(*count).unwrap(),
        groups: Vec::new(),
        amount: None,
        price: None,
        keyed: Vec::new(),
    };
    Basket { lines: (1..).zip(lines).map(line).collect(), ..Basket::new(noon(), "store") }
}

pub(super) fn priced(book: &Book, lines: &[(&str, u32)]) -> Priced {
    check(price(book, &pieces(lines)).unwrap())
}

/// Checks what holds for every priced basket.
pub(super) fn check(priced: Priced) -> Priced {
    for line in &priced.lines {
        let off: crate::Minor = line.adjustments.iter().map(|adjustment| adjustment.amount).sum();
        assert_eq!(line.net, line.regular - off);
        assert!(!line.net.is_negative());
        assert!(line.adjustments.iter().all(|adjustment| adjustment.amount.is_positive()));
    }
    assert_eq!(priced.net, priced.lines.iter().map(|line| line.net).sum());
    assert_eq!(priced.discount, priced.regular - priced.net);
    priced
}

/// The net amounts of the lines.
pub(super) fn nets(priced: &Priced) -> Vec<i64> {
    priced.lines.iter().map(|line| line.net.get()).collect()
}

pub(super) fn all() -> Value {
    json!({"all": true})
}

pub(super) fn on(skus: &[&str]) -> Value {
    json!({ "skus": skus })
}
