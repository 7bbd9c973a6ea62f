//! Bodies come whole, within a time and a size, before anything is done with them.
//!
//! | what is wrong | answer |
//! | --- | --- |
//! | larger than [`MAX_BODY`]; from somebody unknown, than [`MAX_PUBLIC_BODY`] | 413 `body-too-large` |
//! | not there after [`ARRIVAL`] | 408 `request-timeout` |
//! | cut off | 400 `bad-request` |

use std::time::Duration;

use app::{Refusal, refusal::BAD_REQUEST};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{BODY_TOO_LARGE, Problem, REQUEST_TIMEOUT, authenticate::is_known};

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 512 * 1024;

/// The largest body from somebody unknown, in bytes: a code, with room to spare.
const MAX_PUBLIC_BODY: usize = 4 * 1024;

/// How long a body may take.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Takes the whole body of a request.
pub(super) async fn whole_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let most = if is_known(&parts.extensions) { MAX_BODY } else { MAX_PUBLIC_BODY };
    match collect(body, most, ARRIVAL).await {
        Ok(whole) => next.run(Request::from_parts(parts, Body::from(whole))).await,
        // What is left of the body is not read.
        Err(refusal) => ([(header::CONNECTION, "close")], Problem::from(refusal)).into_response(),
    }
}

async fn collect(body: Body, most: usize, within: Duration) -> Result<Bytes, Refusal> {
    match timeout(within, Limited::new(body, most).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(BODY_TOO_LARGE.because(format!("the body has more than {most} bytes; send less at once")))
        }
        Ok(Err(_)) => Err(BAD_REQUEST.because("the body was cut off; send it again with the same key")),
        Err(_) => {
            let seconds = within.as_secs();
            let detail = format!("the body was not there after {seconds} s; send it again with the same key");
            Err(REQUEST_TIMEOUT.because(detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream::{StreamExt, iter, pending};

    use super::*;

    async fn collected(body: Body) -> Result<Bytes, &'static str> {
        collect(body, 4096, Duration::from_millis(50)).await.map_err(|refusal| refusal.kind.slug)
    }

    #[tokio::test]
    async fn a_body_is_whole_or_told_what_is_wrong_with_it() {
        let open = |parts: Vec<&'static str>| iter(parts).map(Ok::<_, io::Error>).chain(pending());
        assert_eq!(collected(Body::from("whole")).await, Ok("whole".into()));
        assert_eq!(collected(Body::from_stream(open(vec!["{\"code\":"]))).await, Err("request-timeout"));
        assert_eq!(collected(Body::from_stream(open(vec!["0123456789"; 500]))).await, Err("body-too-large"));
        let cut = iter([Ok("{"), Err(io::Error::other("gone"))]);
        assert_eq!(collected(Body::from_stream(cut)).await, Err("bad-request"));
    }
}
