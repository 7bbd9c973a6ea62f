//! The WebSocket for events.

#![allow(unused_qualifications)] // in what a macro makes of `params(Opening)`

use std::{sync::Arc, time::Duration};

use app::{health::READ, refusal::BAD_REQUEST};
use axum::{
    Extension, Json,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use commerce::RegisterName;
use edge::Connection;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{interval, timeout},
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    parts::events::HubWhat,
    status::ToConsole,
    web::{Command, Empty, FOREIGN_ORIGIN, InQuery, Known, Problem, Routes, authenticate::same_origin},
};

/// A listener that does not read a message for this long is disconnected.
const SEND: Duration = Duration::from_secs(10);

/// The interval of pings.
const PING: Duration = Duration::from_secs(20);

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("events", "Events over a WebSocket", &[])
        .also_in_training(&READ, routes!(draw_ticket))
        .read(&READ, routes!(listen))
}

/// A ticket for the WebSocket.
#[derive(Serialize, ToSchema)]
struct Ticket {
    /// Open `/api/v1/events?ticket=TICKET` within 30 seconds. Valid once.
    ticket: String,
}

/// Draw a ticket for the WebSocket
///
/// For browsers, which can't send headers with a WebSocket. A repeat under the same key draws another ticket.
#[utoipa::path(post, path = "/api/v1/events/ticket", request_body = Empty, responses((status = 200, body = Ticket)))]
async fn draw_ticket(
    State(hub): State<Arc<Hub>>,
    Known(grant): Known,
    _: Command<Empty>,
) -> Result<Json<Ticket>, Problem> {
    Ok(Json(Ticket { ticket: hub.registers.ticket(&grant)? }))
}

/// An event.
#[derive(ToSchema)]
#[allow(dead_code)] // The document's view of two messages that are made apart.
#[serde(untagged)]
enum Event {
    /// For registers.
    Register(HubWhat),
    /// For people at the console.
    Console(Box<ToConsole>),
}

/// The parameters of the WebSocket.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// A ticket, instead of the header `Authorization` or the cookie.
    ticket: Option<String>,
}

/// Connect to the events
///
/// A WebSocket. Each message is a JSON object with a `type`: `device`, `display`, `sale_completed`,
/// `order_changed`, `missed`, and `status` for people at the console. The hub accepts no messages. Scans and weights have a `sequence` in their lane;
/// after a broken connection, `GET /api/v1/lanes/me/events?after=…` returns the missed ones. The connection ends with
/// the token or session that opened it.
#[utoipa::path(get, path = "/api/v1/events", params(Opening),
    responses((status = 101, description = "Events follow", body = Event)))]
async fn listen(
    Known(grant): Known,
    State(hub): State<Arc<Hub>>,
    InQuery(opening): InQuery<Opening>,
    connection: Option<Extension<Connection>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| BAD_REQUEST.because(refused.body_text()))?;
    // A page of another site must not listen with a person's cookie.
    if grant.is_session() && opening.ticket.is_none() && !same_origin(&headers) {
        return Err(FOREIGN_ORIGIN.because("the request comes from a page of another site").into());
    }
    Ok(upgrade.max_message_size(4096).on_upgrade(move |socket| async move {
        // Keeps its place while it is open.
        let closed = async {
            match &connection {
                Some(Extension(connection)) => connection.closed().await,
                None => std::future::pending().await,
            }
        };
        let served = async {
            match grant.actor.register_name() {
                Some(register) => serve_register(&hub, socket, register).await,
                None => serve_console(&hub, socket).await,
            }
        };
        tokio::select! {
            () = served => {}
            () = hub.registers.ended(&grant) => {}
            () = closed => {}
        }
    }))
}

async fn send(socket: &mut WebSocket, message: &impl Serialize) -> bool {
    match serde_json::to_string(message) {
        Ok(text) => send_text(socket, text).await,
        Err(_) => true,
    }
}

async fn send_text(socket: &mut WebSocket, text: String) -> bool {
    matches!(timeout(SEND, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

async fn ping(socket: &mut WebSocket) -> bool {
    matches!(timeout(SEND, socket.send(Message::Ping(Vec::new().into()))).await, Ok(Ok(())))
}

/// Whether the listener is still connected.
fn goes_on(said: Option<&Result<Message, axum::Error>>) -> bool {
    matches!(said, Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))))
}

async fn serve_register(hub: &Hub, mut socket: WebSocket, register: &RegisterName) {
    let mut events = hub.events.subscribe();
    let mut pings = interval(PING);
    loop {
        let there = tokio::select! {
            event = events.recv() => match event {
                Ok(event) if event.is_for(register) => send(&mut socket, &event.what).await,
                Ok(_) => true,
                Err(RecvError::Lagged(events)) => send(&mut socket, &HubWhat::Missed { events }).await,
                Err(RecvError::Closed) => false,
            },
            said = socket.recv() => goes_on(said.as_ref()),
            _ = pings.tick() => ping(&mut socket).await,
        };
        if !there {
            return;
        }
    }
}

async fn serve_console(hub: &Hub, mut socket: WebSocket) {
    let mut told = hub.console.subscribe();
    told.mark_changed();
    let mut pings = interval(PING);
    loop {
        let there = tokio::select! {
            changed = told.changed() => {
                let text = told.borrow_and_update().clone();
                // Empty until the status is first requested.
                changed.is_ok() && (text.is_empty() || send_text(&mut socket, text.to_string()).await)
            }
            said = socket.recv() => goes_on(said.as_ref()),
            _ = pings.tick() => ping(&mut socket).await,
        };
        if !there {
            return;
        }
    }
}
