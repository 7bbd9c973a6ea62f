//! Damaged records: the hub starts, sells and reports them.

use std::{fs, path::Path};

use axum::http::StatusCode;
use serde_json::{Value, json};
use store::{Depth, EngineKind, Name, NameName, Number, Store, Table};

use crate::common::{CEREAL, ask, enter, faults, open_on};

/// No damaged record keeps the hub from starting, except for those that identify the store; and the whole check finds
/// each of them.
#[tokio::test]
async fn a_hub_starts_whichever_record_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, router) = open_on(directory.path(), EngineKind::Sqlite);
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let load = [("cookie", &*cookie), ("idempotency-key", "load-0001")];
    ask(&router, "POST", "/api/v1/items", &load, CEREAL).await;
    let post = async |path: &str, key: &str, body: Value| {
        let headers = [("authorization", &*token), ("idempotency-key", key)];
        ask(&router, "POST", path, &headers, &body.to_string()).await
    };
    let lines = json!([{ "sku": "818981" }]);
    let cash = json!([{ "tender": "cash", "amount": 500 }]);
    assert_eq!(post("/api/v1/sales", "sale-0001", json!({ "lines": lines, "tenders": cash })).await.status, 200);
    assert_eq!(post("/api/v1/baskets", "basket-01", json!({})).await.status, 201);
    let data = directory.path().join("data");
    let place = tempfile::tempdir().unwrap();
    let entries: Vec<(Vec<u8>, Vec<u8>)> = {
        copied(&data, &place.path().join("entries/data"));
        let store = rusqlite::Connection::open(place.path().join("entries/data/sqlite/store.db")).unwrap();
        let mut all = store.prepare("SELECT key, value FROM entry").unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert!(entries.len() > 15, "{} entries", entries.len());
    // Two that do not exist yet: as if the store had an archive and were restored from a backup.
    let later = [(&b"archived\0sale"[..], &b"\x01{}"[..]), (b"meta\0restored", b"\x01{}")];
    let entries: Vec<_> = later.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).chain(entries).collect();
    for (number, (key, value)) in entries.into_iter().enumerate() {
        if [&b"meta\0format"[..], b"meta\0epoch"].contains(&&*key) {
            continue;
        }
        let (place, mut value) = (place.path().join(number.to_string()), value);
        copied(&data, &place.join("data"));
        *value.last_mut().unwrap() ^= 1;
        {
            let store = rusqlite::Connection::open(place.join("data/sqlite/store.db")).unwrap();
            store.execute("INSERT OR REPLACE INTO entry (value, key) VALUES (?, ?)", (value, &key)).unwrap();
            if number % 2 == 1 {
                store
                    .execute("INSERT OR IGNORE INTO entry (key, value) VALUES (?, ?)", (later[1].0, b"\x0117"))
                    .unwrap();
            }
        }
        let store = Store::open(&place.join("data"), EngineKind::Sqlite, &app::linked_tables(), 1).unwrap();
        let faults = app::check::check(&store, Depth::Whole).unwrap().faults;
        let name = key.escape_ascii().to_string();
        assert!(faults.iter().any(|fault| fault.contains(&name)), "{name}: {faults:?}");
        drop(store);
        drop(open_on(&place, EngineKind::Sqlite));
    }
    drop(hub);
}

#[tokio::test]
async fn a_store_with_damaged_records_starts_sells_and_reports_them() {
    static ITEMS: Table<Name, u64> = Table::new("item");
    static REGISTERS: Table<Name, u64> = Table::new("register");
    static POSITIONS: Table<NameName, u64> = Table::new("position");
    static RESERVATIONS: Table<Number, u64> = Table::new("reservation");
    let directory = tempfile::tempdir().unwrap();
    {
        // Tables that store invalid records.
        let store = Store::open(&directory.path().join("data"), EngineKind::Sqlite, &app::linked_tables(), 7).unwrap();
        let damaged = store.commit(|transaction| {
            transaction.put(&ITEMS, "818981", &7)?;
            transaction.put(&REGISTERS, "till-2", &7)
        });
        damaged.await.unwrap();
    }
    let (hub, router) = open_on(directory.path(), EngineKind::Sqlite);
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let status = ask(&router, "GET", "/api/v1/status", &[("cookie", &cookie)], "").await;
    assert!(status.body["faults"][0].as_str().unwrap().contains("818981"), "{}", status.body["faults"]);
    let load = [("cookie", &*cookie), ("idempotency-key", "load-0001")];
    assert_eq!(ask(&router, "POST", "/api/v1/items", &load, CEREAL).await.status, StatusCode::OK);
    let sale = json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 500 }] }).to_string();
    let sell = [("authorization", &*token), ("idempotency-key", "sale-0001")];
    assert_eq!(ask(&router, "POST", "/api/v1/sales", &sell, &sale).await.status, StatusCode::OK);

    // One piece of an item that may not go below zero is held for a partly paid basket, and one reserved.
    let person = async |path: &str, key: &str, body: Value| {
        let headers = [("cookie", &*cookie), ("idempotency-key", key)];
        let answer = ask(&router, "POST", path, &headers, &body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
    };
    let back = json!({ "kind": "return", "reason": "seen",
        "lines": [{ "sku": "818981", "quantity": { "milli": 4000, "unit": "each" } }] });
    person("/api/v1/stock/movements", "back-0001", back).await;
    person("/api/v1/stock/policies/818981", "policy-01", json!({ "rule": "to_zero" })).await;
    let till = async |path: &str, key: &str, body: Value| {
        let headers = [("authorization", &*token), ("idempotency-key", key)];
        let answer = ask(&router, "POST", path, &headers, &body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.body
    };
    let cash = |amount: u64| json!({ "tender": "cash", "amount": amount });
    let basket = async |key: &str, named: Value| {
        let opened = till("/api/v1/baskets", &format!("open-{key}"), named).await;
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
        till(&format!("{path}/lines"), &format!("line-{key}"), json!({ "sku": "818981" })).await;
        path
    };
    let paid = basket("0001", json!({})).await;
    till(&format!("{paid}/tenders"), "cash-0001", cash(100)).await;
    let order = json!({ "reference": "order-7",
        "lines": [{ "sku": "818981", "quantity": { "milli": 1000, "unit": "each" } }] });
    let reserved = till("/api/v1/stock/reservations", "order-001", order).await["id"].clone();
    let given_up = basket("0002", json!({ "reservations": [reserved] })).await;
    let damaged = hub.store().commit(|transaction| {
        transaction.put(&POSITIONS, ("818981", "each"), &7)?;
        transaction.put(&RESERVATIONS, 1, &7)?;
        transaction.put(&RESERVATIONS, 2, &7)
    });
    damaged.await.unwrap();

    // Paid baskets are sold, and so is everything that comes to the till: partly paid, abandoned, started again, at
    // once.
    till(&format!("{paid}/tenders"), "cash-0002", cash(269)).await;
    let sold = till(&format!("{paid}/complete"), "done-0001", json!({})).await;
    till(&format!("{given_up}/abandon"), "leave-001", json!({})).await;
    let named = basket("0003", json!({ "reservations": [reserved] })).await;
    till(&format!("{named}/tenders"), "cash-0003", cash(369)).await;
    till(&format!("{named}/complete"), "done-0002", json!({})).await;
    till("/api/v1/sales", "sale-0002", serde_json::from_str(&sale).unwrap()).await;
    let movements = ask(&router, "GET", "/api/v1/stock/movements", &[("cookie", &cookie)], "").await.body;
    let (kind, reference) = (|at: usize| movements[at]["kind"].clone(), |at: usize| movements[at]["reference"].clone());
    assert_eq!([kind(0), kind(1), kind(2)], ["sale", "sale", "sale"]);
    assert_eq!((reference(2), &movements[2]["lines"][0]["milli"]), (sold["sale"].clone(), &json!(1000)));

    // The whole check and the check at start report the damage and nothing else.
    let found = faults(&hub, Depth::Whole);
    let told = |of: &str| found.iter().filter(|fault| fault.contains(of)).count();
    assert_eq!((told("of table position"), told("of table reservation"), told("movement ")), (1, 2, 0), "{found:?}");
    assert_eq!(told("item 818981 has movements but no position by each"), 1, "{found:?}");
    let at_start = faults(&hub, Depth::Fast);
    assert!(matches!(&at_start[..], [fault] if fault.contains("of table position")), "{at_start:?}");
}

/// Copies a directory recursively.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &to);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
