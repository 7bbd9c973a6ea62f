//! Publications from HQ: what a store gets whole, such as its catalog. [`contract::publication`] has the form.
//!
//! What a publication holds is kept by this module, whatever it is. A capability that takes a kind of publication
//! declares it ([`PublishedKind`]): how it is checked before it may count, what happens in the commit that makes it
//! count, and what is tidied up after that.
//!
//! # States
//!
//! ```text
//!   announced --> Fetching --all there, checked--> Waiting --its time--> Active --a later one--> Former
//!                  |     |                            |                     ^                      |
//!                  |     +--bad--> Refused            |                     +----- going back -----+
//!                  +---------- a later one -----------+--> Superseded
//! ```
//!
//! - **Segments are records of the store**, so they are in its backups, its checks and its conversions, and a power cut
//!   leaves each whole or away. One that several publications name is there once.
//! - **One small commit activates.** It writes which version counts and from which generation on each of its segments
//!   does; no record of the publication is touched. Readers follow the generation.
//! - **The two before it stay**, with their segments, and a person can go back to one.
//! - **A later version takes the place** of one that is not active yet; one that is not later is ignored.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power while segments come | those that are there stay; the rest is fetched |
//! | power before, in or after the commit that activates | the former counts, or the new one, whole; what follows goes on |
//! | a segment is damaged | what it holds is missing, the check names it; it comes again with the next publication that has it |
//! | the store is restored from a backup | what was active then is active; later announcements are taken anew |

mod activation;
mod keeping;
mod segments;

use contract::{
    Digest, PublicationKind,
    publication::{Announcement, Entry, MAX_STATES, Manifest, PublicationState, State},
};
use serde::{Deserialize, Serialize};
use store::{Name, NameNumber, Store, StoreError, Table, Transaction};

pub use self::{
    activation::{Activated, Plan, activate, due, go_back, plan, settle, unsettled},
    segments::{each_record, find, has_segment, put_segment},
};
use crate::{
    Capability,
    audit::{Act, ActKind},
    capability::PublishedKind,
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// Which publications of a kind there are, and which counts.
static SHELVES: Table<Name, Shelf> = Table::new("publication_shelf");
/// Publications by kind and version.
static PUBLICATIONS: Table<NameNumber, Publication> = Table::new("publication");

/// The counter of changes.
const REVISION: &str = "publication";

/// Publications of a kind that are remembered.
const REMEMBERED: usize = 8;

/// Former publications that one can go back to.
pub const FORMER: usize = 2;

/// See publications.
pub static READ: Permission =
    Permission::new("publications.read", "See what headquarters has published", &[Holder::Person, Holder::Service]);
/// Go back to a former publication.
pub static GO_BACK: Permission =
    Permission::new("publications.go_back", "Go back to a former publication", &[Holder::Person]);

/// The store can't go back to it.
static NOT_FORMER: Kind = Kind::new(
    "publication-not-former",
    Class::Rule,
    "Not a former publication",
    "The store can go back to one of the two publications that were active before. This is none of them.",
);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["publication_shelf", "publication", segments::TABLE],
    refusals: &[&NOT_FORMER],
    permissions: &[&READ, &GO_BACK],
    acts: &[PublicationActivated::KIND],
    check: Some(keeping::check),
    tidy: Some(keeping::tidy),
    ..Capability::new("publications")
};

/// A publication became what counts.
#[derive(Serialize)]
struct PublicationActivated<'a> {
    /// Which kind.
    kind: &'a PublicationKind,
    /// Which version.
    version: u64,
    /// The one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    /// How many records it has.
    records: u64,
}

impl Act for PublicationActivated<'_> {
    const KIND: ActKind =
        ActKind { name: "publication_activated", doc: "A publication of headquarters came into force" };
}

/// A publication that HQ announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// As HQ announced it.
    pub announcement: Announcement,
    /// When that was heard: milliseconds since 1970, UTC.
    pub heard_at_ms: i64,
    /// How it is.
    pub state: State,
    /// Since when.
    pub since_ms: i64,
    /// Why it is refused, or what keeps it from being fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Once it is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// From when it counts, by the store's own clock, once it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_ms: Option<i64>,
}

/// Which publication of a kind counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// Its version.
    pub version: u64,
    /// What the readers of the kind follow: the kind gives it when the publication becomes active.
    pub generation: u64,
    /// From which generation on each segment counts, in the manifest's order. A segment that the one before had too
    /// keeps its generation, unless something in its range had been changed since.
    pub since: Vec<u64>,
    /// What was active before, newest first; at most [`FORMER`].
    pub former: Vec<u64>,
    /// What it replaced, until what follows from that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Replaced>,
}

/// What an active publication took the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its version; none if there was no publication before.
    pub version: Option<u64>,
}

/// The publications of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shelf {
    /// Which kind.
    kind: PublicationKind,
    /// Versions that are remembered, in order.
    versions: Vec<u64>,
    /// Which one counts.
    active: Option<Active>,
}

/// An active publication with its segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Which, and since when.
    pub active: Active,
    /// What it holds.
    pub manifest: Manifest,
}

impl InForce {
    /// Its segments, each with the generation from which on it counts.
    pub fn segments(&self) -> impl Iterator<Item = (&Entry, u64)> {
        self.manifest.segments.iter().zip(self.active.since.iter().copied())
    }
}

/// A number that grows with every change of what is known of publications: for whoever follows them.
///
/// # Errors
/// The store fails.
pub fn revision(store: &Store) -> Result<u64, StoreError> {
    store.last_number(REVISION)
}

/// The kind of publication that a capability takes.
pub fn published_kind(kind: &PublicationKind) -> Option<&'static PublishedKind> {
    let all = crate::CAPABILITIES.iter().flat_map(|capability| capability.published);
    all.into_iter().find(|published| published.kind == kind.as_str())
}

/// Takes an announcement; false if it is of a version that is known, or an earlier one.
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
    /// Forgets the oldest that are neither active nor can be gone back to.
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

/// Changes a publication, if it is there.
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

/// Changes a publication that is being fetched; of another nothing.
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

/// Keeps the manifest of a publication that is being fetched.
///
/// # Errors
/// The store fails.
pub fn put_manifest(transaction: &mut Transaction<'_>, manifest: Manifest) -> Result<(), StoreError> {
    let (kind, version) = (manifest.kind.clone(), manifest.version);
    fetching(transaction, &kind, version, |publication| publication.manifest = Some(manifest))
}

/// Notes what keeps a publication from being fetched.
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

/// A publication is there and right: it waits for its time.
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

/// A publication is not taken.
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

/// Checks a publication whose segments are all there, by its kind's rules; why it is not taken, if so. Blocks.
///
/// # Errors
/// The store fails.
pub fn check_content(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    match published_kind(&manifest.kind) {
        Some(published) => (published.prepare)(store, manifest),
        None => Ok(Err(format!("unknown kind `{}`; update the hub", manifest.kind))),
    }
}

/// Everything that is known of publications, newest first in each kind. What can't be read is left out; the check names
/// it.
///
/// # Errors
/// The engine fails.
pub fn list(store: &Store) -> Result<Vec<Publication>, StoreError> {
    let mut shelves = Vec::new();
    store.each(&SHELVES, |shelf| shelves.extend(shelf))?;
    let mut all = Vec::new();
    for Shelf { versions, kind, .. } in shelves {
        for version in versions.iter().rev() {
            match store.get(&PUBLICATIONS, (kind.as_str(), *version)) {
                Ok(publication) => all.extend(publication),
                Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all)
}

/// The same as HQ is told.
///
/// # Errors
/// The engine fails.
pub fn states(store: &Store) -> Result<Vec<PublicationState>, StoreError> {
    let state = |Publication { announcement, state, since_ms, why, .. }| {
        let (Announcement { kind, version, .. }, why) = (announcement, why.map(|why| contract::down::reason(&why)));
        PublicationState { kind, version, state, since_ms, why }
    };
    Ok(list(store)?.into_iter().take(MAX_STATES).map(state).collect())
}

/// Which publication of a kind counts, with what it holds.
///
/// # Errors
/// The store fails, or what is active is not there.
pub fn in_force(store: &Store, kind: &str) -> Result<Option<InForce>, StoreError> {
    let Some(active) = store.get(&SHELVES, kind)?.and_then(|shelf| shelf.active) else { return Ok(None) };
    let manifest = manifest(store, kind, active.version)?;
    Ok(Some(InForce { active, manifest }))
}

/// The generation from which on the active publication of a kind counts; 0 without one.
///
/// # Errors
/// The store fails.
pub fn generation(store: &Store, kind: &str) -> Result<u64, StoreError> {
    let active = store.get(&SHELVES, kind)?.and_then(|shelf| shelf.active);
    Ok(active.map_or(0, |active| active.generation))
}

/// The same as a commit finds it.
///
/// # Errors
/// The store fails.
pub fn in_force_now(transaction: &Transaction<'_>, kind: &str) -> Result<Option<InForce>, StoreError> {
    let Some(active) = transaction.get(&SHELVES, kind)?.and_then(|shelf| shelf.active) else { return Ok(None) };
    let publication = transaction.get(&PUBLICATIONS, (kind, active.version))?;
    match publication.and_then(|publication| publication.manifest) {
        Some(manifest) => Ok(Some(InForce { active, manifest })),
        None => Err(missing(kind, active.version)),
    }
}

/// The manifest of a publication that was fetched.
///
/// # Errors
/// The store fails, or it is not there.
pub fn manifest(store: &Store, kind: &str, version: u64) -> Result<Manifest, StoreError> {
    let publication = store.get(&PUBLICATIONS, (kind, version))?;
    publication.and_then(|publication| publication.manifest).ok_or_else(|| missing(kind, version))
}

fn missing(kind: &str, version: u64) -> StoreError {
    StoreError::Corrupt { table: PUBLICATIONS.name(), key: format!("{kind} {version}"), why: "it is missing".into() }
}

/// The segments that a publication lacks here, in the manifest's order.
///
/// # Errors
/// The store fails.
pub fn lacking(store: &Store, manifest: &Manifest) -> Result<Vec<Entry>, StoreError> {
    let mut lacking = Vec::new();
    for entry in &manifest.segments {
        if !has_segment(store, entry.digest)? {
            lacking.push(entry.clone());
        }
    }
    Ok(lacking)
}

/// Whether a publication is still wanted.
///
/// # Errors
/// The store fails.
pub fn is_fetching(store: &Store, manifest: &Manifest) -> Result<bool, StoreError> {
    let publication = store.get(&PUBLICATIONS, (manifest.kind.as_str(), manifest.version))?;
    Ok(publication.is_some_and(|publication| publication.state == State::Fetching))
}

/// Every digest that is named by a publication that may still count.
fn needed(store: &Store) -> Result<std::collections::HashSet<Digest>, StoreError> {
    let is_needed = |state| !matches!(state, State::Refused | State::Superseded);
    let mut needed = std::collections::HashSet::new();
    for shelf in shelves(store)? {
        let kept =
            shelf.active.as_ref().map(|active| [&[active.version][..], &active.former].concat()).unwrap_or_default();
        for version in &shelf.versions {
            let Some(publication) = store.get(&PUBLICATIONS, (shelf.kind.as_str(), *version))? else { continue };
            let is_former = publication.state == State::Former && !kept.contains(version);
            if is_needed(publication.state) && !is_former {
                needed.extend(
                    publication.manifest.iter().flat_map(|manifest| &manifest.segments).map(|entry| entry.digest),
                );
            }
        }
    }
    Ok(needed)
}

fn shelves(store: &Store) -> Result<Vec<Shelf>, StoreError> {
    let (mut shelves, mut failed) = (Vec::new(), None);
    store.each(&SHELVES, |shelf| match shelf {
        Ok(shelf) => shelves.push(shelf),
        Err(error) => failed = Some(error),
    })?;
    // By half of what is known nothing may be forgotten.
    failed.map_or(Ok(shelves), Err)
}

#[cfg(test)]
pub(crate) mod tests;
