//! The outbox: events for HQ, in order, until HQ has acknowledged them.
//!
//! The entries of a stream are numbered from 1 without gaps within the store's epoch. An entry has the kind of the
//! event and the key of its record. The event's body is built from that record when it is sent, so nothing is stored
//! twice. HQ's acknowledgement moves a cursor, and entries more than [`KEPT`] behind it are deleted. HQ may be restored
//! from a backup with an older cursor and ask for what it lost.
//!
//! Each entry carries a link ([`Store::outbox_link`]): a hash over the link before it, the head of the hash chain
//! (`chain`), and itself. Two stores with the same link of an entry have the same history up to it. HQ compares links,
//! to detect a disk that was set back or cloned and reuses numbers that HQ already has.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the flush of an entry | neither entry nor record exists, and HQ never saw it ([`Heads`]) |
//! | power, before the flush of a cursor | HQ acknowledges again, or gets a repeat and drops it |
//! | HQ asks for deleted entries | the span shows that they are gone; the bridge raises an alarm |

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::{
    Store, Transaction,
    chain::{self, HEAD, HEADS},
    check::{Checked, Depth},
    engine::{self, Engine},
    error::StoreError,
    room::Purpose,
    table::{Name, NameNumber, Order, Table},
};

/// Acknowledged entries that are kept in case HQ is restored from a backup.
pub const KEPT: u64 = 100_000;

/// The maximum number of entries deleted per acknowledgement, to keep its commit short.
const TRIM: u64 = 2_000;

static ENTRIES: Table<NameNumber, Entry> = Table::new("outbox");
static STREAMS: Table<Name, Stream> = Table::new("outbox_stream");

/// An event for HQ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The sequence number in the stream.
    pub sequence: u64,
    /// The kind of event, such as `sale.completed`.
    pub kind: String,
    /// When it happened: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// The key of the event's record.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Hash>,
}

/// A link as a record stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hash(#[serde(with = "chain::hexadecimal")] [u8; 32]);

/// The state of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    name: String,
    /// The last entry.
    last: u64,
    /// The first entry that is kept.
    first_kept: u64,
    /// The last entry that HQ has acknowledged.
    acknowledged: u64,
    /// The last entry before this epoch; HQ counts from the next one. See [`backup`](crate::backup).
    base: u64,
    /// The link of the last entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Hash>,
}

/// The durable state of a stream, for use outside of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first entry that can be read; `last + 1` if there is none.
    pub first_kept: u64,
    /// The last entry.
    pub last: u64,
    /// The last entry HQ has acknowledged.
    pub acknowledged: u64,
    /// The last entry before this epoch; HQ counts from the next one. 0 in a store that was never restored.
    pub base: u64,
}

/// The last durable entry of each stream.
#[derive(Default)]
pub(crate) struct Heads(RwLock<BTreeMap<String, u64>>);

impl Heads {
    /// Loads the streams. A stream that can't be read is reported as a fault: nothing can be appended to it, and
    /// everything else works.
    pub(crate) fn load(engine: &dyn Engine, mut fault: impl FnMut(StoreError)) -> Result<Self, StoreError> {
        let mut heads = BTreeMap::new();
        STREAMS.each(engine, |stream| match stream {
            Ok(stream) => drop(heads.insert(stream.name, stream.last)),
            Err(error) => fault(error),
        })?;
        Ok(Self(RwLock::new(heads)))
    }

    /// Called by the committer after a flush.
    pub(crate) fn advance(&self, heads: Vec<(String, u64)>) {
        if !heads.is_empty() {
            self.0.write().unwrap_or_else(PoisonError::into_inner).extend(heads);
        }
    }

    fn streams(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn last(&self, stream: &str) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(stream).copied().unwrap_or(0)
    }
}

fn stream_or_new(found: Option<Stream>, name: &str) -> Stream {
    found.unwrap_or_else(|| Stream {
        name: name.to_owned(),
        last: 0,
        first_kept: 1,
        acknowledged: 0,
        base: 0,
        link: None,
    })
}

/// The streams at the beginning of a new epoch. HQ counts from the first entry that it had not acknowledged and that is
/// still kept. An HQ restored from a backup once had more; entries deleted since can't be sent.
pub(crate) fn rebased(engine: &dyn Engine) -> Result<Vec<engine::Entry>, StoreError> {
    let mut streams = Vec::new();
    STREAMS.each(engine, |stream| match stream {
        Ok(stream) => streams.push(stream),
        Err(error) => tracing::error!(%error, "could not read a stream of the outbox; nothing can be appended to it"),
    })?;
    let rebased = streams.into_iter().map(|stream| {
        let key = STREAMS.raw_key(&stream.name);
        let base = stream.acknowledged.max(stream.first_kept.saturating_sub(1));
        let value = STREAMS.encode(&key, &Stream { base, acknowledged: base, ..stream }, |_| None)?;
        Ok((key, value))
    });
    rebased.collect()
}

impl Transaction<'_> {
    /// The sequence number of the next entry of a stream.
    ///
    /// # Errors
    /// The engine fails.
    pub fn next_in_outbox(&self, stream: &str) -> Result<u64, StoreError> {
        Ok(self.get(&STREAMS, stream)?.map_or(1, |found| found.last + 1))
    }

    /// Appends an entry and returns its sequence number.
    ///
    /// # Errors
    /// The engine fails.
    pub fn append_to_outbox(
        &mut self,
        stream: &str,
        kind: &str,
        occurred_at_ms: i64,
        subject: &str,
    ) -> Result<u64, StoreError> {
        let mut state = stream_or_new(self.get(&STREAMS, stream)?, stream);
        state.last += 1;
        let link = Some(self.next_link(&state, kind, occurred_at_ms, subject)?);
        let (kind, subject) = (kind.to_owned(), subject.to_owned());
        let entry = Entry { sequence: state.last, kind, occurred_at_ms, subject, link };
        state.link = link;
        self.put(&ENTRIES, (stream, state.last), &entry)?;
        self.put(&STREAMS, stream, &state)?;
        self.heads.push((stream.to_owned(), state.last));
        Ok(state.last)
    }

    /// The link of entry number `state.last`, which is about to be written.
    fn next_link(&self, state: &Stream, kind: &str, occurred_at_ms: i64, subject: &str) -> Result<Hash, StoreError> {
        let before = state.link.map_or([0; 32], |Hash(link)| link);
        let head = match self.get(&HEADS, HEAD) {
            Ok(head) => head.unwrap_or_default().hash,
            // The check names it. What is not a link of the chain goes on.
            Err(StoreError::Corrupt { .. }) => [0; 32],
            Err(error) => return Err(error),
        };
        let entry = format!("{kind}\0{occurred_at_ms}\0{subject}");
        Ok(Hash(chain::hash(&before, state.last, &head, entry.as_bytes())))
    }
}

impl Store {
    /// The state of a stream.
    ///
    /// # Errors
    /// The engine fails.
    pub fn outbox_span(&self, stream: &str) -> Result<Span, StoreError> {
        let last = self.heads.last(stream);
        let state = stream_or_new(self.get(&STREAMS, stream)?, stream);
        Ok(Span { first_kept: state.first_kept, last, acknowledged: state.acknowledged, base: state.base })
    }

    /// At most `limit` durable entries of a stream from `from` on, without gaps.
    ///
    /// # Errors
    /// The engine fails or an entry is missing.
    pub fn outbox(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let last = self.heads.last(stream);
        let durable = usize::try_from((last + 1).saturating_sub(from)).unwrap_or(usize::MAX);
        let entries = self.page(&ENTRIES, Some((stream, from)), Order::Ascending, limit.min(durable))?;
        for (expected, entry) in (from..).zip(&entries) {
            if entry.sequence != expected {
                let why = format!("entry {expected} is missing (found {})", entry.sequence);
                return Err(StoreError::Corrupt { table: ENTRIES.name(), key: stream.to_owned(), why });
            }
        }
        Ok(entries)
    }

    /// The link of a durable entry of a stream; `None` if the entry does not exist or was deleted.
    ///
    /// # Errors
    /// The engine fails or the entry can't be read.
    pub fn outbox_link(&self, stream: &str, sequence: u64) -> Result<Option<[u8; 32]>, StoreError> {
        if sequence > self.heads.last(stream) {
            return Ok(None);
        }
        let entry = self.get(&ENTRIES, (stream, sequence))?;
        Ok(entry.and_then(|entry| entry.link).map(|Hash(link)| link))
    }

    /// Records that HQ has everything up to `up_to`. It may go back: an HQ restored from a backup has less.
    ///
    /// # Errors
    /// The store fails.
    pub async fn acknowledge_outbox(&self, stream: &str, up_to: u64) -> Result<(), StoreError> {
        let stream = stream.to_owned();
        self.commit_for(Purpose::Housekeeping, move |transaction| {
            let mut state = stream_or_new(transaction.get(&STREAMS, &stream)?, &stream);
            // Not before this epoch: HQ had those entries in the previous one.
            state.acknowledged = up_to.min(state.last).max(state.base);
            let keep_from = state.acknowledged.saturating_sub(KEPT) + 1;
            let trimmed_to = keep_from.min(state.first_kept + TRIM).max(state.first_kept);
            for sequence in state.first_kept..trimmed_to {
                transaction.delete(&ENTRIES, (&*stream, sequence));
            }
            state.first_kept = trimmed_to;
            transaction.put(&STREAMS, &stream, &state)
        })
        .await
    }

    /// Checks for missing or damaged entries.
    pub(crate) fn check_outbox(&self, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
        for name in self.heads.streams() {
            let Some(span) = checked.readable("the outbox", self.outbox_span(&name))? else { continue };
            let mut next = depth.first(span.first_kept, span.last);
            while next <= span.last {
                let entries = self.outbox(&name, next, 1_000);
                let Some(entries) = checked.readable(&format!("outbox {name}"), entries)? else { break };
                if entries.is_empty() {
                    checked.fault(format!("outbox {name}: entries {next} to {} are missing", span.last));
                    break;
                }
                checked.records += entries.len() as u64;
                next += entries.len() as u64;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As they were first stored. More fixtures are added beside them; these never change.
    #[test]
    fn stored_entries_and_streams_are_read() {
        let entry: Entry = serde_json::from_str(
            r#"{"sequence":154,"kind":"sale.completed","occurred_at_ms":1795535303680,"subject":"1795535302097-154"}"#,
        )
        .unwrap();
        assert_eq!((entry.sequence, &*entry.subject), (154, "1795535302097-154"));
        let stream: Stream =
            serde_json::from_str(r#"{"name":"sales","last":306,"first_kept":1,"acknowledged":303,"base":7}"#).unwrap();
        assert_eq!(
            stream,
            Stream { name: "sales".into(), last: 306, first_kept: 1, acknowledged: 303, base: 7, link: None }
        );
    }

    #[test]
    fn stored_links_are_read() {
        let digits = "0b".repeat(32);
        let entry = r#"{"sequence":1,"kind":"stock.moved","occurred_at_ms":1,"subject":"1","link":"DIGITS"}"#;
        let entry: Entry = serde_json::from_str(&entry.replace("DIGITS", &digits)).unwrap();
        assert_eq!(entry.link, Some(Hash([11; 32])));
        let stream = r#"{"name":"stock","last":1,"first_kept":1,"acknowledged":0,"base":0,"link":"DIGITS"}"#;
        let stream: Stream = serde_json::from_str(&stream.replace("DIGITS", &digits)).unwrap();
        assert_eq!(stream.link, Some(Hash([11; 32])));
    }
}
