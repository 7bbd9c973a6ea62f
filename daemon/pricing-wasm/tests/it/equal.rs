//! Random baskets have the same prices and explanations at a register, at the hub, at HQ and in the browser.

use std::{env, path::Path};

use commerce::{
    Basket, BasketId, Currency, Discount, Goods, Item, Minor, NewLine, Origin, Price, Quantity, RegisterName, Unit,
    line::What,
    particulars::Particulars,
    pricing::{self, Book, Loader, LocalTime, Moment, Store, explain::quote, time::Weekday},
};
use contract::publication::Record;
use fastrand::Rng;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json, value::RawValue};

use crate::{node, random};

const STORE: &str = "store-1";

/// Baskets by book.
const BASKETS: usize = 20;

fn load(text: &str) -> Book {
    let zone = TimeZone::get(random::ZONE).unwrap();
    let resolve = |time: LocalTime| {
        let time: DateTime = time.to_string().parse().unwrap();
        time.to_zoned(zone.clone()).unwrap().timestamp().as_millisecond()
    };
    let mut loader = Loader::default();
    loader.read(text);
    loader.finish(&Store { name: STORE, zone: &resolve }).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

/// As HQ compiles what it published.
fn load_at_hq(text: &str) -> Book {
    let record =
        |(number, line): (usize, &str)| Record(format!("{number:06}"), RawValue::from_string(line.into()).unwrap());
    let records: Vec<Record> = text.lines().enumerate().map(record).collect();
    hq::prices::compile(&records, &STORE.parse().unwrap(), &TimeZone::get(random::ZONE).unwrap()).unwrap()
}

fn moment(at_ms: i64) -> Moment {
    let zoned = Timestamp::from_millisecond(at_ms).unwrap().to_zoned(TimeZone::get(random::ZONE).unwrap());
    let weekday = Weekday::ALL[usize::try_from(zoned.weekday().to_monday_zero_offset()).unwrap()];
    Moment {
        at_ms,
        weekday,
        minute: u16::try_from(zoned.hour()).unwrap() * 60 + u16::try_from(zoned.minute()).unwrap(),
    }
}

fn shown(book: &Book, basket: &pricing::Basket) -> Value {
    match quote(book, basket, true) {
        Ok(quote) => serde_json::to_value(quote).unwrap(),
        Err(refusal) => json!({"error": refusal.to_string(), "kind": "PricingError"}),
    }
}

/// The basket as registers fill it, if they can: the hub reprices it after every command.
fn at_the_register(book: &Book, entered: &pricing::Basket) -> Option<Basket> {
    let currency = Currency::from_code("EUR").unwrap();
    let register: RegisterName = serde_json::from_value(json!("register-1")).unwrap();
    let mut basket = Basket::open(BasketId(1), register, None, currency, 1, None, None).unwrap();
    for line in &entered.lines {
        let item: Item =
            serde_json::from_value(json!({"sku": line.sku, "description": "x", "price": line.price})).unwrap();
        let keyed = line.keyed.iter();
        let discounts =
            keyed.map(|one| Discount { reason: one.reason.clone(), origin: Origin::Manager, amount: one.minor });
        let new = NewLine {
            what: What::Item(&item),
            quantity: line.quantity,
            keyed: line.amount.map(|amount| (amount, "price on the package".into())),
            discounts: discounts.collect(),
            particulars: Particulars::default(),
        };
        basket.add_line(new).ok()?;
        basket.reprice(book, entered.moment).ok()?;
    }
    Some(basket)
}

fn compare_with_the_register(book: &Book, entered: &pricing::Basket) -> bool {
    // Every item is in the store's catalog.
    let mut lines = entered.lines.clone();
    for line in &mut lines {
        line.price.get_or_insert(Price { minor: Minor::literal(5000), per: line.quantity.unit() });
    }
    let plain = pricing::Basket { lines, ..pricing::Basket::new(entered.moment, "store") };
    let Some(basket) = at_the_register(book, &plain) else { return false };
    let priced = pricing::price(book, &plain).unwrap();
    assert_eq!((basket.due(), basket.tax_rounding), (priced.total, priced.rounding));
    for (line, priced) in basket.lines.iter().zip(&priced.lines) {
        let derived: Vec<_> = priced.adjustments.iter().filter(|one| !one.is_keyed()).cloned().collect();
        assert!(matches!(line.goods, Goods::Item { .. }));
        assert_eq!((line.regular, line.net(), &line.adjustments), (priced.regular, priced.net, &derived));
        assert_eq!((&line.charges, &line.taxes), (&priced.linked, &priced.taxes));
    }
    true
}

/// What is answered for the baskets of a random book, without refusals.
pub(crate) fn answers(rng: &mut Rng) -> Vec<Value> {
    let book = load(&random::book(rng));
    let answer = |_| {
        let (at_ms, mut basket) = random::basket(rng);
        basket["moment"] = serde_json::to_value(moment(at_ms)).unwrap();
        quote(&book, &serde_json::from_value(basket).unwrap(), true).ok()
    };
    (0..BASKETS).filter_map(answer).map(|quote| serde_json::to_value(quote).unwrap()).collect()
}

/// Compares so many baskets; `wasm` is another build of the engine.
pub(crate) fn compare(seed: u64, baskets: usize, wasm: Option<&Path>) {
    let mut rng = Rng::with_seed(seed);
    let (mut asks, mut expected) = (Vec::new(), Vec::new());
    let (mut discounted, mut refused, mut sold) = (0, 0, 0);
    for _ in 0..baskets.div_ceil(BASKETS) {
        let text = random::book(&mut rng);
        let (book, hqs) = (load(&text), load_at_hq(&text));
        asks.push(json!({"book": text, "store": STORE, "zone": random::ZONE}));
        expected.push(json!({"version": book.version(), "currency": book.currency(), "items": book.len()}));
        for _ in 0..BASKETS {
            let (at_ms, mut basket) = random::basket(&mut rng);
            asks.push(json!({"basket": basket, "options": {"at": at_ms}}));
            basket["moment"] = serde_json::to_value(moment(at_ms)).unwrap();
            let basket: pricing::Basket = serde_json::from_value(basket).unwrap();
            sold += usize::from(compare_with_the_register(&book, &basket));
            let at_hq = shown(&hqs, &basket);
            let shown = shown(&book, &basket);
            assert_eq!(at_hq, shown, "seed {seed}: {text}");
            refused += usize::from(shown["error"].is_string());
            discounted += usize::from(shown["discount"].as_i64() > Some(0));
            expected.push(shown);
        }
    }
    let answers = node::ask(asks.clone(), wasm);
    for ((ask, answer), expected) in asks.iter().zip(answers).zip(expected) {
        assert_eq!(answer, expected, "seed {seed}: {ask}");
    }
    // The cases say something.
    assert!(discounted * 2 > baskets, "{discounted} of {baskets} baskets are discounted");
    assert!(refused * 5 < baskets && sold * 2 > baskets, "{refused} refused, {sold} at the register, of {baskets}");
}

pub(crate) fn seed() -> u64 {
    let given = env::var("STORE_HUB_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    seed
}

#[test]
fn random_baskets_have_the_same_prices_everywhere() {
    if node::has("node", "nodejs") {
        let rounds = if env::var_os("STORE_HUB_LONG").is_some() { 50 } else { 1 };
        let seed = seed();
        for round in 0..rounds {
            compare(seed.wrapping_add(round), 2000, None);
        }
    }
}

#[test]
fn the_example_has_the_price_of_the_command() {
    if !node::has("node", "nodejs") {
        return;
    }
    let file =
        |name: &str| std::fs::read_to_string(node::here().join("../../docs/examples/prices").join(name)).unwrap();
    let basket: Value = serde_json::from_str(&file("basket.json")).unwrap();
    let at_ms = 1_796_126_400_000_i64; // 2026-12-01T12:00Z, as in docs/pricing.md
    let load = json!({"book": file("book.ndjson"), "store": "", "zone": "UTC"});
    let answers = node::ask(vec![load, json!({"basket": basket, "options": {"at": at_ms}})], None);
    let mut priced = basket;
    priced["channel"] = json!("store");
    priced["moment"] = serde_json::to_value(moment(at_ms)).unwrap();
    let mut loader = Loader::default();
    loader.read(&file("book.ndjson"));
    let book = loader.finish(&Store { name: "", zone: &|_| i64::MAX }).unwrap();
    let expected = shown(&book, &serde_json::from_value(priced).unwrap());
    assert_eq!((&answers[0]["version"], &answers[1]), (&json!("2026-week-49"), &expected));
    assert_eq!(answers[1]["total"], 2484, "{}", answers[1]);
}

#[test]
fn a_bad_book_is_refused_with_its_problems() {
    if !node::has("node", "nodejs") {
        return;
    }
    let text = "{\"book\": {\"version\": \"1\", \"currency\": \"EUR\"}}\n{\"price\": {\"id\": \"a\"}}";
    let answers =
        node::ask(vec![json!({"book": text, "zone": "UTC"}), json!({"book": "{}", "zone": "Mars/Crater"})], None);
    assert_eq!(answers[0]["kind"], "PricingError");
    assert!(answers[0]["error"].as_str().unwrap().contains("line 2: price: missing field `sku`"), "{}", answers[0]);
    assert_eq!(answers[1]["kind"], "RangeError", "{}", answers[1]);
}

/// What a register page does for each scan: prices 20 lines. `cargo test -p pricing-wasm -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn measure_the_price_of_a_basket() {
    let size = node::npm().join("pricing.wasm").metadata().unwrap().len();
    let mut rng = Rng::with_seed(1);
    for (lines, offers) in [(20, 40), (100, 200)] {
        let mut records = vec![json!({"book": {"version": "1", "currency": "EUR"}})];
        for item in 0..lines {
            records.push(json!({"item": {"sku": format!("s{item}"), "groups": [format!("g{}", item % 25)]}}));
            records.push(json!({"price": {"id": format!("p{item}"), "sku": format!("s{item}"), "kind": "regular",
                "price": {"minor": rng.i64(50..2000), "per": "each"}}}));
        }
        for number in 0..offers {
            let groups = [format!("g{}", number % 25)];
            let rule = json!({"group": {"on": {"groups": groups}, "count": 2 + number % 3,
                "tiers": [{"from": 0, "deal": {"percent": rng.u32(100..5000)}}]}});
            records.push(
                json!({"offer": {"id": format!("o{number}"), "version": 1, "name": "Some for less", "rule": rule}}),
            );
        }
        let text = records.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let line = |number: u32| {
            let quantity = Quantity::new(1000, Unit::Each).unwrap();
            json!({"number": number + 1, "sku": format!("s{number}"), "quantity": quantity})
        };
        let basket = json!({"lines": (0..lines).map(line).collect::<Vec<_>>()});
        let asks = vec![json!({"book": text, "zone": "UTC"}), json!({"measure": [basket, 200]})];
        let took = &node::ask(asks, None)[1];
        let at = |place: usize| took[place].as_f64().unwrap() / 1000.0;
        println!("{size} bytes; {lines} lines, {offers} offers: p50 {:.2} ms, p99 {:.2} ms", at(100), at(198));
    }
}
