//! Errors as RFC 9457 problem details: the only place that maps errors to HTTP.
//!
//! A problem's `type` is `/problems/` and the slug of its kind. It never changes, so programs may rely on it. Its
//! `detail` is for people.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::database::DatabaseError;

/// A kind of problem.
pub(crate) struct Kind {
    /// The end of the problem's `type`.
    pub(crate) slug: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A short title.
    pub(crate) title: &'static str,
    /// When it occurs.
    pub(crate) doc: &'static str,
    /// Whether its problems have the members `order`, `line` and `rule`.
    pub(crate) is_about_order: bool,
}

impl Kind {
    pub(crate) const fn new(slug: &'static str, status: StatusCode, title: &'static str, doc: &'static str) -> Self {
        Self { slug, status, title, doc, is_about_order: false }
    }

    /// The same kind, with the members `order`, `line` and `rule`.
    pub(crate) const fn about_order(self) -> Self {
        Self { is_about_order: true, ..self }
    }

    /// A problem of this kind. `detail`: what failed, with which value, and what to do.
    pub(crate) fn because(&'static self, detail: impl Into<String>) -> Problem {
        Problem { kind: self, detail: detail.into(), retry_after_s: self.retry_after_s(), about: None }
    }

    /// When to retry, in seconds, unless the problem says it.
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
    "The request does not match the document; the detail says where.",
);
/// The request is not authenticated.
pub(crate) static UNAUTHENTICATED: Kind = Kind::new(
    "unauthenticated",
    StatusCode::UNAUTHORIZED,
    "Unauthenticated",
    "The request has no API key, or one that is unknown or revoked.",
);
/// The key lacks the scope.
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
/// The body is late.
pub(crate) static REQUEST_TIMEOUT: Kind = Kind::new(
    "request-timeout",
    StatusCode::REQUEST_TIMEOUT,
    "Request timeout",
    "The body did not arrive in time; repeat the request with the same key.",
);
/// The body is too large.
pub(crate) static BODY_TOO_LARGE: Kind =
    Kind::new("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "Body too large", "The body is larger than the limit.");
/// A text contains card data.
pub(crate) static CARD_NUMBER_REFUSED: Kind = Kind::new(
    "card-number-refused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Card data refused",
    "A text contains what looks like a card number, track data or a security code; such data must not be stored.",
);
/// The key was used for another command.
pub(crate) static KEY_REUSED: Kind = Kind::new(
    "idempotency-key-reused",
    StatusCode::CONFLICT,
    "Idempotency key reused",
    "This idempotency key was used for another request; use a new key for each request.",
);
/// Too many requests.
pub(crate) static TOO_MANY_REQUESTS: Kind = Kind::new(
    "too-many-requests",
    StatusCode::TOO_MANY_REQUESTS,
    "Too many requests",
    "The API key, or the address of a client without one, exceeds its rate.",
);
/// The ledger does not answer.
pub(crate) static UNAVAILABLE: Kind = Kind::new(
    "ledger-unavailable",
    StatusCode::SERVICE_UNAVAILABLE,
    "Ledger unavailable",
    "The ledger does not answer. A command may have been executed: repeat it with the same key.",
);
/// This program has a fault.
pub(crate) static FAULT: Kind =
    Kind::new("fault", StatusCode::INTERNAL_SERVER_ERROR, "Fault", "The server has a fault; see its log.");

/// An error of the API, as `application/problem+json`.
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: String,
    retry_after_s: Option<u64>,
    /// The order, if the problem is about one.
    about: Option<About>,
}

/// The order, line and rule of a problem.
pub(crate) struct About {
    pub(crate) order: String,
    pub(crate) line: Option<u32>,
    pub(crate) rule: &'static str,
}

impl Problem {
    /// Adds the order, line and rule.
    pub(super) fn about(self, about: About) -> Self {
        Self { about: Some(about), ..self }
    }

    /// Sets when to retry.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Open { .. } | DatabaseError::TimedOut { .. } | DatabaseError::Deadlock { .. } => {
                tracing::warn!(%error, "a request failed");
                UNAVAILABLE.because("the ledger does not answer; retry, commands with the same key")
            }
            error => {
                tracing::error!(%error, "a request failed");
                FAULT.because("the ledger could not be read or written; see the server's log")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, detail, retry_after_s, about } = self;
        let mut body = json!({
            "type": kind.uri(), "title": kind.title, "status": kind.status.as_u16(), "detail": detail
        });
        if let Some(seconds) = retry_after_s {
            body["retry_after_s"] = seconds.into();
        }
        if let Some(About { order, line, rule }) = about {
            body["order"] = order.into();
            body["rule"] = rule.into();
            if let Some(line) = line {
                body["line"] = line.into();
            }
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
