//! What went wrong, as RFC 9457 problem details: one place that turns every error into an answer.
//!
//! A problem's `type` is stable: programs may rely on it. Its `detail` is for people and says what to do.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use commerce::{Refusal, stock};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// An error of the API, as `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/NAME`: which kind. Never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, with values, and what to do.
    pub detail: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: format!("/problems/{kind}"), title, status: status.as_u16(), detail: detail.into() }
    }

    /// The request is not as the API wants it.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request can't be understood", detail)
    }

    /// No or no good token.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Who is asking?", detail)
    }

    /// A good token, but not for this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// There is no such thing.
    pub fn not_found(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, &format!("{kind}-unknown"), "There is no such thing here", detail)
    }

    /// It can't be done in the state that things are in.
    pub fn conflict(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, "Not now", detail)
    }

    /// A device did not do its part.
    pub fn device(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, kind, "A device did not do its part", detail)
    }

    /// Too many attempts.
    pub fn slow_down(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Slow down", detail)
    }

    /// The card was declined.
    pub fn declined(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "payment-declined", "The payment was declined", detail)
    }

    /// Something is wrong with the hub itself.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "The hub has a fault", detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::NotOpen => "basket-not-open",
            Refusal::PaymentUnderWay => "payment-under-way",
            Refusal::PartlyPaid => "basket-partly-paid",
            Refusal::TooManyLines | Refusal::TooManyDiscounts { .. } | Refusal::TooManyTenders => "basket-full",
            Refusal::NoSuchLine { .. } => "line-unknown",
            Refusal::Empty => "basket-empty",
            Refusal::WrongUnit { .. } => "wrong-unit",
            Refusal::AmountOutOfRange => "amount-out-of-range",
            Refusal::PriceMissing => "price-missing",
            Refusal::DiscountExceedsLine { .. } => "discount-exceeds-line",
            Refusal::ExceedsDue { .. } => "exceeds-due",
            Refusal::StillDue { .. } => "still-due",
            Refusal::BadText { .. } => "bad-text",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, "The rules of the shop refuse this", refusal.to_string())
    }
}

impl From<stock::Refusal> for Problem {
    fn from(refusal: stock::Refusal) -> Self {
        let kind = match &refusal {
            stock::Refusal::Insufficient { .. } | stock::Refusal::InsufficientAndCounted { .. } => "stock-insufficient",
            stock::Refusal::Untracked { .. } => "stock-untracked",
            stock::Refusal::NoLines => "lines-missing",
            stock::Refusal::TooManyLines => "too-many-lines",
            stock::Refusal::Twice { .. } => "item-twice",
            stock::Refusal::DeliveryKnown { .. } => return Self::conflict("delivery-known", refusal.to_string()),
            stock::Refusal::TooManyNotes => "too-many-delivery-notes",
            stock::Refusal::NotForHere { .. } => "transfer-not-for-here",
            stock::Refusal::ToItself { .. } => "transfer-to-itself",
            stock::Refusal::WrongUnit { .. } => "wrong-unit",
            stock::Refusal::Closed { .. } => "document-closed",
            stock::Refusal::Open { .. } => "document-open",
            stock::Refusal::NotReopened => "notice-not-reopened",
            stock::Refusal::InBasket { .. } => "reservation-in-basket",
            stock::Refusal::NoSuchItem { .. } => "item-not-in-document",
            stock::Refusal::NotDuringTheCount { .. } => "moment-out-of-range",
            stock::Refusal::NothingToDecide { .. } => "nothing-to-decide",
            // Nothing is wrong with it but that it comes too late.
            stock::Refusal::Recounted { .. } => return Self::conflict("stock-recounted", refusal.to_string()),
            stock::Refusal::OutOfRange { .. } => "out-of-range",
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, "The rules of the stock refuse this", refusal.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The hub is busy", detail),
            StoreError::Stopped { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-stopped", "The store has stopped", detail)
            }
            StoreError::Engine(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unreadable", "The store can't be read", detail)
            }
            StoreError::DiskFull { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "The disk is nearly full", detail)
            }
            StoreError::TooLarge { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-large", "Too large to be stored", detail)
            }
            _ => Self::internal(detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(kind = %self.kind, detail = %self.detail, "answered with a problem");
        }
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_takes_nothing_says_so_by_status_type_and_when_to_come_again() {
        let answer = |error: StoreError| {
            let response = Problem::from(error).into_response();
            let retry = response.headers().get(header::RETRY_AFTER).cloned();
            (response.status().as_u16(), retry.is_some())
        };
        assert_eq!(answer(StoreError::Busy), (503, true));
        assert_eq!(answer(StoreError::Stopped { why: "Input/output error".into() }), (503, true));
        let unreadable = store::engine::EngineError { what: "read".into(), why: "Input/output error".into() };
        assert_eq!(answer(StoreError::Engine(unreadable)), (503, true));
        assert_eq!(answer(StoreError::DiskFull { free: 1, least: 2 }), (507, false));
        let full = Problem::from(StoreError::DiskFull { free: 15_000_000, least: 64_000_000 });
        assert_eq!((&*full.kind, full.detail.contains("15 MB")), ("/problems/disk-full", true));
    }
}
