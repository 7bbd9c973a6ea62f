//! The feed: every event of every hub, in the order of commits.
//!
//! A reader that has come to a [`Position`] misses nothing by going on from there. On SQLite that is so because there
//! is one writer. On PostgreSQL, numbers are given before a commit, so a row may be committed after others that have
//! greater ones. So rows are ordered by their transaction first, and only those of transactions are read that are
//! older than all that still run: behind those nothing can appear any more. A transaction that runs for long holds
//! the feed back; it loses nothing.
//!
//! Whoever waits for more is woken by one task that looks for it every [`LOOK`], however many wait.

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
    /// The last position that may be read.
    HEAD = "feed/head" + postgres;
    /// The position of the last of so many rows.
    REACH = "feed/reach" + postgres;
    /// Rows between two positions.
    PAGE = "feed/page" + postgres;
}

/// How often more is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Rows that are looked at for a page, whatever the filter leaves of them.
const REACHED: i64 = 5_000;

/// Rows that are read at once: an event has a few kilobytes, and at most as much as a message.
const STEP: usize = 50;

/// A page ends when it has so many bytes of bodies.
const BYTES: usize = 2 * 1024 * 1024;

/// A place in the feed: the transaction, 0 on SQLite, and the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub i64, pub i64);

/// An event, as the feed has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// Which hub.
    pub hub: String,
    /// In which epoch.
    pub epoch: i64,
    /// In which stream.
    pub stream: String,
    /// Its number there.
    pub sequence: i64,
    /// What it is.
    pub kind: String,
    /// By the hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// By HQ's.
    pub received_at_ms: i64,
    /// What the hub sent.
    pub body: Box<RawValue>,
}

/// Which events; empty lists name all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds.
    pub kinds: Vec<String>,
    /// Hubs.
    pub hubs: Vec<String>,
}

/// Some events, and how far the feed was read for them: further than the last one, if the filter left out what follows.
#[derive(Debug)]
pub struct Entries {
    /// In order.
    pub entries: Vec<Entry>,
    /// Go on from here.
    pub up_to: Position,
}

/// The feed of a database. Clones are of the same one.
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
    /// Begins to look for what is new.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn start(database: Database) -> Result<Self, DatabaseError> {
        let (found, head) = watch::channel(head(&database).await?);
        let looking = tokio::spawn(look(database.clone(), found));
        Ok(Self { database, head, _watch: Watch(looking.abort_handle()).into() })
    }

    /// The last position that was found, at most [`LOOK`] ago.
    pub fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// The last position there is now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn now(&self) -> Result<Position, DatabaseError> {
        head(&self.database).await
    }

    /// Waits until there is something beyond a position, or until a moment.
    pub async fn wait_beyond(&self, position: Position, until: Instant) {
        let mut head = self.head.clone();
        // Late, or the looking has ended with the runtime: who waits reads what there is.
        let _ = timeout_at(until, head.wait_for(|head| *head > position)).await;
    }

    /// What follows a position, at most `limit`. There may be none though there is more: then go on from where it ends.
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

/// `,a,b,`: no name of a kind or a hub has a comma.
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
                tracing::warn!(%error, "the feed cannot be read; it goes on when the ledger answers again");
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

    static INSERT: Statement = Statement { name: "insert", sqlite: TEXT, postgres: TEXT };
    const TEXT: &str = "INSERT INTO event (hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body, \
                        digest) VALUES ($1, 1, 'sales', $2, $3, 1, 1, '{}', $4)";

    fn row(hub: &str, sequence: i64) -> Vec<crate::database::Value> {
        values![hub, sequence, if sequence % 2 == 0 { "even" } else { "odd" }, vec![0_u8]]
    }

    /// Everything after a place, read as clients read it.
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
        nobody_who_follows_many_writers_misses_or_repeats_anything
        a_filter_passes_over_what_it_leaves_out
    }

    async fn nobody_who_follows_many_writers_misses_or_repeats_anything(fresh: Fresh) {
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
                    // Others come between a row and its commit.
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

    async fn a_filter_passes_over_what_it_leaves_out(fresh: Fresh) {
        let mut transaction = fresh.database.transaction().await.unwrap();
        for sequence in 1..=20 {
            transaction.execute(&INSERT, row(if sequence < 15 { "a" } else { "b-1" }, sequence)).await.unwrap();
        }
        transaction.commit().await.unwrap();
        let feed = Feed::start(fresh.database.clone()).await.unwrap();
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let filter = |kinds: &[&str], hubs: &[&str]| Filter { kinds: named(kinds), hubs: named(hubs) };
        // Tests of other databases of the server hold the feed back.
        while follow(&feed, Position::default(), &Filter::default()).await.0.len() < 20 {}
        let (found, end) = follow(&feed, Position::default(), &filter(&["even"], &["b-1", "none"])).await;
        assert_eq!(found.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>(), [16, 18, 20]);
        assert_eq!(end, feed.now().await.unwrap());
        assert_eq!(follow(&feed, Position::default(), &filter(&["eve"], &[])).await, (vec![], end));
        assert_eq!(follow(&feed, Position::default(), &filter(&[], &[])).await.0.len(), 20);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_that_is_committed_late_is_not_passed_over() {
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
