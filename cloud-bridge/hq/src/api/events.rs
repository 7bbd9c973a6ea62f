//! The feed of everything that hubs sent.

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

/// The longest that a request waits for an event, in seconds.
const LONGEST_WAIT: u64 = 30;

/// Names that a filter may have.
pub(crate) const NAMES: usize = 100;

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "events", "Everything that hubs sent, in the order in which HQ committed it").read(
        Scope::EventsRead,
        &[],
        routes!(list),
    )
}

/// An event of a hub.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// The same whenever and however it is delivered, by the feed or by a webhook.
    #[schema(example = "evt_5f0c3f1f7a3b4c5d6e7f8091a2b3c4d5")]
    pub(crate) id: String,
    /// Which hub: the store's name.
    pub(crate) store: String,
    /// In which epoch of its store.
    pub(crate) epoch: i64,
    /// In which of its streams.
    pub(crate) stream: String,
    /// Its number in the stream, from 1.
    pub(crate) sequence: i64,
    /// What it is, as in `sale.completed`.
    pub(crate) kind: String,
    /// By the hub's clock: milliseconds since 1970, UTC.
    pub(crate) occurred_at_ms: i64,
    /// By HQ's clock.
    pub(crate) received_at_ms: i64,
    /// What the hub sent; its form is the kind's.
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

/// A part of the feed.
#[derive(Serialize, ToSchema)]
struct Events {
    /// In the order of the feed. There may be none though more follow: then the filter left out what was read.
    items: Vec<Event>,
    /// `after` of what follows; always there. Keep it when everything before it is dealt with.
    next: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Those after this place, as `next` told it; `now` for what comes from now on; from the first without it.
    after: Option<String>,
    /// Kinds, separated by commas, as in `sale.completed,stock.moved`; all without it.
    kinds: Option<String>,
    /// Stores, separated by commas; all without it.
    stores: Option<String>,
    /// At most so many, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// How long to wait for an event if there is none yet, in seconds, 0 to 30. Default 0.
    #[param(minimum = 0, maximum = 30)]
    wait: Option<u64>,
}

/// Names, separated by commas.
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

/// A place in the feed, as `next` told it.
///
/// # Errors
/// It is not one.
pub(crate) fn place(text: &str) -> Result<Position, Problem> {
    let place: Position = read_cursor(text)?;
    if place < Position::default() || place.1 < 0 {
        return Err(BAD_REQUEST.because("`after` is not what `next` of the feed was"));
    }
    Ok(place)
}

/// Read the feed
///
/// Every event of every hub, in the order in which HQ committed it. Whoever goes on from `next` misses none and gets
/// none twice. The order within a stream of a hub is the hub's own. With `wait`, the request is answered as soon as
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
