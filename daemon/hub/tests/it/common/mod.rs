//! A hub without devices, and the requests of a register's program and a person.

pub(crate) mod document;
pub(crate) mod headquarters;
pub(crate) mod lane;
pub(crate) mod log;
pub(crate) mod publication;
pub(crate) mod running;
pub(crate) mod shop;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use app::check;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use hub::{Hub, config::Config, run};
use serde_json::{Value, json};
use store::{Depth, EngineKind};
use tower::ServiceExt;

/// A load of one item.
pub(crate) const CEREAL: &str =
    r#"{"items":[{"sku":"818981","gtin":"0400008189811","description":"Cereal","price":{"minor":369,"per":"each"}}]}"#;

/// The engine for tests that work with any: sled, unless it is not built in.
pub(crate) const ENGINE: EngineKind = EngineKind::BUILT[0];

/// A store without devices, in a directory.
pub(crate) fn open(directory: &Path) -> (Arc<Hub>, Router) {
    open_on(directory, ENGINE)
}

/// The same with an engine.
pub(crate) fn open_on(directory: &Path, engine: EngineKind) -> (Arc<Hub>, Router) {
    open_with(directory, engine, "")
}

/// The same with more tables in its config: those of the second register, and devices.
pub(crate) fn open_with(directory: &Path, engine: EngineKind, more: &str) -> (Arc<Hub>, Router) {
    open_as(directory, "store-1", engine, more)
}

/// The same with another name.
pub(crate) fn open_as(directory: &Path, name: &str, engine: EngineKind, more: &str) -> (Arc<Hub>, Router) {
    open_set(directory, name, engine, "", more)
}

/// The same with more settings of the store.
pub(crate) fn open_set(
    directory: &Path,
    name: &str,
    engine: EngineKind,
    store: &str,
    more: &str,
) -> (Arc<Hub>, Router) {
    let text = format!(
        "[store]\n{store}\
         hub = \"{name}\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \"{}\"\nengine = \
         \"{engine}\"\n\
         [listen]\naddress = \"127.0.0.1:1\"\ncertificate = \"/none\"\nkey = \"/none\"\n[[register]]\nname = \
         \"till-1\"\n[[register]]\nname = \"till-2\"\n{more}",
        directory.join("data").display()
    );
    let path = directory.join("hub.toml");
    std::fs::write(&path, text).unwrap();
    let hub = run::open(Config::read(&path).unwrap()).unwrap();
    let router = run::router(&hub);
    (hub, router)
}

/// The answer to a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) cookie: String,
    pub(crate) body: Value,
}

/// Sends a request. The answer must be as the OpenAPI document describes it.
pub(crate) async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let head = |name| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (status, kind, cookie) = (parts.status, head(header::CONTENT_TYPE), head(header::SET_COOKIE));
    let bytes = to_bytes(body, 1 << 23).await.unwrap();
    document::check_answer(method, path, status.as_u16(), &kind, &bytes);
    Answer { status, kind, cookie, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Reads a picture: its content type and its bytes.
pub(crate) async fn picture(router: &Router, token: &str, path: &str) -> (String, Vec<u8>) {
    let request = Request::builder().uri(path).header("authorization", token).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, to_bytes(response.into_body(), 1 << 22).await.unwrap().to_vec())
}

/// Repeats a read until it is as expected: followers work a moment after the answer.
pub(crate) async fn wait_for(
    router: &Router,
    path: &str,
    header: (&str, &str),
    is_there: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let read = ask(router, "GET", path, &[header], "").await.body;
        if is_there(&read) {
            return read;
        }
        assert!(Instant::now() < deadline, "{path} stays {read}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The faults that the check of a store finds.
pub(crate) fn faults(hub: &Hub, depth: Depth) -> Vec<String> {
    check::check(hub.store(), depth).unwrap().faults
}

/// A person's cookie.
pub(crate) async fn log_in(router: &Router, directory: &Path) -> String {
    let code = std::fs::read_to_string(directory.join("data/console-code")).unwrap();
    let session = ask(router, "POST", "/api/v1/session", &[], &json!({ "code": code }).to_string()).await;
    assert_eq!(session.status, StatusCode::NO_CONTENT);
    assert!(
        session.cookie.contains("HttpOnly")
            && session.cookie.contains("Secure")
            && session.cookie.contains("SameSite=Strict")
    );
    session.cookie.split(';').next().unwrap().to_owned()
}

/// A person's cookie and a register's token.
pub(crate) async fn enter(router: &Router, directory: &Path, register: &str) -> (String, String) {
    let cookie = log_in(router, directory).await;
    let drawing = [("cookie", &*cookie), ("idempotency-key", "pairing-code-1")];
    let drawn = ask(router, "POST", &format!("/api/v1/registers/{register}/pairing-code"), &drawing, "").await;
    let paired = ask(router, "POST", "/api/v1/pairing", &[], &json!({ "code": drawn.body["code"] }).to_string()).await;
    (cookie, format!("Bearer {}", paired.body["token"].as_str().unwrap()))
}
