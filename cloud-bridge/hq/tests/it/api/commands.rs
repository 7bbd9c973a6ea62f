//! Commands, once.

use super::*;

fn webhook(url: &str) -> Value {
    json!({ "url": url, "kinds": ["sale.completed"] })
}

#[test]
fn a_command_under_one_key_is_done_once_and_answered_alike() {
    on_each_engine(|hq| {
        let add = |key: &str, url: &str| hq.command(Method::POST, "/api/v1/webhooks", key, &webhook(url));
        let first = add("key-000001", "http://127.0.0.1:1/a");
        assert_eq!(first.status, 201, "{first:?}");
        let again = add("key-000001", "http://127.0.0.1:1/a");
        assert_eq!((again.status, &again.text), (201, &first.text), "with the same secret");
        assert_eq!(add("key-000001", "http://127.0.0.1:1/b").problem(), (409, "idempotency-key-reused".into()));
        assert_eq!(add("key-000002", "http://127.0.0.1:1/b").status, 201);
        assert_eq!(hq.get("/api/v1/webhooks")["items"].as_array().unwrap().len(), 2);

        let id = first.json()["webhook"]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/webhooks/{id}");
        let remove = |key: &str| hq.ask(Method::DELETE, &path, Some(&hq.key), &[("idempotency-key", key)], "");
        assert_eq!(remove("key-000003").status, 200);
        assert_eq!(remove("key-000003").json(), json!({ "id": id }));
        assert_eq!(remove("key-000004").problem(), (404, "webhook-unknown".into()));
    });
}

#[test]
fn many_that_send_one_command_at_once_do_it_once() {
    on_each_engine(|hq| {
        let add = || hq.command(Method::POST, "/api/v1/webhooks", "key-000001", &webhook("http://127.0.0.1:1/"));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(add)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer.text == answers[0].text && answer.status == 201), "{answers:?}");
        assert_eq!(hq.get("/api/v1/webhooks")["items"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_refused_command_leaves_nothing_and_its_key_is_free() {
    on_each_engine(|hq| {
        let add = |key: &str, body: &Value| hq.command(Method::POST, "/api/v1/webhooks", key, body);
        for url in ["ftp://a/", "https://u:p@a/", "no address"] {
            assert_eq!(add("key-000001", &webhook(url)).problem(), (422, "webhook-address-refused".into()), "{url}");
        }
        for body in [
            json!({}),
            json!([]),
            json!({ "url": "http://a/", "what": 1 }),
            json!({ "url": "http://a/", "kinds": ["a,b"] }),
        ] {
            assert_eq!(add("key-000001", &body).problem(), (400, "bad-request".into()), "{body}");
        }
        for key in ["", "short", "with a blank", &"x".repeat(101)] {
            assert_eq!(add(key, &webhook("http://127.0.0.1:1/")).problem(), (400, "bad-request".into()), "{key}");
        }
        let large = json!({ "url": format!("http://a/{}", "x".repeat(200_000)) });
        assert_eq!(add("key-000001", &large).problem(), (413, "body-too-large".into()));
        assert_eq!(add("key-000001", &webhook("http://127.0.0.1:1/")).status, 201);
    });
}

/// A customer whose profile has one member more, at a place.
fn customer(place: &str, name: &str, value: Value) -> Value {
    let mut profile = json!({
        "id": CUSTOMER, "name": "Ada", "changed_at_ms": 1,
        "consents": [{ "purpose": "news", "given": true, "at_ms": 1, "text_version": "1" }]
    });
    profile.pointer_mut(place).unwrap()[name] = value;
    profile
}

const CUSTOMER: &str = "0b8b5b0e-4a58-4f0e-9d43-2f2b1c7a9e11";

#[test]
fn an_unknown_member_at_any_level_is_refused_with_its_name() {
    on_each_engine(|hq| {
        let path = format!("/api/v1/customers/{CUSTOMER}");
        let put = |key: &str, body: &Value| hq.command(Method::PUT, &path, key, body);
        for (place, named) in [("", "`emials`"), ("/consents/0", "`consents.0.emials`")] {
            let answer = put("key-000001", &customer(place, "emials", json!(["ada@example.com"])));
            assert_eq!(answer.problem(), (400, "bad-request".into()), "{place}");
            assert!(answer.json()["detail"].as_str().unwrap().contains(named), "{answer:?}");
        }
        assert_eq!(put("key-000001", &customer("", "emails", json!(["ada@example.com"]))).status, 200);
        let search = |body: Value| hq.command(Method::POST, "/api/v1/customers/search", "", &body);
        assert_eq!(search(json!({ "email": "ada@example.com" })).status, 200);
        assert_eq!(search(json!({ "email": "ada@example.com", "x": 1 })).problem(), (400, "bad-request".into()));
    });
}

#[test]
fn card_data_is_refused_wherever_it_is_and_stored_nowhere() {
    on_each_engine(|hq| {
        let path = format!("/api/v1/customers/{CUSTOMER}");
        let put = |key: &str, body: &Value| hq.command(Method::PUT, &path, key, body);
        for body in [
            customer("", "name", json!("Bob 4111 0006 0000 1141 CVV 987")),
            customer("/consents/0", "text_version", json!("4111000600001141")),
            customer("", "4111000600001141", json!(1)),
            customer("", "changed_at_ms", json!(4_111_000_600_001_141_u64)),
        ] {
            let answer = put("key-000001", &body);
            assert_eq!(answer.problem(), (422, "card-number-refused".into()), "{body}");
            assert!(!answer.text.contains("4111"), "{answer:?}");
        }
        let good = customer("", "tier", json!("gold"));
        assert_eq!(put("4111000600001141", &good).problem(), (422, "card-number-refused".into()));
        assert_eq!(hq.refused(&path), (404, "customer-unknown".into()));
        assert_eq!(put("key-000001", &good).status, 200);
        let search = hq.command(Method::POST, "/api/v1/customers/search", "", &json!({ "name": "4111000600001141" }));
        assert_eq!(search.problem(), (422, "card-number-refused".into()));
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_as_documented() {
    on_each_engine(|hq| {
        let body = json!({ "name": "x".repeat(200_000) });
        let search = hq.command(Method::POST, "/api/v1/customers/search", "", &body);
        assert_eq!(search.problem(), (413, "body-too-large".into()));
    });
}
