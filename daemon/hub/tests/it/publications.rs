//! The routes of publications: what is in force, and going back to what was.

use contract::publication::CATALOG;
use hub::Hub;
use serde_json::{Value, json};

use crate::common::{ask, enter, open, publication, wait_for};

/// A catalog with one item arrives.
async fn arrive(hub: &Hub, version: u64, price: i64) {
    let item = json!({ "sku": "818981", "description": "Cereal", "price": { "minor": price, "per": "each" } });
    publication::arrive(hub, CATALOG, version, &[("818981", item)]).await;
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
