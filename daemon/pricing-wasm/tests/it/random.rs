//! Random price books and baskets that use everything a book can say.

use fastrand::Rng;
use serde_json::{Value, json};

const SKUS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "apples", "fuel"];

/// 2026-03-20T00:00Z: the clocks of Berlin change nine days later.
const FIRST_DAY_MS: i64 = 1_773_964_800_000;

/// The store's time zone.
pub(crate) const ZONE: &str = "Europe/Berlin";

fn unit(sku: &str) -> &'static str {
    match sku {
        "apples" => "kilogram",
        "fuel" => "litre",
        _ => "each",
    }
}

fn one_of<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())].clone()
}

fn some<T: Clone>(rng: &mut Rng, all: &[T]) -> Vec<T> {
    let chosen: Vec<T> = all.iter().filter(|_| rng.u8(..3) == 0).cloned().collect();
    if chosen.is_empty() { vec![one_of(rng, all)] } else { chosen }
}

/// Adds a field in one of so many cases.
fn maybe(rng: &mut Rng, one_in: u32, record: &mut Value, field: &str, value: impl FnOnce(&mut Rng) -> Value) {
    if rng.u32(..one_in) == 0 {
        record[field] = value(rng);
    }
}

/// A local time within 20 days, also in the hours that come twice or never.
fn time(rng: &mut Rng) -> String {
    format!("2026-03-{:02}T{:02}:{:02}", rng.u32(20..32), rng.u32(..24), rng.u32(..60))
}

fn hours(rng: &mut Rng) -> Value {
    let mut hours = json!({"from_minute": rng.u32(..1440), "until_minute": rng.u32(..=1440)});
    maybe(rng, 2, &mut hours, "days", |rng| {
        json!(some(rng, &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]))
    });
    hours
}

fn selection(rng: &mut Rng) -> Value {
    let mut selection = match rng.u8(..4) {
        0 => json!({"all": true}),
        1 => json!({"groups": some(rng, &["g1", "g2", "g3"])}),
        _ => json!({"skus": some(rng, &SKUS)}),
    };
    maybe(rng, 6, &mut selection, "except_skus", |rng| json!(some(rng, &SKUS)));
    maybe(rng, 8, &mut selection, "except_groups", |rng| json!([one_of(rng, &["g1", "g2"])]));
    selection
}

fn deal(rng: &mut Rng) -> Value {
    match rng.u8(..4) {
        0 => json!({"amount_off": rng.i64(1..400)}),
        1 => json!({"fixed_price": rng.i64(0..900)}),
        _ => json!({"percent": rng.u32(1..=10_000)}),
    }
}

fn tiers(rng: &mut Rng, first: i64, step: i64, deal: fn(&mut Rng) -> Value) -> Value {
    let mut from = first;
    let tiers = (0..rng.u32(1..4)).map(|_| {
        let tier = json!({"from": from, "deal": deal(rng)});
        from += rng.i64(1..=step);
        tier
    });
    Value::Array(tiers.collect())
}

fn off(rng: &mut Rng) -> Value {
    if rng.bool() { json!({"amount_off": rng.i64(1..2000)}) } else { json!({"percent": rng.u32(1..=10_000)}) }
}

fn rule(rng: &mut Rng) -> Value {
    let on = selection(rng);
    let part = |rng: &mut Rng| json!({"on": selection(rng), "count": rng.u32(1..3)});
    match rng.u8(..6) {
        0 => {
            let mut item = json!({"on": on, "deal": deal(rng)});
            maybe(rng, 4, &mut item, "most_per_line", |rng| json!(rng.u32(1..4)));
            json!({"item": item})
        }
        1 => {
            let from = rng.i64(1..5);
            json!({"quantity": {"on": on, "tiers": tiers(rng, from, 3, deal)}})
        }
        2 => {
            let count = rng.u32(1..5);
            json!({"group": {"on": on, "count": count, "each": rng.bool(), "tiers": tiers(rng, 0, 900, deal)}})
        }
        3 => json!({"bundle": {"parts": [part(rng), part(rng)], "deal": deal(rng)}}),
        4 => {
            let pick = one_of(rng, &["cheaper_of_group", "dearest", "cheapest_of_all"]);
            json!({"buy_get": {"buy": part(rng), "get": part(rng), "deal": deal(rng), "pick": pick}})
        }
        _ => {
            let from = rng.i64(0..3000);
            let mut threshold = json!({"on": on, "tiers": tiers(rng, from, 3000, off), "without_tax": rng.bool()});
            maybe(rng, 4, &mut threshold, "least_units", |rng| json!(rng.u32(1..8)));
            json!({"threshold": threshold})
        }
    }
}

fn offer(rng: &mut Rng, number: u32) -> Value {
    let mut offer = json!({"id": format!("o{number}"), "version": rng.u32(1..9),
        "name": format!("Offer {number} für €"), "priority": rng.u16(1..4), "rule": rule(rng)});
    offer["concurrency"] = json!(one_of(rng, &["exclusive", "best_price", "best_price", "compound", "compound"]));
    maybe(rng, 6, &mut offer, "from", |rng| json!(time(rng)));
    maybe(rng, 8, &mut offer, "hours", hours);
    maybe(rng, 8, &mut offer, "locations", |rng| json!([one_of(rng, &["store-1", "north", "south"])]));
    maybe(rng, 8, &mut offer, "channels", |rng| json!([one_of(rng, &["store", "web"])]));
    maybe(rng, 6, &mut offer, "customers", |rng| json!(some(rng, &["vip", "staff"])));
    maybe(rng, 6, &mut offer, "coupon", |rng| json!(one_of(rng, &["spring", "welcome"])));
    maybe(rng, 6, &mut offer, "most", |rng| json!(rng.u32(1..4)));
    maybe(rng, 6, &mut offer, "cap", |rng| json!(rng.i64(1..1500)));
    maybe(rng, 6, &mut offer, "funded_by", |_| json!("supplier"));
    json!({"offer": offer})
}

fn prices(rng: &mut Rng, sku: &str) -> Vec<Value> {
    let price = |id: &str, kind: &str, minor: i64| {
        let price = json!({"minor": minor, "per": unit(sku)});
        json!({"id": format!("{sku}-{id}"), "sku": sku, "kind": kind, "price": price})
    };
    let regular = rng.i64(20..1500);
    let mut first = price("regular", "regular", regular);
    if unit(sku) == "each" {
        maybe(rng, 4, &mut first, "multi", |rng| json!({"count": rng.u32(2..5), "minor": rng.i64(0..4000)}));
    }
    let mut all = vec![first];
    if rng.u8(..3) == 0 {
        let mut promotional = price("promotional", "promotional", rng.i64(10..=regular));
        maybe(rng, 2, &mut promotional, "from", |rng| json!(time(rng)));
        maybe(rng, 2, &mut promotional, "location", |rng| json!(one_of(rng, &["store-1", "north", "south"])));
        all.push(promotional);
    }
    if rng.u8(..4) == 0 {
        let mut member = price("member", "member", rng.i64(10..=regular));
        member["customers"] = json!(["vip"]);
        all.push(member);
    }
    if rng.u8(..8) == 0 {
        let mut kept = price("override", "override", rng.i64(1..2000));
        (kept["location"], kept["author"]) = (json!("store-1"), json!("manager"));
        maybe(rng, 2, &mut kept, "until", |rng| json!(time(rng)));
        all.push(kept);
    }
    all.into_iter().map(|price| json!({ "price": price })).collect()
}

fn facts(rng: &mut Rng, sku: &str) -> Value {
    let mut item = json!({"sku": sku, "groups": some(rng, &["g1", "g2", "g3"])});
    maybe(rng, 2, &mut item, "tax", |rng| json!(one_of(rng, &["food", "other"])));
    maybe(rng, 8, &mut item, "no_discount", |_| json!(true));
    maybe(rng, 5, &mut item, "lowest", |rng| json!(rng.i64(1..300)));
    maybe(rng, 6, &mut item, "minimum_age", |_| json!(18));
    maybe(rng, 6, &mut item, "sale_hours", hours);
    maybe(rng, 5, &mut item, "linked", |rng| json!([{"name": "deposit", "minor": rng.i64(0..50), "tax": "other"}]));
    json!({"item": item})
}

/// The text of a price book.
pub(crate) fn book(rng: &mut Rng) -> String {
    let tax = json!({"level": one_of(rng, &["line", "document"]), "rounding": one_of(rng, &["nearest", "down"])});
    let control = one_of(rng, &["within_priority", "across_priorities"]);
    let mut records = vec![
        json!({"book": {"version": "random", "currency": "EUR", "control": control, "tax": tax}}),
        json!({"stores": {"name": "north", "stores": ["store-1", "store-2"]}}),
        json!({"stores": {"name": "south", "stores": ["store-3"]}}),
    ];
    let included = rng.bool();
    records.push(json!({"tax": {"id": "vat", "classes": ["food"], "rate": {"ppm": 70_000}, "included": included}}));
    records.push(json!({"tax": {"id": "vat", "classes": ["other"], "rate": {"ppm": 190_000}, "included": included}}));
    if rng.u8(..3) == 0 {
        let from = time(rng);
        records.push(json!({"tax": {"id": "green", "classes": ["other"], "rate": {"fixed": 7}, "from": from}}));
    }
    for sku in SKUS {
        records.push(facts(rng, sku));
        records.extend(prices(rng, sku));
    }
    records.extend((0..rng.u32(..9)).map(|number| offer(rng, number)));
    records.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A basket; `store` and `minute` of the moment are the caller's to derive from `at_ms`.
pub(crate) fn basket(rng: &mut Rng) -> (i64, Value) {
    let at_ms = FIRST_DAY_MS + rng.i64(0..13 * 86_400_000);
    let mut basket = json!({"channel": one_of(rng, &["store", "store", "web"]), "lines": []});
    maybe(rng, 3, &mut basket, "customers", |rng| json!(some(rng, &["vip", "staff"])));
    maybe(rng, 3, &mut basket, "coupons", |rng| json!([{"class": one_of(rng, &["spring", "welcome"]), "code": "1"}]));
    maybe(
        rng,
        4,
        &mut basket,
        "budgets",
        |rng| json!({"o0": {"uses": rng.u32(..4)}, "o1": {"minor": rng.i64(0..500)}}),
    );
    maybe(rng, 10, &mut basket, "exemption", |_| json!("certificate 7"));
    for number in 1..=rng.u32(1..9) {
        let sku = one_of(rng, &[&SKUS[..], &["unknown"]].concat());
        let milli = if unit(sku) == "each" { rng.i64(1..6) * 1000 } else { rng.i64(1..4000) };
        let mut line = json!({"number": number, "sku": sku, "quantity": {"milli": milli, "unit": unit(sku)}});
        maybe(rng, 12, &mut line, "amount", |rng| json!(rng.i64(0..2000)));
        let has_price = sku == "unknown" && rng.u8(..20) > 0;
        if has_price {
            line["price"] = json!({"minor": rng.i64(1..900), "per": "each"});
        }
        maybe(rng, 12, &mut line, "keyed", |rng| json!([{"reason": "dented", "minor": rng.i64(1..60)}]));
        basket["lines"].as_array_mut().unwrap().push(line);
    }
    (at_ms, basket)
}
