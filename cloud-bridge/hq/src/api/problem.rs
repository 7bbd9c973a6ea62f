//! Errors as RFC 9457 problem details: the one place that maps them to HTTP.
//!
//! A problem's `type` is `/problems/` and the name of its kind. It never changes: programs may rely on it. Its `detail`
//! is for people.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::database::DatabaseError;

/// A kind of problems.
pub(crate) struct Kind {
    /// Ends the problem's `type`.
    pub(crate) slug: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// In a few words.
    pub(crate) title: &'static str,
    /// When it is answered.
    pub(crate) doc: &'static str,
}

impl Kind {
    pub(crate) const fn new(slug: &'static str, status: StatusCode, title: &'static str, doc: &'static str) -> Self {
        Self { slug, status, title, doc }
    }

    /// A problem of this kind. `detail`: what failed, with which value, and what to do.
    pub(crate) fn because(&'static self, detail: impl Into<String>) -> Problem {
        Problem { kind: self, detail: detail.into(), retry_after_s: self.retry_after_s() }
    }

    /// When to try again, in seconds, unless the problem says it itself.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE).then_some(1)
    }

    /// The `type` of its problems.
    pub(crate) fn uri(&self) -> String {
        format!("/problems/{}", self.slug)
    }
}

/// The request is malformed.
pub(crate) static BAD_REQUEST: Kind = Kind::new(
    "bad-request",
    StatusCode::BAD_REQUEST,
    "Bad request",
    "The request is not of the form that the document describes; the detail says where.",
);
/// Nobody known asks.
pub(crate) static UNAUTHENTICATED: Kind = Kind::new(
    "unauthenticated",
    StatusCode::UNAUTHORIZED,
    "Unauthenticated",
    "The request shows no API key, or one that is unknown or revoked.",
);
/// The key may not.
pub(crate) static FORBIDDEN: Kind =
    Kind::new("forbidden", StatusCode::FORBIDDEN, "Forbidden", "The API key does not have the operation's scope.");
/// No such route.
pub(crate) static ROUTE_UNKNOWN: Kind =
    Kind::new("route-unknown", StatusCode::NOT_FOUND, "Unknown route", "The API has no such route.");
/// The route has no such method.
pub(crate) static METHOD_NOT_ALLOWED: Kind = Kind::new(
    "method-not-allowed",
    StatusCode::METHOD_NOT_ALLOWED,
    "Method not allowed",
    "The route does not have this method; the header `Allow` names those that it has.",
);
/// The body did not come in time.
pub(crate) static REQUEST_TIMEOUT: Kind = Kind::new(
    "request-timeout",
    StatusCode::REQUEST_TIMEOUT,
    "Request timeout",
    "The body did not arrive in time; send the request again with the same key.",
);
/// The body is too large.
pub(crate) static BODY_TOO_LARGE: Kind = Kind::new(
    "body-too-large",
    StatusCode::PAYLOAD_TOO_LARGE,
    "Body too large",
    "The body has more bytes than are taken.",
);
/// Another command under the key of an earlier one.
pub(crate) static KEY_REUSED: Kind = Kind::new(
    "idempotency-key-reused",
    StatusCode::CONFLICT,
    "Idempotency key reused",
    "Another request was answered under this idempotency key; a new request needs a new key.",
);
/// Too many requests.
pub(crate) static TOO_MANY_REQUESTS: Kind = Kind::new(
    "too-many-requests",
    StatusCode::TOO_MANY_REQUESTS,
    "Too many requests",
    "The API key, or the address of somebody without one, asks more often than it may.",
);
/// The ledger can't be reached.
pub(crate) static UNAVAILABLE: Kind = Kind::new(
    "ledger-unavailable",
    StatusCode::SERVICE_UNAVAILABLE,
    "Ledger unavailable",
    "The ledger does not answer at the moment. A command may or may not have been done: repeat it with the same key.",
);
/// A fault of this program.
pub(crate) static FAULT: Kind =
    Kind::new("fault", StatusCode::INTERNAL_SERVER_ERROR, "Fault", "The server has a fault; its log says more.");

/// An error of the API, as `application/problem+json`.
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: String,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// Says when to try again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Open { .. } | DatabaseError::TimedOut { .. } => {
                tracing::warn!(%error, "a request was not answered");
                UNAVAILABLE.because("the ledger does not answer; ask again, a command with the same key")
            }
            error => {
                tracing::error!(%error, "a request was not answered");
                FAULT.because("the ledger could not be read or written; the server's log says more")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, detail, retry_after_s } = self;
        let mut body = json!({
            "type": kind.uri(), "title": kind.title, "status": kind.status.as_u16(), "detail": detail
        });
        if let Some(seconds) = retry_after_s {
            body["retry_after_s"] = seconds.into();
        }
        let mut response = (kind.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if kind.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
