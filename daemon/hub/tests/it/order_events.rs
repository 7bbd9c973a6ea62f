//! What follows from orders: listeners hear of every step, and uncollected orders expire.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::client::IntoClientRequest};

use crate::{
    common::{
        document,
        shop::{CEREAL, Shop, now_ms, pieces},
        wait_for,
    },
    orders::{offer, offer_kept_until},
};

/// A register that listens.
struct Listener(WebSocketStream<TcpStream>);

impl Listener {
    async fn open(shop: &Shop, till: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = shop.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut request = format!("ws://{address}/api/v1/events").into_client_request().unwrap();
        request.headers_mut().insert("authorization", shop.tills[till].parse().unwrap());
        let (socket, _) = client_async(request, TcpStream::connect(address).await.unwrap()).await.unwrap();
        Self(socket)
    }

    /// The next event, except pings.
    async fn hear(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(60), self.0.next()).await;
            let message = message.expect("no event within a minute").unwrap().unwrap();
            if message.is_text() {
                let event = serde_json::from_str(message.to_text().unwrap()).unwrap();
                document::check_event(&event);
                return event;
            }
        }
    }

    /// Hears that an order is in a state.
    async fn hears(&mut self, order: &str, state: &str) {
        let event = self.hear().await;
        let told = (&event["type"], &event["order"], &event["part"], &event["state"]);
        assert_eq!(told, (&json!("order_changed"), &json!(order), &json!(1), &json!(state)), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_hear_of_every_step_of_an_order() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    let mut listener = Listener::open(&shop, 1).await;
    let path = offer(&shop, 1, "web-1", "pickup", 2);
    listener.hears("web-1", "accepted").await;
    let steps = [
        ("claims", json!({ "picker": "ann", "lines": [1] }), "picking"),
        ("picks", json!({ "picker": "ann", "line": 1, "sku": CEREAL, "quantity": pieces(2) }), "picked"),
        (
            "packs",
            json!({ "amounts": [{ "line": 1, "milli": 2000 }], "place": { "name": "A1", "zone": "ambient" } }),
            "packed",
        ),
        ("ready", json!({}), "ready"),
        ("arrival", json!({ "bay": "3" }), "arrived"),
        ("handover", json!({ "checked": [{ "line": 1, "milli": 2000 }], "code": "K7-PLUM" }), "handed_over"),
    ];
    for (step, body, state) in steps {
        shop.till(0, &format!("{path}/{step}"), body).await.expect(StatusCode::OK);
        // The sale itself is told to its own register only.
        listener.hears("web-1", state).await;
    }
    // A command that is refused is not heard of: the next event is of another order.
    shop.till(0, &format!("{path}/cancel"), json!({})).await.refused(422, "order-rule");
    offer(&shop, 2, "web-2", "reserve", 1);
    listener.hears("web-2", "accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_collects_expires_once_and_its_goods_are_sold_again() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    let mut listener = Listener::open(&shop, 0).await;
    let path = offer_kept_until(&shop, 1, "web-1", "reserve", 4, Some(now_ms() - 1));
    let expired = |part: &Value| part["state"] == "expired";
    wait_for(&shop.router, &path, ("cookie", &shop.cookie), expired).await;
    while listener.hear().await["state"] != "expired" {}
    let stock = shop.stock(CEREAL).await;
    assert_eq!((stock.on_hand, stock.reserved), (10_000, 0), "back once");
    let late = json!({ "checked": [{ "line": 1, "milli": 4000 }] });
    shop.till(0, &format!("{path}/handover"), late).await.refused(422, "order-rule");
    assert_eq!(shop.read("/api/v1/orders?state=returning").await, json!([]));
    shop.adds_up();
}
