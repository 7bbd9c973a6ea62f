//! From waiting to active, and back to a former one.

use std::collections::{HashMap, HashSet};

use contract::{
    PublicationKind,
    publication::{Entry, Manifest, State, segment},
};
use serde::{Deserialize, Serialize};
use store::{Purpose, Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    Active, FORMER, GO_BACK, NOT_FORMER, PUBLICATIONS, Publication, PublicationActivated, Replaced, SHELVES, change,
    list, manifest, published_kind, put_shelf,
    reading::{missing, shelves},
};
use crate::{
    By, Refusal, audit,
    capability::Touched,
    refusal::{BUSY, FAULT},
};

/// How a publication becomes active, worked out before the commit. The commit is refused if anything has changed since.
#[derive(Clone, Debug)]
pub struct Plan {
    kind: PublicationKind,
    manifest: Manifest,
    before: Option<Active>,
    /// The kind's generation, by which it was worked out.
    generation: u64,
    /// Segments that the active publication has too, and in whose range nothing has changed.
    kept: HashMap<contract::Digest, u64>,
}

/// A publication that became active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activated {
    /// The version.
    pub version: u64,
    /// The generation that readers follow; for the catalog, the catalog's version.
    pub generation: u64,
    /// The number of records.
    pub records: u64,
}

/// The publications whose effective time has come.
///
/// # Errors
/// The engine fails.
pub fn due(store: &Store, now_ms: i64) -> Result<Vec<(PublicationKind, u64)>, StoreError> {
    let is_due = |publication: &Publication| {
        publication.state == State::Waiting && publication.effective_ms.is_some_and(|effective| effective <= now_ms)
    };
    let key = |Publication { announcement, .. }: Publication| (announcement.kind, announcement.version);
    Ok(list(store)?.into_iter().filter(is_due).map(key).collect())
}

/// Computes how a publication becomes active. Blocks.
///
/// # Errors
/// The store fails, or the publication is missing.
pub fn plan(store: &Store, kind: &PublicationKind, version: u64) -> Result<Plan, Refusal> {
    let published = published_kind(kind).ok_or_else(|| FAULT.because(format!("no capability uses {kind}")))?;
    if store.get(&PUBLICATIONS, (kind.as_str(), version))?.is_none_or(|publication| publication.manifest.is_none()) {
        return Err(NOT_FORMER.because(format!("the store does not have {kind} version {version}")));
    }
    let wanted = manifest(store, kind.as_str(), version)?;
    let before = store.get(&SHELVES, kind.as_str())?.and_then(|shelf| shelf.active);
    let since = before.as_ref().map_or(0, |active| active.generation);
    let Touched { generation, keys } = (published.touched)(store, since)?;
    let mut kept = HashMap::new();
    if let Some(active) = &before {
        let entries = manifest(store, kind.as_str(), active.version)?.segments;
        let touched: HashSet<_> =
            keys.iter().filter_map(|key| segment::of(&entries, key)).map(|entry| entry.digest).collect();
        let unchanged = entries.iter().zip(&active.since).filter(|(entry, _)| !touched.contains(&entry.digest));
        kept.extend(unchanged.map(|(entry, since)| (entry.digest, *since)));
    }
    Ok(Plan { kind: kind.clone(), manifest: wanted, before, generation, kept })
}

/// Activates a waiting publication. Blocks.
///
/// # Errors
/// The store fails, or other changes keep interfering: try again.
pub fn activate(store: &Store, by: &By, kind: &PublicationKind, version: u64) -> Result<Activated, Refusal> {
    let mut outcome = Err(BUSY.because("not tried yet"));
    for _ in 0..3 {
        let (plan, by) = (plan(store, kind, version)?, by.clone());
        outcome = store.commit_blocking_for(Purpose::Money, move |transaction| {
            let publication = transaction.get(&PUBLICATIONS, (plan.kind.as_str(), plan.manifest.version))?;
            if publication.is_none_or(|publication| publication.state != State::Waiting) {
                return Err(
                    NOT_FORMER.because(format!("{} version {} is no longer waiting", plan.kind, plan.manifest.version))
                );
            }
            carry_out(transaction, &by, &plan)
        });
        if outcome.as_ref().err().is_none_or(|refusal| refusal.kind != &BUSY) {
            break;
        }
    }
    outcome
}

/// Activates a former publication again.
///
/// # Errors
/// The actor lacks the permission, the publication is not a former one, or something has changed since the plan.
pub fn go_back(transaction: &mut Transaction<'_>, by: &By, plan: &Plan) -> Result<Activated, Refusal> {
    GO_BACK.require(&by.actor)?;
    let version = plan.manifest.version;
    if plan.before.as_ref().is_none_or(|active| !active.former.contains(&version)) {
        let former = plan.before.as_ref().map(|active| active.former.clone()).unwrap_or_default();
        let detail = format!("{} version {version} is not a former one; those are {former:?}", plan.kind);
        return Err(NOT_FORMER.because(detail));
    }
    carry_out(transaction, by, plan)
}

fn carry_out(transaction: &mut Transaction<'_>, by: &By, plan: &Plan) -> Result<Activated, Refusal> {
    let Plan { kind, manifest, before, generation, kept } = plan;
    let published = published_kind(kind).ok_or_else(|| FAULT.because(format!("no capability uses {kind}")))?;
    let mut shelf =
        transaction.get(&SHELVES, kind.as_str())?.ok_or_else(|| missing(kind.as_str(), manifest.version))?;
    // Cleaning up after an earlier replacement must be complete.
    let is_unsettled = before.as_ref().is_some_and(|active| active.unsettled.is_some());
    if shelf.active != *before || is_unsettled {
        return Err(BUSY.because(format!("the active {kind} is changing; try again")));
    }
    let generation = (published.activate)(transaction, *generation)?;
    let since = |entry: &Entry| kept.get(&entry.digest).copied().unwrap_or(generation);
    let (version, former) = (manifest.version, before.as_ref().map(|active| active.version));
    let mut all_former: Vec<u64> = former.into_iter().collect();
    all_former.extend(before.iter().flat_map(|active| &active.former).filter(|other| **other != version));
    all_former.truncate(FORMER);
    shelf.active = Some(Active {
        version,
        generation,
        since: manifest.segments.iter().map(since).collect(),
        former: all_former,
        unsettled: Some(Replaced { version: former }),
    });
    put_shelf(transaction, &shelf)?;
    if let Some(former) = former {
        change(transaction, kind, former, |publication| publication.enter(State::Former, by.at_ms, None))?;
    }
    change(transaction, kind, version, |publication| publication.enter(State::Active, by.at_ms, None))?;
    let records = manifest.records;
    audit::record(transaction, by, &PublicationActivated { kind, version, before: former, records })?;
    Ok(Activated { version, generation, records })
}

/// The kinds that need cleaning up after an activation.
///
/// # Errors
/// The store fails.
pub fn unsettled(store: &Store) -> Result<Vec<PublicationKind>, StoreError> {
    let is_unsettled = |active: &Active| active.unsettled.is_some();
    let all = shelves(store)?.into_iter().filter(|shelf| shelf.active.as_ref().is_some_and(is_unsettled));
    Ok(all.map(|shelf| shelf.kind).collect())
}

/// Cleans up after an activation, in small commits. Blocks.
///
/// # Errors
/// The store fails; a later call continues.
pub fn settle(store: &Store, kind: &PublicationKind) -> Result<(), StoreError> {
    let Some(published) = published_kind(kind) else { return Ok(()) };
    (published.settle)(store)?;
    let generation = super::generation(store, kind.as_str())?;
    let key = kind.clone();
    store.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
        let Some(mut shelf) = transaction.get(&SHELVES, key.as_str())? else { return Ok(()) };
        if let Some(active) = shelf.active.as_mut().filter(|active| active.generation == generation) {
            active.unsettled = None;
            put_shelf(transaction, &shelf)?;
        }
        Ok(())
    })
}
