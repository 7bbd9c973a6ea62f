//! What HQ wants of the store, as the bridge hands it over.
//!
//! # What this module promises
//!
//! - **One commit a batch.** The items, the audit entry, the refusals and the cursor are written together, or none of
//!   them.
//! - **The same rules as the console.** An item from HQ is checked as one that a person loads; one that fails is
//!   refused with the reason.
//! - **Sold by at once.** The snapshot of the catalog is swapped before HQ is told. If the hub dies in between, the
//!   next start reads the stored items.

use std::{future::Future, pin::Pin, sync::Arc};

use arc_swap::ArcSwap;
use bridge::{Inbox, InboxError};
use commerce::Item;
use contract::{DownBatch, DownItem, Received, Refusal, Stream, item};
use store::{Name, Purpose, Store, StoreError, Table, Transaction};

use crate::{
    audit::{self, Act},
    catalog::{self, Catalog},
    registers::hex_digest,
};

/// How far each stream is.
static RECEIVED: Table<Name, Received> = Table::new("inbox_cursor");

/// Who acts, in the audit trail.
const HQ: &str = "(hq)";

/// The store as HQ changes it.
pub(super) struct StoreInbox {
    pub(super) store: Arc<Store>,
    pub(super) catalog: Arc<ArcSwap<Catalog>>,
}

fn failed(error: impl std::fmt::Display) -> InboxError {
    InboxError(error.to_string())
}

impl Inbox for StoreInbox {
    fn streams(&self) -> Vec<Stream> {
        vec![item::CHANGED.stream().clone()]
    }

    fn received(&self, stream: &Stream) -> Result<Received, InboxError> {
        Ok(self.store.get(&RECEIVED, stream.as_str()).map_err(failed)?.unwrap_or_default())
    }

    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
        Box::pin(async move {
            let commit = self.store.commit_for(Purpose::Ordinary, move |transaction| take(transaction, &batch));
            let (received, items) = commit.await.map_err(failed)?;
            if !items.is_empty() {
                let catalog = Arc::clone(&self.catalog);
                // A large catalog is sorted anew.
                tokio::task::spawn_blocking(move || catalog::swap_in(&catalog, items)).await.map_err(failed)?;
            }
            Ok(received)
        })
    }
}

/// Takes what is due of a batch. Gives how far the stream is then, and the items that changed.
fn take(transaction: &mut Transaction<'_>, batch: &DownBatch) -> Result<(Received, Vec<Item>), StoreError> {
    let before = transaction.get(&RECEIVED, batch.stream.as_str())?.unwrap_or_default();
    let due = before.due(batch);
    if due.is_empty() {
        return Ok((before, Vec::new()));
    }
    let (mut items, mut refused, mut bodies) = (Vec::new(), Vec::new(), String::new());
    for wanted in due {
        match changed(wanted) {
            Ok(item) => {
                items.push(item);
                bodies.push_str(wanted.body.get());
            }
            Err(why) => refused.push(Refusal::new(wanted.sequence, &why)),
        }
    }
    if !items.is_empty() {
        catalog::put(transaction, &items)?;
        let loaded = Act::ItemsLoaded { items: items.len() as u64, digest: hex_digest(bodies.as_bytes()) };
        audit::record(transaction, HQ, loaded)?;
    }
    let after = before.after(batch, refused);
    transaction.put(&RECEIVED, batch.stream.as_str(), &after)?;
    Ok((after, items))
}

/// The item that is wanted, or why it cannot be sold by.
fn changed(wanted: &DownItem) -> Result<Item, String> {
    if !item::CHANGED.is(wanted) {
        return Err(format!("unknown kind `{}`; update the hub", wanted.kind.escape_debug()));
    }
    let item = item::CHANGED.read(wanted).map_err(|error| error.to_string())?;
    catalog::check(&item).map_err(|problem| problem.detail)?;
    Ok(item)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use commerce::Sku;
    use contract::{Epoch, Sequence, VERSION};
    use serde_json::{json, value::to_raw_value};
    use store::EngineKind;

    use super::*;

    fn open(directory: &Path) -> StoreInbox {
        let store = Arc::new(Store::open(directory, EngineKind::Sqlite, 7).unwrap());
        let catalog = Catalog::read(&store, |fault| panic!("{fault}")).unwrap();
        StoreInbox { store, catalog: Arc::new(ArcSwap::from_pointee(catalog)) }
    }

    fn batch(first: u64, items: &[(&str, serde_json::Value)]) -> DownBatch {
        let item = |(sequence, (kind, body)): (u64, &(&str, serde_json::Value))| DownItem {
            sequence: Sequence(sequence),
            kind: (*kind).to_owned(),
            body: to_raw_value(body).unwrap(),
        };
        let items = (first..).zip(items).map(item).collect();
        let hub = "store-1".parse().unwrap();
        DownBatch { version: VERSION, hub, stream: Stream::items(), queue: Epoch(7), items }
    }

    fn cereal(minor: i64) -> (&'static str, serde_json::Value) {
        let price = json!({ "minor": minor, "per": "each" });
        ("item.changed", json!({ "sku": "818981", "description": "Cereal", "price": price }))
    }

    fn price(inbox: &StoreInbox) -> Option<i64> {
        inbox.catalog.load().sku(&"818981".parse::<Sku>().unwrap()).map(|item| item.price.minor.get())
    }

    #[tokio::test]
    async fn items_are_sold_by_at_once_and_once_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let inbox = open(directory.path());
        let first = batch(1, &[cereal(369), cereal(379)]);
        for _ in 0..2 {
            assert_eq!(inbox.apply(first.clone()).await.unwrap().up_to, Sequence(2));
        }
        assert_eq!(price(&inbox), Some(379));
        assert_eq!(inbox.apply(batch(4, &[cereal(1)])).await.unwrap().up_to, Sequence(2), "one is missing");
        let entries = audit::last(&inbox.store, None, 10).unwrap();
        assert_eq!(entries.iter().map(|entry| &*entry.who).collect::<Vec<_>>(), [HQ], "a repetition is not audited");

        drop(inbox);
        let inbox = open(directory.path());
        assert_eq!((price(&inbox), inbox.received(&Stream::items()).unwrap().up_to), (Some(379), Sequence(2)));
        inbox.apply(batch(1, &[cereal(369), cereal(379), cereal(389)])).await.unwrap();
        assert_eq!(price(&inbox), Some(389));
    }

    #[tokio::test]
    async fn an_item_that_cannot_be_sold_by_is_refused_and_blocks_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let inbox = open(directory.path());
        let unprintable = json!({ "sku": "4011", "description": "a\nb", "price": { "minor": 1, "per": "each" } });
        let wrong = [
            ("item.changed", unprintable),
            ("item.changed", json!({ "sku": "4011" })),
            ("item.removed", json!({ "sku": "4011" })),
            cereal(-1),
        ];
        let received = inbox.apply(batch(1, &[&wrong[..], &[cereal(369)]].concat())).await.unwrap();
        assert_eq!((received.up_to, price(&inbox)), (Sequence(5), Some(369)));
        assert_eq!(inbox.catalog.load().len(), 1);
        let expected = [(1, "`description`"), (2, "invalid body"), (3, "update the hub"), (4, "price")];
        assert_eq!(received.refused.len(), expected.len());
        for (refusal, (sequence, why)) in received.refused.iter().zip(expected) {
            assert!(refusal.sequence.0 == sequence && refusal.why.contains(why), "{refusal:?}");
        }
        assert_eq!(inbox.received(&Stream::items()).unwrap(), received, "kept until HQ knows");
    }
}
