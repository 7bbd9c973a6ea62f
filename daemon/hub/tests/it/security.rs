//! What must be refused: other sites' pages, and the log.

use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;

use crate::common::{ask, enter, log::Log, log_in, open};

/// A path with values for its parameters.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn requests_from_other_pages_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let cookie = log_in(&router, directory.path()).await;
    let document = hub::document();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if method == "get" || operation["x-permission"] == "public" {
                continue;
            }
            for origin in ["https://evil.example", "http://hub.test", "null", "https://hub.test.evil.example"] {
                asked += 1;
                let key = format!("foreign-{asked:04}");
                let headers =
                    [("cookie", &*cookie), ("host", "hub.test"), ("origin", origin), ("idempotency-key", &*key)];
                let answer = ask(&router, &method.to_uppercase(), &filled(path), &headers, "{}").await;
                let is_foreign = answer.status == 403 && answer.body["type"] == "/problems/foreign-origin";
                assert!(is_foreign, "{method} {path} from {origin}: {} {}", answer.status, answer.body);
            }
        }
    }
    assert!(asked >= 100, "{asked} requests");
    // The page of the hub itself may do it.
    let own =
        [("cookie", &*cookie), ("host", "hub.test"), ("origin", "https://hub.test"), ("idempotency-key", "own-0001")];
    let drawn = ask(&router, "POST", "/api/v1/registers/till-1/pairing-code", &own, "").await;
    assert_eq!(drawn.status, 200, "{}", drawn.body);
}

#[test]
fn no_secret_is_logged_at_any_level() {
    let test = "security::no_secret_is_logged_at_any_level";
    Log::alone(test, LevelFilter::TRACE, async |log| {
        let directory = tempfile::tempdir().unwrap();
        let (_hub, router) = open(directory.path());
        let (cookie, token) = enter(&router, directory.path(), "till-1").await;
        let console = std::fs::read_to_string(directory.path().join("data/console-code")).unwrap();
        let person = [("cookie", &*cookie), ("idempotency-key", "drawing-0002")];
        let drawn = ask(&router, "POST", "/api/v1/registers/till-2/pairing-code", &person, "").await;
        let pairing = drawn.body["code"].as_str().unwrap().to_owned();
        // Right and wrong codes and PINs, and tokens that are none.
        let (wrong, pin, no_pin) = ("31415926", "8642975", "8642976");
        ask(&router, "POST", "/api/v1/pairing", &[], &json!({ "code": wrong }).to_string()).await;
        ask(&router, "POST", "/api/v1/session", &[], &json!({ "code": wrong }).to_string()).await;
        let operator = json!({ "id": "ann", "name": "Ann", "role": "cashier", "pin": pin, "days": 1 });
        ask(&router, "POST", "/api/v1/operators", &[("cookie", &*cookie)], &operator.to_string()).await;
        for pin in [pin, no_pin] {
            let signing_in = json!({ "operator": "ann", "pin": pin }).to_string();
            ask(&router, "POST", "/api/v1/operators/sign-in", &[("authorization", &*token)], &signing_in).await;
        }
        let made_up = "Bearer shop-token-that-is-none";
        ask(&router, "GET", "/api/v1/status", &[("authorization", made_up)], "").await;
        let text = log.text();
        assert!(text.lines().count() > 10, "{text}");
        let bare = |value: &str, after: &str| value.split_once(after).unwrap().1.to_owned();
        let secrets = [console.trim().to_owned(), bare(&cookie, "="), bare(&token, "Bearer "), pairing];
        let made_up = [wrong, pin, no_pin, "shop-token-that-is-none"].map(str::to_owned);
        for secret in secrets.into_iter().chain(made_up) {
            let lines: Vec<Value> = log.lines(&secret);
            assert!(lines.is_empty(), "{secret}: {lines:#?}");
        }
    });
}
