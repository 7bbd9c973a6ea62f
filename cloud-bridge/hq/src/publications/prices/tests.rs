use commerce::pricing::{Basket, Book, Moment, Priced, basket::BasketLine, price, time::Weekday};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::publications::{cut, diff::Diff};

const EXAMPLE: &str = include_str!("../../../../../docs/examples/prices/book.ndjson");

fn of(text: &str) -> Result<Records, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("book.ndjson");
    fs::write(&path, text).unwrap();
    (PRICE_BOOK.read)(&path).map_err(|error| error.to_string())
}

fn text(records: &[Value]) -> String {
    records.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

fn book(of: impl FnOnce(&mut Loader)) -> Book {
    let mut loader = Loader::default();
    of(&mut loader);
    loader.finish(&Store { name: "store-1", zone: &|_| 0 }).unwrap()
}

/// As a hub reads it: in the order of the keys.
fn published(records: &Records) -> Book {
    book(|loader| (1..).zip(records.values()).for_each(|(line, body)| loader.read_line(line, body.get())))
}

fn priced(book: &Book, skus: &[&str]) -> Priced {
    let line = |(number, sku): (u32, &&str)| BasketLine {
        number,
        sku: sku.parse().unwrap(),
        quantity: commerce::Quantity::pieces(2).unwrap(),
        groups: Vec::new(),
        amount: None,
        price: None,
        keyed: Vec::new(),
    };
    let moment = Moment { at_ms: 1, weekday: Weekday::Tuesday, minute: 720 };
    let lines = (1..).zip(skus).map(line).collect();
    price(book, &Basket { lines, ..Basket::new(moment, "store") }).unwrap()
}

#[test]
fn a_published_book_prices_as_its_file() {
    let records = of(EXAMPLE).unwrap();
    assert_eq!(records.len(), lines(EXAMPLE).count());
    assert!(cut(records.iter().map(|(key, body)| (key.clone(), body.clone())).collect()).is_ok(), "the keys are valid");
    let of_file = book(|loader| loader.read(EXAMPLE));
    let skus = ["cola", "wine", "bread"];
    assert_eq!(priced(&published(&records), &skus), priced(&of_file, &skus));
}

proptest! {
    /// Taxes on taxes depend on the order of the book; the names of taxes must not change it.
    #[test]
    fn taxes_keep_the_order_of_the_file(
        taxes in prop::collection::vec(("[a-z]{1,3}", 1_u32..200_000, any::<bool>()), 1..14),
    ) {
        let mut records = vec![
            json!({"book": {"version": "1", "currency": "EUR"}}),
            json!({"item": {"sku": "a", "tax": "food"}}),
            json!({"price": {"id": "a", "sku": "a", "kind": "regular", "price": {"minor": 99_999, "per": "each"}}}),
        ];
        // Of one tax a class has one rate at a time.
        let mut seen = std::collections::BTreeSet::new();
        let taxes = taxes.iter().filter(|(id, ..)| seen.insert(id.clone())).take(4);
        records.extend(taxes.map(|(id, ppm, on_taxes)| {
            json!({"tax": {"id": id, "classes": ["food"], "rate": {"ppm": ppm / 1_000 * 1_000}, "on_taxes": on_taxes}})
        }));
        let text = text(&records);
        let of_file = book(|loader| loader.read(&text));
        prop_assert_eq!(priced(&published(&of(&text).unwrap()), &["a"]), priced(&of_file, &["a"]));
    }
}

#[test]
fn a_diff_says_what_changes_of_a_book() {
    let after = EXAMPLE
        .replace("2026-week-49", "2026-week-50")
        .replace(r#""minor": 99,"#, r#""minor": 89,"#)
        .replace(r#""ppm": 70000"#, r#""ppm": 50000"#)
        .replace(r#", "minimum_age": 18"#, "")
        .lines()
        .filter(|line| !line.contains("bread-w49"))
        .chain([r#"{"offer": {"id": "cheap", "version": 3, "name": "Cheap", "locations": ["north"],
            "rule": {"item": {"on": {"all": true}, "deal": {"percent": 100}}}}}"#
            .replace('\n', "")
            .as_str()])
        .collect::<Vec<_>>()
        .join("\n");
    let (before, after) = (of(EXAMPLE).unwrap(), of(&after).unwrap());
    assert_eq!(
        Diff::between(&before, &after).lines(&PRICE_BOOK, 9),
        [
            "+ offer cheap: Cheap, version 3, at north",
            "~ book: version 2026-week-49, EUR -> version 2026-week-50, EUR",
            "~ item wine: standard, other details",
            "~ price cola-1: cola regular 99 per each -> cola regular 89 per each",
            "~ tax vat: 70000 ppm on food -> 50000 ppm on food",
            "- price bread-w49: bread promotional 149 per each, at north, from 2026-12-02T00:00, until \
             2026-12-09T00:00",
        ]
    );
}

#[test]
fn a_bad_book_is_refused_with_every_problem() {
    let bad = EXAMPLE.replace(r#""minor": 799"#, r#""minor": -1"#).replace("cola-1", "cola one");
    let why = of(&bad).unwrap_err();
    for expected in ["book.ndjson", "line 9: price.id: invalid `cola one`", "line 10: price.price.minor: -1 is out of"]
    {
        assert!(why.contains(expected), "{why}");
    }
    assert!(of("").unwrap_err().contains("no header"));
    assert!((PRICE_BOOK.read)(Path::new("/nowhere")).unwrap_err().to_string().contains("could not read it"));
}
