//! A price book on its way from HQ to a receipt.

use commerce::{BasketId, Minor, Price, Regular, customer::CustomerId, pricing::time::Weekday};
use contract::{
    PublicationKind, SaleCompleted,
    ask::{CouponAsked, CouponUses},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    By,
    payments::{VoidSale, void_sale},
    selling::{self, BasketStatus, LineRequest, OpenBasket, TenderRequest},
    testing::{self, BAGS, CATALOG, CEREAL, register, sale_context},
};

fn kind() -> PublicationKind {
    PRICES.parse().unwrap()
}

/// A book of one version: cereal costs 4.00, from minute 10 on 3.00, and two of them are 10 % off.
fn records(version: &str) -> Vec<(String, Value)> {
    let price = |id: &str, kind: &str, minor: i64, more: Value| {
        let mut price = json!({"id": id, "sku": CEREAL, "kind": kind, "price": {"minor": minor, "per": "each"}});
        more.as_object().unwrap().iter().for_each(|(key, value)| price[key] = value.clone());
        json!({ "price": price })
    };
    let offer = json!({"offer": {"id": "two", "version": 4, "name": "Two for less",
        "rule": {"quantity": {"on": {"skus": [CEREAL]}, "tiers": [{"from": 2, "deal": {"percent": 1000}}]}}}});
    vec![
        ("book".into(), json!({"book": {"version": version, "currency": "USD"}})),
        ("offer/two".into(), offer),
        ("price/a".into(), price("a", "regular", 400, json!({}))),
        ("price/b".into(), price("b", "promotional", 300, json!({"from": "1970-01-01T00:10"}))),
        ("tax/vat".into(), json!({"tax": {"id": "vat", "classes": ["food"], "rate": {"ppm": 100_000}}})),
        (
            "item/cereal".into(),
            json!({"item": {"sku": CEREAL, "tax": "food", "linked": [{"name": "deposit", "minor": 5}]}}),
        ),
    ]
}

/// Publishes a book up to its check.
fn arrive(store: &Store, version: u64, records: &[(String, Value)]) -> Result<(), String> {
    testing::publish(store, PRICES, version, records)
}

fn activate_book(store: &Store, version: u64) -> u64 {
    let by = By { actor: commerce::Station::Hub.into(), at_ms: 6 };
    let generation = publications::activate(store, &by, &kind(), version).unwrap().generation;
    publications::settle(store, &kind()).unwrap();
    generation
}

fn utc(time: LocalTime) -> i64 {
    i64::from(time.minute()) * 60_000
}

/// The pricing of a command at a minute of the first day of 1970.
fn pricing(store: &Store, minute: u16) -> Option<Pricing> {
    let book = read(store, "store-1", &utc).unwrap()?.unwrap();
    let moment = Moment { at_ms: i64::from(minute) * 60_000, weekday: Weekday::Thursday, minute };
    Some(Pricing { book: Arc::new(book), moment })
}

fn scan(store: &Store, sku: &str, pricing: Option<Pricing>) -> BasketStatus {
    let line: LineRequest = serde_json::from_value(json!({ "sku": sku })).unwrap();
    let line = line.find(&CATALOG).unwrap();
    store
        .commit_blocking(move |transaction| {
            selling::add_line(transaction, &register(7), BasketId(1), pricing.as_ref(), line)
        })
        .unwrap()
}

fn open(store: &Store) {
    open_for(store, None);
}

fn open_for(store: &Store, customer: Option<&str>) -> BasketId {
    let currency = commerce::Currency::from_code("USD").unwrap();
    let request = OpenBasket { customer: customer.map(str::to_owned), ..OpenBasket::default() };
    let open =
        move |transaction: &mut Transaction<'_>| selling::open(transaction, &register(6), currency, None, request);
    store.commit_blocking(open).unwrap().id
}

#[test]
fn a_book_prices_a_basket_and_its_sale_names_book_and_offers() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    assert!(pricing(&store, 1).is_none());
    arrive(&store, 1, &records("v1")).unwrap();
    assert_eq!((generation(&store).unwrap(), activate_book(&store, 1)), (0, 1));
    open(&store);
    // 4.00, a deposit of 0.05, and 10 % tax on the cereal.
    assert_eq!(scan(&store, CEREAL, pricing(&store, 1)).due, Minor::literal(400 + 5 + 40));
    // Two: 10 % off each, so 7.20.
    assert_eq!(scan(&store, CEREAL, pricing(&store, 2)).due, Minor::literal(720 + 10 + 72));
    // An item that the book does not know has the catalog's price.
    let status = scan(&store, BAGS, pricing(&store, 3));
    assert_eq!(status.due, Minor::literal(720 + 10 + 72 + 369));
    // Paid, the lines keep what the customer was told.
    let sale = store
        .commit_blocking(|transaction| {
            let cash = TenderRequest::Cash { amount: Minor::literal(1200) };
            selling::tender(transaction, &register(8), BasketId(1), cash)?;
            selling::complete_basket(transaction, &register(9), BasketId(1), &sale_context(1, 9))
        })
        .unwrap();
    assert_eq!((sale.totals.owed(), sale.totals.change), (Minor::literal(1171), Minor::literal(29)));
    let entry = store.outbox("sales", 1, 1).unwrap().remove(0);
    let body = crate::hq::body(&store, &entry).unwrap();
    let event: SaleCompleted = serde_json::from_str(body.get()).unwrap();
    event.verify().unwrap();
    let discount = &event.lines[0].discounts[0];
    assert_eq!((event.price_book.as_deref(), event.lines[0].price_entry.as_deref()), (Some("v1"), Some("a")));
    assert_eq!((discount.offer.as_deref(), discount.offer_version, discount.amount.get()), (Some("two"), Some(4), 40));
    assert_eq!((event.totals.added_tax.get(), event.lines[0].taxes[0].rate_ppm), (72, Some(100_000)));
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_basket_is_repriced_as_a_whole_by_its_next_command() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    open(&store);
    assert_eq!(scan(&store, CEREAL, None).due, Minor::literal(369));
    arrive(&store, 1, &records("v1")).unwrap();
    activate_book(&store, 1);
    let basket = || selling::basket(&store, BasketId(1)).unwrap().unwrap();
    assert_eq!(basket().price_book, None);
    // From minute 10 on the promotional price counts, for the line that was scanned before too.
    let status = scan(&store, CEREAL, pricing(&store, 10));
    assert_eq!(status.totals.net, Minor::literal(540));
    let entries = basket().lines.into_iter().map(|line| match line.basis {
        Regular::Book { entry, catalog, .. } => (entry, catalog.minor.get()),
        other => panic!("{other:?}"),
    });
    assert_eq!(entries.collect::<Vec<_>>(), [("b".to_owned(), 369), ("b".to_owned(), 369)]);
    assert_eq!(basket().price_book.as_deref(), Some("v1"));
    let voided = pricing(&store, 11);
    let status = store
        .commit_blocking(move |transaction| {
            selling::void_line(transaction, &register(9), BasketId(1), voided.as_ref(), 2)
        })
        .unwrap();
    assert_eq!(status.totals.net, Minor::literal(300), "one alone has no offer");
}

#[test]
fn a_bad_book_is_refused_with_record_and_field() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let mut wrong = records("v1");
    wrong[2].1["price"]["price"]["minor"] = json!(-1);
    wrong.push(("item/x".into(), json!({"item": {"sku": "x", "tax": "luxury"}})));
    let why = arrive(&store, 1, &wrong).unwrap_err();
    assert!(why.contains("price/a: price.price.minor: -1 is out of range"), "{why}");
    assert!(why.contains("item/x: item.tax: item x: unknown tax class `luxury`"), "{why}");
    assert_eq!(generation(&store).unwrap(), 0);
}

/// The book with a coupon of 1.00 off, which may be used twice, and once by a customer; cereal is sold from the age of
/// 16.
fn with_coupons() -> Vec<(String, Value)> {
    let mut records = records("v1");
    let offer = json!({"offer": {"id": "welcome", "version": 1, "name": "Welcome", "coupon": "welcome", "most": 1,
        "rule": {"item": {"on": {"all": true}, "deal": {"amount_off": 100}}}}});
    records.push(("offer/welcome".into(), offer));
    let class = json!({"coupon": {"class": "welcome", "prefix": "WEL", "uses": 2, "per_customer": 1}});
    records.push(("coupon/welcome".into(), class));
    records[5].1["item"]["minimum_age"] = json!(16);
    records
}

/// A basket of one cereal with a coupon.
fn with_coupon(store: &Store, customer: &str) -> BasketId {
    let id = open_for(store, Some(customer));
    let line: LineRequest = serde_json::from_value(json!({ "sku": CEREAL })).unwrap();
    let line = line.find(&CATALOG).unwrap();
    let (first, second) = (pricing(store, 1), pricing(store, 2));
    let buyer = BuyerRequest { coupons: vec!["WEL-1".into()], checked_age: Some(40), ..BuyerRequest::default() };
    let status = store.commit_blocking(move |transaction| {
        selling::add_line(transaction, &register(7), id, first.as_ref(), line)?;
        selling::identify(transaction, &register(7), id, second.as_ref(), buyer)
    });
    assert_eq!(status.unwrap().totals.discount, Minor::literal(100));
    id
}

fn pay(store: &Store, basket: BasketId, minor: i64) -> Result<BasketStatus, Refusal> {
    let cash = TenderRequest::Cash { amount: Minor::new(minor).unwrap() };
    store.commit_blocking(move |transaction| selling::tender(transaction, &register(8), basket, cash))
}

fn complete(store: &Store, basket: BasketId) -> Result<selling::SaleDone, Refusal> {
    let context = sale_context(store.epoch(), 9);
    store.commit_blocking(move |transaction| selling::complete_basket(transaction, &register(9), basket, &context))
}

#[test]
fn a_coupon_is_spent_with_the_first_tender_and_given_back_with_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, 1, &with_coupons()).unwrap();
    activate_book(&store, 1);
    let baskets = ["ann", "bob", "cleo"].map(|customer| with_coupon(&store, customer));
    let slug = |refused: Result<BasketStatus, Refusal>| refused.unwrap_err().kind.slug;
    pay(&store, baskets[0], 100).unwrap();
    pay(&store, baskets[0], 1).unwrap();
    pay(&store, baskets[1], 100).unwrap();
    assert_eq!(slug(pay(&store, baskets[2], 100)), "coupon-used-up");
    assert!(!selling::basket(&store, baskets[2]).unwrap().unwrap().is_partly_paid());
    let first = baskets[1];
    store.commit_blocking(move |transaction| selling::void_tender(transaction, &register(9), first, 1)).unwrap();
    pay(&store, baskets[2], 100).unwrap();
    // Once per customer.
    assert_eq!(slug(pay(&store, with_coupon(&store, "ann"), 100)), "coupon-used-up");
    pay(&store, baskets[2], 1000).unwrap();
    let sale = complete(&store, baskets[2]).unwrap();
    let entry = store.outbox("sales", 1, 1).unwrap().remove(0);
    let event: SaleCompleted = serde_json::from_str(crate::hq::body(&store, &entry).unwrap().get()).unwrap();
    assert_eq!((event.sale.as_str(), event.coupons[0].code.as_str()), (sale.sale.to_string().as_str(), "WEL-1"));
    event.verify().unwrap();
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_coupon_is_of_the_book_and_a_limited_one_of_a_known_customer() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, 1, &with_coupons()).unwrap();
    activate_book(&store, 1);
    let id = open_for(&store, None);
    let refused = |code: &str| {
        let buyer = BuyerRequest { coupons: vec![code.into()], ..BuyerRequest::default() };
        let pricing = pricing(&store, 1);
        let identify = move |transaction: &mut Transaction<'_>| {
            selling::identify(transaction, &register(7), id, pricing.as_ref(), buyer)
        };
        store.commit_blocking(identify).unwrap_err().kind.slug
    };
    assert_eq!((refused("EASTER-1"), refused("WEL-1")), ("coupon-unknown", "coupon-needs-customer"));
}

#[test]
fn uses_in_other_stores_count_and_a_void_gives_the_coupon_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, 1, &with_coupons()).unwrap();
    activate_book(&store, 1);
    let basket = with_coupon(&store, "ann");
    let coupons = selling::basket(&store, basket).unwrap().unwrap().buyer.coupons;
    let asked = question(&coupons, Some("ann")).unwrap();
    assert_eq!(asked.coupons, [CouponAsked { class: "welcome".into(), code: "WEL-1".into() }]);
    let told = |of_code, of_customer| {
        let (asked, uses) = (asked.clone(), [CouponUses { of_code, of_customer }]);
        store.commit_blocking(move |transaction| note_elsewhere(transaction, &asked, &uses, 5)).unwrap();
    };
    let slug = |refused: Result<BasketStatus, Refusal>| refused.unwrap_err().kind.slug;
    told(0, 1);
    assert_eq!(slug(pay(&store, basket, 1000)), "coupon-used-up");
    told(2, 0);
    assert_eq!(slug(pay(&store, basket, 1000)), "coupon-used-up");
    told(1, 0);
    pay(&store, basket, 1000).unwrap();
    let sale = complete(&store, basket).unwrap().sale;
    let another = with_coupon(&store, "bob");
    assert_eq!(slug(pay(&store, another, 1000)), "coupon-used-up");
    let context = sale_context(store.epoch(), 10);
    let request = VoidSale { reason: "wrong".into() };
    store
        .commit_blocking(move |transaction| void_sale(transaction, &testing::by(10), sale, request, &context))
        .unwrap();
    pay(&store, another, 1000).unwrap();
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
    // Without limits there is nothing to ask.
    let mut unlimited = coupons;
    (unlimited[0].uses, unlimited[0].per_customer) = (None, None);
    assert_eq!(question(&unlimited, Some("ann")), None);
}

#[test]
fn coupons_stay_when_the_customer_is_named_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, 1, &with_coupons()).unwrap();
    activate_book(&store, 1);
    let basket = with_coupon(&store, "ann");
    let customer = CustomerId::from_random([1; 16]);
    let pricing = pricing(&store, 3);
    let set = move |transaction: &mut Transaction<'_>| {
        selling::set_customer(transaction, &register(8), basket, pricing.as_ref(), Some(customer))
    };
    let status = store.commit_blocking(set).unwrap();
    assert_eq!(status.totals.discount, Minor::literal(100));
}

#[test]
fn goods_with_a_minimum_age_are_not_paid_before_it_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    arrive(&store, 1, &with_coupons()).unwrap();
    activate_book(&store, 1);
    open(&store);
    scan(&store, CEREAL, pricing(&store, 1));
    let refused = pay(&store, BasketId(1), 1000).unwrap_err();
    assert_eq!(refused.kind.slug, "age-unchecked");
    let aged = |years| {
        let buyer = BuyerRequest { checked_age: Some(years), ..BuyerRequest::default() };
        let pricing = pricing(&store, 2);
        let identify = move |transaction: &mut Transaction<'_>| {
            selling::identify(transaction, &register(7), BasketId(1), pricing.as_ref(), buyer)
        };
        store.commit_blocking(identify).unwrap();
        pay(&store, BasketId(1), 1000)
    };
    assert_eq!(aged(15).unwrap_err().kind.slug, "age-unchecked");
    aged(16).unwrap();
    complete(&store, BasketId(1)).unwrap();
}

#[test]
fn labels_are_out_of_date_while_their_items_have_another_price() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let price = |minor| Price { minor: Minor::new(minor).unwrap(), per: commerce::Unit::Each };
    let sku = |number: u32| format!("s{number:04}").parse::<commerce::Sku>().unwrap();
    let labels = (0..1200).map(|number| (sku(number), price(100))).collect();
    store.commit_blocking(move |transaction| Ok::<_, Refusal>(labelled(transaction, labels, 5)?)).unwrap();
    // Every third has another price now, and one has none.
    let now = |of: &commerce::Sku| match of.as_str()[1..].parse::<i64>().unwrap() {
        7 => None,
        number => Some(price(if number % 3 == 0 { 101 } else { 100 })),
    };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let part = outdated(&store, after.as_deref(), 150, now).unwrap();
        let Some(last) = part.last() else { break };
        after = Some(last.label.sku.to_string());
        found.extend(part);
    }
    let expected: Vec<_> = (0..1200).filter(|number| number % 3 == 0 || *number == 7).map(sku).collect();
    assert_eq!(found.iter().map(|one| one.label.sku.clone()).collect::<Vec<_>>(), expected);
    assert_eq!((found[0].label.price, found[0].now, found[3].now), (price(100), Some(price(101)), None));
    store
        .commit_blocking(move |transaction| Ok::<_, Refusal>(labelled(transaction, vec![(sku(0), price(101))], 6)?))
        .unwrap();
    assert_eq!(outdated(&store, None, 1, now).unwrap()[0].label.sku, sku(3));
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_price_of_the_store_replaces_the_books_until_its_end_or_its_removal() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let by = |at_ms| By { actor: commerce::Station::Console.into(), at_ms };
    let set = |by: By, minor: i64, until: Option<&str>| {
        let price = Price { minor: Minor::new(minor).unwrap(), per: commerce::Unit::Each };
        let until = until.map(|until| until.parse().unwrap());
        let request = OverrideRequest { price, until, reason: "dented".into() };
        let sku = CEREAL.parse().unwrap();
        store.commit_blocking(move |transaction| set_override(transaction, &by, sku, request))
    };
    assert_eq!(set(by(1), 200, None).unwrap_err().kind.slug, "no-price-book");
    arrive(&store, 1, &records("v1")).unwrap();
    activate_book(&store, 1);
    let first = generation(&store).unwrap();
    assert_eq!(set(register(1), 200, None).unwrap_err().kind.slug, "forbidden");
    assert_eq!(set(by(1), 1_000_000_001, None).unwrap_err().kind.slug, "bad-request");
    assert_eq!(generation(&store).unwrap(), first);
    set(by(1), 200, Some("1970-01-01T00:20")).unwrap();
    assert!(generation(&store).unwrap() > first);
    let price = |minute| {
        let pricing = pricing(&store, minute).unwrap();
        let entry = pricing.book.price_at(&CEREAL.parse().unwrap(), pricing.moment, &[]).unwrap();
        (entry.id.clone(), entry.price.minor.get())
    };
    let own = entry_id(&CEREAL.parse().unwrap());
    assert_eq!([price(1), price(19)], [(own.clone(), 200), (own.clone(), 200)]);
    assert_eq!(price(20), ("b".into(), 300), "the book's, from its end on");
    // Another book does not change it.
    arrive(&store, 2, &records("v2")).unwrap();
    activate_book(&store, 2);
    assert_eq!(price(1), (own, 200));
    assert_eq!(overrides(&store).unwrap()[0].author, by(1).actor.to_string());
    let remove = || {
        let sku = CEREAL.parse().unwrap();
        store.commit_blocking(move |transaction| {
            remove_override(transaction, &By { actor: commerce::Station::Console.into(), at_ms: 2 }, sku)
        })
    };
    remove().unwrap();
    assert_eq!(price(1), ("a".into(), 400));
    assert_eq!(remove().unwrap_err().kind.slug, "override-unknown");
    let acts = crate::audit::last(&store, None, 9).unwrap().into_iter().map(|entry| entry.act);
    let acts: Vec<_> = acts.filter(|act| act.starts_with("price_")).collect();
    assert_eq!(acts, ["price_override_removed", "price_overridden"]);
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}
