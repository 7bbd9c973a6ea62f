//! Publications: what HQ publishes whole to hubs. [`contract::publication`] has the form, and what both ends promise.
//!
//! - A publication, the hubs that are to have it, and how it is at each of them are rows of HQ's database. Its manifest
//!   and its segments are files that are named by their SHA-256, in one directory ([`objects`]), which [`routes`] serves;
//!   so does any static server or CDN with a copy of it.
//! - Publishing is one transaction: all hubs are to have it, or it does not exist.
//! - The [`Announcer`] tells each hub of the newest publication of a kind until the hub has said what became of it, again
//!   at every connection to the broker. What hubs say replaces what they said before.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power while files are written | each is whole or not there; without a row they are nobody's, and harmless |
//! | the broker | announcements wait in the database |
//! | a hub is away for weeks | the broker keeps the newest announcement for it |
//! | a hub refuses | its reason stands beside its row; nothing at the hub has changed |
//!
//! | module | holds |
//! | --- | --- |
//! | [`items`] | the catalog's items from CSV, NDJSON or a directory |
//! | [`diff`] | what a publication changes |
//! | [`objects`] | files by their SHA-256 |
//! | `rows` | publications, targets, states, groups in the database |
//! | [`announcer`] | announcements to hubs, and what hubs answer |

pub mod announcer;
pub mod diff;
pub mod items;
pub mod objects;
pub(crate) mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

pub use announcer::Announcer;
use axum::Router;
use contract::{
    Digest, HubId, PublicationKind,
    publication::{
        Announcement, BadPublication, Effective, Manifest, Purpose, Record, Segment, SigningKey,
        manifest::{FORMAT, MAX_MANIFEST},
        segment,
    },
};
use objects::Objects;
pub use rows::{Publications, Published, Target};
use serde_json::value::RawValue;
use tower_http::services::ServeDir;

use crate::database::DatabaseError;

/// Why something is not published; nothing is then.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It can't be cut or signed.
    #[error(transparent)]
    Bad(#[from] BadPublication),
    /// A file can't be written or read.
    #[error(transparent)]
    Objects(#[from] objects::ObjectError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Nobody is to have it.
    #[error("no hub is to have it; name some by --to, --group or --all")]
    Nobody,
    /// A manifest that no hub takes.
    #[error("the manifest has {bytes} bytes; the limit is {MAX_MANIFEST}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// What is to be published.
#[derive(Debug)]
pub struct Order {
    /// What it is.
    pub kind: PublicationKind,
    /// All of it, by key.
    pub records: BTreeMap<String, Box<RawValue>>,
    /// Who is to have it.
    pub hubs: Vec<HubId>,
    /// From when it counts.
    pub effective: Effective,
    /// It may leave out many records that hubs have.
    pub may_shrink: bool,
    /// Where hubs fetch it: `https://hq.example.com/publications`.
    pub from: String,
    /// Over so many seconds hubs spread their fetching.
    pub spread_s: u32,
    /// Now: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its version.
    pub version: u64,
    /// Records of it.
    pub records: u64,
    /// Segments of it.
    pub segments: usize,
    /// Segments of which there was no file yet.
    pub new_segments: usize,
    /// How many hubs are to have it.
    pub hubs: usize,
}

/// Serves manifests and segments, in whole or by ranges: `GET /publications/SHA-256`.
pub fn routes(objects: &Path) -> Router {
    Router::new().nest_service("/publications", ServeDir::new(objects).append_index_html_on_directories(false))
}

/// Publishes.
///
/// # Errors
/// It can't be cut, signed, written or noted; then no hub is to have it.
pub async fn publish(
    publications: &Publications,
    objects: &Objects,
    key: &SigningKey,
    order: Order,
) -> Result<Made, PublishError> {
    let Order { kind, records, mut hubs, effective, may_shrink, from, spread_s, made_at_ms } = order;
    hubs.sort();
    hubs.dedup();
    if hubs.is_empty() {
        return Err(PublishError::Nobody);
    }
    // Compressing takes a while: before the transaction, and not where others wait.
    let segments = tokio::task::spawn_blocking(move || cut(records));
    let segments = segments.await.map_err(|error| unreadable(&error))??;
    let mut new_segments = 0;
    for Segment { bytes, entry } in &segments {
        new_segments += usize::from(objects.put(entry.digest, bytes)?);
    }
    let publishing = publications.begin(&kind).await?;
    let manifest = Manifest {
        format: FORMAT,
        kind: kind.clone(),
        version: publishing.version(),
        made_at_ms,
        effective: effective.clone(),
        may_shrink,
        records: segments.iter().map(|segment| u64::from(segment.entry.records)).sum(),
        segments: segments.into_iter().map(|segment| segment.entry).collect(),
    };
    manifest.check()?;
    let document = key.sign(Purpose::Manifest, &manifest)?;
    let bytes = match u32::try_from(document.len()) {
        Ok(bytes) if document.len() <= MAX_MANIFEST => bytes,
        _ => return Err(PublishError::TooLarge { bytes: document.len() }),
    };
    let digest = Digest::of(&document);
    objects.put(digest, &document)?;
    let mut announcements = Vec::with_capacity(hubs.len());
    for hub in hubs {
        let (kind, version, from, effective) = (kind.clone(), manifest.version, from.clone(), effective.clone());
        let announcement =
            Announcement { hub: hub.clone(), kind, version, manifest: digest, bytes, effective, from, spread_s };
        let signed = key.sign(Purpose::Announcement, &announcement)?;
        announcements.push((hub, String::from_utf8(signed).map_err(|error| unreadable(&error))?));
    }
    let (segments, hubs) = (manifest.segments.len(), announcements.len());
    publishing.note(&manifest, digest, bytes, announcements).await?;
    Ok(Made { version: manifest.version, records: manifest.records, segments, new_segments, hubs })
}

fn unreadable(error: &dyn std::error::Error) -> BadPublication {
    BadPublication::Unreadable { what: "publication", why: error.to_string() }
}

fn cut(records: BTreeMap<String, Box<RawValue>>) -> Result<Vec<Segment>, BadPublication> {
    segment::cut(records.into_iter().map(|(key, body)| Record(key, body)))
}

/// What hubs are to have of a kind now, by version: hubs without any under none.
///
/// # Errors
/// The database.
pub async fn current(
    publications: &Publications,
    kind: &PublicationKind,
    hubs: &[HubId],
) -> Result<BTreeMap<Option<u64>, Vec<HubId>>, DatabaseError> {
    let versions: BTreeMap<HubId, u64> = publications.current(kind).await?.into_iter().collect();
    let mut current: BTreeMap<Option<u64>, Vec<HubId>> = BTreeMap::new();
    for hub in hubs.iter().collect::<HashSet<_>>() {
        current.entry(versions.get(hub).copied()).or_default().push(hub.clone());
    }
    for hubs in current.values_mut() {
        hubs.sort();
    }
    Ok(current)
}

/// The records of a publication, by key.
///
/// # Errors
/// The database, or a file is missing or damaged.
pub async fn content(
    publications: &Publications,
    objects: &Objects,
    kind: &PublicationKind,
    version: u64,
) -> Result<BTreeMap<String, Box<RawValue>>, PublishError> {
    #[derive(serde::Deserialize)]
    struct Signed {
        body: Manifest,
    }
    let (digest, bytes) = publications.manifest(kind, version).await?;
    let document = objects.get(digest, bytes)?;
    // It is HQ's own, by its name.
    let Signed { body: manifest } = serde_json::from_slice(&document).map_err(|error| unreadable(&error))?;
    let mut records = BTreeMap::new();
    for entry in &manifest.segments {
        let opened = entry.open(&objects.get(entry.digest, entry.bytes)?)?;
        records.extend(opened.into_iter().map(|Record(key, body)| (key, body)));
    }
    Ok(records)
}
