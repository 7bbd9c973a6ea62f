//! Webhooks, delivered to a receiver on a port.

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use hq::webhooks::{Sender, deliver};

use super::{
    exports::{python, said},
    *,
};

/// What a receiver got, and what it answers.
#[derive(Default)]
struct Inbox {
    got: Vec<(HeaderMap, String)>,
    answer: StatusCode,
}

type Shared = Arc<Mutex<Inbox>>;

async fn receive(State(inbox): State<Shared>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let mut inbox = inbox.lock().unwrap();
    inbox.got.push((headers, String::from_utf8(body.into()).unwrap()));
    (inbox.answer, [("location", "/elsewhere")])
}

/// A receiver, and deliveries to it.
struct Receiver {
    inbox: Shared,
    url: String,
    secret: String,
    id: String,
}

impl Receiver {
    /// The first, and the deliveries.
    fn start(hq: &Hq) -> Self {
        let tls = link::client_config(rustls::RootCertStore::empty(), None).unwrap();
        let sender = Sender::new(Reach::Anywhere, tls);
        hq.runtime.spawn(deliver::run(hq.ledger.database().clone(), hq.feed.clone(), sender));
        Self::listen(hq, "key-000001")
    }

    fn listen(hq: &Hq, key: &str) -> Self {
        let inbox = Shared::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inbox));
        let url = hq.runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let (stop, stopped) = watch::channel(false);
            // For as long as the test runs.
            std::mem::forget(stop);
            let url = format!("http://{}/hooks?for=test", listener.local_addr().unwrap());
            tokio::spawn(server::serve(listener, None, router, stopped));
            url
        });
        let body = json!({ "url": url, "kinds": ["sale.completed"], "stores": ["store-1"] });
        let added = hq.command(Method::POST, "/api/v1/webhooks", key, &body);
        assert_eq!(added.status, 201, "{added:?}");
        let added = added.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { inbox, url, secret: text(&added["secret"]), id: text(&added["webhook"]["id"]) }
    }

    fn got(&self) -> Vec<(HeaderMap, String)> {
        self.inbox.lock().unwrap().got.clone()
    }

    fn webhook(&self, hq: &Hq) -> Value {
        let all = hq.get("/api/v1/webhooks");
        all["items"].as_array().unwrap().iter().find(|one| one["id"] == *self.id).unwrap().clone()
    }
}

#[test]
fn events_arrive_signed_in_order_and_others_verify_them() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=5);
        // On PostgreSQL other databases' transactions may hold the feed back.
        until("the feed has what was before", || {
            (hq.get("/api/v1/events")["items"].as_array()?.len() == 5).then_some(())
        });
        let receiver = Receiver::start(hq);
        hq.sell("store-2", 1..=5);
        hq.sell("store-1", 6..=40);
        let got = until("all arrives", || Some(receiver.got()).filter(|got| got.len() >= 35));
        let numbers: Vec<_> = got
            .iter()
            .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["data"]["sequence"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (6..=40).collect::<Vec<_>>());
        let (headers, body) = &got[0];
        let message: Value = serde_json::from_str(body).unwrap();
        assert_eq!(message["type"], "sale.completed");
        assert_eq!(message["timestamp"], "1970-01-01T00:00:01.006Z");
        assert_eq!(message["data"]["id"], headers["webhook-id"].to_str().unwrap());
        assert_eq!(headers["host"], receiver.url.split('/').nth(2).unwrap());
        let webhook = until("it is noted", || Some(receiver.webhook(hq)).filter(|one| one["taken_at_ms"].is_number()));
        assert_eq!((&webhook["waiting"], &webhook["dead"], &webhook["failing"]), (&json!(0), &json!(0), &Value::Null));

        let Some(python) = python("standardwebhooks") else { return };
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let signed = json!({ "webhook-id": text("webhook-id"), "webhook-timestamp": text("webhook-timestamp"),
            "webhook-signature": text("webhook-signature") });
        let script = "import json, sys\n\
            from standardwebhooks.webhooks import Webhook, WebhookVerificationError\n\
            secret, headers, body = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]\n\
            print(Webhook(secret).verify(body, headers)['type'])\n\
            try: Webhook(secret).verify(body + ' ', headers)\n\
            except WebhookVerificationError: print('refused')";
        let verified = said(Command::new(python).args(["-c", script, &receiver.secret, &signed.to_string(), body]));
        assert_eq!(verified, "sale.completed\nrefused");
    });
}

#[test]
fn a_failed_delivery_is_sent_again_and_redirects_are_not_followed() {
    on_each_engine(|hq| {
        let receiver = Receiver::start(hq);
        receiver.inbox.lock().unwrap().answer = StatusCode::FOUND;
        hq.sell("store-1", 1..=3);
        let webhook = until("all wait", || Some(receiver.webhook(hq)).filter(|one| one["waiting"] == 3));
        assert_eq!(webhook["failing"], "answered 302 Found; redirects are not followed");
        assert_eq!(webhook["taken_at_ms"], Value::Null);
        receiver.inbox.lock().unwrap().answer = StatusCode::NO_CONTENT;
        // The second attempt comes after five seconds.
        until("all are taken", || (receiver.webhook(hq)["waiting"] == 0).then_some(()));
        let ids = |(headers, _): &(HeaderMap, String)| headers["webhook-id"].clone();
        let got = receiver.got();
        let (mut first, mut second): (Vec<_>, Vec<_>) =
            (got[..3].iter().map(ids).collect(), got[3..].iter().map(ids).collect());
        first.sort();
        second.sort();
        assert_eq!(first, second, "under the same ids");
        assert_eq!(receiver.webhook(hq)["failing"], Value::Null);
    });
}

#[test]
fn a_receiver_that_takes_nothing_stops_its_own_webhook_alone() {
    on_each_engine(|hq| {
        let receiver = Receiver::start(hq);
        receiver.inbox.lock().unwrap().answer = StatusCode::INTERNAL_SERVER_ERROR;
        let other = Receiver::listen(hq, "key-000002");
        hq.sell("store-1", 1..=150);
        until("the other has all", || (other.got().len() >= 150).then_some(()));
        let webhook = until("it is full", || Some(receiver.webhook(hq)).filter(|one| one["waiting"] == 100));
        assert_eq!(webhook["failing"], "answered 500 Internal Server Error");
        receiver.inbox.lock().unwrap().answer = StatusCode::OK;
        until("nothing is lost", || {
            let sequences: std::collections::BTreeSet<_> = receiver
                .got()
                .iter()
                .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap()["data"]["sequence"].as_u64().unwrap())
                .collect();
            (sequences.len() == 150 && receiver.webhook(hq)["waiting"] == 0).then_some(())
        });
    });
}
