//! The WebSocket.

use std::{sync::Arc, time::Duration};

use app::{health::READ, refusal::BAD_REQUEST};
use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, header},
    response::Response,
};
use commerce::RegisterName;
use serde::Serialize;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    parts::events::HubWhat,
    status::Status,
    web::{Asker, FOREIGN_ORIGIN, Problem, Routes},
};

/// A listener that does not take a message for so long is gone.
const SEND: Duration = Duration::from_secs(10);

/// Between two pings.
const PING: Duration = Duration::from_secs(20);

/// Between two looks at whether the status changed.
const STATUS: Duration = Duration::from_millis(250);

/// The route of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("events", "What happens, over a WebSocket", &[]).read(&READ, routes!(listen))
}

/// Listen to events
///
/// A WebSocket. Each message is one JSON object with a `type`: `device`, `sale_completed`, `missed`, and for people at
/// the console `status`. The hub takes no messages. Scans and weights have a `sequence` in their lane: after a broken
/// connection `GET /api/v1/lanes/me/events?after=…` gives what was missed.
#[utoipa::path(get, path = "/api/v1/events",
    responses((status = 101, description = "Events follow", body = Sent<'_>)))]
async fn listen(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|refused| BAD_REQUEST.because(refused.body_text()))?;
    // A page of another site may not listen with a person's cookie.
    if actor.register_name().is_none() && !same_origin(&headers) {
        return Err(FOREIGN_ORIGIN.because("this page is not the hub's own").into());
    }
    Ok(upgrade.max_message_size(4096).on_upgrade(move |socket| async move {
        match actor.register_name() {
            Some(register) => serve_register(&hub, socket, register).await,
            None => serve_console(&hub, socket).await,
        }
    }))
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN).and_then(|origin| origin.strip_prefix("https://")), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == host,
        _ => false,
    }
}

async fn send(socket: &mut WebSocket, message: &Sent<'_>) -> bool {
    let Ok(text) = serde_json::to_string(message) else { return true };
    matches!(timeout(SEND, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

async fn ping(socket: &mut WebSocket) -> bool {
    matches!(timeout(SEND, socket.send(Message::Ping(Vec::new().into()))).await, Ok(Ok(())))
}

/// Whether the listener is still there after what it said.
fn goes_on(said: Option<&Result<Message, axum::Error>>) -> bool {
    matches!(said, Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Binary(_))))
}

async fn serve_register(hub: &Hub, mut socket: WebSocket, register: &RegisterName) {
    let mut events = hub.events.subscribe();
    let mut pings = interval(PING);
    loop {
        let there = tokio::select! {
            event = events.recv() => match event {
                Ok(event) if event.is_for(register) => send(&mut socket, &Sent::Register(&event.what)).await,
                Ok(_) => true,
                Err(RecvError::Lagged(events)) => send(&mut socket, &Sent::Register(&HubWhat::Missed { events })).await,
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

/// An event as it is sent.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Event)]
enum Sent<'a> {
    /// To registers.
    Register(&'a HubWhat),
    /// To people at the console.
    Console(ToConsole<'a>),
}

/// An event for people at the console.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToConsole<'a> {
    /// The whole status; sent when it changes.
    Status(&'a Status),
}

async fn serve_console(hub: &Hub, mut socket: WebSocket) {
    let mut looks = interval(STATUS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut pinged) = (None, Instant::now());
    loop {
        let there = tokio::select! {
            _ = looks.tick() => {
                let status = Status::of(hub);
                let changed = last.as_ref() != Some(&status);
                let there = !changed || send(&mut socket, &Sent::Console(ToConsole::Status(&status))).await;
                last = Some(status);
                if pinged.elapsed() >= PING {
                    pinged = Instant::now();
                    there && ping(&mut socket).await
                } else {
                    there
                }
            }
            said = socket.recv() => goes_on(said.as_ref()),
        };
        if !there {
            return;
        }
    }
}
