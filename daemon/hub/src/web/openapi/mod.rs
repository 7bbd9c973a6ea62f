//! The router of all routes, and the OpenAPI document made from them.
//!
//! The document is a contract from which clients are generated, so it only uses what generators understand: no type is
//! lost, every answer is described, every problem has its types and members. `docs/openapi.json` is a copy under
//! version control; a test compares them, so that changes of the contract are reviewed.
//!
//! | module | adds |
//! | --- | --- |
//! | `problems` | the problems of each operation: their types and members |
//! | `unions` | a named schema for each variant of an enum, with a discriminator |
//! | `answers` | descriptions, headers and examples |

mod answers;
pub(super) mod problems;
mod unions;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use edge::LogLimiter;
use problems::Problems;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    authenticate::authenticate,
    body::whole_body,
    cors::cors,
    detached::detached,
    hosts::refuse,
    problem::{Problem, tell},
    routes::Routes,
};
use crate::{
    hub::Hub,
    parts::registers::COOKIE,
    web::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN},
};

/// The hub's version, sent with every answer.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The header for the version.
const VERSION_HEADER: &str = "store-hub-version";
/// The header for the store's epoch.
const EPOCH_HEADER: &str = "store-hub-epoch";

/// The security scheme for registers.
pub(super) const REGISTER_TOKEN: &str = "register_token";
/// The security scheme for service accounts.
pub(super) const SERVICE_TOKEN: &str = "service_token";
/// The security scheme for people.
pub(super) const CONSOLE_SESSION: &str = "console_session";

#[derive(OpenApi)]
#[openapi(info(
    title = "Store hub",
    description = "The API that a store's hub serves on the store's LAN.\n\n\
            - Every command (POST) carries an `Idempotency-Key`. A repeat under the same key gets the first answer \
            for seven days, also after a restart; a refused command has changed nothing, so its key may be used \
            again.\n\
            - Amounts are integers in minor units (cents) of the store's currency, quantities are integers in \
            thousandths of their unit, times are milliseconds since 1970, UTC.\n\
            - Errors are RFC 9457 problem details. Their `type` never changes its meaning; each operation lists, by \
            status, the types of its capability and their members; not every operation answers all of them. Any path may answer 404 `/problems/route-unknown` \
            and 405 `/problems/method-not-allowed`.\n\
            - Each operation names its permission in `x-permission`.\n\
            - Within `/api/v1` members and types of problems may be added; ignore unknown ones."
))]
struct Document;

/// All routes, and the problems that they answer.
fn routes() -> (OpenApiRouter<Arc<Hub>>, Problems) {
    let mut all = OpenApiRouter::with_openapi(Document::openapi());
    let mut problems = Problems::default();
    for Routes { tag, router, problems: more, .. } in crate::routes() {
        all = all.merge(router);
        all.get_openapi_mut().tags.get_or_insert_default().push(tag);
        problems.extend(more);
    }
    (all, problems)
}

/// The OpenAPI 3.1 document.
pub fn document() -> Value {
    let (all, problems) = routes();
    finish(&all.split_for_parts().1, &problems)
}

/// Completes the document that the attributes produce.
fn finish(document: &utoipa::openapi::OpenApi, problems: &Problems) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["servers"] = json!([{
        "url": "https://{address}",
        "description": "A store's hub",
        "variables": {"address": {
            "default": "hub.store-42.example:8443",
            "description": "Host and port of `[listen]` in the hub's config."
        }}
    }]);
    document["components"]["securitySchemes"] = json!({
        REGISTER_TOKEN: {
            "type": "http", "scheme": "bearer",
            "description": "A register's token, from `POST /api/v1/pairing`."
        },
        SERVICE_TOKEN: {
            "type": "http", "scheme": "bearer",
            "description": "A service account's token, from `POST /api/v1/services/{name}/token`. It has the \
             permissions that are its scopes."
        },
        CONSOLE_SESSION: {
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "A person's session, from `POST /api/v1/session`. A WebSocket also needs the hub's own \
             `Origin`."
        }
    });
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        problems.describe(schemas);
        unions::name_variants(schemas);
    }
    unions::drop_unused(&mut document);
    answers::complete(&mut document);
    document
}

/// All routes of a hub, and additional ones of a process that embeds it.
pub(crate) fn router(hub: Arc<Hub>, more: Router) -> Router {
    let (all, problems) = routes();
    let (router, document) = all.split_for_parts();
    // Built once, because it does not change while the hub runs.
    let document = finish(&document, &problems).to_string();
    router
        .merge(crate::page_routes())
        .merge(more.with_state(()))
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .fallback(|| async { Problem::from(ROUTE_UNKNOWN.because("unknown route; see /docs for all routes")) })
        .method_not_allowed_fallback(|request: Request| async move {
            let detail = format!("{} has no method {}; see /docs", request.uri().path(), request.method());
            Problem::from(METHOD_NOT_ALLOWED.because(detail))
        })
        .layer(from_fn(detached))
        .layer(from_fn(whole_body))
        .layer(from_fn_with_state(Arc::clone(&hub), authenticate))
        .layer(from_fn_with_state(Arc::clone(&hub), cors))
        .layer(from_fn_with_state(Arc::new(LogLimiter::default()), tell))
        .layer(from_fn_with_state(Arc::clone(&hub), count))
        .layer(from_fn(refuse))
        .layer(from_fn_with_state(Arc::clone(&hub), identify))
        .with_state(hub)
}

/// Counts requests for the metrics.
async fn count(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let asked = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    hub.requests.count(method.as_str(), route, response.status().as_u16(), asked.elapsed());
    response
}

/// Adds the hub's version and the store's epoch to every answer. An answer is not cached unless it says so, because it
/// may contain a token or a customer's data, and its type is not guessed.
async fn identify(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    headers.insert(EPOCH_HEADER, HeaderValue::from(hub.store.epoch()));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
