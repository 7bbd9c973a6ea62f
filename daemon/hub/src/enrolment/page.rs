//! The page of an unclaimed box: the claim is typed, pasted or scanned into it.
//!
//! It is served where the hub will be, over TLS with a certificate that nothing vouches for: browsers warn once. What
//! is typed there is worth something for one enrolment only, and proves itself at HQ.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use contract::enrolment::Ticket;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
};

use super::{apply, folder::Folder, keys};
use crate::{clock::now_ms, config::Listen, parts::certificates::Certificates, web::server};

/// The longest form, in bytes.
const LONGEST: usize = 4 * 1024;

struct Page {
    state: Folder,
    done: watch::Sender<bool>,
    /// One enrolment at a time.
    turn: Mutex<()>,
}

#[derive(Deserialize)]
struct Claimed {
    ticket: String,
}

/// Serves the page until the box is enrolled.
///
/// # Errors
/// The address can't be used, or a file can't be written.
pub(super) async fn serve(state: &Folder, address: SocketAddr) -> Result<(), String> {
    let key = keys::key(state, "first-page.key")?;
    state.write("first-page.pem", &keys::for_nobody(&key, now_ms())?)?;
    let [certificate, key] = ["first-page.pem", "first-page.key"].map(|name| state.path(name));
    let listen = Listen { address, certificate, key, allow_tls_1_2: false, authority: None, announce: false };
    let identity = server::tls(&listen, &Certificates::default())?;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("can't listen on {address}: {error}"))?;
    let (done, stop) = watch::channel(false);
    let page = Arc::new(Page { state: state.clone(), done, turn: Mutex::default() });
    let router = Router::new().route("/", get(show).post(claim)).layer(DefaultBodyLimit::max(LONGEST)).with_state(page);
    tracing::info!(%address, "this box is not enrolled: open https://ADDRESS of it, or run `store-hub enroll`");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    server::serve(listener, identity, router, stop).await.map_err(|error| error.to_string())
}

/// The page around a message.
fn page(status: StatusCode, message: &str) -> Response {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Store hub</title><style>body{{font:1.1rem system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}\
         textarea{{width:100%;font:1rem monospace}}button{{font:inherit;padding:.5rem 1.5rem}}</style>\
         <h1>This box is not enrolled</h1><p role=status>{message}</p>\
         <form method=post><p><label for=ticket>Ticket of the claim, from <code>store-hub-provision claim issue</code>\
         </label></p><textarea id=ticket name=ticket rows=5 required autocomplete=off></textarea>\
         <p><button>Enrol</button></form></html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

async fn show() -> Response {
    page(StatusCode::OK, "Paste or scan the ticket. It is valid once.")
}

async fn claim(State(state): State<Arc<Page>>, headers: HeaderMap, body: String) -> Response {
    // Another site must not enrol this box at an HQ of its own.
    if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return page(StatusCode::FORBIDDEN, "Type the ticket here, not on another page.");
    }
    // A form is written as a query is.
    let form = format!("/?{body}").parse::<Uri>().ok().and_then(|uri| Query::<Claimed>::try_from_uri(&uri).ok());
    let Some(Query(Claimed { ticket })) = form else { return page(StatusCode::BAD_REQUEST, "The ticket is missing.") };
    let ticket = match ticket.parse::<Ticket>() {
        Ok(ticket) => ticket,
        Err(why) => return page(StatusCode::UNPROCESSABLE_ENTITY, &why),
    };
    let Ok(_turn) = state.turn.try_lock() else { return page(StatusCode::CONFLICT, "An enrolment is under way.") };
    match apply(&state.state, &ticket).await {
        Ok(told) => {
            state.done.send_replace(true);
            page(StatusCode::OK, &format!("{} The hub starts now: reload this page.", told.join(" ")))
        }
        Err(why) => page(StatusCode::BAD_GATEWAY, &why),
    }
}
