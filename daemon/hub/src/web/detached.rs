//! Handlers that outlive their connection, so that a client that disconnects changes nothing.
//!
//! A server drops the future of a request when its client disconnects. Here that future only waits: the handler runs to
//! its end in a separate task, for at most [`ANSWER`]. A request that only reads is not detached, because nobody needs
//! its end.
//!
//! Each request has a [span](crate::trail).

use std::time::Duration;

use app::refusal::FAULT;
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use tracing::Instrument;

use super::problem::Problem;
use crate::trail;

/// The time limit of a request: longer than a card payment waits.
const ANSWER: Duration = Duration::from_secs(100);

/// Runs a request, in a separate task if it may change something.
pub(super) async fn detached(request: Request, next: Next) -> Response {
    let span = trail::request(request.method(), request.extensions().get::<MatchedPath>());
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let run = answer(request, next).instrument(span);
    let answer = if only_reads { Ok(run.await) } else { tokio::spawn(run).await };
    answer.unwrap_or_else(|_| {
        Problem::from(FAULT.because("the handler panicked; please report this with the log")).into_response()
    })
}

async fn answer(request: Request, next: Next) -> Response {
    let answer = timeout(ANSWER, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s; repeat the command with the same key", ANSWER.as_secs());
        Problem::from(FAULT.because(detail)).into_response()
    });
    tracing::debug!(status = answer.status().as_u16(), "answered");
    answer
}
