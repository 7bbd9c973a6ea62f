//! All routes together, and the OpenAPI document made from them.
//!
//! The document is a contract that programs of others are generated from, so it is kept to what generators understand:
//! no type is lost, every answer is described, every problem has its types and members. `docs/openapi.json` is a
//! copy under version control; a test compares the two, so that no change of the contract goes unseen.
//!
//! | module | adds what attributes at the handlers don't say |
//! | --- | --- |
//! | `problems` | the problems of each operation: their types, and the members that programs can read |
//! | `unions` | a named schema for each variant of an enum, with a discriminator |
//! | `answers` | descriptions, headers and examples |

mod answers;
pub(super) mod problems;
mod unions;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use problems::Problems;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{authenticate::authenticate, detached::detached, problem::Problem, routes::Routes};
use crate::{
    hub::Hub,
    parts::registers::COOKIE,
    web::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN},
};

/// The hub's version, in every answer.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The header that tells it.
const VERSION_HEADER: &str = "store-hub-version";
/// The header that tells the epoch of the store.
const EPOCH_HEADER: &str = "store-hub-epoch";

/// The security scheme of registers.
pub(super) const REGISTER_TOKEN: &str = "register_token";
/// The security scheme of people.
pub(super) const CONSOLE_SESSION: &str = "console_session";

#[derive(OpenApi)]
#[openapi(info(
    title = "Store hub",
    description = "The API that a store's hub serves on the store's LAN.\n\n\
            - Every command (POST) carries an `Idempotency-Key`. A repeat under the same key gets the first answer, also \
            after a restart; a refused command left no trace, so its key may be used again.\n\
            - Amounts are integers in minor units (cents) of the store's currency, quantities integers in thousandths of \
            their unit, moments milliseconds since 1970, UTC.\n\
            - Errors are RFC 9457 problem details. Their `type` never changes its meaning; which types an operation may \
            answer, and with which members, is said at the operation. Any path may answer 404 `/problems/route-unknown` \
            and 405 `/problems/method-not-allowed`.\n\
            - Each operation names its permission in `x-permission`.\n\
            - Within `/api/v1` members and types of problems may be added; take unknown ones as they come."
))]
struct Document;

/// All routes, and which problems they answer.
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

/// Completes the document that the attributes make.
fn finish(document: &utoipa::openapi::OpenApi, problems: &Problems) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["servers"] = json!([{
        "url": "https://{address}",
        "description": "A store's hub",
        "variables": {"address": {
            "default": "hub.store-42.example:8443",
            "description": "Host and port, as `[listen]` of the hub's config says."
        }}
    }]);
    document["components"]["securitySchemes"] = json!({
        REGISTER_TOKEN: {
            "type": "http", "scheme": "bearer",
            "description": "A register's token, from `POST /api/v1/pairing`."
        },
        CONSOLE_SESSION: {
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "A person's session, from `POST /api/v1/session`. A WebSocket also needs the hub's own `Origin`."
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

/// All routes of a hub, and those that whoever embeds it adds.
pub(crate) fn router(hub: Arc<Hub>, more: Router) -> Router {
    let (all, problems) = routes();
    let (router, document) = all.split_for_parts();
    // Made once: it does not change while the hub runs.
    let document = finish(&document, &problems).to_string();
    router
        .merge(crate::pages())
        .merge(more.with_state(()))
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .fallback(|| async { Problem::from(ROUTE_UNKNOWN.because("unknown route; see /docs for those there are")) })
        .method_not_allowed_fallback(|request: Request| async move {
            let detail = format!("{} has no method {}; see /docs", request.uri().path(), request.method());
            Problem::from(METHOD_NOT_ALLOWED.because(detail))
        })
        .layer(from_fn_with_state(Arc::clone(&hub), authenticate))
        .layer(from_fn(detached))
        .layer(from_fn_with_state(Arc::clone(&hub), identify))
        .with_state(hub)
}

/// Tells in every answer which hub gave it: its version, and the epoch of its store.
async fn identify(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    response.headers_mut().insert(EPOCH_HEADER, HeaderValue::from(hub.store.epoch()));
    response
}

#[cfg(test)]
mod tests;
