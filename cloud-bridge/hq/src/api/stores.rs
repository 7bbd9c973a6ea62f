//! Stores: the state of their hubs, how far HQ has followed them, and what needs a person.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InPath, InQuery, Page, limit, read_cursor},
    problem::{Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::database::{DatabaseError, Row, statement::statements, value::values};

statements! {
    /// Stores by name.
    STORES = "api_store/stores";
    /// Streams of the latest epochs of stores.
    STREAMS = "api_store/streams";
    /// What a person must look into.
    ALARMS = "api_store/alarms";
    /// Events without effect.
    QUARANTINE = "api_store/quarantine";
}

/// There is no such store.
static STORE_UNKNOWN: Kind =
    Kind::new("store-unknown", StatusCode::NOT_FOUND, "Unknown store", "HQ has never heard of a hub of this name.");

/// Greater than any store's name.
const PAST_ALL: &str = "~";

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "stores", "Stores: their hubs, how far HQ has followed them, what needs a person")
        .read(Scope::StoresRead, &[], routes!(list))
        .read(Scope::StoresRead, &[&STORE_UNKNOWN], routes!(read))
        .read(Scope::StoresRead, &[], routes!(list_alarms))
        .read(Scope::StoresRead, &[], routes!(list_quarantine))
}

/// A store, by its hub.
#[derive(Serialize, ToSchema)]
struct StoreState {
    /// Its name.
    store: String,
    /// The latest epoch in which its hub spoke; a new one begins when the store is restored from a backup.
    epoch: i64,
    /// What its hub runs.
    software: String,
    /// Why the store has stopped for good, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// When its hub said hello last, by HQ's clock: milliseconds since 1970, UTC.
    heard_at_ms: i64,
    /// How far HQ has followed each stream of this epoch.
    streams: Vec<StreamState>,
}

/// How far HQ has followed a stream.
#[derive(Serialize, ToSchema)]
struct StreamState {
    /// Its name.
    stream: String,
    /// HQ has everything up to this number.
    up_to: i64,
    /// When that happened, by the hub's clock: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at_ms: Option<i64>,
    /// When HQ received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at_ms: Option<i64>,
    /// What the hub had, when it said hello last and told of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<i64>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Stores after one, from one, to one, by name.
struct Range<'a> {
    after: &'a str,
    from: &'a str,
    to: &'a str,
}

async fn stores(
    api: &Api,
    Range { after, from, to }: Range<'_>,
    limit: usize,
) -> Result<Vec<StoreState>, DatabaseError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stores = Vec::new();
    for row in api.database.read(&STORES, values![after, from, to, rows]).await? {
        let (store, epoch, software, stopped, heard_at_ms) = row.read()?;
        stores.push(StoreState { store, epoch, software, stopped, heard_at_ms, streams: Vec::new() });
    }
    let Some(last) = stores.last().map(|last| last.store.clone()) else { return Ok(stores) };
    let mut streams: HashMap<String, Vec<StreamState>> = HashMap::new();
    for row in api.database.read(&STREAMS, values![after, from, last]).await? {
        let (store, stream, up_to, occurred_at_ms, received_at_ms, last) = row.read()?;
        let state = StreamState { stream, up_to, occurred_at_ms, received_at_ms, last };
        streams.entry(store).or_default().push(state);
    }
    for store in &mut stores {
        store.streams = streams.remove(&store.store).unwrap_or_default();
    }
    Ok(stores)
}

/// List stores
///
/// By name.
#[utoipa::path(get, path = "/api/v1/stores", params(Paging),
    responses((status = 200, body = Page<StoreState>, description = "A page of stores.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Paging>) -> Result<Json<Page<StoreState>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let after: String = asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
    let stores = stores(&api, Range { after: &after, from: "", to: PAST_ALL }, limit + 1).await?;
    Ok(Json(Page::of(stores, limit, |last| last.store.clone())))
}

/// Read a store
#[utoipa::path(get, path = "/api/v1/stores/{store}", params(("store" = String, Path, description = "Its name.")),
    responses((status = 200, body = StoreState, description = "The store.")))]
async fn read(State(api): State<Arc<Api>>, InPath(store): InPath<String>) -> Result<Json<StoreState>, Problem> {
    let found = stores(&api, Range { after: "", from: &store, to: &store }, 1).await?.pop();
    let unknown = || STORE_UNKNOWN.because(format!("HQ has never heard of a hub named `{}`", store.escape_debug()));
    found.map(Json).ok_or_else(unknown)
}

/// Something that a person must look into.
#[derive(Serialize, ToSchema)]
struct Alarm {
    /// Which store.
    store: String,
    /// What sort of thing.
    kind: String,
    /// What it is about: a stream, an epoch.
    subject: String,
    /// What was found, for people.
    what: String,
    /// When it was found first, by HQ's clock: milliseconds since 1970, UTC.
    first_at_ms: i64,
    /// When it was found last.
    last_at_ms: i64,
    /// How often.
    times: i64,
}

/// List alarms
///
/// By store, kind and subject.
#[utoipa::path(get, path = "/api/v1/alarms", params(Paging),
    responses((status = 200, body = Page<Alarm>, description = "A page of alarms.")))]
async fn list_alarms(
    State(api): State<Arc<Api>>,
    InQuery(asked): InQuery<Paging>,
) -> Result<Json<Page<Alarm>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let (hub, kind, subject): (String, String, String) =
        asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
    let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = api.database.read(&ALARMS, values![hub, kind, subject, rows]).await?;
    let alarm = |row: Row| -> Result<_, DatabaseError> {
        let (store, kind, subject, what, first_at_ms, last_at_ms, times) = row.read()?;
        Ok(Alarm { store, kind, subject, what, first_at_ms, last_at_ms, times })
    };
    let alarms = rows.into_iter().map(alarm).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page::of(alarms, limit, |last| (last.store.clone(), last.kind.clone(), last.subject.clone()))))
}

/// An event that HQ keeps and that has no effect, because it cannot be read or does not add up.
#[derive(Serialize, ToSchema)]
struct Quarantined {
    /// Which store.
    store: String,
    /// In which epoch.
    epoch: i64,
    /// In which of its streams.
    stream: String,
    /// Its number in the stream.
    sequence: i64,
    /// What it says that it is.
    kind: String,
    /// When HQ received it: milliseconds since 1970, UTC.
    received_at_ms: i64,
    /// Why it has no effect, for people.
    why: String,
}

/// List events in quarantine
///
/// By store, epoch, stream and sequence. Their bodies are in the feed.
#[utoipa::path(get, path = "/api/v1/quarantine", params(Paging),
    responses((status = 200, body = Page<Quarantined>, description = "A page of events without effect.")))]
async fn list_quarantine(
    State(api): State<Arc<Api>>,
    InQuery(asked): InQuery<Paging>,
) -> Result<Json<Page<Quarantined>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let (hub, epoch, stream, sequence): (String, i64, String, i64) =
        asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
    let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let rows = api.database.read(&QUARANTINE, values![hub, epoch, stream, sequence, rows]).await?;
    let quarantined = |row: Row| -> Result<_, DatabaseError> {
        let (store, epoch, stream, sequence, kind, received_at_ms, why) = row.read()?;
        Ok(Quarantined { store, epoch, stream, sequence, kind, received_at_ms, why })
    };
    let events = rows.into_iter().map(quarantined).collect::<Result<Vec<_>, _>>()?;
    let key = |last: &Quarantined| (last.store.clone(), last.epoch, last.stream.clone(), last.sequence);
    Ok(Json(Page::of(events, limit, key)))
}
