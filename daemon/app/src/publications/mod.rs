//! Publications from HQ: large content that a store gets whole, such as its catalog. [`contract::publication`] has the
//! format.
//!
//! This module stores publications of every kind. A capability that uses a kind declares a [`PublishedKind`]: how a
//! publication is checked, what its activating commit does, and what is cleaned up afterwards.
//!
//! # States
//!
//! ```text
//!   announced --> Fetching --complete, checked---> Waiting --its time--> Active --a later one--> Former
//!                  |     |                            |                     ^                      |
//!                  |     +--bad--> Refused            |                     +----- going back -----+
//!                  +---------- a later one -----------+--> Superseded
//! ```
//!
//! - **Segments are records of the store**, so backups, checks and conversions include them, and a power failure leaves
//!   each whole or absent. A segment of several publications is stored once.
//! - **One small commit activates.** It stores the active version and the generation of each of its segments, and
//!   touches no record of the publication. Readers follow the generation.
//! - **The two former ones stay**, with their segments, and a person can go back to one.
//! - **A later version replaces** one that is not active yet; a version that is not later is ignored.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, while segments arrive | stored segments stay; the rest is fetched |
//! | power, around the activating commit | the former or the new publication is active, whole; cleaning up continues |
//! | a segment is damaged | its records are missing, and the check reports it; a later publication brings it again |
//! | the store is restored from a backup | the publication of the backup is active; later ones are announced again |

mod activation;
mod keeping;
mod reading;
mod segments;

use contract::{
    PublicationKind,
    publication::{Announcement, Entry, Manifest, State},
};
use serde::{Deserialize, Serialize};
use store::{Name, NameNumber, Store, StoreError, Table, Transaction};

pub use self::{
    activation::{Activated, Plan, activate, due, go_back, plan, settle, unsettled},
    reading::{generation, in_force, in_force_now, is_fetching, lacking, list, manifest, states},
    segments::{each_record, find, has_segment, put_segment},
};
use crate::{
    Capability,
    audit::{Act, ActKind},
    capability::PublishedKind,
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// The publications of each kind, and which is active.
static SHELVES: Table<Name, Shelf> = Table::new("publication_shelf");
/// Publications by kind and version.
static PUBLICATIONS: Table<NameNumber, Publication> = Table::new("publication");

/// The counter of changes.
const REVISION: &str = "publication";

/// The number of remembered publications of a kind.
const REMEMBERED: usize = 8;

/// The number of former publications that a person can go back to.
pub const FORMER: usize = 2;

/// See publications.
pub static READ: Permission =
    Permission::new("publications.read", "See what headquarters has published", &[Holder::Person, Holder::Service]);
/// Go back to a former publication.
pub static GO_BACK: Permission =
    Permission::new("publications.go_back", "Go back to a former publication", &[Holder::Person]);

/// The publication is not a former one.
static NOT_FORMER: Kind = Kind::new(
    "publication-not-former",
    Class::Rule,
    "Not a former publication",
    "The store can only go back to one of the two publications that were active before.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["publication_shelf", "publication", segments::TABLE],
    refusals: &[&NOT_FORMER],
    permissions: &[&READ, &GO_BACK],
    acts: &[PublicationActivated::KIND],
    check: Some(keeping::check),
    tidy: Some(keeping::tidy),
    ..Capability::new("publications")
};

/// A publication became active.
#[derive(Serialize)]
struct PublicationActivated<'a> {
    /// The kind.
    kind: &'a PublicationKind,
    /// The version.
    version: u64,
    /// The version that was active before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    /// The number of its records.
    records: u64,
}

impl Act for PublicationActivated<'_> {
    const KIND: ActKind = ActKind { name: "publication_activated", doc: "A publication of headquarters became active" };
}

/// A publication that HQ announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// HQ's announcement.
    pub announcement: Announcement,
    /// When the announcement arrived: milliseconds since 1970, UTC.
    pub heard_at_ms: i64,
    /// The state.
    pub state: State,
    /// When the state began.
    pub since_ms: i64,
    /// Why it is refused or not fetched yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The manifest, once fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// When it takes effect, once it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_ms: Option<i64>,
}

/// The active publication of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// The version.
    pub version: u64,
    /// The generation that readers follow; the kind assigns it on activation.
    pub generation: u64,
    /// The generation of each segment, in the manifest's order. A segment that the publication before also had keeps
    /// its generation, unless something in its range has changed since.
    pub since: Vec<u64>,
    /// The versions that were active before, newest first; at most [`FORMER`].
    pub former: Vec<u64>,
    /// The publication that it replaced, until cleaning up is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Replaced>,
}

/// The publication that the active one replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The version; none if there was no publication.
    pub version: Option<u64>,
}

/// The publications of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shelf {
    /// The kind.
    kind: PublicationKind,
    /// The remembered versions, in order.
    versions: Vec<u64>,
    /// The active one.
    active: Option<Active>,
}

/// The active publication and its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The version and generations.
    pub active: Active,
    /// The manifest.
    pub manifest: Manifest,
}

impl InForce {
    /// The segments, each with its generation.
    pub fn segments(&self) -> impl Iterator<Item = (&Entry, u64)> {
        self.manifest.segments.iter().zip(self.active.since.iter().copied())
    }
}

/// A number that increases with every change of the publications, for followers.
///
/// # Errors
/// The store fails.
pub fn revision(store: &Store) -> Result<u64, StoreError> {
    store.last_number(REVISION)
}

/// The declaration of a kind of publication.
pub fn published_kind(kind: &PublicationKind) -> Option<&'static PublishedKind> {
    let all = crate::CAPABILITIES.iter().flat_map(|capability| capability.published);
    all.into_iter().find(|published| published.kind == kind.as_str())
}

/// Stores an announcement; false if its version is not later than the known ones.
///
/// # Errors
/// The store fails.
pub fn announced(
    transaction: &mut Transaction<'_>,
    announcement: Announcement,
    at_ms: i64,
) -> Result<bool, StoreError> {
    let kind = announcement.kind.clone();
    let empty = || Shelf { kind: kind.clone(), versions: Vec::new(), active: None };
    let mut shelf = transaction.get(&SHELVES, kind.as_str())?.unwrap_or_else(empty);
    if shelf.versions.last().is_some_and(|newest| *newest >= announcement.version) {
        return Ok(false);
    }
    for version in &shelf.versions {
        change(transaction, &kind, *version, |publication| {
            if matches!(publication.state, State::Fetching | State::Waiting) {
                publication.enter(State::Superseded, at_ms, None);
            }
        })?;
    }
    let (state, why) = match published_kind(&kind) {
        Some(_) => (State::Fetching, None),
        None => (State::Refused, Some(format!("unknown kind `{kind}`; update the hub"))),
    };
    let version = announcement.version;
    let publication = Publication {
        announcement,
        heard_at_ms: at_ms,
        state,
        since_ms: at_ms,
        why,
        manifest: None,
        effective_ms: None,
    };
    transaction.put(&PUBLICATIONS, (kind.as_str(), version), &publication)?;
    shelf.versions.push(version);
    shelf.forget_oldest(|version| transaction.delete(&PUBLICATIONS, (kind.as_str(), version)));
    put_shelf(transaction, &shelf)?;
    Ok(true)
}

fn put_shelf(transaction: &mut Transaction<'_>, shelf: &Shelf) -> Result<(), StoreError> {
    transaction.next_number(REVISION)?;
    transaction.put(&SHELVES, shelf.kind.as_str(), shelf)
}

impl Shelf {
    /// Forgets the oldest versions that are neither active nor former.
    fn forget_oldest(&mut self, mut forget: impl FnMut(u64)) {
        let kept = |version: &u64| {
            self.active.as_ref().is_some_and(|active| active.version == *version || active.former.contains(version))
        };
        let over = self.versions.len().saturating_sub(REMEMBERED);
        let old: Vec<_> = self.versions.iter().copied().filter(|version| !kept(version)).take(over).collect();
        self.versions.retain(|version| !old.contains(version));
        old.into_iter().for_each(&mut forget);
    }
}

impl Publication {
    fn enter(&mut self, state: State, at_ms: i64, why: Option<String>) {
        self.state = state;
        self.since_ms = at_ms;
        self.why = why;
    }
}

/// Changes a publication, if it exists.
fn change(
    transaction: &mut Transaction<'_>,
    kind: &PublicationKind,
    version: u64,
    work: impl FnOnce(&mut Publication),
) -> Result<(), StoreError> {
    let Some(mut publication) = transaction.get(&PUBLICATIONS, (kind.as_str(), version))? else { return Ok(()) };
    let before = publication.clone();
    work(&mut publication);
    if publication != before {
        transaction.next_number(REVISION)?;
        transaction.put(&PUBLICATIONS, (kind.as_str(), version), &publication)?;
    }
    Ok(())
}

/// Changes a publication if it is being fetched.
fn fetching(
    transaction: &mut Transaction<'_>,
    kind: &PublicationKind,
    version: u64,
    work: impl FnOnce(&mut Publication),
) -> Result<(), StoreError> {
    change(transaction, kind, version, |publication| {
        if publication.state == State::Fetching {
            work(publication);
        }
    })
}

/// Stores the manifest of a publication that is being fetched.
///
/// # Errors
/// The store fails.
pub fn put_manifest(transaction: &mut Transaction<'_>, manifest: Manifest) -> Result<(), StoreError> {
    let (kind, version) = (manifest.kind.clone(), manifest.version);
    fetching(transaction, &kind, version, |publication| publication.manifest = Some(manifest))
}

/// Stores why a publication is not fetched yet.
///
/// # Errors
/// The store fails.
pub fn put_trouble(
    transaction: &mut Transaction<'_>,
    kind: &PublicationKind,
    version: u64,
    why: Option<String>,
) -> Result<(), StoreError> {
    fetching(transaction, kind, version, |publication| publication.why = why)
}

/// A publication is complete and checked; it waits for its time.
///
/// # Errors
/// The store fails.
pub fn fetched(
    transaction: &mut Transaction<'_>,
    kind: &PublicationKind,
    version: u64,
    effective_ms: i64,
    at_ms: i64,
) -> Result<(), StoreError> {
    fetching(transaction, kind, version, |publication| {
        publication.effective_ms = Some(effective_ms);
        publication.enter(State::Waiting, at_ms, None);
    })
}

/// A publication is refused.
///
/// # Errors
/// The store fails.
pub fn refused(
    transaction: &mut Transaction<'_>,
    kind: &PublicationKind,
    version: u64,
    why: String,
    at_ms: i64,
) -> Result<(), StoreError> {
    fetching(transaction, kind, version, |publication| publication.enter(State::Refused, at_ms, Some(why)))
}

/// Checks a complete publication by its kind's rules; returns why it is refused, if it is. Blocks.
///
/// # Errors
/// The store fails.
pub fn check_content(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    match published_kind(&manifest.kind) {
        Some(published) => (published.prepare)(store, manifest),
        None => Ok(Err(format!("unknown kind `{}`; update the hub", manifest.kind))),
    }
}

#[cfg(test)]
pub(crate) mod tests;
