//! Publications of headquarters: their followers and their routes. [`app::publications`] has the states.

mod activate;
mod fetch;

use std::sync::Arc;

use app::{
    Refusal,
    publications::{self, Activated, GO_BACK, Publication, READ},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use contract::{PublicationKind, publication::Manifest};
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) use self::{activate::ActivatePublications, fetch::FetchPublications};
use crate::{
    hub::Hub,
    web::{Command, InPath, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("publications", "Content published by headquarters", &["publications"])
        .read(&READ, routes!(list))
        .command(&GO_BACK, routes!(go_back))
}

/// A publication.
#[derive(Serialize, ToSchema)]
struct PublicationView {
    /// The kind, such as `catalog`.
    kind: String,
    /// The version.
    version: u64,
    /// `fetching`, `waiting`, `active`, `former`, `refused` or `superseded`.
    state: &'static str,
    /// When the state began: milliseconds since 1970, UTC.
    since_ms: i64,
    /// When it takes effect: milliseconds since 1970, UTC; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_ms: Option<i64>,
    /// The number of records; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// Why it is refused or not fetched yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<Publication> for PublicationView {
    fn from(publication: Publication) -> Self {
        let Publication { announcement, state, since_ms, why, manifest, effective_ms, .. } = publication;
        Self {
            kind: announcement.kind.into(),
            version: announcement.version,
            state: state.name(),
            since_ms,
            effective_ms,
            records: manifest.map(|Manifest { records, .. }| records),
            why,
        }
    }
}

/// Publications, newest first in each kind.
#[derive(Serialize, ToSchema)]
struct PublicationList {
    /// The publications that the hub remembers.
    publications: Vec<PublicationView>,
}

/// A former publication.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GoBack {
    /// The version; one of the two that were active before.
    version: u64,
}

/// List publications
#[utoipa::path(get, path = "/api/v1/publications", responses((status = 200, body = PublicationList)))]
async fn list(State(hub): State<Arc<Hub>>) -> Result<Json<PublicationList>, Problem> {
    let page = reading(move || {
        let all = publications::list(&hub.store)?;
        Ok(PublicationList { publications: all.into_iter().map(PublicationView::from).collect() })
    });
    page.await.map(Json)
}

/// Go back to a former publication
///
/// The publication becomes active again as a whole, and replaces everything that was changed since. The change is
/// audited and reported to headquarters.
#[utoipa::path(post, path = "/api/v1/publications/{kind}/go-back", request_body = GoBack,
    params(("kind" = String, Path, description = "The kind, such as `catalog`.")),
    responses((status = 200, body = Activated), (status = 422, body = Problem)))]
async fn go_back(
    State(hub): State<Arc<Hub>>,
    InPath(kind): InPath<String>,
    command: Command<GoBack>,
) -> Result<Json<Activated>, Problem> {
    let kind: PublicationKind = kind.parse().map_err(|error: String| BAD_REQUEST.because(error))?;
    if publications::published_kind(&kind).is_none() {
        return Err(BAD_REQUEST.because(format!("unknown kind of publication `{kind}`")).into());
    }
    let (of, version) = (Arc::clone(&hub), command.body.version);
    // A repeat does not need the plan: it gets its first answer even if planning fails.
    let plan = reading(move || Ok(publications::plan(&of.store, &kind, version))).await?;
    let activated = command.commit(&hub.store, Purpose::Money, move |transaction, by, GoBack { .. }| {
        publications::go_back(transaction, by, &plan?)
    });
    Ok(Json(activated.await?))
}

/// Work that blocks, off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::from(store::StoreError::Panicked))?
}
