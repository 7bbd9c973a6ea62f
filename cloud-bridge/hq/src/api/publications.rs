//! Publications: what HQ has published, how far it has come, and what it changes. Publishing itself needs the signing
//! key, which never is at the server: `store-hub-hq publish` does it.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use contract::{PublicationKind, publication::Effective};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InPath, InQuery},
    items::CATALOG_UNAVAILABLE,
    problem::{FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::publications::{
    Publications, Published, Target,
    diff::Diff,
    kinds::{self, Records},
    manifest,
    objects::Objects,
    page,
};

/// The number of publications in a list.
const LISTED: u32 = 100;

/// The number of changed records of each sort in an answer.
const SHOWN: usize = 200;

/// Unknown publication.
static PUBLICATION_UNKNOWN: Kind = Kind::new(
    "publication-unknown",
    StatusCode::NOT_FOUND,
    "Unknown publication",
    "HQ has not published this version of this kind.",
);

/// Too many comparisons are running.
static COMPARISONS_BUSY: Kind = Kind::new(
    "comparisons-busy",
    StatusCode::SERVICE_UNAVAILABLE,
    "Comparisons busy",
    "Publications are being compared or days exported; try again shortly.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    let own = &[&PUBLICATION_UNKNOWN, &CATALOG_UNAVAILABLE, &COMPARISONS_BUSY];
    Routes::new(api, "publications", "Publications: their progress and what they change")
        .read(Scope::StoresRead, &[], routes!(list))
        .read(Scope::StoresRead, &[&PUBLICATION_UNKNOWN], routes!(read))
        .read(Scope::StoresRead, own, routes!(changes))
}

/// A publication and its progress.
#[derive(Serialize, ToSchema)]
struct Publication {
    /// The kind, such as `catalog`.
    kind: String,
    /// The version.
    version: u64,
    /// When it was created: milliseconds since 1970, UTC.
    made_at_ms: i64,
    /// When it takes effect.
    effective: Effective,
    /// The number of records.
    records: u64,
    /// The number of receiving stores in each state.
    progress: Vec<Progress>,
}

/// The stores with a publication in a state.
#[derive(Serialize, ToSchema)]
struct Progress {
    /// `fetching`, `waiting`, `active`, `former`, `refused` or `superseded`; `unknown` before the first report.
    state: String,
    /// The number of stores.
    stores: u64,
}

/// A publication and its state at each receiving store.
#[derive(Serialize, ToSchema)]
struct AtStores {
    /// The publication.
    publication: Publication,
    /// The stores, by name.
    stores: Vec<AtStore>,
}

/// A receiving store, and its last reported state.
#[derive(Serialize, ToSchema)]
struct AtStore {
    /// The store.
    store: String,
    /// As in the publication's progress; absent before the first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// When the state began, by the hub's clock: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ms: Option<i64>,
    /// Why it is refused or not fetched yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// When HQ received the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_at_ms: Option<i64>,
}

/// What a publication changes.
#[derive(Serialize, ToSchema)]
struct Changes {
    /// The earlier version that it is compared with; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    /// The number of records that are new.
    added: usize,
    /// The number of records that change.
    changed: usize,
    /// The number of records that will be gone.
    removed: usize,
    /// A line for each record, for people, at most 200 of each sort: `+` new, `~` changed, `-` gone.
    lines: Vec<String>,
}

/// Selects the earlier version.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Compared {
    /// The earlier version. Default: the one before.
    from: Option<u64>,
}

impl Publication {
    fn new(published: Published, progress: Vec<Progress>) -> Self {
        let Published { kind, version, made_at_ms, effective, records } = published;
        Self { kind: kind.to_string(), version, made_at_ms, effective, records, progress }
    }
}

/// List publications
///
/// The latest hundred, newest first, with the number of stores in each state.
#[utoipa::path(get, path = "/api/v1/publications",
    responses((status = 200, body = [Publication], description = "The publications.")))]
async fn list(State(api): State<Arc<Api>>) -> Result<Json<Vec<Publication>>, Problem> {
    let publications = Publications::of(api.database.clone());
    let (published, progress) = (publications.list(LISTED).await?, publications.progress(LISTED).await?);
    let of = |one: &Published| {
        let rows = progress.iter().filter(|row| (&row.0, row.1) == (&one.kind, one.version));
        rows.map(|(_, _, state, stores)| Progress { state: state.clone(), stores: *stores }).collect()
    };
    Ok(Json(published.into_iter().map(|one| (of(&one), one)).map(|(rows, one)| Publication::new(one, rows)).collect()))
}

/// Finds a publication.
async fn find(api: &Api, kind: &PublicationKind, version: u64) -> Result<Published, Problem> {
    let found = Publications::of(api.database.clone()).one(kind, version).await?;
    found.ok_or_else(|| PUBLICATION_UNKNOWN.because(format!("unknown publication: {kind} version {version}")))
}

/// Read a publication and its state at each store
#[utoipa::path(get, path = "/api/v1/publications/{kind}/{version}",
    params(("kind" = String, Path, description = "The kind, such as `catalog`."),
        ("version" = u64, Path, description = "The version.")),
    responses((status = 200, body = AtStores, description = "The publication.")))]
async fn read(
    State(api): State<Arc<Api>>,
    InPath((kind, version)): InPath<(PublicationKind, u64)>,
) -> Result<Json<AtStores>, Problem> {
    let published = find(&api, &kind, version).await?;
    let targets = Publications::of(api.database.clone()).targets(&kind, version).await?;
    let mut progress: Vec<Progress> = Vec::new();
    for target in &targets {
        let state = target.state.as_deref().unwrap_or("unknown");
        match progress.iter_mut().find(|one| one.state == state) {
            Some(one) => one.stores += 1,
            None => progress.push(Progress { state: state.to_owned(), stores: 1 }),
        }
    }
    let at_store = |target: Target| {
        let Target { hub, state, since_ms, why, heard_at_ms } = target;
        AtStore { store: hub.to_string(), state, since_ms, why, heard_at_ms }
    };
    let stores = targets.into_iter().map(at_store).collect();
    Ok(Json(AtStores { publication: Publication::new(published, progress), stores }))
}

/// Compare a publication with an earlier version
#[utoipa::path(get, path = "/api/v1/publications/{kind}/{version}/changes",
    params(("kind" = String, Path, description = "The kind, such as `catalog`."),
        ("version" = u64, Path, description = "The version."), Compared),
    responses((status = 200, body = Changes, description = "What it changes.")))]
async fn changes(
    State(api): State<Arc<Api>>,
    InPath((kind, version)): InPath<(PublicationKind, u64)>,
    InQuery(Compared { from }): InQuery<Compared>,
) -> Result<Json<Changes>, Problem> {
    find(&api, &kind, version).await?;
    let from = match from {
        Some(from) => Some(find(&api, &kind, from).await?.version),
        None => version.checked_sub(1).filter(|before| *before > 0),
    };
    let shown = kinds::named(kind.as_str());
    let shown =
        shown.ok_or_else(|| PUBLICATION_UNKNOWN.because(format!("publications of kind {kind} have no text")))?;
    let Some(objects) = api.objects.clone() else {
        return Err(CATALOG_UNAVAILABLE.because("the server was started without --objects, so it has no publications"));
    };
    // Both versions are in memory while they are compared.
    let turn = Arc::clone(&api.exports).try_acquire_owned();
    let _turn =
        turn.map_err(|_| COMPARISONS_BUSY.because("too many comparisons and exports are running; try again"))?;
    let after = content(&api, &objects, &kind, version).await?;
    let before = match from {
        Some(from) => content(&api, &objects, &kind, from).await?,
        None => Records::new(),
    };
    let compared = tokio::task::spawn_blocking(move || {
        let diff = Diff::between(&before, &after);
        let (added, changed, removed) = (diff.added.len(), diff.changed.len(), diff.removed.len());
        Changes { from, added, changed, removed, lines: diff.lines(shown, SHOWN) }
    });
    Ok(Json(compared.await.map_err(|error| FAULT.because(error.to_string()))?))
}

/// The records of a publication, read off the runtime's threads.
async fn content(api: &Api, objects: &Objects, kind: &PublicationKind, version: u64) -> Result<Records, Problem> {
    let manifest = manifest(&Publications::of(api.database.clone()), objects, kind, version).await?;
    let objects = objects.clone();
    let records = tokio::task::spawn_blocking(move || page(&objects, &manifest, "", usize::MAX)).await;
    let records = records.map_err(|error| FAULT.because(error.to_string()))??;
    Ok(records.into_iter().map(|record| (record.0, record.1)).collect())
}
