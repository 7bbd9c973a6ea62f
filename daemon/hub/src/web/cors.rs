//! Calls of web pages that do not come from the hub (CORS).
//!
//! A browser lets a page of another site call the API only if the hub allows the page's origin: when a register is
//! paired with it, or about to be. Such a page sends the register's token. Cookies are not allowed, so a person's
//! session is out of its reach. Everybody else gets no permission, and the browser withholds the answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::authenticate::same_origin;
use crate::hub::Hub;

/// The headers that a page may send.
const SENT: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key");

/// The headers that a page may read.
const READ: HeaderValue = HeaderValue::from_static("store-hub-version, store-hub-epoch, retry-after, content-type");

/// How long a browser remembers a permission, in seconds. An origin may be unpaired.
const REMEMBERED: HeaderValue = HeaderValue::from_static("60");

/// The origin of a request, if it is another site's and a register is paired with it.
fn allowed(hub: &Hub, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?;
    let is_allowed = !same_origin(request.headers()) && hub.registers.allows(origin.to_str().ok()?);
    is_allowed.then(|| origin.clone())
}

/// Answers preflights, and allows the page to read the answer.
pub(super) async fn cors(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let Some(origin) = allowed(&hub, &request) else { return next.run(request).await };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        let may = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, SENT),
            (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED),
        ];
        (StatusCode::NO_CONTENT, may).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READ);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}
