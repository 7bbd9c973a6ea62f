//! The routes of publications: what is in force, and going back to what was.

use app::publications::{announced, check_content, fetched, lacking, put_manifest, put_segment};
use contract::{
    Digest, PublicationKind,
    publication::{Announcement, CATALOG, Effective, Manifest, Record, manifest::FORMAT, segment::cut},
};
use hub::Hub;
use serde_json::{Value, json, value::to_raw_value};

use crate::common::{ask, enter, open, wait_for};

/// A catalog with one item arrives whole, as if it had been fetched; the hub makes it active.
async fn arrive(hub: &Hub, version: u64, price: i64) {
    let kind: PublicationKind = CATALOG.parse().unwrap();
    let item = json!({ "sku": "818981", "description": "Cereal", "price": { "minor": price, "per": "each" } });
    let segments = cut([Record("818981".into(), to_raw_value(&item).unwrap())]).unwrap();
    let manifest = Manifest {
        format: FORMAT,
        kind: kind.clone(),
        version,
        made_at_ms: 1,
        effective: Effective::At(1),
        may_shrink: true,
        records: 1,
        segments: segments.iter().map(|segment| segment.entry.clone()).collect(),
    };
    let announcement = Announcement {
        hub: "store-1".parse().unwrap(),
        kind: kind.clone(),
        version,
        manifest: Digest::of(b"manifest"),
        bytes: 8,
        effective: Effective::At(1),
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
    };
    let (store, known) = (hub.store(), manifest.clone());
    store.commit(move |transaction| announced(transaction, announcement, 1)).await.unwrap();
    store.commit(move |transaction| put_manifest(transaction, known)).await.unwrap();
    for entry in lacking(store, &manifest).unwrap() {
        let bytes = segments.iter().find(|segment| segment.entry == entry).unwrap().bytes.clone();
        store.commit(move |transaction| put_segment(transaction, entry.digest, &bytes)).await.unwrap();
    }
    assert_eq!(check_content(store, &manifest).unwrap(), Ok(()));
    store.commit(move |transaction| fetched(transaction, &kind, version, 1, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_goes_back_to_a_former_catalog_once() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let register = ("authorization", &*token);
    let states = |list: &Value| {
        let all = list["publications"].as_array().into_iter().flatten();
        all.map(|one| (one["version"].as_u64().unwrap(), one["state"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    let is =
        |version: u64, state: &'static str| move |list: &Value| states(list).contains(&(version, state.to_owned()));
    for (version, price) in [(1, 369), (2, 399)] {
        arrive(&hub, version, price).await;
        wait_for(&router, "/api/v1/publications", ("cookie", &cookie), is(version, "active")).await;
    }
    let costs = |price: i64| move |item: &Value| item["price"]["minor"] == price;
    wait_for(&router, "/api/v1/items/818981", register, costs(399)).await;

    let go_back = async |kind: &str, key: &str, header: (&str, &str), version: u64| {
        let path = format!("/api/v1/publications/{kind}/go-back");
        let headers = [header, ("idempotency-key", key)];
        loop {
            let answer = ask(&router, "POST", &path, &headers, &json!({ "version": version }).to_string()).await;
            // What the activation before replaced is still being cleaned up.
            if answer.status != 503 {
                break answer;
            }
        }
    };
    let person = ("cookie", &*cookie);
    assert_eq!(go_back("catalog", "back-000001", register, 1).await.status, 403);
    let gone = go_back("catalog", "back-000002", person, 1).await;
    assert_eq!((gone.status.as_u16(), &gone.body["version"]), (200, &json!(1)), "{}", gone.body);
    wait_for(&router, "/api/v1/items/818981", register, costs(369)).await;
    let list = wait_for(&router, "/api/v1/publications", person, is(1, "active")).await;
    assert_eq!(states(&list), [(2, "former".to_owned()), (1, "active".to_owned())]);

    // A repeat gets the first answer, and moves nothing though another catalog has come meanwhile.
    arrive(&hub, 3, 429).await;
    wait_for(&router, "/api/v1/items/818981", register, costs(429)).await;
    let again = go_back("catalog", "back-000002", person, 1).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &gone.body));
    let list = wait_for(&router, "/api/v1/publications", person, is(3, "active")).await;
    assert_eq!(states(&list)[0], (3, "active".to_owned()));

    let refused = go_back("catalog", "back-000003", person, 7).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(go_back("drones", "back-000004", person, 1).await.status, 400);
    let audit = ask(&router, "GET", "/api/v1/audit", &[person], "").await.body;
    let acts: Vec<_> = audit.as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts.iter().filter(|act| act.contains("publication")).count(), 4, "{acts:?}");
}
