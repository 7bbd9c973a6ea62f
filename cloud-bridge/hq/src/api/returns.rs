//! Returns of all stores.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InQuery, Page, limit, read_cursor},
    problem::Problem,
    routes::Routes,
    scope::Scope,
};
use crate::report::returns::{self, ReturnKey, ReturnRow};

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "returns", "Goods that came back, with the decision on each ticket").read(
        Scope::SalesRead,
        &[],
        routes!(list),
    )
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// From this moment on: milliseconds since 1970, UTC. Default: from the first.
    since_ms: Option<i64>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List returns, in the order of time
///
/// Alarms of the kinds `over_returned` and `return_rule` name what a store accepted without knowing of others.
#[utoipa::path(get, path = "/api/v1/returns", params(Asked),
    responses((status = 200, body = Page<ReturnRow>, description = "A page of returns.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<ReturnRow>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let first = || (asked.since_ms.unwrap_or(i64::MIN).saturating_sub(1), "~".to_owned(), String::new(), 0);
    let after: ReturnKey = asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_else(first);
    let rows = returns::page(&api.database, after, i64::try_from(limit + 1).unwrap_or(i64::MAX)).await?;
    let key = |row: &ReturnRow| (row.at_ms, row.store.clone(), row.sale.clone(), row.place);
    Ok(Json(Page::of(rows, limit, key)))
}
