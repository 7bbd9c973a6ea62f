//! Customers at a store: found, changed, erased; what their profile does to sales.

use commerce::{
    Currency, Minor,
    customer::{CustomerId, Lookup, PersonalOffer, Profile},
    gift_card::CardNumber,
    loyalty::{Programme, Tier},
};
use contract::{
    DownBatch, DownItem, Epoch, Sequence, Stream,
    customer::{CustomerGone, CustomerTold, GONE, PROGRAMME, ProgrammePublished, TOLD},
    kind::{Body, DownKind},
};
use store::{Depth, Store};

use super::*;
use crate::{
    hq::receive,
    selling::{self, OpenBasket, TenderRequest},
    stock::{Home, put_home},
    testing::{self, by, faults, hub, register, sale_context},
};

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let currency = Currency::from_code("USD").unwrap();
    let home = Home { hub: hub("store-1"), epoch: 1, currency, orders: commerce::order::Policy::default() };
    store.commit_blocking(move |transaction| put_home(transaction, &home)).unwrap();
    (directory, store)
}

fn id(byte: u8) -> CustomerId {
    CustomerId::from_random([byte; 16])
}

fn entered(name: &str, phone: &str) -> Enter {
    Enter { name: Some(name.into()), phones: vec![phone.into()], ..Enter::default() }
}

/// Enters a customer; the refusal if they are known.
fn put(store: &Store, byte: u8, name: &str, phone: &str) -> Result<Profile, crate::Refusal> {
    let account = CardNumber::from_random([byte; 16]);
    let profile = enter(store, entered(name, phone), (id(byte), account), 5)?;
    let stored = profile.clone();
    store.commit_blocking(move |transaction| NewCustomer::store(transaction, &register(5), &stored))?;
    Ok(profile)
}

/// HQ sends an item.
fn hear<B: Body>(store: &Store, sequence: u64, kind: &DownKind<B>, body: &B) {
    let item = DownItem { sequence: Sequence(sequence), kind: kind.name().into(), body: kind.write(body).unwrap() };
    let batch = DownBatch { hub: hub("store-1"), stream: Stream::customers(), queue: Epoch(1), items: vec![item] };
    let received = store.commit_blocking(move |transaction| receive(transaction, 77, &batch)).unwrap();
    assert_eq!(received.refused, []);
}

#[allow(clippy::needless_pass_by_value)] // its callers make one each
fn names(store: &Store, lookup: Lookup) -> Vec<String> {
    find(store, &lookup).unwrap().customers.into_iter().filter_map(|profile| profile.name).collect()
}

#[test]
fn a_customer_is_found_without_hq_changed_merged_and_erased() {
    let (_directory, store) = open();
    put(&store, 1, "Ada Byron", "0664 1234567").unwrap();
    put(&store, 2, "Grace Hopper", "0664 7654321").unwrap();
    let known = put(&store, 3, "A. Byron", "+43 664 1234567").unwrap_err();
    assert_eq!((known.kind, &known.members), (&CUSTOMER_KNOWN, &vec![("customer", id(1).as_str().into())]));
    assert!(!known.detail.contains("Byron") && !known.detail.contains("664"));
    assert_eq!(names(&store, Lookup::Phone("06641234567".into())), ["Ada Byron"]);
    assert_eq!(names(&store, Lookup::Name("a".into())), ["Ada Byron"]);
    store
        .commit_blocking(|transaction| {
            change(transaction, &register(6), &id(1), entered("Ada Lovelace", "0699 111222"))
        })
        .unwrap();
    assert_eq!(names(&store, Lookup::Phone("06641234567".into())), [""; 0], "the old number finds nobody");
    assert_eq!(names(&store, Lookup::Name("love".into())), ["Ada Lovelace"]);
    // HQ knows the second one under another id.
    let mut other = Profile::new(id(9), 7);
    other.name = Some("Grace M. Hopper".into());
    hear(&store, 1, &TOLD, &CustomerTold { profile: other });
    hear(&store, 2, &GONE, &CustomerGone { customer: id(2), into: Some(id(9)) });
    assert_eq!(profile(&store, &id(2)).unwrap().unwrap().id, id(9));
    assert_eq!(find(&store, &Lookup::Name("hop".into())).unwrap().as_of_ms, 77);
    store.commit_blocking(|transaction| erase(transaction, &by(8), &id(2))).unwrap();
    assert_eq!((profile(&store, &id(9)).unwrap(), names(&store, Lookup::Name("hop".into())).len()), (None, 0));
    assert_eq!(erase_again(&store), &CUSTOMER_UNKNOWN);
    // What HQ gets of the erased one has nothing personal.
    let bodies: Vec<_> = store
        .outbox(Stream::customers().as_str(), 1, 100)
        .unwrap()
        .iter()
        .map(|entry| crate::hq::body(&store, entry).unwrap().get().to_owned())
        .collect();
    assert!(
        bodies.iter().any(|body| body.contains("Lovelace")) && !bodies.iter().any(|body| body.contains("Hopper")),
        "{bodies:?}"
    );
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

fn erase_again(store: &Store) -> &'static Kind {
    store.commit_blocking(|transaction| erase(transaction, &by(8), &id(2))).unwrap_err().kind
}

#[test]
fn a_sale_earns_points_for_its_customer_and_a_void_takes_them_back() {
    let (_directory, store) = open();
    put(&store, 1, "Ada Byron", "0664 1234567").unwrap();
    let tier = Tier { name: "gold".into(), from_points: 100, bonus_permille: 1_000, groups: vec!["golden".into()] };
    let programme = Programme {
        point_value: 2,
        minor_per_point: Some(100),
        per_visit: 5,
        items: vec![],
        tiers: vec![tier],
        expire_days: None,
    };
    hear(&store, 1, &PROGRAMME, &ProgrammePublished { programme: Some(programme), at_ms: 1 });
    let mut ada = profile(&store, &id(1)).unwrap().unwrap();
    ada.tier = Some("gold".into());
    ada.groups = vec!["members".into()];
    ada.offers = vec![PersonalOffer { code: "NOT-IN-THE-BOOK".into(), until_ms: 99 }];
    hear(&store, 2, &TOLD, &CustomerTold { profile: ada });
    store.commit_blocking(|transaction| testing::goods(transaction, 5_000, 1)).unwrap();
    let sold = store.commit_blocking(|transaction| {
        let (till, usd) = (register(3), Currency::from_code("USD").unwrap());
        let basket = selling::open(transaction, &till, usd, None, OpenBasket::default())?.id;
        let line: selling::LineRequest = serde_json::from_value(serde_json::json!({ "sku": testing::CEREAL })).unwrap();
        selling::add_line(transaction, &till, basket, None, line.find(&testing::CATALOG)?)?;
        selling::set_customer(transaction, &till, basket, None, Some(id(1)))?;
        selling::tender(transaction, &till, basket, TenderRequest::Cash { amount: Minor::literal(400) })?;
        selling::complete_basket(transaction, &till, basket, &sale_context(1, 3))
    });
    let sale = selling::find_sale(&store, sold.unwrap().sale).unwrap();
    assert_eq!(sale.buyer.groups, ["members", "golden"]);
    // 5 for the visit and 3 for 3.69, twice for gold.
    let earned = sale.points.clone().unwrap();
    assert_eq!((earned.points, earned.amount), (16, Minor::literal(32)));
    let here = worth(&store, &id(1)).unwrap();
    assert_eq!((here.points, here.amount.get(), here.tier.as_deref()), (16, 32, Some("gold")));
    assert_eq!(last_sales(&store, &id(1), 5).unwrap(), [sale.id.sequence]);
    let void = store.commit_blocking(move |transaction| {
        let request = crate::payments::VoidSale { reason: "mistake".into() };
        crate::payments::void_sale(transaction, &by(4), sale.id, request, &sale_context(1, 4))
    });
    void.unwrap();
    assert_eq!(worth(&store, &id(1)).unwrap().points, 0);
    assert_eq!(account(&store, &id(7)).unwrap_err().kind, &CUSTOMER_UNKNOWN);
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

/// Takes a piece of a sale back, and completes the basket; returns the sale with the opposite amounts.
fn take_back(store: &Store, sale: &commerce::Sale, at_ms: i64) -> commerce::Sale {
    let of = sale.clone();
    let done = store.commit_blocking(move |transaction| {
        let (till, usd) = (register(at_ms), Currency::from_code("USD").unwrap());
        let basket = selling::open(transaction, &till, usd, None, OpenBasket::default())?.id;
        let line = crate::returns::ReturnLine {
            line: 1,
            quantity: Some(commerce::Quantity::pieces(1).unwrap()),
            reason: commerce::returns::Reason::Unwanted,
            disposition: None,
            serial: None,
        };
        let request = crate::returns::ReturnRequest {
            lines: vec![line],
            identities: vec![],
            card: None,
            keyed: false,
            override_reason: None,
        };
        let (policies, elsewhere) = (commerce::returns::Policies::default(), crate::returns::Elsewhere::default());
        let context = crate::returns::Returning {
            policies: &policies,
            catalog: &testing::CATALOG,
            today: of.business_day,
            validated: commerce::returns::Validated::Local,
            elsewhere: &elsewhere,
            pricing: None,
            store: None,
        };
        selling::take_back(transaction, &till, basket, &of, context, &request)?;
        let (request, before) = (crate::payments::RefundRequest::default(), Ok(serde_json::Value::Null));
        let terms = (testing::new_card(), false);
        crate::payments::refund_step(transaction, &till, basket, &request, None, before, terms)?;
        selling::complete_basket(transaction, &till, basket, &sale_context(1, at_ms))
    });
    selling::find_sale(store, done.unwrap().sale).unwrap()
}

#[test]
fn a_return_takes_back_its_share_of_the_points_and_says_what_the_store_does_not_hold() {
    let (_directory, store) = open();
    put(&store, 1, "Ada Byron", "0664 1234567").unwrap();
    let programme = Programme {
        point_value: 2,
        minor_per_point: Some(100),
        per_visit: 0,
        items: vec![],
        tiers: vec![],
        expire_days: None,
    };
    hear(&store, 1, &PROGRAMME, &ProgrammePublished { programme: Some(programme), at_ms: 1 });
    store.commit_blocking(|transaction| testing::goods(transaction, 5_000, 1)).unwrap();
    let sold = store.commit_blocking(|transaction| {
        let (till, usd) = (register(3), Currency::from_code("USD").unwrap());
        let basket = selling::open(transaction, &till, usd, None, OpenBasket::default())?.id;
        let line = serde_json::json!({ "sku": testing::CEREAL, "quantity": { "milli": 3_000, "unit": "each" } });
        let line: selling::LineRequest = serde_json::from_value(line).unwrap();
        selling::add_line(transaction, &till, basket, None, line.find(&testing::CATALOG)?)?;
        selling::set_customer(transaction, &till, basket, None, Some(id(1)))?;
        selling::tender(transaction, &till, basket, TenderRequest::Cash { amount: Minor::literal(1_107) })?;
        selling::complete_basket(transaction, &till, basket, &sale_context(1, 3))
    });
    let sale = selling::find_sale(&store, sold.unwrap().sale).unwrap();
    let points = || worth(&store, &id(1)).unwrap().points;
    assert_eq!(points(), 11, "for 11.07");
    let first = take_back(&store, &sale, 4).returns[0].points.clone().unwrap();
    assert_eq!((first.points, first.amount.get(), first.taken.get(), points()), (4, 8, 8, 7));
    // Another store has called the points back.
    let account = account(&store, &id(1)).unwrap().0;
    hear(&store, 2, &contract::gift_card::RECALLED, &contract::gift_card::GiftCardRecalled { card: account });
    assert_eq!(points(), 0);
    let second = take_back(&store, &sale, 5);
    let lacking = second.returns[0].points.clone().unwrap();
    assert_eq!((lacking.points, lacking.taken.get(), lacking.short().get(), points()), (4, 0, 8, 0));
    let told = selling::told(&second);
    assert_eq!(told.returns[0].points.as_ref(), Some(&lacking), "HQ takes the rest");
    assert_eq!(selling::sale_of(&selling::told(&sale)).unwrap().points, sale.points, "another store knows them");
    let third = take_back(&store, &sale, 6).returns[0].points.clone().unwrap();
    assert_eq!(third.points, 3, "eleven in all");
    assert_eq!(faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_new_epoch_begins_without_profiles_and_asks_for_them_once() {
    let (_directory, store) = open();
    put(&store, 1, "Ada Byron", "0664 1234567").unwrap();
    for _ in 0..2 {
        begin_epoch(&store, 9).unwrap();
        assert_eq!(names(&store, Lookup::Name("ada".into())), [""; 0]);
    }
    let kinds: Vec<_> =
        store.outbox(Stream::customers().as_str(), 1, 100).unwrap().into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["customer.changed", "profiles.requested"]);
    put(&store, 1, "Ada Byron", "0664 1234567").unwrap();
    begin_epoch(&store, 10).unwrap();
    assert_eq!(names(&store, Lookup::Name("ada".into())), ["Ada Byron"], "later starts forget nothing");
}
