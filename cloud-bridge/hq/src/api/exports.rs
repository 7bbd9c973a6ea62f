//! Exports of whole days, streamed.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa_axum::routes;

use super::{
    Api,
    extract::InQuery,
    problem::{BAD_REQUEST, FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::exports::{Day, Export, ExportError, Format};

/// The maximum number of concurrent exports: they read a lot.
pub(super) const AT_ONCE: usize = 4;

/// Too many exports are running.
static EXPORTS_BUSY: Kind = Kind::new(
    "exports-busy",
    StatusCode::SERVICE_UNAVAILABLE,
    "Exports busy",
    "Too many days are being exported; try again shortly.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "exports", "Exports of whole days").read(Scope::ExportsRead, &[&EXPORTS_BUSY], routes!(sales))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The business day, such as `2026-11-24`.
    day: String,
    /// The format.
    #[param(inline)]
    format: Format,
}

/// Export a day of sales
///
/// One row per line of each sale of a business day in all stores, by store and sale. The answer is streamed; if it
/// cannot be completed, the connection breaks. Sales that arrive meanwhile may or may not be included: `GET
/// /api/v1/stores` tells how far HQ has followed each store.
#[utoipa::path(get, path = "/api/v1/exports/sales", params(Asked),
    responses((status = 200, description = "The day.",
        content((String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")))))]
async fn sales(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<(HeaderMap, Body), Problem> {
    let Asked { day, format } = asked;
    let day: Day = day.parse().map_err(|why: String| BAD_REQUEST.because(why))?;
    let turn = Arc::clone(&api.exports).try_acquire_owned();
    let turn = turn.map_err(|_| EXPORTS_BUSY.because(format!("{AT_ONCE} days are being exported; try again")))?;
    let name = format!("attachment; filename=\"sales-{day}.{format}\"");
    let export = Export::new(api.database.clone(), day, format).map_err(|error| FAULT.because(error.to_string()))?;
    let pieces = try_unfold((export, turn), async |(mut export, turn)| {
        let piece = export.next().await.inspect_err(|error| tracing::warn!(%error, "an export failed"))?;
        Ok::<_, ExportError>(piece.map(|piece| (Bytes::from(piece), (export, turn))))
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok((headers, Body::from_stream(pieces)))
}
