//! Publications to hubs. [`contract::publication`] has the format and the promises of both ends.
//!
//! - A publication, its receiving hubs and their states are rows of HQ's database. Its manifest and segments are files
//!   named by their SHA-256, in one directory ([`objects`]) that [`routes`] serves; any static server or CDN with a
//!   copy may serve it, too.
//! - Publishing is one transaction: all hubs receive it, or it does not exist.
//! - The [`Announcer`] announces the newest publication of a kind to each hub until the hub has settled it, and again
//!   on every connection to the broker. A hub's report replaces its earlier one.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, while files are written | each is whole or absent; files without a row are harmless |
//! | the broker fails | announcements wait in the database |
//! | a hub is away for weeks | the broker keeps the newest announcement for it |
//! | a hub refuses | its reason is stored; nothing at the hub has changed |
//!
//! | module | contents |
//! | --- | --- |
//! | [`kinds`] | what can be published, and how its records are read and shown |
//! | [`items`] | the catalog's items from CSV, NDJSON or a directory |
//! | [`prices`] | the price book from NDJSON |
//! | [`diff`] | what a publication changes |
//! | [`effective`] | which publication a store works by at a moment |
//! | [`objects`] | files by their SHA-256 |
//! | `rows` | publications, receivers, states and groups in the database |
//! | [`announcer`] | announcements to hubs, and their reports |

pub mod announcer;
pub mod diff;
pub mod effective;
pub mod items;
pub mod kinds;
pub mod objects;
pub mod operators;
pub mod prices;
pub mod returns;
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
use kinds::Records;
use objects::Objects;
pub use rows::{AtHub, Publications, Published, Target};
use serde_json::value::RawValue;
use tower_http::services::ServeDir;

use crate::database::DatabaseError;

/// Why a publication failed; nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The content cannot be split or signed.
    #[error(transparent)]
    Bad(#[from] BadPublication),
    /// A file could not be written or read.
    #[error(transparent)]
    Objects(#[from] objects::ObjectError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There are no receiving hubs.
    #[error("no receiving hub; set --to, --group or --all")]
    Nobody,
    /// The manifest is too large.
    #[error("the manifest has {bytes} bytes; the limit is {MAX_MANIFEST}")]
    TooLarge {
        /// The manifest's size.
        bytes: usize,
    },
}

/// A publication to create.
#[derive(Debug)]
pub struct Order {
    /// The kind.
    pub kind: PublicationKind,
    /// All of it, by key.
    pub records: Records,
    /// Who is to have it.
    pub hubs: Vec<HubId>,
    /// When it takes effect.
    pub effective: Effective,
    /// Whether it may omit many of the hubs' records.
    pub may_shrink: bool,
    /// The base URL of the files, such as `https://hq.example.com/publications`.
    pub from: String,
    /// The time in seconds over which the hubs spread their downloads.
    pub spread_s: u32,
    /// The current time: milliseconds since 1970, UTC.
    pub made_at_ms: i64,
}

/// The result of publishing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The version.
    pub version: u64,
    /// The number of records.
    pub records: u64,
    /// The number of segments.
    pub segments: usize,
    /// The number of segments without a file before.
    pub new_segments: usize,
    /// The number of receiving hubs.
    pub hubs: usize,
}

/// Serves manifests and segments, whole or by ranges: `GET /publications/SHA-256`.
pub fn routes(objects: &Path) -> Router {
    Router::new().nest_service("/publications", ServeDir::new(objects).append_index_html_on_directories(false))
}

/// Publishes content to hubs.
///
/// # Errors
/// It cannot be split, signed or stored; then no hub receives it.
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
    // Compressing is slow: it runs before the transaction and off the runtime's threads.
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

fn cut(records: Records) -> Result<Vec<Segment>, BadPublication> {
    segment::cut(records.into_iter().map(|(key, body)| Record(key, body)))
}

/// The hubs by their current version of a kind, which is none for hubs without one.
///
/// # Errors
/// The database failed.
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

/// The manifest of a publication.
///
/// # Errors
/// The database, or its file is missing or damaged.
pub async fn manifest(
    publications: &Publications,
    objects: &Objects,
    kind: &PublicationKind,
    version: u64,
) -> Result<Manifest, PublishError> {
    #[derive(serde::Deserialize)]
    struct Signed {
        body: Manifest,
    }
    let (digest, bytes) = publications.manifest(kind, version).await?;
    let document = objects.get(digest, bytes)?;
    // It is HQ's own, by its name.
    let signed: Signed = serde_json::from_slice(&document).map_err(|error| unreadable(&error))?;
    Ok(signed.body)
}

/// The records of a publication, by key.
///
/// # Errors
/// The database failed, or a file is missing or damaged.
pub async fn content(
    publications: &Publications,
    objects: &Objects,
    kind: &PublicationKind,
    version: u64,
) -> Result<Records, PublishError> {
    let manifest = manifest(publications, objects, kind, version).await?;
    let records = page(objects, &manifest, "", usize::MAX)?;
    Ok(records.into_iter().map(|Record(key, body)| (key, body)).collect())
}

/// The records after a key, in the order of keys, at most `limit`. Opens only the segments that it needs.
///
/// # Errors
/// A file is missing or damaged.
pub fn page(objects: &Objects, manifest: &Manifest, after: &str, limit: usize) -> Result<Vec<Record>, PublishError> {
    let mut records = Vec::new();
    for entry in manifest.segments.iter().filter(|entry| entry.last.as_str() > after) {
        if records.len() >= limit {
            break;
        }
        let opened = entry.open(&objects.get(entry.digest, entry.bytes)?)?;
        records.extend(opened.into_iter().filter(|Record(key, _)| key.as_str() > after));
    }
    records.truncate(limit);
    Ok(records)
}

/// The record with a key, if there is one.
///
/// # Errors
/// A file is missing or damaged.
pub fn find(objects: &Objects, manifest: &Manifest, key: &str) -> Result<Option<Box<RawValue>>, PublishError> {
    let has = |entry: &&segment::Entry| entry.first.as_str() <= key && key <= entry.last.as_str();
    let Some(entry) = manifest.segments.iter().find(has) else { return Ok(None) };
    let opened = entry.open(&objects.get(entry.digest, entry.bytes)?)?;
    Ok(opened.into_iter().find(|Record(found, _)| found == key).map(|Record(_, body)| body))
}
