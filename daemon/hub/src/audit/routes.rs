//! Reading the audit trail.

#![allow(unused_qualifications)] // in what a macro makes of `params(Which)`

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Entry;
use crate::{extract::InQuery, hub::Hub, problem::Problem, registers::Console};

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Entries before this number; the newest without it.
    before: Option<u64>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
}

/// Who did what, newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Which),
    responses((status = 200, body = [Entry]), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<Entry>>, Problem> {
    Ok(Json(super::last(&hub.store, which.before, which.limit.unwrap_or(20).clamp(1, 100))?))
}
