//! Reads of the publications' records.

use std::collections::HashSet;

use contract::{
    Digest,
    publication::{Announcement, Entry, MAX_STATES, Manifest, PublicationState, State},
};
use store::{Store, StoreError, Transaction};

use super::{InForce, PUBLICATIONS, Publication, SHELVES, Shelf, has_segment};

/// All known publications, newest first in each kind. Unreadable ones are omitted; the check reports them.
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

/// The states that are sent to HQ, and their [revision](super::revision).
///
/// # Errors
/// The engine fails.
pub fn states(store: &Store) -> Result<(u64, Vec<PublicationState>), StoreError> {
    loop {
        // HQ orders the states by their revision, so they must be exactly of it.
        let revision = super::revision(store)?;
        let states = states_now(store)?;
        if super::revision(store)? == revision {
            return Ok((revision, states));
        }
    }
}

fn states_now(store: &Store) -> Result<Vec<PublicationState>, StoreError> {
    let state = |Publication { announcement, state, since_ms, why, .. }| {
        let (Announcement { kind, version, .. }, why) = (announcement, why.map(|why| contract::down::reason(&why)));
        PublicationState { kind, version, state, since_ms, why }
    };
    Ok(list(store)?.into_iter().take(MAX_STATES).map(state).collect())
}

/// The active publication of a kind.
///
/// # Errors
/// The store fails, or the active publication is missing.
pub fn in_force(store: &Store, kind: &str) -> Result<Option<InForce>, StoreError> {
    let Some(active) = store.get(&SHELVES, kind)?.and_then(|shelf| shelf.active) else { return Ok(None) };
    let manifest = manifest(store, kind, active.version)?;
    Ok(Some(InForce { active, manifest }))
}

/// The generation of the active publication of a kind; 0 if there is none.
///
/// # Errors
/// The store fails.
pub fn generation(store: &Store, kind: &str) -> Result<u64, StoreError> {
    let active = store.get(&SHELVES, kind)?.and_then(|shelf| shelf.active);
    Ok(active.map_or(0, |active| active.generation))
}

/// The active publication of a kind, read in a commit.
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

/// The manifest of a fetched publication.
///
/// # Errors
/// The store fails, or has no manifest of this publication.
pub fn manifest(store: &Store, kind: &str, version: u64) -> Result<Manifest, StoreError> {
    let publication = store.get(&PUBLICATIONS, (kind, version))?;
    publication.and_then(|publication| publication.manifest).ok_or_else(|| missing(kind, version))
}

pub(super) fn missing(kind: &str, version: u64) -> StoreError {
    StoreError::Corrupt { table: PUBLICATIONS.name(), key: format!("{kind} {version}"), why: "it is missing".into() }
}

/// The segments of a publication that are not stored yet, in the manifest's order.
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

/// Whether a publication is still being fetched.
///
/// # Errors
/// The store fails.
pub fn is_fetching(store: &Store, manifest: &Manifest) -> Result<bool, StoreError> {
    let publication = store.get(&PUBLICATIONS, (manifest.kind.as_str(), manifest.version))?;
    Ok(publication.is_some_and(|publication| publication.state == State::Fetching))
}

/// The segments of all publications that are active or may become so.
pub(super) fn needed(store: &Store) -> Result<HashSet<Digest>, StoreError> {
    let is_needed = |state| !matches!(state, State::Refused | State::Superseded);
    let mut needed = HashSet::new();
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

pub(super) fn shelves(store: &Store) -> Result<Vec<Shelf>, StoreError> {
    let (mut shelves, mut failed) = (Vec::new(), None);
    store.each(&SHELVES, |shelf| match shelf {
        Ok(shelf) => shelves.push(shelf),
        Err(error) => failed = Some(error),
    })?;
    // An incomplete list must not lead to deletions.
    failed.map_or(Ok(shelves), Err)
}
