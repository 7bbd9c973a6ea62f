//! The feed of all events.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use contract::kind::MAX_KIND;
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InQuery, cursor, limit, read_cursor},
    problem::{BAD_REQUEST, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::feed::{Entry, Filter, Position};

/// The maximum wait for an event, in seconds.
const LONGEST_WAIT: u64 = 30;

/// The maximum number of names in a filter.
pub(crate) const NAMES: usize = 100;

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "events", "All events of all hubs, in the order in which HQ committed them").read(
        Scope::EventsRead,
        &[],
        routes!(list),
    )
}

/// An event of a hub.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// The event's id, the same in every delivery, by the feed or a webhook.
    #[schema(example = "evt_5f0c3f1f7a3b4c5d6e7f8091a2b3c4d5")]
    pub(crate) id: String,
    /// The store; the name of its hub.
    pub(crate) store: String,
    /// The epoch of the store.
    pub(crate) epoch: i64,
    /// The stream.
    pub(crate) stream: String,
    /// The sequence in the stream, from 1.
    pub(crate) sequence: i64,
    /// The kind, such as `sale.completed`.
    pub(crate) kind: String,
    /// When it occurred, by the hub's clock: milliseconds since 1970, UTC.
    pub(crate) occurred_at_ms: i64,
    /// When HQ received it, by HQ's clock.
    pub(crate) received_at_ms: i64,
    /// The body; its form depends on the kind.
    #[schema(value_type = Object)]
    pub(crate) body: Box<RawValue>,
}

impl From<Entry> for Event {
    fn from(entry: Entry) -> Self {
        let Entry { position: _, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body } = entry;
        let name = digest(&SHA256, format!("{hub}/{epoch}/{stream}/{sequence}").as_bytes());
        let name = name.as_ref().get(..16).unwrap_or_default();
        Self {
            id: format!("evt_{}", HEXLOWER.encode(name)),
            store: hub,
            epoch,
            stream,
            sequence,
            kind,
            occurred_at_ms,
            received_at_ms,
            body,
        }
    }
}

/// A page of the feed.
#[derive(Serialize, ToSchema)]
struct Events {
    /// Events in the feed's order. May be empty although more follow, if the filter skipped what was read.
    items: Vec<Event>,
    /// The value of `after` for the next page; always present. Store it once everything before it is processed.
    next: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Events after this place, a `next` of an earlier page; `now` for future events. Default: from the first.
    after: Option<String>,
    /// Kinds, separated by commas, such as `sale.completed,stock.moved`. Default: all.
    kinds: Option<String>,
    /// Stores, separated by commas. Default: all.
    stores: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// How long to wait for an event if there is none yet, in seconds, 0 to 30. Default 0.
    #[param(minimum = 0, maximum = 30)]
    wait: Option<u64>,
}

/// Names separated by commas.
///
/// # Errors
/// There are too many.
pub(crate) fn names(what: &str, text: Option<&str>) -> Result<Vec<String>, Problem> {
    let names: Vec<_> = text.into_iter().flat_map(|text| text.split(',')).filter(|name| !name.is_empty()).collect();
    let is_name = |name: &&str| name.len() <= MAX_KIND && name.bytes().all(|byte| byte.is_ascii_graphic());
    if names.len() > NAMES || !names.iter().all(is_name) {
        return Err(BAD_REQUEST.because(format!("`{what}`: at most {NAMES} names, separated by commas")));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// A place in the feed, from an earlier `next`.
///
/// # Errors
/// The text is not a place.
pub(crate) fn place(text: &str) -> Result<Position, Problem> {
    let place: Position = read_cursor(text)?;
    if place < Position::default() || place.1 < 0 {
        return Err(BAD_REQUEST.because("invalid `after`: use the `next` of an earlier page"));
    }
    Ok(place)
}

/// Read the feed
///
/// All events of all hubs, in the order in which HQ committed them. A client that continues from `next` misses no event
/// and gets none twice. Events of one stream of a hub are in the hub's order. With `wait`, the answer comes as soon as
/// there is an event.
#[utoipa::path(get, path = "/api/v1/events", params(Asked),
    responses((status = 200, body = Events, description = "A part of the feed.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Events>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let filter =
        Filter { kinds: names("kinds", asked.kinds.as_deref())?, hubs: names("stores", asked.stores.as_deref())? };
    let wait = asked.wait.unwrap_or(0);
    if wait > LONGEST_WAIT {
        return Err(BAD_REQUEST.because(format!("`wait` {wait}: 0 to {LONGEST_WAIT}")));
    }
    let mut position = match asked.after.as_deref() {
        None => Position::default(),
        Some("now") => api.feed.now().await?,
        Some(after) => place(after)?,
    };
    let until = Instant::now() + Duration::from_secs(wait);
    loop {
        let read = api.feed.after(position, &filter, limit).await?;
        let has_moved = read.up_to > position;
        position = read.up_to;
        if !read.entries.is_empty() || Instant::now() >= until {
            let items = read.entries.into_iter().map(Event::from).collect();
            return Ok(Json(Events { items, next: cursor(&position) }));
        }
        if !has_moved {
            api.feed.wait_beyond(position, until).await;
        }
    }
}
