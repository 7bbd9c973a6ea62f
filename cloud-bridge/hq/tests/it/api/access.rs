//! Keys, scopes, rates, bounds.

use std::net::IpAddr;

use tokio::net::TcpSocket;

use super::*;

#[test]
fn a_request_needs_a_good_key_with_the_scope() {
    on_each_engine(|hq| {
        let asked = |key: Option<&str>| hq.ask(Method::GET, "/api/v1/stores", key, &[], "").problem();
        let none = asked(None);
        assert_eq!(none, (401, "unauthenticated".into()));
        for made_up in ["", "shk_aaaaaaaa_AAAA", "x", &hq.key[..hq.key.len() - 1]] {
            assert_eq!(asked(Some(made_up)), none, "{made_up}");
        }
        let add = |scope| hq.runtime.block_on(keys::add(hq.ledger.database(), "stock", &[scope])).unwrap();
        let stock = add(Scope::StockRead);
        // A new key is known within a second.
        let forbidden =
            until("the new key is known", || Some(asked(Some(&stock))).filter(|(status, _)| *status == 403));
        assert_eq!(forbidden, (403, "forbidden".into()));
    });
}

#[test]
fn a_revoked_key_is_refused_and_no_key_is_stored() {
    on_each_engine(|hq| {
        assert_eq!(hq.get("/api/v1/stores")["items"], json!([]));
        let listed = || hq.runtime.block_on(keys::list(hq.ledger.database())).unwrap();
        let used = until("its use is noted", || listed()[0].last_used_at_ms);
        assert!(used >= listed()[0].created_at_ms);
        assert!(!serde_json::to_string(&listed()).unwrap().contains(&hq.key[13..]), "the secret is listed");
        hq.runtime.block_on(keys::revoke(hq.ledger.database(), &listed()[0].id)).unwrap();
        let refused = until("it is refused", || {
            let answer = hq.ask(Method::GET, "/api/v1/stores", Some(&hq.key), &[], "");
            (answer.status == 401).then(|| answer.problem())
        });
        assert_eq!(refused.1, "unauthenticated");
        let again = hq.runtime.block_on(keys::revoke(hq.ledger.database(), &listed()[0].id));
        assert!(again.unwrap_err().to_string().contains("not revoked already"));
    });
}

#[test]
fn a_client_over_its_rate_gets_retry_after() {
    on_each_engine(|hq| {
        let ask = |key: Option<&str>| hq.ask(Method::GET, "/api/v1/stores", key, &[], "");
        // A stranger's rate is its address's; who has a good key is not kept out by it.
        let answer = until("strangers are slowed down", || Some(ask(None)).filter(|answer| answer.status != 401));
        assert_eq!(answer.problem(), (429, "too-many-requests".into()));
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(wait >= 1);
        assert_eq!(answer.json()["retry_after_s"], wait);
        assert_eq!(ask(Some(&hq.key)).status, 200);
    });
}

#[test]
fn malformed_requests_are_refused_as_problems() {
    on_each_engine(|hq| {
        let malformed = [
            "/api/v1/stores?limit=0",
            "/api/v1/stores?limit=501",
            "/api/v1/stores?limit=x",
            "/api/v1/stores?what=1",
            "/api/v1/stores?after=!",
            "/api/v1/sales",
            "/api/v1/sales?day=2026-11-31",
            "/api/v1/sales?day=today",
            "/api/v1/sales?day=2026-11-24&customer=1",
            "/api/v1/sales?store=a&receipt=1",
            "/api/v1/stock",
            "/api/v1/sales?customer=%00",
            "/api/v1/stores/%00",
            "/api/v1/events?after=Wy0xLDBd",
            "/api/v1/events?wait=31",
            "/api/v1/events?kinds=%20",
            "/api/v1/exports/sales?day=2026-11-24&format=xml",
        ];
        for path in malformed {
            assert_eq!(hq.refused(path), (400, "bad-request".into()), "{path}");
        }
        assert_eq!(hq.refused("/api/v1/nothing"), (404, "route-unknown".into()));
        assert_eq!(hq.refused("/api/v1/stores/nobody"), (404, "store-unknown".into()));
        assert_eq!(hq.refused("/api/v1/stores/nobody/sales/1-1"), (404, "sale-unknown".into()));
        assert_eq!(hq.refused("/api/v1/webhooks/none/dead-letters"), (404, "webhook-unknown".into()));
        let posted = hq.command(Method::POST, "/api/v1/stores", "key-000001", &json!({}));
        assert_eq!(posted.problem(), (405, "method-not-allowed".into()));
    });
}

#[test]
fn every_answer_is_kept_out_of_caches_and_the_scheme_of_a_key_has_no_case() {
    on_each_engine(|hq| {
        let ask = |scheme: &str| {
            let key = format!("{scheme}{}", hq.key);
            hq.ask(Method::GET, "/api/v1/stores", None, &[("authorization", &key)], "")
        };
        for scheme in ["Bearer ", "bearer ", "BEARER  "] {
            let answer = ask(scheme);
            assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        }
        let refused = ask("Basic ");
        assert_eq!(refused.problem(), (401, "unauthenticated".into()));
        assert_eq!(refused.headers["cache-control"], "no-store");
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        let page = hq.ask(Method::GET, "/docs", None, &[], "");
        assert_eq!(
            (&page.headers["cache-control"], &page.headers["x-content-type-options"]),
            (&"no-cache".parse().unwrap(), &"nosniff".parse().unwrap())
        );
    });
}

/// More connections than there are in all, from addresses that send nothing.
#[test]
fn strangers_with_many_connections_keep_nobody_out() {
    on_each_engine(|hq| {
        let address = hq.address;
        let strangers = hq.runtime.block_on(async move {
            let mut all = Vec::new();
            for number in 0..1_600_u32 {
                let socket = TcpSocket::new_v4().unwrap();
                let host = u8::try_from(2 + number % 4).unwrap();
                socket.bind((IpAddr::from([127, 0, 0, host]), 0).into()).unwrap();
                all.push(socket.connect(address).await.unwrap());
            }
            all
        });
        // On a connection of its own, from another address than theirs.
        let get = || hq.ask(Method::GET, "/api/v1/stores", Some(&hq.key), &[("connection", "close")], "").status;
        assert_eq!((get(), get()), (200, 200));
        drop(strangers);
    });
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    on_each_engine(|hq| {
        let (long, longer) = ("x".repeat(201), "x".repeat(2_001));
        for path in [
            format!("/api/v1/stock?sku={long}"),
            format!("/api/v1/orders/{long}"),
            format!("/api/v1/stores?after={longer}"),
        ] {
            assert_eq!(hq.refused(&path), (400, "bad-request".into()), "{path}");
        }
    });
}
