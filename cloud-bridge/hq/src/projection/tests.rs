//! Every projection equals its recomputation.

use std::collections::BTreeMap;

use commerce::{Unit, stock::Kind};
use contract::{Batch, Epoch, Event, HubId, Sequence, StockMoved, Stream, order, sale, stock, stock::Moved};
use serde_json::{Value as Json, json, value::to_raw_value};

use super::{rebuild::rebuild, tables};
use crate::{
    Ledger,
    database::{Database, Statement, Value, values},
    testing::{Fresh, on_each_engine},
};

fn statement(text: String) -> &'static Statement {
    let text: &'static str = text.leak();
    Box::leak(Box::new(Statement { name: "test", sqlite: text, postgres: text }))
}

/// Every row of every projection.
async fn dump(database: &Database) -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let mut all = Vec::new();
    for table in tables() {
        let rows = database.read(statement(format!("SELECT * FROM {}", table.name)), values![]).await.unwrap();
        let mut rows: Vec<_> = rows.into_iter().map(|row| row.0).collect();
        rows.sort();
        all.push((table.name, rows));
    }
    all
}

fn hub(number: u64) -> HubId {
    format!("store-{number}").parse().unwrap()
}

fn event(sequence: u64, kind: &str, body: &Json) -> Event {
    let body = to_raw_value(body).unwrap();
    Event { sequence: Sequence(sequence), kind: kind.into(), occurred_at_ms: 1, body }
}

fn sold(epoch: u64, number: u64, day: &str, amount: i64) -> Json {
    json!({
        "sale": format!("{epoch}-{number}"), "reference": format!("basket-{number}"), "register": "till-1",
        "receipt": number, "fiscal_year": 2026, "business_day": day, "sold_at_ms": 1,
        "shift": format!("{epoch}-1"), "currency": if number.is_multiple_of(3) { "EUR" } else { "USD" },
        "lines": [
            { "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000, "unit": "each",
                "regular": amount, "net": amount },
            { "number": 2, "sku": "4011", "on_file": true, "description": "Bananas", "quantity_milli": 1000,
                "unit": "kilogram", "regular": 30, "net": 30 },
        ],
        "tenders": [
            { "kind": "cash", "amount": amount },
            { "kind": "card", "amount": 50,
                "card": { "payment": format!("p{number}"), "scheme": "visa", "identity": "hash-2" } },
        ],
        "coupons": [{ "class": "welcome", "code": format!("W-{number}"), "uses": 9 }],
        "totals": { "regular": amount + 30, "discount": 0, "net": amount + 30, "manufacturer_coupon": 0,
            "tendered": amount + 50, "change": 20 },
        "movement": number,
        "moved": [{ "sku": "4011", "quantity_milli": 1000, "unit": "kilogram", "from": "on_hand" }],
    })
}

/// Makes the second line of a sale a return, of a unit with a serial number.
fn comes_back(body: &mut Json) {
    body["lines"][1]["serial"] = json!("SN-1");
    body["lines"][1]["returned"] =
        json!({ "sale": { "sale": "1-1" }, "line": 2, "reason": "unwanted", "disposition": "sellable" });
    body["returns"] = json!([{
        "sale": { "sale": "1-1" }, "lines": [2], "validated": "local", "identities": ["hash-1"], "refund": 30,
        "decision": { "outcome": "authorize", "cash": true },
    }]);
}

/// A movement of so many pieces.
fn moved(movement: u64, kind: Kind, reference: &str, pieces: i64) -> StockMoved {
    let from_to = match kind {
        Kind::TransferOut => (Some(commerce::stock::State::OnHand), Some(commerce::stock::State::InTransit)),
        Kind::Arrival | Kind::Shortfall => (Some(commerce::stock::State::InTransit), None),
        _ => (None, Some(commerce::stock::State::OnHand)),
    };
    let (from, to) = from_to;
    let lines = vec![Moved { sku: "818981".into(), unit: Unit::Each, quantity_milli: pieces * 1000, from, to }];
    let at_ms = i64::try_from(movement).unwrap();
    StockMoved { movement, kind, reference: reference.into(), at_ms, by: commerce::Actor::console(), lines }
}

async fn send(ledger: &Ledger, hub: &HubId, epoch: u64, stream: &Stream, events: Vec<Event>) {
    let (hub, epoch, stream) = (hub.clone(), Epoch(epoch), stream.clone());
    ledger.apply(&Batch { hub, epoch, stream, events, link: None }).await.unwrap();
}

on_each_engine! {
    every_projection_equals_its_recomputation
    a_sale_and_its_void_sum_to_nothing
    a_rebuild_that_is_cut_short_changes_nothing
    a_transfer_is_reported_until_both_stores_tell_the_same
    the_sender_alone_speaks_for_itself_and_a_documents_number_is_of_no_transfer
    a_restored_store_replaces_the_movements_that_its_backup_lacks
}

/// Stores that sell on several days, in two currencies, of which one comes back from a backup, and events that have no
/// effect: what the batches left is what all events leave, and what SQL alone makes of their bodies.
async fn every_projection_equals_its_recomputation(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let days = ["2026-11-24", "2026-11-30", "2026-12-01", "1999-01-01"];
    for store in 1..=3 {
        for epoch in 1..=2 {
            for first in (1..=40_u64).step_by(7) {
                let events = (first..first + 7).map(|sequence| {
                    // The second epoch sends the last sales of the first one again, and goes on after them.
                    let (made_in, number) =
                        if epoch == 2 && sequence <= 5 { (1, 37 + sequence) } else { (epoch, sequence) };
                    let day = days[usize::try_from((number + store) % 4).unwrap()];
                    let amount = i64::try_from(number * 100).unwrap();
                    let mut body = sold(made_in, number, day, amount);
                    if number.is_multiple_of(9) {
                        comes_back(&mut body);
                    }
                    if number.is_multiple_of(11) {
                        body["totals"]["net"] = json!(1);
                    }
                    event(sequence, sale::COMPLETED.name(), &body)
                });
                send(&ledger, &hub(store), epoch, &Stream::sales(), events.collect()).await;
            }
            let moves = [
                moved(100 + epoch, Kind::Receipt, "1", 50),
                moved(102 + epoch, Kind::TransferOut, &format!("store-{store}/{epoch}-1"), 9),
                moved(104 + epoch, Kind::TransferIn, &format!("store-{}/1-1", store % 3 + 1), 8),
            ];
            let mut events: Vec<_> = (1..)
                .zip(&moves)
                .map(|(number, moved)| event(number, stock::MOVED.name(), &serde_json::to_value(moved).unwrap()))
                .collect();
            events.push(event(4, "price.changed", &json!({})));
            send(&ledger, &hub(store), epoch, &Stream::stock(), events).await;
            let advanced = json!({
                "order": "web-1", "part": store, "at_ms": 1, "by": { "station": "hub" },
                "changes": [{ "change": "readied", "at_ms": 1 }]
            });
            let events = vec![event(1, order::ADVANCED.name(), &advanced)];
            send(&ledger, &hub(store), epoch, &Stream::orders(), events).await;
            let cash = [
                ("shift.closed", include_str!("../../../contract/fixtures/v1/shift.closed@counted.json")),
                ("cash.moved", include_str!("../../../contract/fixtures/v1/cash.moved@paid-out.json")),
                ("day.closed", include_str!("../../../contract/fixtures/v1/day.closed@plain.json")),
                ("terminal.reconciled", include_str!("../../../contract/fixtures/v1/terminal.reconciled@differs.json")),
            ];
            let events = (1..).zip(cash).map(|(number, (kind, body))| {
                let body: Json = serde_json::from_str(body).unwrap();
                event(number, kind, &body)
            });
            send(&ledger, &hub(store), epoch, &Stream::cash(), events.collect()).await;
            let entry = include_str!("../../../contract/fixtures/v1/audit.recorded@closed.json");
            let entry = event(1, "audit.recorded", &serde_json::from_str(entry).unwrap());
            send(&ledger, &hub(store), epoch, &Stream::audit(), vec![entry]).await;
        }
    }
    let before = dump(&fresh.database).await;
    assert!(before.iter().all(|(name, rows)| !rows.is_empty() || panic!("{name} is empty")));
    let mut told = Vec::new();
    let rebuilt = rebuild(&fresh.database, |done, of| told.push((done, of))).await.unwrap();
    assert_eq!(dump(&fresh.database).await, before);
    assert_eq!((told[0], told.last().copied()), ((0, rebuilt.events), Some((rebuilt.events, rebuilt.events))));
    assert_eq!(ledger.summary().await.unwrap().quarantined, rebuilt.quarantined);

    let recomputed = Statement {
        name: "recomputed",
        sqlite: "SELECT hub, business_day, currency, COUNT(*), SUM(net) FROM (
            SELECT DISTINCT e.hub AS hub, e.body ->> '$.sale' AS sale, e.body ->> '$.business_day' AS business_day,
                e.body ->> '$.currency' AS currency, e.body ->> '$.totals.net' AS net
            FROM event e LEFT JOIN quarantine q USING (hub, epoch, stream, sequence)
            WHERE e.kind = 'sale.completed' AND q.why IS NULL
        ) GROUP BY hub, business_day, currency ORDER BY hub, business_day, currency",
        postgres: "SELECT hub, business_day, currency, COUNT(*), CAST(SUM(net) AS BIGINT) FROM (
            SELECT DISTINCT e.hub AS hub, e.body::JSONB ->> 'sale' AS sale,
                e.body::JSONB ->> 'business_day' AS business_day,
                e.body::JSONB ->> 'currency' AS currency, CAST(e.body::JSONB #>> '{totals,net}' AS BIGINT) AS net
            FROM event e LEFT JOIN quarantine q USING (hub, epoch, stream, sequence)
            WHERE e.kind = 'sale.completed' AND q.why IS NULL
        ) AS sales GROUP BY hub, business_day, currency ORDER BY hub,
            business_day COLLATE \"C\", currency COLLATE \"C\"",
    };
    let projected = statement(
        "SELECT hub, business_day, currency, sales, net FROM day ORDER BY hub, business_day, currency".into(),
    );
    let recomputed = fresh.database.read(Box::leak(Box::new(recomputed)), values![]).await.unwrap();
    assert_eq!(fresh.database.read(projected, values![]).await.unwrap(), recomputed);
}

async fn a_sale_and_its_void_sum_to_nothing(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let sale = sold(1, 1, "2026-11-24", 100);
    let mut void = sale.clone();
    (void["sale"], void["voids"], void["receipt"]) = (json!("1-2"), json!("1-1"), json!(2));
    for line in void["lines"].as_array_mut().unwrap() {
        for amount in ["regular", "net", "quantity_milli"] {
            line[amount] = json!(-line[amount].as_i64().unwrap());
        }
    }
    void["tenders"] = json!([{ "kind": "cash", "amount": -80 }, { "kind": "card", "amount": -50 }]);
    void["totals"] = json!({ "regular": -130, "discount": 0, "net": -130, "manufacturer_coupon": 0, "tendered": -130,
        "change": 0 });
    void["moved"] = json!([]);
    let events =
        [sale, void].iter().zip(1..).map(|(body, number)| event(number, sale::COMPLETED.name(), body)).collect();
    send(&ledger, &hub(1), 1, &Stream::sales(), events).await;
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.net_minor, summary.quarantined), (2, 0, 0));
    let tenders = statement("SELECT kind, tenders, amount FROM day_tender ORDER BY kind".into());
    let rows = fresh.database.read(tenders, values![]).await.unwrap();
    assert_eq!(
        rows.into_iter().map(|row| row.0).collect::<Vec<_>>(),
        [values!["card", 2_i64, 0_i64], values!["cash", 2_i64, 0_i64]]
    );
}

async fn a_rebuild_that_is_cut_short_changes_nothing(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let events = (1..=20).map(|number| event(number, sale::COMPLETED.name(), &sold(1, number, "2026-11-24", 100)));
    send(&ledger, &hub(1), 1, &Stream::sales(), events.collect()).await;
    let before = dump(&fresh.database).await;
    let cut = {
        let database = fresh.database.clone();
        tokio::spawn(async move { rebuild(&database, |done, _| assert!(done == 0, "the plug is pulled")).await })
    };
    assert!(cut.await.is_err());
    assert_eq!(dump(&fresh.database).await, before);
    rebuild(&fresh.database, |_, _| {}).await.unwrap();
    assert_eq!(dump(&fresh.database).await, before);
}

/// Movements told to HQ, each as the next event of its hub and epoch.
struct Books {
    ledger: Ledger,
    told: BTreeMap<(u64, u64), u64>,
}

impl Books {
    fn new(fresh: &Fresh) -> Self {
        Self { ledger: Ledger::on(fresh.database.clone()), told: BTreeMap::new() }
    }

    async fn note(&mut self, store: u64, epoch: u64, moved: &StockMoved) {
        let sequence = self.told.entry((store, epoch)).or_default();
        *sequence += 1;
        let event = event(*sequence, stock::MOVED.name(), &serde_json::to_value(moved).unwrap());
        send(&self.ledger, &hub(store), epoch, &Stream::stock(), vec![event]).await;
        assert_eq!(self.ledger.summary().await.unwrap().quarantined, 0);
    }

    /// What is reported of the one item there is: sent, received, arrived, short.
    async fn uneven(&self) -> Option<[i64; 4]> {
        let uneven = self.ledger.transfers().await.unwrap();
        assert!(uneven.len() <= 1, "{uneven:?}");
        uneven.first().map(|item| [item.sent, item.received, item.arrived, item.short])
    }
}

async fn a_transfer_is_reported_until_both_stores_tell_the_same(fresh: Fresh) {
    let mut books = Books::new(&fresh);
    books.note(1, 7, &moved(1, Kind::TransferOut, "store-1/7-1", 9)).await;
    assert_eq!(books.uneven().await, Some([9_000, 0, 0, 0]));
    books.note(2, 3, &moved(1, Kind::TransferIn, "store-1/7-1", 5)).await;
    books.note(2, 3, &moved(2, Kind::TransferIn, "store-1/7-1", 3)).await;
    assert_eq!(books.uneven().await, Some([9_000, 8_000, 0, 0]));
    let uneven = books.ledger.transfers().await.unwrap();
    assert_eq!((uneven[0].sent_at_ms, &uneven[0].received_by), (Some(1), &[hub(2)].into()));
    books.note(1, 7, &moved(2, Kind::Arrival, "store-1/7-1", 8)).await;
    books.note(1, 7, &moved(3, Kind::Shortfall, "store-1/7-1", 1)).await;
    assert_eq!(books.uneven().await, None);
    // Somebody enters the same truck elsewhere.
    books.note(3, 1, &moved(4, Kind::TransferIn, "store-1/7-1", 8)).await;
    assert_eq!(books.uneven().await, Some([9_000, 16_000, 8_000, 1_000]));
    assert_eq!(books.ledger.transfers().await.unwrap()[0].received_by, [hub(2), hub(3)].into());
}

async fn the_sender_alone_speaks_for_itself_and_a_documents_number_is_of_no_transfer(fresh: Fresh) {
    let mut books = Books::new(&fresh);
    books.note(2, 3, &moved(1, Kind::Arrival, "store-1/7-1", 9)).await;
    books.note(1, 7, &moved(1, Kind::TransferOut, "1", 9)).await;
    books.note(2, 3, &moved(2, Kind::TransferIn, "1", 9)).await;
    books.note(2, 3, &moved(3, Kind::Return, "store-1/7-1", 9)).await;
    assert_eq!(books.uneven().await, None);
}

async fn a_restored_store_replaces_the_movements_that_its_backup_lacks(fresh: Fresh) {
    let mut books = Books::new(&fresh);
    let sent = moved(4, Kind::TransferOut, "store-1/7-1", 9);
    books.note(1, 7, &sent).await;
    books.note(2, 3, &moved(1, Kind::TransferIn, "store-1/7-1", 9)).await;
    // After the backup that is restored below: known to no book any more.
    books.note(1, 7, &moved(5, Kind::Arrival, "store-1/7-1", 9)).await;
    assert_eq!(books.uneven().await, None);
    // Sent again, because the backup did not know that HQ has it.
    books.note(1, 8, &sent).await;
    assert_eq!(books.uneven().await, Some([9_000, 9_000, 0, 0]));
    books.note(1, 8, &moved(5, Kind::Receipt, "1", 1)).await;
    books.note(1, 8, &moved(6, Kind::Arrival, "store-1/7-1", 9)).await;
    assert_eq!(books.uneven().await, None);
}
