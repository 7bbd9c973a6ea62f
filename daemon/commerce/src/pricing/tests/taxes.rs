//! Taxes, with the published figures of Odoo, Sylius, Medusa and Solidus.

use super::*;

fn tax(id: &str, class: &str, ppm: u32, more: &Value) -> Value {
    let mut tax = json!({"id": id, "classes": [class], "rate": {"ppm": ppm}});
    for (key, value) in more.as_object().unwrap() {
        tax[key] = value.clone();
    }
    json!({ "tax": tax })
}

fn class(sku: &str, class: &str) -> Value {
    json!({"item": {"sku": sku, "tax": class}})
}

fn ruled(level: &str, records: &[Value]) -> Book {
    let mut all = vec![json!({"book": {"version": "1", "currency": "EUR", "tax": {"level": level}}})];
    all.extend_from_slice(records);
    load(&all).unwrap()
}

/// The sum of all taxes and what the customer pays.
fn paid(book: &Book, lines: &[(&str, u32)]) -> (i64, i64) {
    let priced = priced(book, lines);
    for line in &priced.lines {
        let of_tax = |id: &str| line.taxes.iter().filter(|tax| tax.tax == id).count();
        assert!(line.taxes.iter().all(|tax| of_tax(&tax.tax) == 1));
    }
    for total in &priced.taxes {
        let of_lines = priced.lines.iter().flat_map(|line| &line.taxes).filter(|tax| tax.tax == total.tax);
        assert_eq!(of_lines.map(|tax| tax.amount).sum::<crate::Minor>(), total.amount, "{}", total.tax);
    }
    (priced.taxes.iter().map(|total| total.amount.get()).sum(), priced.total.get())
}

#[test]
fn taxes_on_taxes_are_those_of_odoo() {
    // Two taxes of 6 %, and 3 % on the base and both.
    let of = |minor: i64, included: bool, level| {
        let book = ruled(
            level,
            &[
                at("A", minor),
                class("A", "goods"),
                tax("a", "goods", 60_000, &json!({"included": included})),
                tax("b", "goods", 60_000, &json!({"included": included})),
                tax("c", "goods", 30_000, &json!({"on_taxes": true})),
            ],
        );
        paid(&book, &[("A", 1), ("A", 1)])
    };
    assert_eq!(of(1589, false, "line"), (486, 3664));
    assert_eq!(of(1589, false, "document"), (489, 3667));
    assert_eq!(of(1779, true, "line"), (486, 3664));
    assert_eq!(of(1779, true, "document"), (489, 3666));
}

#[test]
fn a_line_is_rounded_as_a_whole_and_not_by_the_unit() {
    let book = ruled("line", &[at("A", 1010), class("A", "goods"), tax("vat", "goods", 230_000, &json!({}))]);
    assert_eq!(paid(&book, &[("A", 10)]), (2323, 12_423));
}

#[test]
fn an_included_tax_shrinks_with_the_discount() {
    let included = json!({"included": true});
    let off = |minor: i64| {
        let rule = json!({"threshold": {"on": all(), "tiers": [{"from": 0, "deal": {"amount_off": minor}}]}});
        offer("off", &rule, &json!({}))
    };
    let one = ruled("line", &[at("A", 5695), class("A", "low"), tax("low", "low", 100_000, &included), off(1000)]);
    assert_eq!(paid(&one, &[("A", 1)]), (427, 4695));
    let two = ruled(
        "line",
        &[
            at("A", 1000),
            at("B", 5690),
            class("A", "high"),
            class("B", "low"),
            tax("high", "high", 230_000, &included),
            tax("low", "low", 100_000, &included),
            off(1000),
        ],
    );
    assert_eq!(paid(&two, &[("A", 2), ("B", 1)]), (775, 6690));
}

#[test]
fn rates_by_class_add_up() {
    let book = ruled(
        "line",
        &[
            at("A", 30_00),
            at("B", 5_00),
            class("A", "ten"),
            class("B", "half"),
            tax("ten", "ten", 100_000, &json!({})),
            tax("half", "half", 500_000, &json!({})),
        ],
    );
    assert_eq!(paid(&book, &[("A", 2), ("B", 1)]), (850, 7350));
    // Solidus: what is inside 60.00, 30.00 and 29.00 at 5 %.
    let inside = |minor: i64| {
        let vat = tax("vat", "goods", 50_000, &json!({"included": true}));
        paid(&ruled("line", &[at("A", minor), class("A", "goods"), vat]), &[("A", 1)]).0
    };
    assert_eq!([inside(6000), inside(3000), inside(2900)], [286, 143, 138]);
}

#[test]
fn a_fixed_tax_can_enlarge_the_base() {
    // Odoo: 200.00, a fixed 10.00, then 10 % on both.
    let fixed = json!({"tax": {"id": "eco", "classes": ["goods"], "rate": {"fixed": 1000}}});
    let ten = tax("ten", "goods", 100_000, &json!({"on_taxes": true}));
    let book = ruled("line", &[at("A", 20_000), class("A", "goods"), fixed, ten]);
    assert_eq!(paid(&book, &[("A", 1)]).1, 23_100);
    assert_eq!(paid(&book, &[("A", 2)]).1, 46_200);
}

#[test]
fn a_threshold_without_tax_looks_at_the_net_amount() {
    // Odoo: the offer needs 320.00 without tax, and the cabinet costs 320.00 with 15 % inside.
    let of = |without_tax: bool, from: i64| {
        let rule = json!({"threshold": {"on": all(), "without_tax": without_tax,
            "tiers": [{"from": from, "deal": {"percent": 1000}}]}});
        let vat = tax("vat", "goods", 150_000, &json!({"included": true}));
        let book = ruled("line", &[at("A", 32_000), class("A", "goods"), vat, offer("o", &rule, &json!({}))]);
        priced(&book, &[("A", 1)]).discount.get()
    };
    assert_eq!((of(true, 32_000), of(false, 32_000)), (0, 3200));
    assert_eq!((of(true, 27_826), of(true, 27_827)), (3200, 0));
}

#[test]
fn a_rate_changes_at_its_moment() {
    // Germany: 16 % until the end of 2020, then 19 %.
    let book = ruled(
        "line",
        &[
            at("A", 10_000),
            class("A", "standard"),
            tax("vat", "standard", 160_000, &json!({"until": "2021-01-01T00:00"})),
            tax("vat", "standard", 190_000, &json!({"from": "2021-01-01T00:00"})),
        ],
    );
    let at = |time: &str| {
        let mut basket = pieces(&[("A", 1)]);
        basket.moment.at_ms = utc(time.parse().unwrap());
        price(&book, &basket).unwrap().total.get()
    };
    assert_eq!((at("2020-12-31T23:59"), at("2021-01-01T00:00")), (11_600, 11_900));
}

#[test]
fn an_exemption_takes_the_tax_away_also_from_within_the_price() {
    let of = |included: bool| {
        let vat = tax("vat", "goods", 190_000, &json!({"included": included}));
        let book = ruled("line", &[at("A", 11_900), class("A", "goods"), vat]);
        let mut basket = pieces(&[("A", 1)]);
        basket.exemption = Some("DE123".into());
        price(&book, &basket).unwrap().total.get()
    };
    assert_eq!((of(true), of(false)), (10_000, 11_900));
}

#[test]
fn rounding_down_is_the_concession_of_the_uk() {
    let of = |rounding: &str| {
        let header = json!({"book": {"version": "1", "currency": "GBP", "tax": {"rounding": rounding}}});
        let vat = tax("vat", "goods", 200_000, &json!({}));
        paid(&load(&[header, at("A", 99), class("A", "goods"), vat]).unwrap(), &[("A", 1)]).0
    };
    assert_eq!((of("nearest"), of("down")), (20, 19));
}

#[test]
fn a_sum_is_divided_among_its_lines() {
    let vat = tax("vat", "goods", 70_000, &json!({}));
    let book = ruled("document", &[at("A", 107), class("A", "goods"), vat]);
    let lines = [("A", 1); 7];
    assert_eq!(paid(&book, &lines), (52, 801));
    let amounts: Vec<i64> = priced(&book, &lines).lines.iter().map(|line| line.taxes[0].amount.get()).collect();
    assert_eq!(amounts, [8, 8, 8, 7, 7, 7, 7]);
}

#[test]
fn a_fee_has_the_tax_of_its_class() {
    let book = ruled(
        "line",
        &[
            at("A", 100),
            json!({"item": {"sku": "A", "tax": "food", "linked": [
            {"name": "deposit", "minor": 25, "tax": "food"}, {"name": "bag", "minor": 10}]}}),
            tax("vat", "food", 100_000, &json!({})),
        ],
    );
    let priced = priced(&book, &[("A", 2)]);
    assert_eq!((priced.linked.get(), priced.taxes[0].amount.get(), priced.total.get()), (70, 25, 295));
}

#[test]
fn only_a_rate_has_parts_per_million() {
    assert_eq!(tax::Rate::Ppm(190_000).ppm(), Some(190_000));
    assert_eq!(tax::Rate::Fixed(crate::Minor::literal(5)).ppm(), None);
}
