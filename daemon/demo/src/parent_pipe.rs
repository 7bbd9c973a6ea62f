//! The pipes between a demo and its hub: the hub's standard input and output.
//!
//! The demo writes `wan up` or `wan down` whenever the connection to HQ changes. The hub writes `wan toggle` when its
//! page asks to cut or restore it. When the pipe closes because the demo has ended, the hub stops.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    routing::get,
};
use hub::{Hub, run::Embedding};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::watch,
};

/// Starts reading the pipe. The embedding adds the demo's routes to the hub, and stops the hub when the pipe closes.
pub fn listen() -> Embedding {
    let (tell_wan, wan) = watch::channel(true);
    let (tell_end, end) = watch::channel(false);
    tokio::spawn(async move {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            match line.as_str() {
                "wan up" => drop(tell_wan.send(true)),
                "wan down" => drop(tell_wan.send(false)),
                _ => {}
            }
        }
        let _ = tell_end.send(true);
    });
    let routes = move |hub| {
        Router::new()
            .route("/demo/wan", get(show).post(toggle))
            .route("/demo/timings", get(timings))
            .route("/demo/constant", get(constant))
            .with_state((hub, wan))
    };
    Embedding { routes: Some(Box::new(routes)), end: Some(end) }
}

type Shared = (Arc<Hub>, watch::Receiver<bool>);

async fn show(State((_, wan)): State<Shared>) -> Json<Value> {
    Json(json!({ "up": *wan.borrow() }))
}

/// The committer's timings, for the bench.
async fn timings(State((hub, _)): State<Shared>) -> Json<store::Timings> {
    Json(hub.store().timings())
}

/// The minimum work of this server: a constant answer of an item's length. The baseline for the bench's lookups.
async fn constant() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], CONSTANT)
}

const CONSTANT: &str = "{\"sku\":\"8090536\",\"gtin\":\"0400080905361\",\
     \"description\":\"Soft Drinks 12/18&15Pk Can Car\",\
     \"department\":\"GROCERY\",\"category\":\"SOFT DRINKS\",\"brand\":\"National\",\"package_size\":\"12 OZ\",\
     \"price\":{\"minor\":459,\"per\":\"each\"}}";

async fn toggle(State((hub, _)): State<Shared>, headers: HeaderMap) -> StatusCode {
    if !hub.is_person(&headers) {
        return StatusCode::FORBIDDEN;
    }
    let mut out = tokio::io::stdout();
    let _ = out.write_all(b"wan toggle\n").await;
    let _ = out.flush().await;
    StatusCode::ACCEPTED
}
