//! Bodies come whole, within a time and a size, before anything is done with them.
//!
//! | what is wrong | answer |
//! | --- | --- |
//! | larger than [`KNOWN`] allows; from a stranger, than [`STRANGER`] | 413 `body-too-large` |
//! | the same, and what it shows to sign in is not valid (any more) | 401: to sign in again is what helps |
//! | not there after [`ARRIVAL`] | 408 `request-timeout` |
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

/// Bounds of a body, in bytes.
#[derive(Clone, Copy)]
struct Bounds {
    /// The largest that is taken.
    most: usize,
    /// So much of a larger one is read before it is refused: a client that is still sending would not see the answer.
    read: usize,
}

/// Of somebody known.
const KNOWN: Bounds = Bounds { most: 512 * 1024, read: 16 * 1024 * 1024 };

/// Of a stranger: a code, with room to spare.
const STRANGER: Bounds = Bounds { most: 4 * 1024, read: 64 * 1024 };

/// Of somebody whose token or session is not valid, perhaps since the hub was started again.
const SIGNED_OUT: Bounds = Bounds { most: 4 * 1024, read: 1024 * 1024 };

/// How long a body may take.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Takes the whole body of a request.
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
        // What is left of the body is not read.
        Err(refusal) => ([(header::CONNECTION, "close")], Problem::from(refusal)).into_response(),
    }
}

async fn collect(body: Body, bounds: Bounds, within: Duration) -> Result<Bytes, Refusal> {
    let arrived = timeout(within, collect_in(body, bounds)).await;
    arrived.unwrap_or_else(|_| {
        let seconds = within.as_secs();
        let detail = format!("the body was not there after {seconds} s; send it again with the same key");
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
        return Err(BODY_TOO_LARGE.because(format!("the body has more than {most} bytes; send it in parts")));
    }
    Ok(whole.into())
}

/// The body of a request that [`whole_body`] let pass.
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
    async fn a_body_is_whole_or_told_what_is_wrong_with_it() {
        let open = |parts: Vec<&'static str>| iter(parts).map(Ok::<_, io::Error>).chain(pending());
        assert_eq!(collected(Body::from("whole")).await, Ok("whole".into()));
        assert_eq!(collected(Body::from_stream(open(vec!["{\"code\":"]))).await, Err("request-timeout"));
        assert_eq!(collected(Body::from_stream(open(vec!["0123456789"; 10_000]))).await, Err("body-too-large"));
        let cut = iter([Ok("{"), Err(io::Error::other("gone"))]);
        assert_eq!(collected(Body::from_stream(cut)).await, Err("bad-request"));
    }
}
