//! The status, and the page that shows it.

#![allow(unused_qualifications)] // in what a macro makes of `params(Which)`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Status, history::Sample};
use crate::{extract::InQuery, hub::Hub, problem::Problem, registers::Caller};

/// The page takes everything from the hub itself, and no other site may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(history))
        .route("/", get(|| async { file("text/html; charset=utf-8", include_str!("page/index.html")) }))
        .route("/page.css", get(|| async { file("text/css; charset=utf-8", include_str!("page/page.css")) }))
        .route("/page.js", get(|| async { file("text/javascript; charset=utf-8", include_str!("page/page.js")) }))
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

/// How many samples.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HowMany {
    /// 1 to 10,080, a week; 60 without it.
    limit: Option<usize>,
}

/// How the hub has been: a sample a minute, newest first
#[utoipa::path(get, path = "/api/v1/status/history", tag = "status", params(HowMany),
    responses((status = 200, body = [Sample]), (status = 401, body = Problem)))]
async fn history(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(how_many): InQuery<HowMany>,
) -> Result<Json<Vec<Sample>>, Problem> {
    Ok(Json(super::history::last(&hub.store, how_many.limit.unwrap_or(60).clamp(1, 10_080))?))
}

/// The state of the store on one page
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = Status), (status = 401, body = Problem)))]
async fn status(_: Caller, State(hub): State<Arc<Hub>>) -> Json<Status> {
    Json(Status::of(&hub))
}
