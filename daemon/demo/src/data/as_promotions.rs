//! Real baskets by a made-up price book: loyalty prices as offers for members, matched coupons as offers for coupons.

use commerce::{
    Minor, Price, Rounding,
    pricing::{Basket, Book, Loader, Moment, Store, explain::quote, time::Weekday},
};
use serde_json::{Value, json};

use super::{Data, DataBasket, DataLine};

/// The price of a unit, if the line has one to the cent.
fn unit_price(line: &DataLine) -> Option<Price> {
    let milli = Some(line.quantity.milli()).filter(|milli| *milli > 0)?;
    let minor = Minor::new((line.regular.get() * 1000 + milli / 2) / milli)?;
    let price = Price { minor, per: line.quantity.unit() };
    (price.extend(line.quantity, Rounding::HalfAwayFromZero) == Some(line.regular)).then_some(price)
}

/// A book that grants what the lines of the basket got, and the basket. Lines are told apart by their number, because
/// the data may have one item at two prices.
fn book(basket: &DataBasket) -> (Book, Vec<Value>) {
    let (mut records, mut lines) = (vec![json!({"book": {"version": basket.id, "currency": "USD"}})], Vec::new());
    records.push(json!({"coupon": {"class": "match", "prefix": "M"}}));
    for (number, line) in (1..).zip(&basket.lines) {
        let sku = format!("{}-{number}", line.sku);
        let price = unit_price(line);
        let mut asked = json!({"number": number, "sku": sku, "quantity": line.quantity});
        match price {
            Some(price) => records.push(json!({"price": {"id": sku, "sku": sku, "kind": "regular", "price": price}})),
            None => asked["amount"] = json!(line.regular),
        }
        lines.push(asked);
        let pieces = price.is_some() && !line.quantity.unit().is_measure();
        let count = if pieces { line.quantity.milli() / 1000 } else { 1 };
        let offer = |name: &str, off: Minor, more: Value| {
            let tiers = json!([{"from": 0, "deal": {"amount_off": off}}]);
            let rule = json!({"group": {"on": {"skus": [sku]}, "count": count, "tiers": tiers}});
            let mut offer = json!({"id": format!("{name}-{number}"), "version": 1, "name": name, "rule": rule,
                "concurrency": "compound"});
            offer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "offer": offer })
        };
        if line.loyalty.is_positive() {
            records.push(offer("loyalty", line.loyalty, json!({"customers": ["members"]})));
        }
        if line.coupon_match.is_positive() {
            records.push(offer("match", line.coupon_match, json!({"coupon": "match"})));
        }
    }
    let mut loader = Loader::default();
    (1..).zip(&records).for_each(|(number, record)| loader.read_line(number, &record.to_string()));
    let book = loader.finish(&Store { name: "store-1", zone: &|_| 0 });
    (book.unwrap_or_else(|problems| panic!("{problems:#?}")), lines)
}

#[test]
fn real_baskets_cost_the_same_with_their_discounts_as_promotions() {
    let data = Data::built_in().unwrap();
    let (mut lines, mut priced_by_entry, mut discounted) = (0, 0, 0);
    for basket in &data.baskets {
        let (book, asked) = book(basket);
        let moment = Moment { at_ms: 1, weekday: Weekday::Monday, minute: 720 };
        let anybody: Basket =
            serde_json::from_value(json!({"moment": moment, "channel": "store", "lines": asked})).unwrap();
        let member = Basket {
            customers: vec!["members".into()],
            coupons: serde_json::from_value(json!([{"class": "match", "code": "M1"}])).unwrap(),
            ..anybody.clone()
        };
        let [regular, discount, net, _] = basket.sums();
        let priced = quote(&book, &member, true).unwrap();
        assert_eq!(priced.rejected.as_deref(), Some(&[][..]), "basket {}: every offer applied", basket.id);
        let priced = priced.priced;
        assert!(priced.exact);
        let sums = (priced.regular.get(), priced.discount.get(), priced.total.get());
        assert_eq!(sums, (regular, discount, net), "basket {}", basket.id);
        for (line, priced) in basket.lines.iter().zip(&priced.lines) {
            let expected = line.regular - line.loyalty - line.coupon_match;
            assert_eq!(priced.net, expected, "basket {}, line {}", basket.id, priced.number);
            lines += 1;
            priced_by_entry += usize::from(priced.entry.is_some());
            discounted += usize::from(!priced.adjustments.is_empty());
        }
        assert_eq!(quote(&book, &anybody, false).unwrap().priced.total.get(), regular, "without card and coupons");
    }
    println!("{lines} lines, {priced_by_entry} by an entry of the book, {discounted} discounted");
    assert!(lines > 2000 && priced_by_entry * 10 > lines * 9 && discounted * 4 > lines);
}
