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
