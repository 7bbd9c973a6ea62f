//! The route of the audit trail.

use std::sync::Arc;

use app::audit::{self, Entry, READ};
use axum::{Json, extract::State};
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{InQuery, Page, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("audit", "The audit trail", &["audit"]).read(&READ, routes!(list))
}

/// List the audit trail, newest first
#[utoipa::path(get, path = "/api/v1/audit", params(Page), responses((status = 200, body = [Entry])))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(page): InQuery<Page>) -> Result<Json<Vec<Entry>>, Problem> {
    reading(move || Ok(audit::last(&hub.store, page.before, page.limit())?)).await.map(Json)
}
