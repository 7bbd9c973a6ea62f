//! The routes of the status.

#![allow(unused_qualifications)] // in what a macro makes of `params(LastSamples)`

use std::sync::Arc;

use app::{
    health::{self, READ, READ_SETTINGS, Sample},
    refusal::FAULT,
};
use axum::{Json, extract::State};
use commerce::BusinessDay;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::Status;
use crate::{
    config,
    hub::Hub,
    parts::day::{HourFigures, ItemFigures},
    web::{InQuery, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("status", "The state of the store", &[])
        .read(&READ, routes!(status))
        .read(&READ, routes!(history))
        .read(&READ, routes!(sold_today))
        .read(&READ_SETTINGS, routes!(settings))
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

/// What was sold on the business day.
#[derive(Serialize, ToSchema)]
struct SoldToday {
    /// The business day.
    business_day: BusinessDay,
    /// The hours of the store's clock with sales, in the order of the day.
    hours: Vec<HourFigures>,
    /// The items with the highest net totals, at most 20.
    top_items: Vec<ItemFigures>,
}

/// The number of items in an answer.
const TOP: usize = 20;

/// Get what was sold today: by the hour, and the top items
///
/// Its totals are in the status.
#[utoipa::path(get, path = "/api/v1/status/sold-today", responses((status = 200, body = SoldToday)))]
async fn sold_today(State(hub): State<Arc<Hub>>) -> Result<Json<SoldToday>, Problem> {
    let sold = move || {
        let business_day = hub.business_day(hub.now_ms())?;
        let (hours, top_items) = hub.today.sold(business_day, &hub.calendar, TOP);
        Ok(SoldToday { business_day, hours, top_items })
    };
    reading(sold).await.map(Json)
}

/// The settings of the hub.
#[derive(Serialize, ToSchema)]
struct Settings {
    /// The hub's version.
    version: &'static str,
    /// The config as the hub uses it, with its defaults and without secrets.
    #[schema(value_type = Object)]
    config: Value,
}

/// Get the settings of the hub
///
/// They come from its config file and can't be changed over the API.
#[utoipa::path(get, path = "/api/v1/settings", responses((status = 200, body = Settings)))]
async fn settings(State(hub): State<Arc<Hub>>) -> Result<Json<Settings>, Problem> {
    let mut config = serde_json::to_value(&hub.config).map_err(|error| FAULT.because(error.to_string()))?;
    config::hide(&mut config);
    Ok(Json(Settings { version: env!("CARGO_PKG_VERSION"), config }))
}
