//! Refusals as RFC 9457 problem details: the one place that maps them to HTTP.
//!
//! A problem's `type` is `/problems/` and the name of the refusal's kind. It never changes: programs may rely on it.
//! Its `detail` is for people.

use app::{
    Refusal,
    refusal::{Class, Kind},
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

use super::{BODY_TOO_LARGE, METHOD_NOT_ALLOWED, openapi::problems::is_integer};

/// An error of the API, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `/problems/NAME`: which kind. Never changes.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened here, with values, and what to do.
    detail: String,
    /// What the kind names for programs: `due`, `available`, `permission` and others.
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// The member and the header of a problem that say when to try again.
pub(super) const RETRY_AFTER: &str = "retry_after_s";

/// The status of a kind of refusals.
pub(super) fn status(kind: &Kind) -> StatusCode {
    match kind.class {
        // The two that only HTTP has.
        Class::Malformed if kind.slug == BODY_TOO_LARGE.slug => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Malformed if kind.slug == METHOD_NOT_ALLOWED.slug => StatusCode::METHOD_NOT_ALLOWED,
        Class::Malformed => StatusCode::BAD_REQUEST,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Rule => StatusCode::UNPROCESSABLE_ENTITY,
        Class::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Class::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        Class::Device => StatusCode::BAD_GATEWAY,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
    }
}

/// When to try again after a refusal of a kind, in seconds, unless the refusal says it itself.
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
        debug_assert!(members.iter().all(|(name, value)| is_integer(name) == value.is_number()), "{members:?}");
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
        if status.is_server_error() {
            tracing::warn!(kind = %self.kind, detail = %self.detail, "answered with a problem");
        }
        let retry_after = self.members.get(RETRY_AFTER).and_then(Value::as_u64);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
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
    fn a_store_that_takes_nothing_says_so_by_status_and_when_to_come_again() {
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
    fn a_program_reads_when_to_try_again() {
        let refusal = app::registers::TOO_MANY_ATTEMPTS.because("too many wrong codes");
        let problem = serde_json::to_value(Problem::from(refusal)).unwrap();
        assert_eq!((&problem["status"], &problem[RETRY_AFTER]), (&429.into(), &60.into()));
    }

    #[test]
    fn members_stand_beside_the_detail() {
        let refusal = Refusal::from(commerce::Refusal::StillDue { due: commerce::Minor::literal(369) });
        let problem = serde_json::to_value(Problem::from(refusal)).unwrap();
        assert_eq!(problem["type"], "/problems/still-due");
        assert_eq!((&problem["status"], &problem["due"]), (&422.into(), &369.into()));
    }
}
