//! The routes of the status and of the pages.

#![allow(unused_qualifications)] // in what a macro makes of `params(LastSamples)`

use std::sync::Arc;

use app::health::{self, READ, Sample};
use axum::{
    Json, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::Status;
use crate::{
    hub::Hub,
    web::{InQuery, Problem, Routes, reading},
};

/// The pages load everything from the hub itself, and no other site may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("status", "The state of the store", &[]).read(&READ, routes!(status)).read(&READ, routes!(history))
}

/// The status page and the page of the OpenAPI document.
pub(crate) fn page() -> Router<Arc<Hub>> {
    Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", include_str!("page/index.html")) }))
        .route("/page.css", get(|| async { file("text/css; charset=utf-8", include_str!("page/page.css")) }))
        .route("/page.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("page/page.js")) }))
        .route("/docs", get(|| async { file("text/html; charset=utf-8", include_str!("page/docs.html")) }))
        .route("/docs.css", get(|| async { file("text/css; charset=utf-8", include_str!("page/docs.css")) }))
        .route("/docs.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("page/docs.js")) }))
        .route("/icon.svg", get(|| async { file("image/svg+xml", include_str!("page/icon.svg")) }))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

/// Selects health samples.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LastSamples {
    /// The number of samples, 1 to 10,080 (a week). Default 60.
    #[param(minimum = 1, maximum = 10_080)]
    limit: Option<usize>,
}

/// List health samples, one per minute, newest first
#[utoipa::path(get, path = "/api/v1/status/history", params(LastSamples), responses((status = 200, body = [Sample])))]
async fn history(
    State(hub): State<Arc<Hub>>,
    InQuery(last): InQuery<LastSamples>,
) -> Result<Json<Vec<Sample>>, Problem> {
    let limit = last.limit.unwrap_or(60).clamp(1, 10_080);
    reading(move || Ok(health::last(&hub.store, limit)?)).await.map(Json)
}

/// Get the state of the store
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status)))]
async fn status(State(hub): State<Arc<Hub>>) -> Result<Json<Status>, Problem> {
    Ok(Json(Status::read(hub).await?))
}
