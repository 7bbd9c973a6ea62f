//! What HQ tells about customers and the loyalty programme.

use commerce::Station;
use contract::{
    DownItem, DownKind,
    customer::{GONE, PROFILES_REQUESTED, PROGRAMME as PUBLISHED, ProfilesRequested, TOLD},
    kind::Body,
};
use serde_json::value::RawValue;
use store::{Store, StoreError, Transaction, outbox::Entry};

use super::records::{ALIASES, ONLY, PROGRAMME, STATE, State, delete, forget_all, put};
use crate::{By, outgoing};

/// Applies items one by one; an unreadable one is refused.
fn each<B: Body>(
    transaction: &mut Transaction<'_>,
    by: &By,
    (kind, items): (&DownKind<B>, &[&DownItem]),
    apply: impl Fn(&mut Transaction<'_>, B) -> Result<(), StoreError>,
) -> Result<Vec<Option<String>>, StoreError> {
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        match kind.read(item) {
            Ok(body) => {
                apply(transaction, body)?;
                refused.push(None);
            }
            Err(error) => refused.push(Some(error.to_string())),
        }
    }
    let state = match transaction.get(&STATE, ONLY) {
        Err(StoreError::Corrupt { .. }) => None,
        found => found?,
    };
    transaction.put(&STATE, ONLY, &State { as_of_ms: by.at_ms, ..state.unwrap_or_default() })?;
    Ok(refused)
}

/// HQ's profiles replace the hub's.
pub(super) fn told(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, (&TOLD, items), |transaction, told| put(transaction, &told.profile))
}

/// Profiles that were erased or merged.
pub(super) fn gone(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, (&GONE, items), |transaction, gone| {
        delete(transaction, &gone.customer)?;
        match gone.into {
            Some(into) => transaction.put(&ALIASES, gone.customer.as_str(), &into),
            None => {
                transaction.delete(&ALIASES, gone.customer.as_str());
                Ok(())
            }
        }
    })
}

/// The loyalty programme.
pub(super) fn programme(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, (&PUBLISHED, items), |transaction, published| transaction.put(&PROGRAMME, ONLY, &published))
}

/// In a new epoch, forgets all profiles and asks HQ for them: the store is new, or was restored, and then it may have
/// profiles that were erased since. The hub does so at its start. Blocks.
///
/// # Errors
/// The store fails.
pub fn begin_epoch(store: &Store, at_ms: i64) -> Result<(), StoreError> {
    let epoch = store.epoch();
    match store.get(&STATE, ONLY) {
        Ok(Some(state)) if state.epoch == epoch => return Ok(()),
        Ok(_) | Err(StoreError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    forget_all(store)?;
    store.commit_blocking(move |transaction| {
        transaction.put(&STATE, ONLY, &State { epoch, as_of_ms: 0 })?;
        let (stream, kind) = (PROFILES_REQUESTED.stream().as_str(), PROFILES_REQUESTED.name());
        transaction.append_to_outbox(stream, kind, at_ms, &Station::Hub.to_string()).map(drop)
    })
}

/// The body of a request for profiles.
pub(super) fn profiles(_: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let requested = ProfilesRequested { at_ms: entry.occurred_at_ms };
    outgoing::written(&PROFILES_REQUESTED, &requested, entry)
}
