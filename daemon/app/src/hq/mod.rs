//! The exchange with HQ: the bodies of events, the stock at the beginning of an epoch, the inbox, and who may ask.

mod heard;
mod inbox;
mod opening;
mod positions;

use contract::{Stream, stock::OPENED};
pub use inbox::{receive, received};
pub use opening::open_epoch;
pub use positions::{Snapshot, current_positions};
use serde_json::value::RawValue;
use store::{Store, StoreError, outbox::Entry};

use crate::{
    CAPABILITIES, Capability, OutgoingEvent,
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// Ask HQ.
pub static ASK: Permission = Permission::new(
    "headquarters.ask",
    "Ask HQ what only it knows, such as a receipt of another store",
    &[Holder::Register, Holder::Person],
);

/// HQ gave no answer.
pub static HQ_NOT_NOW: Kind = Kind::new(
    "headquarters-not-now",
    Class::Unavailable,
    "No answer from HQ",
    "HQ is not connected, did not answer in time, or could not answer; ask again later.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["stock_opening", "stock_opened", inbox::TABLE],
    refusals: &[&HQ_NOT_NOW],
    permissions: &[&ASK],
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

/// The number of events that HQ has not acknowledged, in all streams.
///
/// # Errors
/// The store fails.
pub fn lacking(store: &Store) -> Result<u64, StoreError> {
    let spans = Stream::up().into_iter().map(|stream| store.outbox_span(stream.as_str()));
    spans.map(|span| span.map(|span| span.last.saturating_sub(span.acknowledged))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn hq_lacks_the_events_of_every_stream() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let before = lacking(&store).unwrap();
        for stream in Stream::up() {
            let appended = store.commit_blocking(move |transaction| {
                transaction.append_to_outbox(stream.as_str(), "any.kind", 1, "7").map(drop)
            });
            appended.unwrap();
        }
        assert_eq!(lacking(&store).unwrap() - before, Stream::up().len() as u64);
        testing::acknowledge(&store, "cash", 1);
        assert_eq!(lacking(&store).unwrap() - before, Stream::up().len() as u64 - 1);
    }

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
