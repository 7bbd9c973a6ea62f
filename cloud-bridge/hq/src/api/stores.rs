//! Stores: the state of their hubs, HQ's progress, alarms and quarantine.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use contract::telemetry::Sample;
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
use crate::{
    database::{DatabaseError, Row, statement::statements, value::values},
    ledger::now_ms,
    presence::Presence,
    publications::Publications,
};

statements! {
    /// The stores by name.
    STORES = "api_store/stores";
    /// The streams of the latest epochs of stores.
    STREAMS = "api_store/streams";
    /// The alarms.
    ALARMS = "api_store/alarms";
    /// The quarantined events.
    QUARANTINE = "api_store/quarantine";
}

/// Unknown store.
static STORE_UNKNOWN: Kind =
    Kind::new("store-unknown", StatusCode::NOT_FOUND, "Unknown store", "No hub with this name has contacted HQ.");

/// After the name of any store.
const PAST_ALL: &str = "~";

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "stores", "Stores: their hubs, HQ's progress, alarms and quarantine")
        .read(Scope::StoresRead, &[], routes!(list))
        .read(Scope::StoresRead, &[&STORE_UNKNOWN], routes!(read))
        .read(Scope::StoresRead, &[], routes!(list_alarms))
        .read(Scope::StoresRead, &[], routes!(list_quarantine))
}

/// A store and its hub.
#[derive(Serialize, ToSchema)]
struct StoreState {
    /// The store; the name of its hub.
    store: String,
    /// The latest epoch of the store; restoring it from a backup begins a new one.
    epoch: i64,
    /// The hub's software and version.
    software: String,
    /// Why the hub's store has stopped, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// When the hub last said hello, by HQ's clock: milliseconds since 1970, UTC.
    heard_at_ms: i64,
    /// Whether its hub is connected to HQ, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Connection>,
    /// The newest sample of its hub's health; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Newest>,
    /// The active publications, as reported by the hub.
    publications: Vec<ActivePublication>,
    /// HQ's progress in each stream of this epoch.
    streams: Vec<StreamState>,
}

/// Whether a hub is connected to HQ, and since when.
#[derive(Serialize, ToSchema)]
struct Connection {
    /// It said hello within the last 90 s, and the broker did not report that it left.
    is_online: bool,
    /// Since when, by HQ's clock: milliseconds since 1970, UTC.
    since_ms: i64,
}

/// The newest sample of a hub's health.
#[derive(Serialize, ToSchema)]
struct Newest {
    /// When HQ received it, by its clock: milliseconds since 1970, UTC.
    received_at_ms: i64,
    /// Devices, disk, streams, alarms, clock.
    sample: Sample,
}

/// An active publication.
#[derive(Serialize, ToSchema)]
struct ActivePublication {
    /// What it is, such as `catalog`.
    kind: String,
    /// Its version.
    version: u64,
}

/// HQ's progress in a stream.
#[derive(Serialize, ToSchema)]
struct StreamState {
    /// The stream.
    stream: String,
    /// The last event that HQ has.
    up_to: i64,
    /// When that event occurred, by the hub's clock: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at_ms: Option<i64>,
    /// When HQ received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    received_at_ms: Option<i64>,
    /// The hub's last event in this stream, at its last hello.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<i64>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// The `next` of the page before. Default: the first page.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// The stores after `after`, from `first` to `last`, by name.
struct Range<'a> {
    after: &'a str,
    from: &'a str,
    to: &'a str,
}

/// A store, without its streams and publications.
fn store(row: Row) -> Result<StoreState, DatabaseError> {
    type Columns =
        (String, i64, String, Option<String>, i64, Option<bool>, Option<i64>, Option<i64>, Option<i64>, Option<String>);
    let (store, epoch, software, stopped, heard_at_ms, is_online, since_ms, at_ms, received_at_ms, sample): Columns =
        row.read()?;
    let presence = is_online.zip(since_ms).zip(at_ms).map(|((is_online, since_ms), heard_at_ms)| {
        Presence { connection: String::new(), is_online, since_ms, heard_at_ms }.at(now_ms())
    });
    let connection = presence.map(|Presence { is_online, since_ms, .. }| Connection { is_online, since_ms });
    // Whatever a later version of a hub sent must not hide the store.
    let sample = sample.and_then(|sample| serde_json::from_str(&sample).ok());
    let newest = received_at_ms.zip(sample).map(|(received_at_ms, sample)| Newest { received_at_ms, sample });
    let (publications, streams) = (Vec::new(), Vec::new());
    Ok(StoreState { store, epoch, software, stopped, heard_at_ms, connection, newest, publications, streams })
}

async fn stores(
    api: &Api,
    Range { after, from, to }: Range<'_>,
    limit: usize,
) -> Result<Vec<StoreState>, DatabaseError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stores = Vec::new();
    for row in api.database.read(&STORES, values![after, from, to, rows]).await? {
        stores.push(store(row)?);
    }
    let Some(last) = stores.last().map(|last| last.store.clone()) else { return Ok(stores) };
    let first = stores.first().map(|first| first.store.clone()).unwrap_or_default();
    let mut active: HashMap<String, Vec<ActivePublication>> = HashMap::new();
    for (store, kind, version) in Publications::of(api.database.clone()).active(&first, &last).await? {
        let of_store = active.entry(store.to_string()).or_default();
        of_store.push(ActivePublication { kind: kind.to_string(), version });
    }
    let mut streams: HashMap<String, Vec<StreamState>> = HashMap::new();
    for row in api.database.read(&STREAMS, values![after, from, last]).await? {
        let (store, stream, up_to, occurred_at_ms, received_at_ms, last) = row.read()?;
        let state = StreamState { stream, up_to, occurred_at_ms, received_at_ms, last };
        streams.entry(store).or_default().push(state);
    }
    for store in &mut stores {
        store.streams = streams.remove(&store.store).unwrap_or_default();
        store.publications = active.remove(&store.store).unwrap_or_default();
    }
    Ok(stores)
}

/// List stores
///
/// In the order of their names.
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
    let unknown = || STORE_UNKNOWN.because(format!("no hub named `{}` has contacted HQ", store.escape_debug()));
    found.map(Json).ok_or_else(unknown)
}

/// A condition that needs a person.
#[derive(Serialize, ToSchema)]
struct Alarm {
    /// The store.
    store: String,
    /// The kind of alarm.
    kind: String,
    /// Its subject, such as a stream or an epoch.
    subject: String,
    /// The condition, for people.
    what: String,
    /// When it was first detected, by HQ's clock: milliseconds since 1970, UTC.
    first_at_ms: i64,
    /// When it was last detected.
    last_at_ms: i64,
    /// How often it was detected.
    times: i64,
}

/// List alarms
///
/// In the order of store, kind and subject.
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

/// An event that HQ keeps but that has no effect, because it is unreadable or inconsistent.
#[derive(Serialize, ToSchema)]
struct Quarantined {
    /// The store.
    store: String,
    /// The epoch of the store.
    epoch: i64,
    /// The stream.
    stream: String,
    /// The sequence in the stream.
    sequence: i64,
    /// The kind that the event names.
    kind: String,
    /// When HQ received it: milliseconds since 1970, UTC.
    received_at_ms: i64,
    /// Why it has no effect, for people.
    why: String,
}

/// List quarantined events
///
/// In the order of store, epoch, stream and sequence. Their bodies are in the feed.
#[utoipa::path(get, path = "/api/v1/quarantine", params(Paging),
    responses((status = 200, body = Page<Quarantined>, description = "A page of quarantined events.")))]
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
