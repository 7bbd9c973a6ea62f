//! Refunds to customers, tasks for the payment side.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::Command,
    extract::{InPath, InQuery, Page, limit, read_cursor},
    orders::id,
    problem::{BAD_REQUEST, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    moment::now_ms,
    orders::{
        record,
        story::{self, Refund},
    },
};

/// Unknown refund.
static REFUND_UNKNOWN: Kind =
    Kind::new("refund-unknown", StatusCode::NOT_FOUND, "Unknown refund", "The refund or the order does not exist.");

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "refunds", "Refunds to customers, for prepaid goods that were not delivered")
        .read(Scope::RefundsManage, &[], routes!(list))
        .command(Scope::RefundsManage, &[&REFUND_UNKNOWN], routes!(done))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Include paid refunds.
    #[serde(default)]
    all: bool,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List refunds
///
/// Refunds that are due, by order. The event `refund.due` reports each new one.
#[utoipa::path(get, path = "/api/v1/refunds", params(Asked),
    responses((status = 200, body = Page<Refund>, description = "A page of refunds.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<Refund>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let after: Option<(i64, i64)> = asked.after.as_deref().map(read_cursor).transpose()?;
    let read = story::refunds(&api.database, after.unwrap_or_default(), !asked.all, limit + 1).await?;
    let page = Page::of(read, limit, |(number, refund)| (*number, refund.task));
    let items = page.items.into_iter().map(|(_, refund)| refund).collect();
    Ok(Json(Page { items, next: page.next }))
}

/// A paid refund.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Done {
    /// The reference of the refund's payment.
    #[schema(min_length = 1, max_length = 120)]
    reference: String,
}

/// Mark a refund as paid
///
/// Repeating it has no effect and returns the first reference.
#[utoipa::path(post, path = "/api/v1/refunds/{order}/{task}/done", request_body = Done,
    params(("order" = String, Path, description = "The shop's order id."),
        ("task" = i64, Path, description = "The refund's number in the order.")),
    responses((status = 200, body = Refund, description = "The refund.")))]
async fn done(InPath((order, task)): InPath<(String, i64)>, mut command: Command<Done>) -> Result<Response, Problem> {
    let reference = std::mem::take(&mut command.body.reference);
    if !(1..=commerce::MAX_TEXT).contains(&reference.len()) || !commerce::text::is_readable(&reference) {
        return Err(BAD_REQUEST.because("`reference`: 1 to 120 bytes of text without control characters"));
    }
    let unknown = || REFUND_UNKNOWN.because(format!("order {} has no refund {task}", order.escape_debug()));
    let record = record::lock(&mut command.transaction, &id(&order)?).await?.ok_or_else(unknown)?;
    let refund = story::refund_done(&mut command.transaction, &record, task, &reference, now_ms()).await?;
    let refund = refund.ok_or_else(unknown)?;
    command.answer(StatusCode::OK, &refund).await
}
