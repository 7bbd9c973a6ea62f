//! Items and prices by store and moment, from what HQ published.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use axum::{Json, extract::State, http::StatusCode};
use commerce::Item;
use contract::{
    HubId, PublicationKind,
    publication::{CATALOG, Effective, Manifest, Record},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    ledger::now_ms,
    publications::{AtHub, Publications, PublishError, effective::in_force, find, manifest, objects::Objects, page},
};

/// The files of publications can't be read.
pub(super) static CATALOG_UNAVAILABLE: Kind = Kind::new(
    "catalog-unavailable",
    StatusCode::SERVICE_UNAVAILABLE,
    "Catalog unavailable",
    "The server has no directory of published files, or one of them is missing or damaged.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "items", "What each store sells, and at which price").read(
        Scope::ItemsRead,
        &[&CATALOG_UNAVAILABLE],
        routes!(list),
    )
}

/// An item in a store.
#[derive(Serialize, ToSchema)]
struct StoreItem {
    /// Which store.
    store: HubId,
    /// The version of the catalog that it is from.
    version: u64,
    /// From when that catalog counts.
    effective: Effective,
    /// The item with its price.
    item: Item,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A store.
    store: Option<HubId>,
    /// An item's number.
    sku: Option<String>,
    /// At this moment: milliseconds since 1970, UTC. Now without it.
    at_ms: Option<i64>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List items with their prices
///
/// By a `store`, an item's `sku`, or both: what the store sells by the catalog that HQ published to it. Now, it is the
/// catalog that the store said it works by; for a moment to come, also one that is on its way there. A time on the
/// store's own clock is compared as UTC. Single items that were changed between catalogs are not in it. A store without
/// a catalog has no items.
#[utoipa::path(get, path = "/api/v1/items", params(Asked),
    responses((status = 200, body = Page<StoreItem>, description = "A page of items.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<StoreItem>>, Problem> {
    let Asked { store, sku, at_ms, after, limit: size } = asked;
    let limit = limit(size, 100, 500)?;
    let after: Option<(String, String)> = after.as_deref().map(read_cursor).transpose()?;
    let (after_store, after_sku) = after.unwrap_or_default();
    let Some(objects) = api.objects.clone() else {
        return Err(CATALOG_UNAVAILABLE.because("the server was started without --objects, so it has no catalogs"));
    };
    let catalogs = Catalogs { publications: Publications::of(api.database.clone()), objects, kind: kind()?, at_ms };
    let items = match (store, sku) {
        (Some(store), None) => catalogs.of_store(store, after_sku, limit + 1).await?,
        (Some(store), Some(sku)) => catalogs.of_stores(&[store], &sku).await?,
        (None, Some(sku)) => {
            let stores = i64::try_from(limit + 1).unwrap_or(i64::MAX);
            let stores = catalogs.publications.hubs_of(&catalogs.kind, &after_store, stores).await?;
            // By stores, whether they sell the item or not: the next page begins after the last of them.
            let next = stores.get(limit - 1).filter(|_| stores.len() > limit).map(HubId::to_string);
            let items = catalogs.of_stores(&stores[..stores.len().min(limit)], &sku).await?;
            let next = next.map(|store| super::extract::cursor(&(store, "")));
            return Ok(Json(Page { items, next }));
        }
        (None, None) => return Err(BAD_REQUEST.because("ask by `store`, by `sku`, or by both")),
    };
    Ok(Json(Page::of(items, limit, |last| (last.store.to_string(), last.item.sku.to_string()))))
}

fn kind() -> Result<PublicationKind, Problem> {
    CATALOG.parse().map_err(|why: String| FAULT.because(why))
}

/// The catalogs that stores work by at a moment.
struct Catalogs {
    publications: Publications,
    objects: Objects,
    kind: PublicationKind,
    at_ms: Option<i64>,
}

impl Catalogs {
    /// By store.
    async fn in_force(&self, stores: &[HubId]) -> Result<Vec<AtHub>, Problem> {
        let Some((first, last)) = stores.first().zip(stores.last()) else { return Ok(Vec::new()) };
        let all = self.publications.at_hubs(&self.kind, (first, last)).await?;
        let now_ms = now_ms();
        let of_each = all.chunk_by(|one, other| one.hub == other.hub);
        Ok(of_each.filter_map(|of_one| in_force(of_one, self.at_ms, now_ms)).cloned().collect())
    }

    async fn manifest(&self, version: u64) -> Result<Manifest, Problem> {
        Ok(manifest(&self.publications, &self.objects, &self.kind, version).await?)
    }

    /// The items of a store after one, at most `most`.
    async fn of_store(&self, store: HubId, after: String, most: usize) -> Result<Vec<StoreItem>, Problem> {
        let Some(catalog) = self.in_force(&[store]).await?.pop() else { return Ok(Vec::new()) };
        let (manifest, objects) = (self.manifest(catalog.version).await?, self.objects.clone());
        let records = tokio::task::spawn_blocking(move || page(&objects, &manifest, &after, most)).await;
        let records = records.map_err(|error| FAULT.because(error.to_string()))??;
        records.into_iter().map(|Record(_, body)| item(&catalog, &body)).collect()
    }

    /// The record of an item in a catalog, if it is there.
    async fn body(&self, version: u64, sku: String) -> Result<Option<Box<RawValue>>, Problem> {
        let (manifest, objects) = (self.manifest(version).await?, self.objects.clone());
        let body = tokio::task::spawn_blocking(move || find(&objects, &manifest, &sku)).await;
        Ok(body.map_err(|error| FAULT.because(error.to_string()))??)
    }

    /// An item in stores that sell it.
    async fn of_stores(&self, stores: &[HubId], sku: &str) -> Result<Vec<StoreItem>, Problem> {
        let (mut items, mut found) = (Vec::new(), BTreeMap::<u64, Option<Box<RawValue>>>::new());
        for catalog in self.in_force(stores).await? {
            let body = match found.entry(catalog.version) {
                Entry::Occupied(body) => body.into_mut(),
                Entry::Vacant(place) => place.insert(self.body(catalog.version, sku.to_owned()).await?),
            };
            if let Some(body) = body {
                items.push(item(&catalog, body)?);
            }
        }
        Ok(items)
    }
}

fn item(catalog: &AtHub, body: &RawValue) -> Result<StoreItem, Problem> {
    let AtHub { hub, version, effective, .. } = catalog.clone();
    let item = serde_json::from_str(body.get());
    let item = item.map_err(|error| CATALOG_UNAVAILABLE.because(format!("an item of catalog {version}: {error}")))?;
    Ok(StoreItem { store: hub, version, effective, item })
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Database(error) => error.into(),
            error => {
                tracing::error!(%error, "could not read a published catalog");
                CATALOG_UNAVAILABLE.because("a published file is missing or damaged; the server's log says which")
            }
        }
    }
}
