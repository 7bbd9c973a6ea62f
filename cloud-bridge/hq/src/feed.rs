//! The feed: all events of all hubs, in the order of commits.
//!
//! A reader that continues from a [`Position`] misses nothing. On SQLite that holds because there is one writer. On
//! PostgreSQL, numbers are drawn before the commit, so a row may be committed after rows with higher numbers.
//! Therefore rows are ordered by transaction first, and only rows of transactions older than all running ones are
//! read: no row can appear before those later. A long transaction delays the feed but loses nothing.
//!
//! A server numbers its transactions itself. Where a database is restored from a dump on another server, the events
//! have numbers that this server has not reached. So whoever opens the ledger compares the newest event with the
//! server's numbers, and raises what is added to them ([`after_restore`]): readers go on from the positions that they
//! have.
//!
//! One task looks for new events every [`LOOK`] and wakes all waiting readers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

use crate::database::{Database, DatabaseError, Row, statement::statements, value::values};

statements! {
    /// The last readable position.
    HEAD = "feed/head" + postgres;
    /// The position of the last of a number of rows.
    REACH = "feed/reach" + postgres;
    /// The rows between two positions.
    PAGE = "feed/page" + postgres;
    /// Raises what is added to the server's transaction numbers, if there are events beyond them.
    RESTORED = "feed/restored" + postgres;
}

/// Lets new events come after those of a dump that was restored on a server with lower transaction numbers. Does
/// nothing otherwise.
pub(crate) async fn after_restore(database: &Database) -> Result<(), DatabaseError> {
    if !database.is_postgres() {
        return Ok(());
    }
    let mut transaction = database.transaction().await?;
    if transaction.execute(&RESTORED, values![]).await? > 0 {
        tracing::warn!("the ledger was restored on another server; its feed goes on after the newest event");
    }
    transaction.commit().await
}

/// The interval at which new events are looked for.
const LOOK: Duration = Duration::from_millis(250);

/// The maximum number of rows read for a page, before filtering.
const REACHED: i64 = 5_000;

/// The number of rows read at once: an event has a few kilobytes, and at most the size of a message.
const STEP: usize = 50;

/// A page ends after this many bytes of bodies.
const BYTES: usize = 2 * 1024 * 1024;

/// A place in the feed: the transaction, 0 on SQLite, and the row's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub i64, pub i64);

/// An event in the feed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its position.
    pub position: Position,
    /// The hub.
    pub hub: String,
    /// The epoch of the hub's store.
    pub epoch: i64,
    /// The stream.
    pub stream: String,
    /// Its sequence in the stream.
    pub sequence: i64,
    /// The kind.
    pub kind: String,
    /// The hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// HQ's clock.
    pub received_at_ms: i64,
    /// The body.
    pub body: Box<RawValue>,
}

/// Selects events; an empty list selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds.
    pub kinds: Vec<String>,
    /// Hubs.
    pub hubs: Vec<String>,
}

/// Events, and the position up to which the feed was read; it is beyond the last event if the filter skipped later
/// ones.
#[derive(Debug)]
pub struct Entries {
    /// In the feed's order.
    pub entries: Vec<Entry>,
    /// Where to continue.
    pub up_to: Position,
}

/// The feed of a database. Clones share it.
#[derive(Clone)]
pub struct Feed {
    database: Database,
    head: watch::Receiver<Position>,
    _watch: std::sync::Arc<Watch>,
}

struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Feed {
    /// Starts looking for new events.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn start(database: Database) -> Result<Self, DatabaseError> {
        let (found, head) = watch::channel(head(&database).await?);
        let looking = tokio::spawn(look(database.clone(), found));
        Ok(Self { database, head, _watch: Watch(looking.abort_handle()).into() })
    }

    /// The last position found, at most [`LOOK`] ago.
    pub fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// The last position now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn now(&self) -> Result<Position, DatabaseError> {
        head(&self.database).await
    }

    /// Waits until there is an event after a position, or until a moment.
    pub async fn wait_beyond(&self, position: Position, until: Instant) {
        let mut head = self.head.clone();
        // On a time-out, or if the task ended with the runtime, the caller reads what there is.
        let _ = timeout_at(until, head.wait_for(|head| *head > position)).await;
    }

    /// The events after a position, at most `limit`. The page may be empty although more follow: continue from its end.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn after(&self, position: Position, filter: &Filter, limit: usize) -> Result<Entries, DatabaseError> {
        let Position(transaction, number) = position;
        let reach = self.database.read(&REACH, values![transaction, number, REACHED]).await?.pop();
        let Some((to_transaction, to_number)) = reach.map(Row::read::<(i64, i64)>).transpose()? else {
            return Ok(Entries { entries: Vec::new(), up_to: position });
        };
        let end = Position(to_transaction, to_number);
        let (kinds, hubs) = (joined(&filter.kinds), joined(&filter.hubs));
        let (mut entries, mut up_to, mut bytes) = (Vec::<Entry>::new(), position, 0);
        while entries.len() < limit && bytes < BYTES {
            let step = STEP.min(limit - entries.len());
            let rows = i64::try_from(step).unwrap_or(1);
            let parameters = values![up_to.0, up_to.1, end.0, end.1, &kinds, &hubs, rows];
            let read = self.database.read(&PAGE, parameters).await?;
            let is_last = read.len() < step;
            for row in read {
                let (transaction, number, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body) =
                    row.read()?;
                let body: String = body;
                bytes += body.len();
                up_to = Position(transaction, number);
                let body = RawValue::from_string(body)
                    .map_err(|error| DatabaseError::Statement { statement: PAGE.name, why: error.to_string() })?;
                let position = up_to;
                entries.push(Entry {
                    position,
                    hub,
                    epoch,
                    stream,
                    sequence,
                    kind,
                    occurred_at_ms,
                    received_at_ms,
                    body,
                });
            }
            if is_last {
                up_to = end;
                break;
            }
        }
        Ok(Entries { entries, up_to })
    }
}

/// `,a,b,`: names of kinds and hubs contain no comma.
fn joined(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(",{},", names.join(",")) }
}

async fn head(database: &Database) -> Result<Position, DatabaseError> {
    let row = database.read(&HEAD, values![]).await?.pop();
    let position = row.map(Row::read::<(i64, i64)>).transpose()?;
    Ok(position.map_or_else(Position::default, |(transaction, number)| Position(transaction, number)))
}

async fn look(database: Database, found: watch::Sender<Position>) {
    let mut every = interval(LOOK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_told = false;
    loop {
        every.tick().await;
        match head(&database).await {
            Ok(position) => {
                is_told = false;
                found.send_if_modified(|head| {
                    let is_new = position != *head;
                    *head = position;
                    is_new
                });
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::warn!(%error, "could not read the feed; retrying");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        database::Statement,
        testing::{Fresh, on_each_engine},
    };

    static INSERT: Statement = Statement {
        name: "insert",
        sqlite: "INSERT INTO event (hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, digest) \
                 VALUES ($1, 1, 'sales', $2, $3, 1, 1, '{}', $4)",
        postgres: "INSERT INTO event (hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, \
             digest, transaction_id) SELECT $1, 1, 'sales', $2, $3, 1, 1, '{}', $4, \
                   CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) + transactions FROM feed_offset",
    };

    fn row(hub: &str, sequence: i64) -> Vec<crate::database::Value> {
        values![hub, sequence, if sequence % 2 == 0 { "even" } else { "odd" }, vec![0_u8]]
    }

    /// All events after a position, read as clients read them.
    async fn follow(feed: &Feed, mut place: Position, filter: &Filter) -> (Vec<(String, i64)>, Position) {
        let mut all = Vec::new();
        loop {
            let Entries { entries, up_to } = feed.after(place, filter, 3).await.unwrap();
            if up_to == place {
                return (all, place);
            }
            all.extend(entries.into_iter().map(|entry| (entry.hub, entry.sequence)));
            place = up_to;
        }
    }

    on_each_engine! {
        readers_of_many_writers_miss_and_repeat_nothing
        a_filter_skips_what_it_does_not_select
    }

    async fn readers_of_many_writers_miss_and_repeat_nothing(fresh: Fresh) {
        const WRITERS: i64 = 6;
        const EACH: i64 = 30;
        let feed = Feed::start(fresh.database.clone()).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let database = fresh.database.clone();
            writers.spawn(async move {
                for sequence in 1..=EACH {
                    let mut transaction = database.transaction().await.unwrap();
                    transaction.execute(&INSERT, row(&format!("hub-{writer}"), sequence)).await.unwrap();
                    // Other writers come between a row and its commit.
                    for _ in 0..(writer * sequence) % 7 {
                        tokio::task::yield_now().await;
                    }
                    transaction.commit().await.unwrap();
                }
            });
        }
        let (mut all, mut place) = (Vec::new(), Position::default());
        let all_written = usize::try_from(WRITERS * EACH).unwrap();
        while all.len() < all_written {
            let (more, up_to) = follow(&feed, place, &Filter::default()).await;
            all.extend(more);
            place = up_to;
        }
        writers.join_all().await;
        assert_eq!(follow(&feed, place, &Filter::default()).await.0, []);
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), all_written, "each once");
        for writer in 0..WRITERS {
            let hub = format!("hub-{writer}");
            let own: Vec<_> = all.iter().filter(|(name, _)| *name == hub).map(|(_, sequence)| *sequence).collect();
            assert_eq!(own, (1..=EACH).collect::<Vec<_>>(), "in order");
        }
    }

    async fn a_filter_skips_what_it_does_not_select(fresh: Fresh) {
        let mut transaction = fresh.database.transaction().await.unwrap();
        for sequence in 1..=20 {
            transaction.execute(&INSERT, row(if sequence < 15 { "a" } else { "b-1" }, sequence)).await.unwrap();
        }
        transaction.commit().await.unwrap();
        let feed = Feed::start(fresh.database.clone()).await.unwrap();
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let filter = |kinds: &[&str], hubs: &[&str]| Filter { kinds: named(kinds), hubs: named(hubs) };
        // Tests of other databases on the server delay the feed.
        while follow(&feed, Position::default(), &Filter::default()).await.0.len() < 20 {}
        let (found, end) = follow(&feed, Position::default(), &filter(&["even"], &["b-1", "none"])).await;
        assert_eq!(found.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>(), [16, 18, 20]);
        assert_eq!(end, feed.now().await.unwrap());
        assert_eq!(follow(&feed, Position::default(), &filter(&["eve"], &[])).await, (vec![], end));
        assert_eq!(follow(&feed, Position::default(), &filter(&[], &[])).await.0.len(), 20);
    }

    /// The events come from a server that was far ahead; this one would give lower numbers.
    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_restore_on_another_server_readers_go_on_where_they_were() {
        static AHEAD: Statement = Statement {
            name: "ahead",
            sqlite: "SELECT 1",
            postgres: "UPDATE event SET transaction_id = transaction_id + 1000000000",
        };
        let Some(fresh) = Fresh::postgres().await else { return };
        let write = async |database: &Database, statement: &'static Statement, row| {
            let mut transaction = database.transaction().await.unwrap();
            transaction.execute(statement, row).await.unwrap();
            transaction.commit().await.unwrap();
        };
        for sequence in 1..=3 {
            write(&fresh.database, &INSERT, row("hub-1", sequence)).await;
        }
        write(&fresh.database, &AHEAD, values![]).await;
        let ledger = crate::Ledger::open(&fresh.address, &crate::Access::default()).await.unwrap();
        let feed = Feed::start(ledger.database().clone()).await.unwrap();
        let all = async |from, count| loop {
            // Tests of other databases of the server hold the feed back.
            let (found, up_to) = follow(&feed, from, &Filter::default()).await;
            if found.len() >= count {
                break (found.into_iter().map(|(_, sequence)| sequence).collect::<Vec<_>>(), up_to);
            }
        };
        let (before, place) = all(Position::default(), 3).await;
        assert_eq!(before, [1, 2, 3]);
        write(ledger.database(), &INSERT, row("hub-1", 4)).await;
        // Opened again, as by every worker: nothing moves.
        crate::Ledger::open(&fresh.address, &crate::Access::default()).await.unwrap();
        write(ledger.database(), &INSERT, row("hub-1", 5)).await;
        let (after, end) = all(place, 2).await;
        assert_eq!((after, end), (vec![4, 5], feed.now().await.unwrap()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_that_is_committed_late_is_not_skipped() {
        let Some(fresh) = Fresh::postgres().await else { return };
        let feed = Feed::start(fresh.database.clone()).await.unwrap();
        let [mut early, mut late] =
            [fresh.database.transaction().await.unwrap(), fresh.database.transaction().await.unwrap()];
        early.execute(&INSERT, row("early", 1)).await.unwrap();
        late.execute(&INSERT, row("late", 1)).await.unwrap();
        late.commit().await.unwrap();
        let start = Position::default();
        assert_eq!(follow(&feed, start, &Filter::default()).await, (vec![], start), "it waits for the early one");
        early.commit().await.unwrap();
        let all = loop {
            let (all, _) = follow(&feed, start, &Filter::default()).await;
            if !all.is_empty() {
                break all;
            }
        };
        assert_eq!(all, [("early".to_owned(), 1), ("late".to_owned(), 1)]);
    }
}
