//! Returns of several stores.

use contract::{Answer, Asked, Batch, Epoch, Event, Question, Sequence, Stream, ask::SaleAsked, sale};
use serde_json::{Value as Json, json, value::to_raw_value};

use super::*;
use crate::testing::{Fresh, on_each_engine};

on_each_engine! {
    what_comes_back_too_often_is_flagged_whichever_event_comes_first
    velocity_over_stores_is_found_after_the_fact
    a_hub_hears_what_other_stores_took_back
    a_unit_that_two_customers_have_is_found
    a_sale_is_found_without_its_receipt
    points_that_a_store_lacked_are_taken_at_hq_and_an_alarm_says_what_is_spent
}

const DAY: i64 = 24 * 3600 * 1000;

fn event(sequence: u64, body: &Json) -> Event {
    let kind = sale::COMPLETED.name().into();
    Event { sequence: Sequence(sequence), kind, occurred_at_ms: 1, body: to_raw_value(body).unwrap() }
}

pub(in crate::ledger) async fn send(ledger: &Ledger, hub: &str, sequence: u64, body: &Json) {
    let (hub, epoch, stream) = (hub.parse().unwrap(), Epoch(1), Stream::sales());
    let events = vec![event(sequence, body)];
    let applied = ledger.apply(&Batch { hub, epoch, stream, events, link: None }).await.unwrap();
    assert_eq!((applied.stored, applied.quarantined), (1, 0));
}

/// A sale of pieces at 10.00; a return has fewer than none.
pub(in crate::ledger) fn pieces(sale: &str, at_ms: i64, count: i64) -> Json {
    let amount = count * 1_000;
    json!({
        "sale": sale, "register": "till-1", "receipt": 1, "fiscal_year": 2026, "business_day": "2026-11-24",
        "sold_at_ms": at_ms, "currency": "USD",
        "lines": [{ "number": 1, "sku": "818981", "on_file": true, "description": "Cereal",
            "quantity_milli": count * 1_000, "unit": "each", "regular": amount, "net": amount }],
        "tenders": [{ "kind": "cash", "amount": amount }],
        "totals": { "regular": amount, "discount": 0, "net": amount, "manufacturer_coupon": 0, "tendered": amount,
            "change": 0 }
    })
}

/// A return of pieces of a sale, or without a receipt, by somebody.
fn back(sale: &str, at_ms: i64, count: i64, of: Option<(Option<&str>, &str)>, who: &str) -> Json {
    let mut body = pieces(sale, at_ms, -count);
    let of = of.map(|(store, sale)| match store {
        Some(store) => json!({ "store": store, "sale": sale }),
        None => json!({ "sale": sale }),
    });
    let line = u32::from(of.is_some());
    body["lines"][0]["returned"] = json!({ "line": line, "reason": "unwanted", "disposition": "sellable" });
    body["returns"] = json!([{ "lines": [1], "validated": if of.is_some() { "offline" } else { "no_receipt" },
        "identities": [who], "refund": count * 1_000, "decision": { "outcome": "authorize", "cash": true } }]);
    if let Some(of) = of {
        body["lines"][0]["returned"]["sale"] = of.clone();
        body["returns"][0]["sale"] = of;
    }
    body
}

pub(in crate::ledger) async fn alarms(ledger: &Ledger) -> Vec<(String, String, String)> {
    let alarms = ledger.alarms().await.unwrap();
    alarms.into_iter().map(|alarm| (alarm.hub, alarm.kind, alarm.subject)).collect()
}

async fn what_comes_back_too_often_is_flagged_whichever_event_comes_first(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    // Store 2 was offline and took two of three back, and so did store 1; the sale itself arrives last.
    send(&ledger, "store-2", 1, &back("1-1", DAY, 2, Some((Some("store-1"), "1-1")), "me")).await;
    send(&ledger, "store-1", 1, &back("1-2", DAY, 2, Some((None, "1-1")), "me")).await;
    assert_eq!(alarms(&ledger).await, []);
    send(&ledger, "store-1", 2, &pieces("1-1", 1, 3)).await;
    let subject = "line 1 of sale store-1/1-1".to_owned();
    assert_eq!(alarms(&ledger).await, [("store-1".to_owned(), "over_returned".to_owned(), subject)]);
    // A void takes everything back, so a return of a voided sale is one too many.
    send(&ledger, "store-3", 1, &pieces("1-1", 1, 1)).await;
    let mut void = pieces("1-2", 2, -1);
    void["voids"] = json!("1-1");
    send(&ledger, "store-3", 2, &void).await;
    assert_eq!(alarms(&ledger).await.len(), 1);
    send(&ledger, "store-4", 1, &back("1-1", DAY, 1, Some((Some("store-3"), "1-1")), "me")).await;
    assert!(alarms(&ledger).await.iter().any(|(hub, kind, _)| hub == "store-4" && kind == "over_returned"));
    let mut told = Vec::new();
    let returns = ledger.returns(|row| {
        told.push((row.store, row.of_sale, row.refund));
        Ok::<_, DatabaseError>(())
    });
    returns.await.unwrap();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], ("store-1".to_owned(), Some("1-1".to_owned()), 2_000));
}

async fn velocity_over_stores_is_found_after_the_fact(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    // Each store accepts what is the first there; the third of high value is flagged at HQ.
    for (store, day) in [("store-1", 1), ("store-2", 2), ("store-3", 3)] {
        send(&ledger, store, 1, &back("1-1", day * DAY, 20, Some((Some("store-9"), &format!("1-{day}"))), "me")).await;
    }
    let flagged = alarms(&ledger).await;
    let rule = ("store-3".to_owned(), "return_rule".to_owned(), "high_value of return 1-1".to_owned());
    assert_eq!(flagged, [rule]);
    // Where more is of high value, nothing is flagged.
    for (store, day) in [("store-5", 1), ("store-6", 2), ("store-7", 3)] {
        let mut body = back("1-1", day * DAY, 20, Some((Some("store-9"), &format!("1-{day}"))), "rich");
        body["returns"][0]["limits"] = json!({ "without_receipt": 0, "unverified": 0, "high_value": 50_000 });
        send(&ledger, store, 1, &body).await;
    }
    assert_eq!(alarms(&ledger).await.len(), 1);
    // Planted histories, each by its own identity: (rule, days, amounts without a receipt, whether it is to be
    // flagged).
    let planted: [(&str, &[i64], i64, bool); 4] = [
        ("two blind returns", &[1, 2], 1, false),
        ("three blind returns", &[1, 2, 3], 1, true),
        ("three blind returns over two months", &[1, 20, 40], 1, false),
        ("much value without receipts", &[1, 2], 6, true),
    ];
    let (mut right, mut flagged_all, mut planted_all) = (0, 0, 0);
    for (index, (what, days, count, is_fraud)) in planted.into_iter().enumerate() {
        let before = alarms(&ledger).await.len();
        for (place, day) in days.iter().enumerate() {
            let (store, who) = (format!("plant-{index}-{place}"), format!("who-{index}"));
            send(&ledger, &store, 1, &back("1-1", day * DAY, count, None, &who)).await;
        }
        let is_flagged = alarms(&ledger).await.len() > before;
        right += u32::from(is_flagged && is_fraud);
        flagged_all += u32::from(is_flagged);
        planted_all += u32::from(is_fraud);
        assert_eq!(is_flagged, is_fraud, "{what}");
    }
    println!("velocity: precision {right}/{flagged_all}, recall {right}/{planted_all}");
}

async fn a_hub_hears_what_other_stores_took_back(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    send(&ledger, "store-1", 1, &pieces("1-1", 1, 3)).await;
    send(&ledger, "store-2", 1, &back("1-1", DAY, 2, Some((Some("store-1"), "1-1")), "me")).await;
    let sale = SaleAsked { store: "store-1".parse().unwrap(), sale: "1-1".into() };
    let question = Question::Return(ReturnAsked { sale: Some(sale), identities: vec!["me".into()] });
    let asked = Asked { hub: "store-1".parse().unwrap(), epoch: Epoch(1), question };
    let known = ledger.known_of_return(
        match &asked.question {
            Question::Return(asked) => asked,
            _ => panic!("a return"),
        },
        2 * DAY,
    );
    let known = known.await.unwrap();
    let back = CameBack { store: "store-2".parse().unwrap(), line: 1, milli: 2_000 };
    assert_eq!((known.sale.unwrap().sale.as_str(), known.back), ("1-1", vec![back]));
    let who: Vec<_> = known.history.iter().map(|past| (past.key.as_str(), past.refund.get())).collect();
    assert_eq!(who, [("store-2/1-1", 2_000)]);
    assert!(matches!(ledger.answer(&asked).await.unwrap(), Answer::Return(_)));
}

async fn a_unit_that_two_customers_have_is_found(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let unit = |sale: &str, at_ms: i64, count: i64| {
        let mut body = if count > 0 { pieces(sale, at_ms, 1) } else { back(sale, at_ms, 1, Some((None, "1-1")), "me") };
        body["lines"][0]["serial"] = json!("A1");
        body["lines"][0]["warranty"] = json!({ "start": "2026-11-24", "months": 24, "ends": "2028-11-24" });
        body
    };
    let read = async || {
        let sku = "818981".parse().unwrap();
        crate::ledger::units::unit(&fresh.database, &sku, "A1").await.unwrap()
    };
    assert_eq!(read().await, None);
    send(&ledger, "store-1", 1, &unit("1-1", 1, 1)).await;
    assert_eq!(read().await.unwrap().warranty.unwrap().ends, "2028-11-24");
    send(&ledger, "store-1", 2, &unit("1-2", 2, -1)).await;
    let unit_back = read().await.unwrap();
    assert_eq!((unit_back.is_sold, unit_back.warranty), (false, None), "a return ends the warranty");
    send(&ledger, "store-1", 3, &unit("1-3", 3, 1)).await;
    assert_eq!(alarms(&ledger).await, []);
    send(&ledger, "store-2", 1, &unit("1-1", 5, 1)).await;
    let subject = "unit A1 of item 818981".to_owned();
    assert_eq!(alarms(&ledger).await, [("store-2".to_owned(), "unit_twice".to_owned(), subject)]);
}

async fn a_sale_is_found_without_its_receipt(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let customer = commerce::customer::CustomerId::from_random([1; 16]);
    let mut sold = pieces("1-1", 1, 1);
    sold["reference"] = json!("web-1");
    sold["customer"] = json!(customer.as_str());
    sold["lines"][0]["serial"] = json!("A1");
    sold["tenders"][0] = json!({ "kind": "card", "amount": 1_000, "card": { "payment": "p1", "identity": "hash" } });
    send(&ledger, "store-1", 1, &sold).await;
    send(&ledger, "store-1", 2, &pieces("1-2", 2, 1)).await;
    let mut again = back("1-3", 3, 1, Some((None, "1-1")), "me");
    again["lines"][0]["serial"] = json!("A1");
    send(&ledger, "store-1", 3, &again).await;
    let find = async |sought: SoughtBy| -> Vec<(String, String)> {
        let asked = Asked { hub: "store-2".parse().unwrap(), epoch: Epoch(1), question: Question::Find(sought) };
        let Answer::Found(found) = ledger.answer(&asked).await.unwrap() else { panic!("sales") };
        found.into_iter().map(|sale| (sale.store.to_string(), sale.sale)).collect()
    };
    let one = [("store-1".to_owned(), "1-1".to_owned())];
    assert_eq!(find(SoughtBy::Order("web-1".into())).await, one);
    assert_eq!(find(SoughtBy::Card("hash".into())).await, one);
    assert_eq!(find(SoughtBy::Serial("A1".into())).await, one, "a return is not found as a sale");
    assert_eq!(find(SoughtBy::Customer(customer.as_str().into())).await, one);
    assert_eq!(find(SoughtBy::Order("1-2".into())).await, [], "a sale's id is not an order number");
    assert_eq!(find(SoughtBy::Customer("nobody".into())).await, []);
}

async fn points_that_a_store_lacked_are_taken_at_hq_and_an_alarm_says_what_is_spent(fresh: Fresh) {
    use commerce::{
        Currency,
        customer::{CustomerId, Profile},
        gift_card::{CardKind, CardNumber},
    };

    let ledger = Ledger::on(fresh.database.clone());
    let account = CardNumber::from_random([3; 16]);
    let mut profile = Profile::new(CustomerId::from_random([1; 16]), 1);
    (profile.name, profile.phones) = (Some("Ada".into()), vec!["0664 1234567".into()]);
    profile.points = Some(account.clone());
    let mut transaction = fresh.database.transaction().await.unwrap();
    let of = (CardKind::LoyaltyPoints, Currency::from_code("USD").unwrap());
    let moving = Moving { amount: 50, reference: "gift".into(), by: "HQ".into() };
    gift_cards::issue(&mut transaction, &account, of, moving, 1).await.unwrap();
    customers::upsert(&mut transaction, profile.clone()).await.unwrap();
    transaction.commit().await.unwrap();
    let balance = async || gift_cards::find(&fresh.database, &account).await.unwrap().unwrap().0.balance;
    let told = |sale: &str, amount: i64, taken: i64| {
        let mut body = back(sale, DAY, 1, Some((Some("store-9"), "1-1")), "me");
        body["returns"][0]["points"] =
            json!({ "customer": profile.id.as_str(), "points": amount, "amount": amount, "taken": taken });
        body
    };
    send(&ledger, "store-1", 1, &told("1-1", 30, 10)).await;
    assert_eq!((balance().await, alarms(&ledger).await), (30, vec![]), "20 were lacking");
    send(&ledger, "store-1", 2, &told("1-2", 40, 0)).await;
    let short = ("store-1".to_owned(), "points_short".to_owned(), "points of return 1-2".to_owned());
    assert_eq!((balance().await, alarms(&ledger).await), (0, vec![short]), "never below zero, and not in silence");
}
