//! Worked examples of other projects, with their published figures.

use super::*;

fn item(on: &Value, deal: &Value) -> Value {
    json!({"item": {"on": on, "deal": deal}})
}

fn threshold(on: &Value, from: i64, deal: &Value) -> Value {
    json!({"threshold": {"on": on, "tiers": [{"from": from, "deal": deal}]}})
}

fn best(priority: u16) -> Value {
    json!({"priority": priority, "concurrency": "best_price"})
}

fn compound(priority: u16) -> Value {
    json!({"priority": priority, "concurrency": "compound"})
}

/// Dynamics 365 Commerce, "Apply multiple retail discounts": three products and six discounts.
fn dynamics(control: &str) -> Book {
    let two = on(&["Prod1", "Prod2"]);
    let mut records = vec![json!({"book": {"version": "1", "currency": "USD", "control": control}})];
    records.extend([at("Prod1", 1000), at("Prod2", 2000), at("Prod3", 1000)]);
    records.extend([
        offer("BP1", &item(&two, &json!({"percent": 1500})), &best(10)),
        offer("BP2", &item(&all(), &json!({"percent": 2000})), &best(5)),
        offer("C1", &item(&two, &json!({"amount_off": 100})), &compound(10)),
        offer("C2", &item(&two, &json!({"percent": 1000})), &compound(10)),
        offer("C3", &item(&all(), &json!({"percent": 2500})), &compound(5)),
        offer("C4", &threshold(&all(), 0, &json!({"percent": 1000})), &compound(5)),
    ]);
    load(&records).unwrap()
}

#[test]
fn the_concurrency_models_are_those_of_dynamics() {
    let amounts =
        |control| ["Prod1", "Prod2", "Prod3"].map(|product| nets(&priced(&dynamics(control), &[(product, 1)]))[0]);
    assert_eq!(amounts("within_priority"), [729, 1700, 675]);
    assert_eq!(amounts("across_priorities"), [637, 1275, 750]);
}

/// Dynamics 365 Commerce, "Determine the optimal combination of overlapping discounts": over any two items, half price
/// on the cheaper, or 20 % off both.
fn overlapping() -> Book {
    let any_two = json!({"buy_get": {"buy": {"on": all(), "count": 1}, "get": {"on": all(), "count": 1},
        "deal": {"percent": 5000}}});
    let both = json!({"group": {"on": all(), "count": 2, "tiers": [{"from": 0, "deal": {"percent": 2000}}]}});
    book(&[
        at("A", 1500),
        at("B", 2000),
        at("C", 500),
        offer("half", &any_two, &json!({})),
        offer("fifth", &both, &json!({})),
    ])
}

#[test]
fn the_best_combination_of_overlapping_offers_is_found() {
    let book = overlapping();
    assert_eq!(priced(&book, &[("A", 4)]).discount.get(), 1500);
    let mixed = priced(&book, &[("B", 2), ("A", 1), ("C", 1)]);
    assert_eq!((mixed.discount.get(), mixed.exact), (1400, true));
}

#[test]
fn percentages_of_items_are_rounded_per_unit() {
    // Saleor: 10 % off 1.04, 2.04, 3.04, 4.04.
    let tenth = offer("tenth", &item(&all(), &json!({"percent": 1000})), &json!({}));
    let book = book(&[at("A", 104), at("B", 204), at("C", 304), at("D", 404), tenth]);
    let priced = priced(&book, &[("A", 1), ("B", 1), ("C", 1), ("D", 1)]);
    assert_eq!(priced.lines.iter().map(|line| line.adjustments[0].amount.get()).collect::<Vec<_>>(), [10, 20, 30, 40]);
}

#[test]
fn a_voucher_comes_on_top_of_a_promotion() {
    // Saleor, end to end test CORE_2107: promotion, then a voucher on the order; one unit and two.
    let cases = [
        (1999, json!({"percent": 1300}), json!({"percent": 1300}), 1513),
        (3000, json!({"amount_off": 1000}), json!({"amount_off": 500}), 1750),
        (5650, json!({"amount_off": 1999}), json!({"percent": 3300}), 2446),
        (7777, json!({"percent": 1750}), json!({"amount_off": 2500}), 5166),
    ];
    for (minor, promotion, voucher, of_two) in cases {
        let book = book(&[
            at("A", minor),
            offer("promotion", &item(&all(), &promotion), &compound(1)),
            offer("voucher", &threshold(&all(), 0, &voucher), &compound(0)),
        ]);
        assert_eq!(nets(&priced(&book, &[("A", 2)]))[0], 2 * of_two, "{minor}");
    }
}

#[test]
fn tiers_give_the_highest_that_is_reached() {
    // Solidus, tiered flat rate: 10 off, from 100.00 15, from 200.00 20.
    let tiers = json!([
        {"from": 0, "deal": {"amount_off": 1000}},
        {"from": 10000, "deal": {"amount_off": 1500}},
        {"from": 20000, "deal": {"amount_off": 2000}},
    ]);
    let tiered = offer("tiered", &json!({"threshold": {"on": all(), "tiers": tiers}}), &json!({}));
    let book = book(&[at("A", 5000), at("B", 1), tiered]);
    let off = |lines: &[(&str, u32)]| priced(&book, lines).discount.get();
    assert_eq!([off(&[("A", 1)]), off(&[("A", 3)]), off(&[("A", 4)])], [1000, 1500, 2000]);
    assert_eq!([off(&[("A", 1), ("B", 4999)]), off(&[("A", 1), ("B", 5000)])], [1000, 1500]);
}

#[test]
fn groups_of_a_quantity_reach_across_lines() {
    // Solidus, quantity groups: 10 % off, from 20.00 20 %, from 40.00 30 %, on groups of three.
    let tiers = json!([
        {"from": 0, "deal": {"percent": 1000}},
        {"from": 2000, "deal": {"percent": 2000}},
        {"from": 4000, "deal": {"percent": 3000}},
    ]);
    let three = offer("three", &json!({"group": {"on": all(), "count": 3, "tiers": tiers}}), &json!({}));
    let off = |b: i64| {
        let book = book(&[at("A", 1000), at("B", b), three.clone()]);
        let priced = priced(&book, &[("A", 2), ("B", 1)]);
        priced.lines.iter().map(|line| (line.regular - line.net).get()).collect::<Vec<_>>()
    };
    assert_eq!((off(1000), off(2000)), (vec![400, 200], vec![600, 600]));
    // And 5.00 off each unit of complete groups of three.
    let each =
        json!({"group": {"on": all(), "count": 3, "each": true, "tiers": [{"from": 0, "deal": {"amount_off": 500}}]}});
    let book = book(&[at("A", 1000), at("B", 1000), at("C", 1000), offer("each", &each, &json!({}))]);
    assert_eq!(nets(&priced(&book, &[("A", 2), ("B", 1), ("C", 1)])), [1000, 500, 1000]);
}

#[test]
fn no_offer_goes_below_the_lowest_price() {
    // Sylius, minimum price: the T-shirt may not cost less than 45.00; what it does not take goes to the mugs.
    let book = |off: i64, mugs: i64| {
        book(&[
            at("T", 5000),
            at("M", mugs),
            json!({"item": {"sku": "T", "lowest": 4500}}),
            offer("off", &threshold(&all(), 0, &json!({"amount_off": off})), &json!({})),
        ])
    };
    assert_eq!(nets(&priced(&book(2000, 2000), &[("T", 1), ("M", 1)])), [4500, 500]);
    let mugs = priced(&book(2500, 2000), &[("T", 1), ("M", 1), ("M", 1), ("M", 1)]);
    assert_eq!(nets(&mugs), [4500, 1333, 1333, 1334]);
    let never = |sku| json!({"item": {"sku": sku, "no_discount": true}});
    let closed =
        super::book(&[at("T", 5000), never("T"), offer("off", &item(&all(), &json!({"percent": 5000})), &json!({}))]);
    assert_eq!(nets(&priced(&closed, &[("T", 2)])), [10_000]);
}

#[test]
fn a_threshold_sees_what_is_left_after_other_offers() {
    // Vendure: spend 10.00, get 10 %; from three pieces half price, which is evaluated first.
    let half = json!({"quantity": {"on": all(), "tiers": [{"from": 3, "deal": {"percent": 5000}}]}});
    let offers = [
        offer("spend", &threshold(&all(), 1000, &json!({"percent": 1000})), &compound(0)),
        offer("half", &half, &compound(1)),
    ];
    let book = |minor| book(&[at("A", minor), offers[0].clone(), offers[1].clone()]);
    assert_eq!(
        (nets(&priced(&book(500), &[("A", 2)])), nets(&priced(&book(500), &[("A", 3)]))),
        (vec![900], vec![750])
    );
    assert_eq!(nets(&priced(&book(800), &[("A", 3)])), [1080]);
    // Sylius: 20 % off jackets, and 50.00 off from 500.00.
    let jackets = super::book(&[
        at("J", 10_000),
        offer("jackets", &item(&on(&["J"]), &json!({"percent": 2000})), &compound(1)),
        offer("from-500", &threshold(&all(), 50_000, &json!({"amount_off": 5000})), &compound(0)),
    ]);
    assert_eq!(nets(&priced(&jackets, &[("J", 7)])), [51_000]);
    assert_eq!(nets(&priced(&jackets, &[("J", 6)])), [48_000]);
}

#[test]
fn offers_on_each_unit_stop_at_zero_and_at_their_limit() {
    // Medusa: fixed amounts on each item, at most so many per line.
    let off = |id, minor: i64, most: u32| {
        let rule = json!({"item": {"on": all(), "deal": {"amount_off": minor}, "most_per_line": most}});
        offer(id, &rule, &compound(0))
    };
    let book = book(&[at("A", 5000), at("B", 15_000), off("30", 3000, 2), off("50", 5000, 1)]);
    assert_eq!(nets(&priced(&book, &[("A", 1), ("B", 1)])), [0, 7000]);
    assert_eq!(nets(&priced(&book, &[("B", 3)])), [45_000 - 6000 - 5000]);
}

#[test]
fn percentages_across_a_basket_compound_on_the_rest() {
    let tenth = |id| offer(id, &threshold(&all(), 0, &json!({"percent": 1000})), &compound(0));
    let book = book(&[at("A", 5000), at("B", 15_000), tenth("a"), tenth("b")]);
    let priced = priced(&book, &[("A", 1), ("B", 1)]);
    let steps = |line: usize| priced.lines[line].adjustments.iter().map(|one| one.amount.get()).collect::<Vec<_>>();
    assert_eq!((steps(0), steps(1)), (vec![500, 450], vec![1500, 1350]));
}

#[test]
fn free_goods_are_the_dearest_or_the_cheapest_as_the_offer_says() {
    let rule = |pick: &str, most: u32| {
        let rule = json!({"buy_get": {"buy": {"on": on(&["sweater"]), "count": 1},
            "get": {"on": on(&["A", "B"]), "count": most},
            "deal": {"percent": 10000}, "pick": pick}});
        offer("free", &rule, &json!({"most": 1}))
    };
    let of = |pick, count| {
        let book = book(&[at("sweater", 4000), at("A", 50_000), at("B", 100_000), rule(pick, count)]);
        let priced = priced(&book, &[("sweater", 1), ("A", 2), ("B", 2)]);
        priced.lines.iter().skip(1).map(|line| (line.regular - line.net).get()).collect::<Vec<_>>()
    };
    // Medusa: one free T-shirt, then four.
    assert_eq!((of("dearest", 1), of("dearest", 4)), (vec![0, 100_000], vec![100_000, 200_000]));
    assert_eq!(of("cheapest_of_all", 1), [50_000, 0]);
}

#[test]
fn buy_three_get_one_counts_whole_groups() {
    let rule = json!({"buy_get": {"buy": {"on": all(), "count": 3}, "get": {"on": all(), "count": 1},
        "deal": {"percent": 10000}}});
    let book = book(&[at("A", 100), offer("3+1", &rule, &json!({}))]);
    let free = |count| priced(&book, &[("A", count)]).discount.get() / 100;
    // Odoo: of 100 pieces 25 are free and 75 are paid; of 8 pieces 2.
    assert_eq!([3, 4, 7, 8, 100].map(free), [0, 1, 1, 2, 25]);
    assert_eq!(free(1_000_000), 250_000);
}

#[test]
fn the_favour_of_the_retailer_is_the_cheapest_of_all() {
    let rule = |pick| {
        json!({"buy_get": {"buy": {"on": all(), "count": 1}, "get": {"on": all(), "count": 1},
            "deal": {"percent": 10000}, "pick": pick}})
    };
    let off = |pick| {
        let book = book(&[at("A", 2000), at("B", 1500), at("C", 500), offer("1+1", &rule(pick), &json!({}))]);
        priced(&book, &[("A", 2), ("B", 1), ("C", 1)]).discount.get()
    };
    assert_eq!(["cheaper_of_group", "dearest", "cheapest_of_all"].map(off), [2500, 4000, 2000]);
}

#[test]
fn a_bundle_is_divided_by_value() {
    // A for 10.00 and B for 8.00 together 15.00: a return of A alone refunds 8.33.
    let rule = json!({"bundle": {"parts": [{"on": on(&["A"]), "count": 1}, {"on": on(&["B"]), "count": 1}],
        "deal": {"fixed_price": 1500}}});
    let book = book(&[at("A", 1000), at("B", 800), offer("meal", &rule, &json!({}))]);
    assert_eq!(nets(&priced(&book, &[("A", 1), ("B", 1)])), [833, 667]);
    assert_eq!(nets(&priced(&book, &[("A", 3), ("B", 2)])), [833 * 2 + 1000, 667 * 2]);
    assert_eq!(nets(&priced(&book, &[("A", 1)])), [1000]);
}

#[test]
fn three_for_five_and_the_rest_at_the_price_of_one() {
    let entry = json!({"price": {"id": "p", "sku": "A", "kind": "regular", "price": {"minor": 189, "per": "each"},
        "multi": {"count": 3, "minor": 500}}});
    let book = book(&[entry]);
    assert_eq!(nets(&priced(&book, &[("A", 4)])), [689]);
    // Across lines, and three kept of four are 5.00.
    assert_eq!(priced(&book, &[("A", 2), ("A", 2)]).net.get(), 689);
    assert_eq!(nets(&priced(&book, &[("A", 3)])), [500]);
    assert_eq!(nets(&priced(&book, &[("A", 1), ("A", 1), ("A", 1)])), [166, 167, 167]);
}

#[test]
fn a_deposit_is_never_discounted() {
    let facts = json!({"item": {"sku": "A", "linked": [{"name": "deposit", "minor": 25}]}});
    let tenth = offer("tenth", &threshold(&all(), 0, &json!({"percent": 1000})), &json!({}));
    let priced = priced(&book(&[at("A", 99), facts, tenth]), &[("A", 6)]);
    assert_eq!((priced.discount.get(), priced.net.get(), priced.linked.get(), priced.total.get()), (59, 535, 150, 685));
}

#[test]
fn weighed_goods_are_priced_by_their_measure() {
    let kilo = |minor: i64| {
        json!({"price": {"id": "p", "sku": "W", "kind": "regular",
        "price": {"minor": minor, "per": "kilogram"}}})
    };
    let weigh = |records: &[Value], milli| {
        let mut basket = pieces(&[("W", 1)]);
        basket.lines[0].quantity = crate::Quantity::new(milli, crate::Unit::Kilogram).unwrap();
        price(&book(records), &basket).map(|priced| check(priced).net.get())
    };
    assert_eq!((weigh(&[kilo(1299)], 735), weigh(&[kilo(1299)], 725)), (Ok(955), Ok(942)));
    let off = |deal| offer("off", &item(&all(), &deal), &json!({}));
    assert_eq!(weigh(&[kilo(1299), off(json!({"fixed_price": 999}))], 500), Ok(500));
    assert_eq!(weigh(&[kilo(1299), off(json!({"amount_off": 100}))], 500), Ok(600));
    assert_eq!(weigh(&[kilo(1299), off(json!({"percent": 1000}))], 500), Ok(585));
    let never = json!({"item": {"sku": "W", "no_discount": true}});
    assert_eq!(weigh(&[kilo(1299), never, off(json!({"percent": 1000}))], 500), Ok(650));
    let wrong = price(&book(&[at("W", 1)]), &{
        let mut basket = pieces(&[("W", 1)]);
        basket.lines[0].quantity = crate::Quantity::new(500, crate::Unit::Kilogram).unwrap();
        basket
    });
    assert!(wrong.unwrap_err().to_string().contains("item W is sold by each, not by kilogram"));
}

#[test]
fn limits_of_an_offer_hold_for_the_basket() {
    let off = |more: Value| {
        let rule = item(&all(), &json!({"amount_off": 100}));
        let book = book(&[at("A", 1000), at("B", 50), offer("off", &rule, &more)]);
        nets(&priced(&book, &[("B", 1), ("A", 3)]))
    };
    assert_eq!(off(json!({})), [0, 2700]);
    assert_eq!(off(json!({"most": 2})), [50, 2800]);
    assert_eq!(off(json!({"cap": 250})), [0, 2800]);
}

/// Whatever their ids: fixed prices, then amounts, then percentages.
#[test]
fn compound_offers_apply_in_the_order_of_their_deals() {
    let net = |first: &Value, second: &Value| {
        let book = book(&[
            at("A", 1000),
            offer("a", &item(&all(), first), &compound(5)),
            offer("b", &item(&all(), second), &compound(5)),
        ]);
        nets(&priced(&book, &[("A", 1)]))[0]
    };
    let (tenth, amount, fixed) = (json!({"percent": 1000}), json!({"amount_off": 100}), json!({"fixed_price": 500}));
    assert_eq!([net(&tenth, &amount), net(&amount, &tenth)], [810, 810]);
    assert_eq!([net(&amount, &fixed), net(&fixed, &amount)], [400, 400]);
    assert_eq!([net(&tenth, &fixed), net(&fixed, &tenth)], [450, 450]);
}

#[test]
fn a_threshold_can_need_a_number_of_units() {
    let rule = json!({"threshold": {"on": all(), "least_units": 2,
        "tiers": [{"from": 0, "deal": {"amount_off": 100}}]}});
    let book = book(&[at("A", 1000), offer("two", &rule, &json!({}))]);
    let net = |count| nets(&priced(&book, &[("A", count)]))[0];
    assert_eq!([net(1), net(2), net(3)], [1000, 1900, 2900]);
}

#[test]
fn of_two_equal_thresholds_the_first_counts() {
    let rule = threshold(&all(), 0, &json!({"amount_off": 100}));
    let book = book(&[at("A", 1000), offer("b", &rule, &json!({})), offer("a", &rule, &json!({}))]);
    let priced = priced(&book, &[("A", 1)]);
    let names: Vec<&str> = priced.lines[0].adjustments.iter().map(|adjustment| adjustment.name.as_str()).collect();
    assert_eq!(names, ["a"]);
}

/// Also if offers of several priorities can be combined, an exclusive one is for goods without any.
#[test]
fn an_exclusive_offer_is_not_combined() {
    let exclusive = json!({"priority": 5, "concurrency": "exclusive"});
    let book = load(&[
        json!({"book": {"version": "1", "currency": "EUR", "control": "across_priorities"}}),
        at("A", 1000),
        at("B", 1000),
        offer("tenth", &item(&on(&["A"]), &json!({"percent": 1000})), &best(10)),
        offer("half", &item(&all(), &json!({"percent": 5000})), &exclusive),
    ])
    .unwrap();
    assert_eq!(nets(&priced(&book, &[("A", 1), ("B", 1)])), [900, 500]);
}

/// A book with this control over its offers.
fn controlled(control: &str, records: &[Value]) -> Book {
    let mut all = vec![json!({"book": {"version": "1", "currency": "EUR", "control": control}})];
    all.extend_from_slice(records);
    load(&all).unwrap()
}

/// An offer in favour of the retailer is combined with others as the control and the kinds of both say.
#[test]
fn the_favour_of_the_retailer_is_combined_like_other_offers() {
    let pair = json!({"buy_get": {"buy": {"on": all(), "count": 1}, "get": {"on": all(), "count": 1},
        "deal": {"percent": 5000}, "pick": "cheapest_of_all"}});
    let off = item(&on(&["B"]), &json!({"amount_off": 100}));
    let total = |control, first: &Value| {
        let records = [at("A", 2000), at("B", 500), offer("off", &off, first), offer("pair", &pair, &compound(5))];
        priced(&controlled(control, &records), &[("A", 1), ("B", 1)]).net.get()
    };
    let (both, one) = (2200, 2400);
    assert_eq!(total("within_priority", &compound(5)), both);
    assert_eq!(total("within_priority", &best(5)), one, "not compound");
    assert_eq!(total("within_priority", &compound(10)), one, "of another priority");
    assert_eq!(total("across_priorities", &compound(10)), both);
    assert_eq!(total("across_priorities", &compound(5)), one, "of the same priority");
}

#[test]
fn compound_thresholds_add_up_within_a_priority() {
    let net = |control, more: &Value| {
        let records = [
            at("A", 1000),
            offer("tenth", &threshold(&all(), 0, &json!({"percent": 1000})), more),
            offer("amount", &threshold(&all(), 0, &json!({"amount_off": 100})), more),
        ];
        nets(&priced(&controlled(control, &records), &[("A", 1)]))[0]
    };
    assert_eq!(net("within_priority", &compound(5)), 810);
    assert_eq!(net("within_priority", &best(5)), 900);
    assert_eq!(net("across_priorities", &compound(5)), 900);
}

#[test]
fn across_priorities_compound_offers_of_one_priority_compete() {
    let records = [
        json!({"book": {"version": "1", "currency": "USD", "control": "across_priorities"}}),
        at("A", 1000),
        offer("tenth", &item(&all(), &json!({"percent": 1000})), &compound(10)),
        offer("fifth", &item(&all(), &json!({"percent": 2000})), &compound(10)),
    ];
    assert_eq!(nets(&priced(&load(&records).unwrap(), &[("A", 1)])), [800]);
}

#[test]
fn a_limit_per_line_counts_in_the_competition_for_units() {
    // Half price for one piece of each line takes 10.00 off both lines; 40 % off two pieces takes 8.00.
    let once = json!({"item": {"on": all(), "deal": {"percent": 5000}, "most_per_line": 1}});
    let pair = json!({"group": {"on": all(), "count": 2, "tiers": [{"from": 0, "deal": {"percent": 4000}}]}});
    let book = book(&[at("A", 1000), offer("once", &once, &json!({})), offer("pair", &pair, &json!({}))]);
    assert_eq!(priced(&book, &[("A", 1), ("A", 1)]).discount.get(), 1000);
    assert_eq!(priced(&book, &[("A", 2)]).discount.get(), 800);
}

#[test]
fn a_basket_with_too_many_combinations_is_flagged() {
    let skus: Vec<String> = (0..12).map(|number| format!("S{number}")).collect();
    let mut records: Vec<Value> =
        (0..12).map(|number| at(&skus[number], 1000 + i64::try_from(number).unwrap())).collect();
    for number in 1..=6 {
        let tiers = json!([{"from": 0, "deal": {"percent": 500 * number}}]);
        let three = json!({"group": {"on": all(), "count": 3, "tiers": tiers}});
        records.push(offer(&format!("G{number}"), &three, &json!({})));
    }
    let book = book(&records);
    let lines: Vec<(&str, u32)> = skus.iter().map(|sku| (sku.as_str(), 9)).collect();
    assert!(!priced(&book, &lines).exact);
    assert!(priced(&book, &lines[..1]).exact);
}
