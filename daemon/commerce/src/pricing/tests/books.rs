//! Prices of a book at a moment, and what its loader refuses.

use super::{basket::Refusal, *};
use crate::Sku;

fn entry(id: &str, kind: &str, minor: i64, more: &Value) -> Value {
    let mut entry = json!({"id": id, "sku": "A", "kind": kind, "price": {"minor": minor, "per": "each"}});
    for (key, value) in more.as_object().unwrap() {
        entry[key] = value.clone();
    }
    json!({ "price": entry })
}

fn sku() -> Sku {
    "A".parse().unwrap()
}

fn shown(book: &Book, time: &str, customers: &[&str]) -> Option<(String, i64)> {
    let moment = Moment { at_ms: utc(time.parse().unwrap()), weekday: Weekday::Monday, minute: 0 };
    let customers: Vec<String> = customers.iter().map(|&group| group.to_owned()).collect();
    book.price_at(&sku(), moment, &customers).map(|entry| (entry.id.clone(), entry.price.minor.get()))
}

#[test]
fn a_price_changes_at_its_minute_and_once() {
    let book = book(&[
        entry("old", "regular", 499, &json!({"until": "2026-12-01T06:00"})),
        entry("new", "regular", 449, &json!({"from": "2026-12-01T06:00"})),
    ]);
    assert_eq!(shown(&book, "2026-12-01T05:59", &[]).unwrap().1, 499);
    assert_eq!(shown(&book, "2026-12-01T06:00", &[]).unwrap().1, 449);
    let change = utc("2026-12-01T06:00".parse().unwrap());
    assert_eq!(book.changes(i64::MIN, i64::MAX - 1), [change]);
    assert_eq!(book.changes(change, i64::MAX - 1), Vec::<i64>::new());
    let at = |at_ms| Moment { at_ms, weekday: Weekday::Tuesday, minute: 360 };
    assert_eq!(book.changed_between(at(change - 1), at(change)), [&sku()]);
    assert_eq!(book.changed_between(at(change), at(change + 1)), Vec::<&Sku>::new());
}

#[test]
fn a_clock_that_is_set_back_does_not_bring_the_old_price_back() {
    // Local 02:30 comes twice on 2026-10-25 in Berlin: at 00:30 and at 01:30 UTC. The zone resolves it to the first.
    let berlin = |time: LocalTime| {
        utc(time) - if utc(time) < utc("2026-10-25T03:00".parse().unwrap()) { 2 } else { 1 } * 3_600_000
    };
    let records = [
        header(),
        entry("p", "regular", 499, &json!({})),
        entry("circular", "promotional", 399, &json!({"from": "2026-10-25T02:30"})),
    ];
    let book = load_for("store-1", &records, &berlin).unwrap();
    let seen: Vec<i64> = (0..8)
        .map(|quarter| utc("2026-10-25T00:00".parse().unwrap()) + quarter * 900_000)
        .map(|at_ms| Moment { at_ms, weekday: Weekday::Sunday, minute: 0 })
        .map(|moment| book.price_at(&sku(), moment, &[]).unwrap().price.minor.get())
        .collect();
    assert_eq!(seen, [499, 499, 399, 399, 399, 399, 399, 399]);
}

#[test]
fn the_most_specific_location_and_the_best_kind_count() {
    let north = json!({"stores": {"name": "north", "stores": ["store-1", "store-2"]}});
    let records = [
        header(),
        north,
        entry("all", "regular", 1000, &json!({})),
        entry("north", "regular", 950, &json!({"location": "north"})),
        entry("one", "regular", 980, &json!({"location": "store-1"})),
        entry("vip", "member", 850, &json!({"customers": ["vip"]})),
        entry("week", "promotional", 900, &json!({"until": "2026-12-08T00:00"})),
    ];
    let of = |store: &str, time, customers: &[&str]| {
        shown(&load_for(store, &records, &utc).unwrap(), time, customers).unwrap()
    };
    assert_eq!(of("store-1", "2026-12-01T00:00", &[]), ("week".into(), 900));
    assert_eq!(of("store-1", "2026-12-01T00:00", &["vip"]), ("vip".into(), 850));
    assert_eq!(of("store-1", "2026-12-08T00:00", &[]), ("one".into(), 980));
    assert_eq!(of("store-2", "2026-12-08T00:00", &[]), ("north".into(), 950));
    assert_eq!(of("store-3", "2026-12-08T00:00", &[]), ("all".into(), 1000));
    assert_eq!(of("store-3", "2026-12-08T00:00", &["vip"]), ("vip".into(), 850));
}

#[test]
fn an_override_replaces_all_other_prices_and_the_newer_version_the_older() {
    let author = |version: u64| json!({"author": "manager 4", "source_version": version});
    let book = book(&[
        entry("regular", "regular", 1000, &json!({})),
        entry("week", "promotional", 500, &json!({})),
        entry("mine", "override", 700, &author(2)),
        entry("older", "override", 600, &author(1)),
    ]);
    assert_eq!(shown(&book, "2026-12-01T00:00", &[]), Some(("mine".into(), 700)));
}

#[test]
fn the_lowest_price_of_30_days_is_what_a_reduction_is_shown_against() {
    let book = book(&[
        entry("a", "regular", 549, &json!({"until": "2026-11-12T00:00"})),
        entry("b", "regular", 479, &json!({"from": "2026-11-12T00:00", "until": "2026-11-20T00:00"})),
        entry("c", "regular", 549, &json!({"from": "2026-11-20T00:00"})),
        entry("now", "promotional", 399, &json!({"from": "2026-12-01T00:00"})),
        entry("vip", "member", 99, &json!({"customers": ["vip"]})),
    ]);
    let lowest =
        |from: &str, until: &str| book.lowest_in(&sku(), utc(from.parse().unwrap()), utc(until.parse().unwrap()));
    assert_eq!(lowest("2026-11-01T00:00", "2026-12-01T00:00"), Some(479));
    assert_eq!(lowest("2026-11-20T00:00", "2026-12-01T00:00"), Some(549));
    assert_eq!(lowest("2026-11-19T23:59", "2026-12-01T00:00"), Some(479));
}

#[test]
fn a_unit_price_is_that_of_the_label() {
    let grams = crate::Quantity::new(85, crate::Unit::Kilogram).unwrap();
    assert_eq!(book::unit_price(99, grams, 1000), Some(1165));
    assert_eq!(book::unit_price(99, grams, 100), Some(116));
    assert_eq!(book::unit_price(99, crate::Quantity::new(0, crate::Unit::Kilogram).unwrap(), 1000), None);
}

#[test]
fn an_item_without_a_price_is_refused_and_keyed_amounts_are_taken() {
    let book = book(&[entry("p", "regular", 100, &json!({"until": "2026-11-01T00:00"}))]);
    let mut basket = pieces(&[("A", 1)]);
    assert_eq!(price(&book, &basket), Err(Refusal::NoPrice { line: 1, sku: sku() }));
    basket.lines[0].amount = crate::Minor::new(250);
    assert_eq!(price(&book, &basket).unwrap().total.get(), 250);
    basket.lines[0].amount = crate::Minor::new(-1);
    assert_eq!(price(&book, &basket), Err(Refusal::AmountOutOfRange { line: 1 }));
    let many = pieces(&vec![("A", 1); crate::MAX_LINES + 1]);
    assert_eq!(price(&book, &many), Err(Refusal::TooManyLines { lines: crate::MAX_LINES + 1 }));
}

#[test]
fn offers_leave_keyed_discounts_their_amount() {
    let rule = json!({"item": {"on": all(), "deal": {"percent": 8000}}});
    let book = book(&[at("A", 1000), offer("most", &rule, &json!({}))]);
    let off = |count, minor| {
        let mut basket = pieces(&[("A", count)]);
        basket.lines[0].keyed = vec![basket::Keyed { reason: "dented".into(), minor: crate::Minor::literal(minor) }];
        let priced = price(&book, &basket).map(check)?;
        Ok(priced.lines[0].adjustments.iter().map(|one| one.amount.get()).collect::<Vec<_>>())
    };
    assert_eq!(off(1, 150), Ok(vec![800, 150]));
    assert_eq!(off(1, 200), Ok(vec![800, 200]));
    assert_eq!(off(1, 201), Ok(vec![799, 201]));
    assert_eq!(off(1, 1000), Ok(vec![1000]));
    assert_eq!(off(3, 700), Ok(vec![3 * (1000 - 234), 700]));
    for minor in [1001, 0, -1] {
        assert_eq!(off(1, minor), Err(Refusal::AmountOutOfRange { line: 1 }), "{minor}");
    }
}

#[test]
fn an_item_that_the_book_does_not_know_has_the_price_of_the_catalog() {
    let rule = json!({"item": {"on": all(), "deal": {"percent": 1000}}});
    let book = book(&[at("A", 1000), offer("tenth", &rule, &json!({}))]);
    let mut basket = pieces(&[("B", 2)]);
    let shelf = |per| Some(crate::Price { minor: crate::Minor::literal(500), per });
    basket.lines[0].price = shelf(crate::Unit::Each);
    let priced = check(price(&book, &basket).unwrap());
    assert_eq!((priced.net.get(), priced.lines[0].entry.as_deref(), priced.lines[0].kind), (900, None, None));
    basket.lines[0].price = shelf(crate::Unit::Kilogram);
    assert!(matches!(price(&book, &basket), Err(Refusal::WrongUnit { line: 1, .. })));
}

#[test]
fn a_bad_book_is_refused_with_line_and_field() {
    let rule = json!({"item": {"on": all(), "deal": {"percent": 1000}}});
    let exclusive = |id| offer(id, &rule, &json!({"concurrency": "exclusive"}));
    let bad = |record: Value| vec![header(), record];
    let tiers = |tiers: Value| offer("o", &json!({"threshold": {"on": all(), "tiers": tiers}}), &json!({}));
    let vat = |more: Value| {
        let mut tax = json!({"id": "vat", "classes": ["food"], "rate": {"ppm": 100}});
        more.as_object().unwrap().iter().for_each(|(key, value)| tax[key] = value.clone());
        json!({ "tax": tax })
    };
    let cases = [
        (vec![at("A", 1)], 1, "book", "has no header"),
        (vec![header(), header()], 2, "book", "two headers"),
        (bad(at("A", -1)), 2, "price.price.minor", "-1 is out of range"),
        (bad(at("A", 1_000_000_001)), 2, "price.price.minor", "out of range"),
        (vec![header(), at("A", 1), at("A", 2)], 3, "price.id", "duplicate"),
        (bad(entry(&"p".repeat(41), "regular", 1, &json!({}))), 2, "price.id", "1 to 40 printable"),
        (bad(offer("o p", &rule, &json!({}))), 2, "offer.id", "invalid `o p`"),
        (bad(json!({"stores": {"name": "", "stores": []}})), 2, "stores.name", "invalid ``"),
        (
            bad(entry("p", "regular", 1, &json!({"multi": {"count": 1, "minor": 5}}))),
            2,
            "price.multi.count",
            "2 to 1000",
        ),
        (bad(entry("p", "override", 1, &json!({}))), 2, "price.author", "names its author"),
        (bad(entry("p", "member", 1, &json!({}))), 2, "price.customers", "groups of customers"),
        (
            bad(entry("p", "regular", 1, &json!({"from": "2026-01-02T00:00", "until": "2026-01-02T00:00"}))),
            2,
            "price.until",
            "later than",
        ),
        (bad(entry("p", "regular", 1, &json!({"form": 1}))), 2, "price.form", "unknown field `form`"),
        (bad(json!({"item": {"sku": "A", "tax": "food"}})), 2, "item.tax", "unknown tax class `food`"),
        (
            bad(offer("o", &json!({"item": {"on": {}, "deal": {"percent": 1}}}), &json!({}))),
            2,
            "offer.rule.on",
            "selects nothing",
        ),
        (
            bad(offer("o", &json!({"item": {"on": all(), "deal": {"percent": 10_001}}}), &json!({}))),
            2,
            "offer.rule.deal",
            "at most",
        ),
        (
            bad(offer("o", &json!({"item": {"on": all(), "deal": {"percent": 0}}}), &json!({}))),
            2,
            "offer.rule.deal",
            "1 to 10000",
        ),
        (bad(tiers(json!([]))), 2, "offer.rule.tiers", "at least one tier"),
        (
            bad(tiers(json!([{"from": 5, "deal": {"percent": 1}}, {"from": 5, "deal": {"percent": 2}}]))),
            2,
            "offer.rule.tiers",
            "higher",
        ),
        (
            bad(tiers(json!([{"from": 5, "deal": {"fixed_price": 1}}]))),
            2,
            "offer.rule.tiers[0].deal",
            "not a fixed price",
        ),
        (vec![header(), exclusive("x"), exclusive("y")], 3, "offer.priority", "exclusive offers x and y overlap"),
        (bad(vat(json!({"rate": {"ppm": 1_000_001}}))), 2, "tax.rate.ppm", "at most 1000000"),
        (vec![header(), vat(json!({})), vat(json!({}))], 3, "tax.id", "see line 2"),
    ];
    for (records, line, field, why) in cases {
        let problems = load(&records).unwrap_err();
        let found =
            problems.iter().any(|problem| problem.line == line && problem.field == field && problem.why.contains(why));
        let out_of_deal = field == "offer.rule.deal" && problems.iter().any(|problem| problem.field == field);
        assert!(found || out_of_deal, "{line} {field} {why}: {problems:#?}");
    }
}

#[test]
fn taxes_on_taxes_that_can_not_be_exact_are_refused() {
    let tax = |number: u32| {
        json!({"tax": {"id": format!("t{number}"), "classes": ["food"],
        "rate": {"ppm": 123_457 + 2 * number}, "on_taxes": true}})
    };
    let taxes = |count: u32| {
        let mut records = vec![header()];
        records.extend((0..count).map(tax));
        load(&records)
    };
    assert!(taxes(2).is_ok());
    assert_eq!(taxes(12).unwrap_err()[0].field, "tax");
}

#[test]
fn exclusive_offers_with_priorities_or_other_goods_or_times_are_taken() {
    let rule = |sku: &str| json!({"item": {"on": on(&[sku]), "deal": {"percent": 1000}}});
    let pair = |first: (&str, Value), second: (&str, Value)| {
        let exclusive = |id, (sku, more): (&str, Value)| {
            let mut more = more;
            more["concurrency"] = json!("exclusive");
            offer(id, &rule(sku), &more)
        };
        load(&[header(), exclusive("x", first), exclusive("y", second)]).is_ok()
    };
    assert!(!pair(("A", json!({})), ("A", json!({}))));
    assert!(pair(("A", json!({})), ("B", json!({}))));
    assert!(pair(("A", json!({"priority": 1})), ("A", json!({}))));
    assert!(pair(("A", json!({"until": "2026-12-01T00:00"})), ("A", json!({"from": "2026-12-01T00:00"}))));
    assert!(!pair(("A", json!({"until": "2026-12-01T00:01"})), ("A", json!({"from": "2026-12-01T00:00"}))));
}

#[test]
fn a_book_lists_its_version_items_and_coupons() {
    let coupon = |class: &str, prefix: &str| json!({"coupon": {"class": class, "prefix": prefix}});
    let empty = book(&[]);
    assert_eq!((empty.version(), empty.len(), empty.is_empty()), ("7", 0, true));
    let full = book(&[at("A", 100), at("B", 200), coupon("spring", "SPR"), coupon("vip", "VIP")]);
    assert_eq!((full.len(), full.is_empty()), (2, false));
    assert_eq!(full.coupon_class("vip").map(|class| class.prefix.as_str()), Some("VIP"));
    assert_eq!(full.coupon_class("autumn"), None);
}

#[test]
fn a_class_of_coupons_has_its_own_name_and_prefix() {
    let coupon = |class: &str, prefix: &str| json!({"coupon": {"class": class, "prefix": prefix}});
    let is_taken = |class, prefix| load(&[header(), coupon("spring", "SPR"), coupon(class, prefix)]).is_ok();
    assert_eq!([is_taken("spring", "VIP"), is_taken("vip", "SPR"), is_taken("vip", "VIP")], [false, false, true]);
    let limited = |field: &str, most: u32| {
        load(&[header(), json!({"coupon": {"class": "spring", "prefix": "SPR", (field): most}})]).is_ok()
    };
    assert_eq!(["uses", "per_customer"].map(|field| limited(field, 1)), [true, true]);
    assert_eq!(["uses", "per_customer"].map(|field| limited(field, 0)), [false, false]);
}

#[test]
fn a_bundle_has_two_parts_or_more_and_a_tax_is_100_percent_at_most() {
    let bundle = |parts: &[&str]| {
        let parts: Vec<Value> = parts.iter().map(|sku| json!({"on": on(&[*sku]), "count": 1})).collect();
        let rule = json!({"bundle": {"parts": parts, "deal": {"fixed_price": 100}}});
        load(&[header(), offer("b", &rule, &json!({}))]).is_ok()
    };
    assert_eq!([bundle(&["A"]), bundle(&["A", "B"]), bundle(&["A", "B", "C"])], [false, true, true]);
    let tax = |ppm: u32| load(&[header(), json!({"tax": {"id": "t", "classes": ["c"], "rate": {"ppm": ppm}}})]).is_ok();
    assert_eq!([tax(1_000_000), tax(1_000_001)], [true, false]);
}

#[test]
fn a_selection_names_goods_or_groups_and_excludes_others() {
    let selection = |json: Value| serde_json::from_value::<offer::Selection>(json).unwrap();
    let includes = |json: Value, group: &str| selection(json).includes(&sku(), &std::iter::once(group));
    for (json, expected) in [
        (json!({"all": true}), true),
        (json!({"skus": ["A"]}), true),
        (json!({"skus": ["B"]}), false),
        (json!({"groups": ["tea"]}), true),
        (json!({"groups": ["wine"]}), false),
        (json!({"all": true, "except_skus": ["A"]}), false),
        (json!({"all": true, "except_groups": ["tea"]}), false),
        (json!({"all": true, "except_skus": ["B"], "except_groups": ["wine"]}), true),
    ] {
        assert_eq!(includes(json.clone(), "tea"), expected, "{json}");
    }
}

#[test]
fn a_line_comes_to_the_most_at_most_and_keyed_discounts_count_its_pieces() {
    let most = crate::MAX_LINE_AMOUNT.get();
    let book = book(&[at("A", most), at("B", 1_000)]);
    assert_eq!(priced(&book, &[("A", 1)]).net.get(), most);
    assert!(price(&book, &pieces(&[("A", 2)])).is_err());
    let mut basket = pieces(&[("B", 3)]);
    basket.lines[0].keyed = vec![basket::Keyed { reason: "dented".into(), minor: crate::Minor::literal(100) }];
    assert_eq!(price(&book, &basket).unwrap().lines[0].adjustments[0].units, 3);
}

#[test]
fn exclusive_offers_on_everything_clash_with_those_on_a_group() {
    let is_taken = |first: &Value, second: &Value| {
        let exclusive = |id: &str, on: &Value| {
            let rule = json!({"item": {"on": on, "deal": {"percent": 1000}}});
            offer(id, &rule, &json!({"concurrency": "exclusive"}))
        };
        load(&[header(), exclusive("x", first), exclusive("y", second)]).is_ok()
    };
    let (tea, wine) = (json!({"groups": ["tea"]}), json!({"groups": ["wine"]}));
    assert!(is_taken(&tea, &wine));
    assert!(!is_taken(&tea, &tea));
    assert!(!is_taken(&all(), &tea) && !is_taken(&tea, &all()) && !is_taken(&all(), &all()));
}
