//! Reads request bodies completely, within a time and size limit, before they are processed.
//!
//! | problem | answer |
//! | --- | --- |
//! | larger than [`KNOWN`]; from a stranger, than [`STRANGER`] | 413 `body-too-large` |
//! | the same, with a credential that is not (or no longer) valid | 401, because logging in again helps |
//! | incomplete after [`ARRIVAL`] | 408 `request-timeout` |
//! | cut off | 400 `bad-request` |

use std::time::Duration;

use app::{Refusal, refusal::BAD_REQUEST};
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{BODY_TOO_LARGE, Problem, REQUEST_TIMEOUT, authenticate::unknown};

/// The limits of a body, in bytes.
#[derive(Clone, Copy)]
struct Bounds {
    /// The maximum size.
    most: usize,
    /// This much of a larger body is read before it is refused, because a client that is still sending would not see
    /// the answer.
    read: usize,
}

/// For authenticated callers.
const KNOWN: Bounds = Bounds { most: 512 * 1024, read: 16 * 1024 * 1024 };

/// For strangers: enough for a code.
const STRANGER: Bounds = Bounds { most: 4 * 1024, read: 64 * 1024 };

/// For callers with an invalid token or session, perhaps since the hub was restarted.
const SIGNED_OUT: Bounds = Bounds { most: 4 * 1024, read: 1024 * 1024 };

/// The time limit of a body.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Reads the whole body of a request.
pub(super) async fn whole_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let shows_who = [header::AUTHORIZATION, header::COOKIE].iter().any(|name| parts.headers.contains_key(name));
    let (bounds, signed_out) = match unknown(&parts.extensions) {
        None => (KNOWN, None),
        Some(refusal) if shows_who => (SIGNED_OUT, Some(refusal)),
        Some(_) => (STRANGER, None),
    };
    match collect(body, bounds, ARRIVAL).await {
        Ok(whole) => next.run(Request::from_parts(parts, Body::from(whole))).await,
        Err(refusal) if refusal.kind.slug == BODY_TOO_LARGE.slug => {
            ([(header::CONNECTION, "close")], Problem::from(signed_out.unwrap_or(refusal))).into_response()
        }
        // The rest of the body is not read.
        Err(refusal) => ([(header::CONNECTION, "close")], Problem::from(refusal)).into_response(),
    }
}

async fn collect(body: Body, bounds: Bounds, within: Duration) -> Result<Bytes, Refusal> {
    let arrived = timeout(within, collect_in(body, bounds)).await;
    arrived.unwrap_or_else(|_| {
        let seconds = within.as_secs();
        let detail = format!("the body did not arrive within {seconds} s; send it again with the same key");
        Err(REQUEST_TIMEOUT.because(detail))
    })
}

async fn collect_in(body: Body, Bounds { most, read }: Bounds) -> Result<Bytes, Refusal> {
    let mut pieces = body.into_data_stream();
    let (mut whole, mut length) = (Vec::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let cut_off = |_| BAD_REQUEST.because("the body was cut off; send it again with the same key");
        let piece = piece.map_err(cut_off)?;
        length = length.saturating_add(piece.len());
        if length <= most {
            whole.extend_from_slice(&piece);
        } else if length > read {
            break;
        }
    }
    if length > most {
        return Err(BODY_TOO_LARGE.because(format!("the body has more than {most} bytes; split the request")));
    }
    Ok(whole.into())
}

/// The body of a request that passed [`whole_body`].
pub(super) async fn collected(body: Body) -> Result<Bytes, Refusal> {
    to_bytes(body, KNOWN.most).await.map_err(|_| BAD_REQUEST.because("the body was cut off"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream::{iter, pending};

    use super::*;

    async fn collected(body: Body) -> Result<Bytes, &'static str> {
        collect(body, STRANGER, Duration::from_millis(50)).await.map_err(|refusal| refusal.kind.slug)
    }

    #[tokio::test]
    async fn a_body_is_complete_or_refused() {
        let open = |parts: Vec<&'static str>| iter(parts).map(Ok::<_, io::Error>).chain(pending());
        assert_eq!(collected(Body::from("whole")).await, Ok("whole".into()));
        assert_eq!(collected(Body::from_stream(open(vec!["{\"code\":"]))).await, Err("request-timeout"));
        assert_eq!(collected(Body::from_stream(open(vec!["0123456789"; 10_000]))).await, Err("body-too-large"));
        let cut = iter([Ok("{"), Err(io::Error::other("gone"))]);
        assert_eq!(collected(Body::from_stream(cut)).await, Err("bad-request"));
    }
}
