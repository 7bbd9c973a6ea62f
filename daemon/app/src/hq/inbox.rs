//! Items from HQ: each batch is applied in one commit together with the cursor, by the same use cases as the commands
//! of a person.
//!
//! - **Once, in order.** Items before the cursor are skipped; items after a gap are not applied, and HQ sends again
//!   from the cursor.
//! - **Items do not block each other.** An item that can't be applied, or whose kind is unknown to this hub, is refused
//!   with a reason. HQ receives the reason with the acknowledgement and keeps it for a person.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the flush | neither the effects nor the cursor are stored; HQ sends the batch again |
//! | power, after the flush and before the acknowledgement | HQ sends the batch again; the cursor skips it |

use commerce::Station;
use contract::{DownBatch, DownItem, Received, Refusal, Stream};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{By, CAPABILITIES, IncomingItem, card_data::look_through};

/// The cursor of each stream.
static RECEIVED: Table<Name, Received> = Table::new("inbox_cursor");

/// The table's name, for the capability.
pub(super) const TABLE: &str = "inbox_cursor";

/// The kinds of items that this hub accepts.
fn kinds() -> impl Iterator<Item = &'static IncomingItem> {
    CAPABILITIES.iter().flat_map(|capability| capability.incoming)
}

/// The cursor of a stream.
///
/// # Errors
/// The store fails.
pub fn received(store: &Store, stream: &Stream) -> Result<Received, StoreError> {
    Ok(store.get(&RECEIVED, stream.as_str())?.unwrap_or_default())
}

/// Why an item must not be stored, if it contains card data.
fn card_data(item: &DownItem) -> Option<String> {
    // An item that is not valid JSON is refused by its kind.
    let body = serde_json::from_str(item.body.get()).ok()?;
    look_through(&body).err().map(|refusal| refusal.detail)
}

/// Applies the items of a batch that are due, and returns the stream's cursor.
///
/// # Errors
/// The store fails; nothing has changed then.
pub fn receive(transaction: &mut Transaction<'_>, at_ms: i64, batch: &DownBatch) -> Result<Received, StoreError> {
    let before = transaction.get(&RECEIVED, batch.stream.as_str())?.unwrap_or_default();
    let due: Vec<(&DownItem, Option<String>)> = before.due(batch).iter().map(|item| (item, card_data(item))).collect();
    if due.is_empty() {
        return Ok(before);
    }
    let by = By { actor: Station::Headquarters.into(), at_ms };
    let mut refused = Vec::new();
    // Consecutive items of one kind are applied together, so that the catalog is not rebuilt for each item.
    for run in due.chunk_by(|(one, why), (next, next_why)| one.kind == next.kind && why == next_why) {
        let (items, held_back): (Vec<_>, Vec<_>) = run.iter().cloned().unzip();
        let outcomes = match kinds().find(|kind| kind.kind == items[0].kind) {
            Some(_) if held_back[0].is_some() => held_back,
            Some(kind) => (kind.apply)(transaction, &by, &items)?,
            None => {
                let why = format!("unknown kind `{}`; update the hub", items[0].kind.escape_debug());
                vec![Some(why); items.len()]
            }
        };
        let whys = items.iter().zip(outcomes).filter_map(|(item, why)| Some((item.sequence, why?)));
        refused.extend(whys.map(|(sequence, why)| Refusal::new(sequence, &why)));
    }
    let after = before.after(batch, refused);
    transaction.put(&RECEIVED, batch.stream.as_str(), &after)?;
    Ok(after)
}

#[cfg(test)]
mod tests {
    use contract::{Epoch, Sequence, item};
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;
    use crate::{audit, catalog::Catalog, testing};

    fn batch(first: u64, items: &[(&str, Value)]) -> DownBatch {
        let item = |(sequence, (kind, body)): (u64, &(&str, Value))| DownItem {
            sequence: Sequence(sequence),
            kind: (*kind).to_owned(),
            body: to_raw_value(body).unwrap(),
        };
        let items = (first..).zip(items).map(item).collect();
        let hub = testing::hub("store-1");
        DownBatch { hub, stream: Stream::items(), queue: Epoch(7), items }
    }

    fn cereal(minor: i64) -> (&'static str, Value) {
        let price = json!({ "minor": minor, "per": "each" });
        (item::CHANGED.name(), json!({ "sku": testing::CEREAL, "description": "Cereal", "price": price }))
    }

    fn apply(store: &Store, batch: &DownBatch) -> Received {
        let batch = batch.clone();
        store.commit_blocking(move |transaction| receive(transaction, 3, &batch)).unwrap()
    }

    fn prices(store: &Store) -> Vec<i64> {
        let catalog = Catalog::read(store, |fault| panic!("{fault}")).unwrap();
        assert!(catalog.len() <= 1);
        catalog.sku(&testing::sku(testing::CEREAL)).map(|item| item.price.minor.get()).into_iter().collect()
    }

    #[test]
    fn items_are_applied_once_in_order_also_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let first = batch(1, &[cereal(369), cereal(379)]);
        for _ in 0..2 {
            assert_eq!(apply(&store, &first).up_to, Sequence(2));
        }
        assert_eq!(prices(&store), [379]);
        assert_eq!(apply(&store, &batch(4, &[cereal(1)])).up_to, Sequence(2), "one is missing");
        let entries = audit::last(&store, None, 10).unwrap();
        let who: Vec<_> = entries.iter().map(|entry| (&entry.who.station, &*entry.act)).collect();
        assert_eq!(who, [(&Station::Headquarters, "items_loaded")], "a repetition is not recorded");

        drop(store);
        let store = testing::store(directory.path());
        assert_eq!((prices(&store), received(&store, &Stream::items()).unwrap().up_to), (vec![379], Sequence(2)));
        apply(&store, &batch(1, &[cereal(369), cereal(379), cereal(389)]));
        assert_eq!(prices(&store), [389]);
    }

    #[test]
    fn an_item_that_cannot_be_sold_is_refused_and_blocks_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let unprintable = json!({ "sku": "4011", "description": "a\nb", "price": { "minor": 1, "per": "each" } });
        let card_data =
            json!({ "sku": "4011", "description": "4761 7390 0101 0119", "price": { "minor": 1, "per": "each" } });
        let wrong = [
            (item::CHANGED.name(), unprintable),
            (item::CHANGED.name(), json!({ "sku": "4011" })),
            ("item.removed", json!({ "sku": "4011" })),
            cereal(-1),
            (item::CHANGED.name(), card_data),
        ];
        let taken = apply(&store, &batch(1, &[&wrong[..], &[cereal(369)]].concat()));
        assert_eq!((taken.up_to, prices(&store)), (Sequence(6), vec![369]));
        let expected = [
            (1, "`description`"),
            (2, "invalid body"),
            (3, "update the hub"),
            (4, "price"),
            (5, "the text at `/description` contains what looks like a card number"),
        ];
        assert_eq!(taken.refused.len(), expected.len());
        for (refusal, (sequence, why)) in taken.refused.iter().zip(expected) {
            assert!(refusal.sequence.0 == sequence && refusal.why.contains(why), "{refusal:?}");
        }
        assert_eq!(received(&store, &Stream::items()).unwrap(), taken, "kept until HQ knows");
    }

    #[test]
    fn the_end_state_of_a_batch_decides_whose_a_code_is() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let (one, two) = ("4012345678901", "96385074");
        let coded = |sku: &str, gtin: Option<&str>| {
            let price = json!({ "minor": 1, "per": "each" });
            (item::CHANGED.name(), json!({ "sku": sku, "gtin": gtin, "description": "Cereal", "price": price }))
        };
        let codes = || {
            let catalog = Catalog::read(&store, |fault| panic!("{fault}")).unwrap();
            [one, two]
                .map(|gtin| catalog.gtin(gtin.parse().unwrap()).map(|item| item.sku.to_string()).unwrap_or_default())
        };
        let refused =
            |received: Received| received.refused.iter().map(|refusal| refusal.sequence.0).collect::<Vec<_>>();
        assert_eq!(refused(apply(&store, &batch(1, &[coded("A", Some(one)), coded("B", Some(two))]))), [0; 0]);
        assert_eq!(codes(), ["A", "B"]);
        assert_eq!(refused(apply(&store, &batch(3, &[coded("A", Some(two)), coded("B", Some(one))]))), [0; 0]);
        assert_eq!(codes(), ["B", "A"], "swapped in one batch");
        // What B asks for is A's, so B keeps its code, which C asks for.
        assert_eq!(refused(apply(&store, &batch(5, &[coded("C", Some(one)), coded("B", Some(two))]))), [5, 6]);
        assert_eq!(codes(), ["B", "A"]);
        let chain = [coded("C", Some(one)), coded("B", Some(two)), coded("A", None)];
        assert_eq!(refused(apply(&store, &batch(7, &chain))), [0; 0]);
        assert_eq!(codes(), ["C", "B"]);
        // Of two items with one SKU the later counts, and one of two that ask for one code.
        let chain = [coded("C", Some(two)), coded("C", None), coded("D", Some(one)), coded("E", Some(one))];
        assert_eq!(refused(apply(&store, &batch(10, &chain))), [13]);
        assert_eq!(codes(), ["D", "B"]);
    }
}
