//! Handlers that outlive their connection, so that a client that disconnects changes nothing.
//!
//! A server drops the future of a request when its client disconnects. Here that future only waits: the handler runs to
//! its end in a separate task, for at most [`ANSWER`]. A request that only reads is not detached, because nobody needs
//! its end.

use std::time::Duration;

use app::refusal::FAULT;
use axum::{
    extract::Request,
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use tracing::Instrument;

use super::problem::Problem;

/// The time limit of a request: longer than a card payment waits.
const ANSWER: Duration = Duration::from_secs(100);

/// Runs a request, in a separate task if it may change something.
pub(super) async fn detached(request: Request, next: Next) -> Response {
    // All log lines of the request name it.
    let span = tracing::info_span!("request", method = %request.method(), path = %request.uri().path());
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let run = timeout(ANSWER, next.run(request)).instrument(span);
    let answer = if only_reads { Ok(run.await) } else { tokio::spawn(run).await };
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let detail = format!("no answer within {} s; repeat the command with the same key", ANSWER.as_secs());
            Problem::from(FAULT.because(detail)).into_response()
        }
        Err(_) => Problem::from(FAULT.because("the handler panicked; please report this with the log")).into_response(),
    }
}
