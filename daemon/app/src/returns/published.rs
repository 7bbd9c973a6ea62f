//! The publication `returns`: the policy of HQ. It has one record, which replaces the policy of the config from its
//! effective time on, except the key of identities. A store without it, or whose record is damaged, goes by its config.

use commerce::returns::Policies;
use contract::publication::{Manifest, RETURNS};
use store::{Store, StoreError, Transaction};

use crate::{Refusal, Touched, capability::PublishedKind, publications, refusal::BUSY};

/// The counter of activations.
const GENERATION: &str = "return_policy";

/// The key of the only record.
const KEY: &str = "policy";

/// The kind of publication.
pub(super) const KIND: PublishedKind = PublishedKind { kind: RETURNS, prepare, touched, activate, settle };

/// Requires one record with a valid policy.
fn prepare(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    let (mut records, mut failed) = (Vec::new(), None);
    publications::each_record(store, &manifest.segments, |record| match record {
        Ok((_, record)) => records.push((record.0, serde_json::from_str::<Policies>(record.1.get()))),
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(match records.as_slice() {
        [(key, Ok(policies))] if key == KEY => policies.check_published(),
        [(key, Err(error))] if key == KEY => Err(error.to_string()),
        _ => Err(format!("expected one record `{KEY}`, found {} records", records.len())),
    })
}

/// Nothing of the publication changes on its own.
fn touched(store: &Store, _since: u64) -> Result<Touched, StoreError> {
    Ok(Touched { generation: store.last_number(GENERATION)?, keys: Vec::new() })
}

fn activate(transaction: &mut Transaction<'_>, generation: u64) -> Result<u64, Refusal> {
    let next = transaction.next_number(GENERATION)?;
    if next == generation + 1 {
        Ok(next)
    } else {
        Err(BUSY.because("another policy became active just now; try again"))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every kind of publication")]
fn settle(_store: &Store) -> Result<(), StoreError> {
    Ok(())
}

/// The policy in force: that of HQ, or `local`. Blocks.
///
/// # Errors
/// The store fails.
pub fn policies(store: &Store, local: &Policies) -> Result<Policies, StoreError> {
    let in_force = match publications::in_force(store, RETURNS) {
        Ok(Some(in_force)) => in_force,
        Ok(None) => return Ok(local.clone()),
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "the published policy of returns is damaged; going by the config");
            return Ok(local.clone());
        }
        Err(error) => return Err(error),
    };
    let mut found = None;
    publications::each_record(store, &in_force.manifest.segments, |record| match record {
        Ok((_, record)) => match serde_json::from_str::<Policies>(record.1.get()) {
            Ok(policies) => found = Some(policies),
            Err(error) => tracing::error!(%error, "the published policy of returns can't be read; going by the config"),
        },
        Err(error) => tracing::error!(%error, "the published policy of returns is damaged; going by the config"),
    })?;
    let identity_key = local.identity_key.clone();
    Ok(found.map_or_else(|| local.clone(), |policies| Policies { identity_key, ..policies }))
}
