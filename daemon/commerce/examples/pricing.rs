//! How long pricing takes: `cargo run --release -p commerce --example pricing`
//!
//! Baskets of 20 and of 100 lines, where every offer has goods in the basket and competes with seven others; and a book
//! of 100,000 items.

use std::time::{Duration, Instant};

use commerce::pricing::{Basket, Book, Loader, Moment, Store, price, time::Weekday};
use serde_json::{Value, json};

/// The number of groups of items. An item belongs to one, an offer is for one.
const GROUPS: u64 = 25;

/// Repetitions.
const TIMES: usize = 1000;

fn book(items: u64, offers: u64) -> String {
    let mut records = vec![json!({"book": {"version": "1", "currency": "EUR"}})];
    records.push(json!({"tax": {"id": "vat", "classes": ["food"], "rate": {"ppm": 70_000}, "included": true}}));
    for item in 0..items {
        records.push(
            json!({"item": {"sku": format!("s{item}"), "groups": [format!("g{}", item % GROUPS)], "tax": "food"}}),
        );
        let minor = 50 + item * 7919 % 1950;
        records.push(json!({"price": {"id": format!("p{item}"), "sku": format!("s{item}"), "kind": "regular",
            "price": {"minor": minor, "per": "each"}}}));
    }
    for number in 0..offers {
        let on = json!({"groups": [format!("g{}", number % GROUPS)]});
        let deal = json!({"percent": 100 + number * 37 % 4000});
        let rule = match number % 4 {
            0 => json!({"item": {"on": on, "deal": deal}}),
            1 => json!({"quantity": {"on": on, "tiers": [{"from": 2, "deal": deal}]}}),
            2 => json!({"group": {"on": on, "count": 2, "tiers": [{"from": 0, "deal": deal}]}}),
            _ => json!({"buy_get": {"buy": {"on": on, "count": 1}, "get": {"on": on, "count": 1}, "deal": deal}}),
        };
        records.push(
            json!({"offer": {"id": format!("o{number:03}"), "version": 1, "name": "Some for less", "rule": rule}}),
        );
    }
    records.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn load(text: &str) -> Result<Book, String> {
    let mut loader = Loader::default();
    loader.read(text);
    loader.finish(&Store { name: "store-1", zone: &|_| 0 }).map_err(|problems| format!("{problems:?}"))
}

fn basket(lines: u64) -> Result<Basket, String> {
    let lines: Vec<Value> = (0..lines)
        .map(|line| {
            let quantity = json!({"milli": 1000 * (1 + line % 3), "unit": "each"});
            json!({"number": line + 1, "sku": format!("s{line}"), "quantity": quantity})
        })
        .collect();
    let moment = Moment { at_ms: 0, weekday: Weekday::Monday, minute: 720 };
    let basket = json!({"moment": moment, "channel": "store", "lines": lines});
    serde_json::from_value(basket).map_err(|error| error.to_string())
}

fn main() -> Result<(), String> {
    for (lines, offers) in [(20, 40), (20, 200), (100, 200)] {
        let (book, basket) = (load(&book(lines, offers))?, basket(lines)?);
        let mut exact = true;
        let mut took = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let began = Instant::now();
            let priced = price(&book, &basket).map_err(|refusal| refusal.to_string())?;
            took.push(began.elapsed());
            exact &= priced.exact;
        }
        took.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let (p50, p99) = (ms(took[TIMES / 2]), ms(took[TIMES * 99 / 100]));
        println!("{lines} lines, {offers} offers: p50 {p50:.2} ms, p99 {p99:.2} ms; exact: {exact}");
    }
    let text = book(100_000, 200);
    let began = Instant::now();
    let book = load(&text)?;
    println!(
        "a book of {} items: {} MB read and compiled in {:.2} s",
        book.len(),
        text.len() / 1_000_000,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
