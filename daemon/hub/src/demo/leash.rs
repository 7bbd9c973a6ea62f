//! The pipe on which a demo holds its hub: when it closes, the hub ends; on it the hub hears how the line to HQ is, and its page asks to cut it.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::watch,
};

use crate::{hub::Hub, problem::Problem, registers::Caller};

/// Takes the pipe (standard input and output); gives the page's routes, and a signal for its end.
pub fn take() -> (impl FnOnce(Arc<Hub>) -> Router, watch::Receiver<bool>) {
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
    (routes, end)
}

type Shared = (Arc<Hub>, watch::Receiver<bool>);

async fn show(State((_, wan)): State<Shared>) -> Json<Value> {
    Json(json!({ "up": *wan.borrow() }))
}

/// Where the committer's time went, for the bench.
async fn timings(State((hub, _)): State<Shared>) -> Json<store::Timings> {
    Json(hub.store.timings())
}

/// The least this server can do: an answer as long as an item's, from a constant. What the bench holds the look-up of an item against.
async fn constant() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], CONSTANT)
}

const CONSTANT: &str = r#"{"sku":"8090536","gtin":"0400080905361","description":"Soft Drinks 12/18&15Pk Can Car","department":"GROCERY","category":"SOFT DRINKS","brand":"National","package_size":"12 OZ","price":{"minor":459,"per":"each"}}"#;

async fn toggle(State((hub, _)): State<Shared>, headers: axum::http::HeaderMap) -> Result<StatusCode, Problem> {
    if Caller::of(&hub, &headers)? != Caller::Console {
        return Err(Problem::forbidden("only a person at the console may cut the line"));
    }
    let mut out = tokio::io::stdout();
    let _ = out.write_all(b"wan toggle\n").await;
    let _ = out.flush().await;
    Ok(StatusCode::ACCEPTED)
}
