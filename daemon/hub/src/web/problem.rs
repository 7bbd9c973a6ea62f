//! Refusals as RFC 9457 problem details; the only mapping of refusals to HTTP.
//!
//! A problem's `type` is `/problems/` and the name of the refusal's kind. It never changes, so programs may rely on it.
//! Its `detail` is for people.

use std::sync::Arc;

use app::{
    Refusal,
    refusal::{Class, Kind},
};
use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::{Connection, LogLimiter};
use serde::Serialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

/// An error of the API, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `/problems/NAME`: the kind; stable.
    #[serde(rename = "type")]
    kind: String,
    /// The title of the kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What failed, with which values, and what to do.
    detail: String,
    /// The kind's members for programs, such as `due`, `available` or `permission`.
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// A problem in an answer, for the log.
#[derive(Clone)]
struct ToTell {
    kind: String,
    detail: String,
}

/// Logs answers that need attention: failures of the hub, and what strangers overdo. At most one line per minute for
/// each kind and peer.
pub(super) async fn tell(State(limiter): State<Arc<LogLimiter>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get().map(Connection::peer);
    let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
    // Not the path: whatever a client writes into it may be a card number.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    let is_told = status.is_server_error() || OVERDONE.contains(&status);
    if is_told
        && let Some(ToTell { kind, detail }) = response.extensions().get()
        && let Some(suppressed) = limiter.take(format!("{kind} {peer}"))
    {
        let route = route.as_ref().map_or("none", MatchedPath::as_str);
        tracing::warn!(%kind, %detail, route, %peer, suppressed, "answered with a problem");
    }
    response
}

/// Statuses that well-behaved clients rarely get.
const OVERDONE: [StatusCode; 3] =
    [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::TOO_MANY_REQUESTS];

/// The member and the header with the time until the next attempt.
pub(super) const RETRY_AFTER: &str = "retry_after_s";

/// The status of a kind.
pub(super) fn status(kind: &Kind) -> StatusCode {
    match kind.class {
        Class::Malformed => StatusCode::BAD_REQUEST,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Rule => StatusCode::UNPROCESSABLE_ENTITY,
        Class::Method => StatusCode::METHOD_NOT_ALLOWED,
        Class::Late => StatusCode::REQUEST_TIMEOUT,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Class::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        Class::Device => StatusCode::BAD_GATEWAY,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// The seconds until the next attempt after a refusal of a kind, if the refusal itself does not have them.
pub(super) fn retry_after(kind: &Kind) -> Option<u64> {
    match kind.class {
        Class::TooMany => Some(60),
        Class::Unavailable => Some(1),
        _ => None,
    }
}

/// The `type` of a kind.
pub(super) fn type_of(kind: &Kind) -> String {
    format!("/problems/{}", kind.slug)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let Refusal { kind, detail, members } = refusal;
        let mut members: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Some(seconds) = retry_after(kind) {
            members.entry(RETRY_AFTER).or_insert_with(|| seconds.into());
        }
        Self { kind: type_of(kind), title: kind.title.to_owned(), status: status(kind).as_u16(), detail, members }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let told = ToTell { kind: self.kind.clone(), detail: self.detail.clone() };
        let retry_after = self.members.get(RETRY_AFTER).and_then(Value::as_u64);
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(told);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_store_answers_503_with_retry_after() {
        let answer = |error: StoreError| {
            let response = Problem::from(error).into_response();
            let retry = response.headers().get(header::RETRY_AFTER).cloned();
            (response.status().as_u16(), retry.is_some())
        };
        assert_eq!(answer(StoreError::Busy), (503, true));
        assert_eq!(answer(StoreError::Stopped { why: "Input/output error".into() }), (503, true));
        assert_eq!(answer(StoreError::DiskFull { free: 1, least: 2 }), (507, false));
        assert_eq!(answer(StoreError::Panicked), (500, false));
    }

    #[test]
    fn retry_after_is_a_member_and_a_header() {
        let refusal = app::registers::TOO_MANY_ATTEMPTS.because("too many wrong codes");
        let problem = serde_json::to_value(Problem::from(refusal)).unwrap();
        assert_eq!((&problem["status"], &problem[RETRY_AFTER]), (&429.into(), &60.into()));
    }

    #[test]
    fn members_are_beside_the_detail() {
        let refusal = Refusal::from(commerce::Refusal::StillDue { due: commerce::Minor::literal(369) });
        let problem = serde_json::to_value(Problem::from(refusal)).unwrap();
        assert_eq!(problem["type"], "/problems/still-due");
        assert_eq!((&problem["status"], &problem["due"]), (&422.into(), &369.into()));
    }
}
