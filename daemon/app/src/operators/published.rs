//! The publication `operators`.

use std::collections::{BTreeMap, BTreeSet};

use commerce::OperatorId;
use contract::{
    operator::{OPERATORS, Operator},
    publication::Manifest,
};
use store::{Store, StoreError, Transaction};

use crate::{Refusal, Touched, publications, refusal::BUSY};

/// The counter that ends sessions: of publications, and of temporary operators that were revoked. Above zero, the store
/// has operators.
pub(super) const GENERATION: &str = "operators";

/// Operators of a publication.
const MOST: usize = 10_000;

/// Checks all operators; the first reason if they are not accepted.
pub(super) fn prepare(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    let (mut badges, mut count, mut failed, mut wrong) = (BTreeSet::new(), 0_usize, None, None);
    publications::each_record(store, &manifest.segments, |record| {
        let (key, body) = match record {
            Ok((_, record)) => (record.0, record.1),
            Err(error) => {
                failed.get_or_insert(error);
                return;
            }
        };
        count += 1;
        let checked = serde_json::from_str::<Operator>(body.get()).map_err(|error| error.to_string());
        let checked = checked.and_then(|operator| {
            operator.check()?;
            if operator.id.as_str() != key {
                return Err(format!("its id is {}", operator.id));
            }
            if operator.badge.is_some_and(|badge| !badges.insert(badge)) {
                return Err("another operator has the same badge".into());
            }
            Ok(())
        });
        if let Err(why) = checked {
            wrong.get_or_insert_with(|| format!("operator {key}: {why}"));
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let too_many = (count > MOST).then(|| format!("{count} operators; at most {MOST} are accepted"));
    Ok(wrong.or(too_many).map_or(Ok(()), Err))
}

/// Nothing of the publication changes on its own.
pub(super) fn touched(store: &Store, _since: u64) -> Result<Touched, StoreError> {
    Ok(Touched { generation: store.last_number(GENERATION)?, keys: Vec::new() })
}

pub(super) fn activate(transaction: &mut Transaction<'_>, generation: u64) -> Result<u64, Refusal> {
    let next = transaction.next_number(GENERATION)?;
    if next == generation + 1 { Ok(next) } else { Err(BUSY.because("other operators changed just now; try again")) }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every kind of publication")]
pub(super) fn settle(_store: &Store) -> Result<(), StoreError> {
    Ok(())
}

/// The operators that HQ has published, by id. Those of a damaged segment are missing. Blocks.
pub(super) fn read(store: &Store) -> Result<BTreeMap<OperatorId, Operator>, StoreError> {
    let mut all = BTreeMap::new();
    let Some(in_force) = publications::in_force(store, OPERATORS)? else { return Ok(all) };
    publications::each_record(store, &in_force.manifest.segments, |record| match record {
        Ok((_, record)) => match serde_json::from_str::<Operator>(record.1.get()) {
            Ok(operator) => drop(all.insert(operator.id.clone(), operator)),
            Err(error) => tracing::error!(operator = record.0, %error, "an operator's record can't be read"),
        },
        Err(error) => tracing::error!(%error, "operators are missing"),
    })?;
    Ok(all)
}
