//! The exchange with HQ: the bodies of events, the stock at the beginning of an epoch, and the inbox.

mod heard;
mod inbox;
mod opening;
mod positions;

use contract::stock::OPENED;
pub use inbox::{receive, received};
pub use opening::open_epoch;
pub use positions::{Snapshot, current_positions};
use serde_json::value::RawValue;
use store::{Store, StoreError, outbox::Entry};

use crate::{CAPABILITIES, Capability, OutgoingEvent};

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["stock_opening", "stock_opened", inbox::TABLE],
    events: &[OutgoingEvent { kind: OPENED.name(), body: opening::body }],
    tidy: Some(opening::tidy),
    ..Capability::new("hq")
};

/// The body of an event of the outbox, built from stored records.
///
/// # Errors
/// The store fails, a record of the event is missing or damaged, or no capability declares the event's kind.
pub fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let event = CAPABILITIES.iter().flat_map(|capability| capability.events).find(|event| event.kind == entry.kind);
    let unknown = || StoreError::Corrupt {
        table: "outbox",
        key: entry.subject.clone(),
        why: format!("no event has the kind `{}`", entry.kind.escape_debug()),
    };
    (event.ok_or_else(unknown)?.body)(store, entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_event_of_an_unknown_kind_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let appended = store
            .commit_blocking(|transaction| transaction.append_to_outbox("stock", "stock.vanished", 1, "7").map(drop));
        appended.unwrap();
        let entry = store.outbox("stock", 1, 1).unwrap().remove(0);
        let told = body(&store, &entry).unwrap_err().to_string();
        assert!(told.contains("no event has the kind `stock.vanished`"), "{told}");
    }
}
