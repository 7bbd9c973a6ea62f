//! Prices of stores, by the books that HQ published and the engine that hubs use.
//!
//! - A store's prices are those of the book that it said it works by; for a moment to come, of one that is on its way
//!   there ([`in_force`]). Times on the store's clock are in the time zone of its profile; UTC without one.
//! - HQ prices baskets for others, such as a web shop, and to verify ([`parity`]). It never prices a sale again.
//! - Bounded: at most [`KEPT`] compiled books are in memory; the least recently used one goes first.
//!
//! | failure | effect |
//! | --- | --- |
//! | a file of a book is missing or damaged | an error that says so; nothing is priced by a part of a book |
//! | a book does not compile | an error with its problems; `publish` refuses such books before |

pub mod parity;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use commerce::pricing::{Book, Loader, LocalTime, Moment, Store, time::Weekday};
use contract::{
    HubId, PublicationKind,
    publication::{BadPublication, PRICES, Record},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    database::{Database, DatabaseError},
    moment::now_ms,
    orders,
    publications::{AtHub, Publications, PublishError, effective::in_force, manifest, objects::Objects, page},
};

/// The number of compiled books in memory.
const KEPT: usize = 8;

/// Why a price book could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// The published files can't be read.
    #[error(transparent)]
    Published(#[from] PublishError),
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The book does not compile.
    #[error("price book {version} of {store} is not valid: {why}")]
    Invalid {
        /// The store.
        store: HubId,
        /// The publication.
        version: u64,
        /// The first problem.
        why: String,
    },
    /// The reader panicked.
    #[error("reading the price book failed: {0}")]
    Reader(#[from] tokio::task::JoinError),
}

/// A book as a store has it.
#[derive(Debug)]
pub struct StoreBook {
    /// The publication.
    pub version: u64,
    /// The book.
    pub book: Book,
    zone: TimeZone,
}

impl StoreBook {
    /// A moment as the store's clock shows it.
    pub fn moment(&self, at_ms: i64) -> Moment {
        let zoned = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone());
        let minute = u16::from(zoned.hour().unsigned_abs()) * 60 + u16::from(zoned.minute().unsigned_abs());
        let weekday = usize::from(zoned.weekday().to_monday_zero_offset().unsigned_abs());
        Moment { at_ms, weekday: Weekday::ALL[weekday % 7], minute }
    }
}

/// The books of all stores.
pub struct Books {
    database: Database,
    publications: Publications,
    objects: Objects,
    kept: Mutex<VecDeque<(Key, Arc<StoreBook>)>>,
}

/// What a compiled book depends on.
type Key = (HubId, u64, String);

impl Books {
    /// The books of a database, whose files are in a directory.
    pub fn of(database: Database, objects: Objects) -> Self {
        let publications = Publications::of(database.clone());
        Self { database, publications, objects, kept: Mutex::default() }
    }

    /// The book by which a store works: now, or at a moment.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn at(&self, store: &HubId, at_ms: Option<i64>) -> Result<Option<Arc<StoreBook>>, PriceError> {
        let all = self.published(store).await?;
        match in_force(&all, at_ms, now_ms()) {
            Some(at_hub) => self.compiled(store, at_hub.version).await.map(Some),
            None => Ok(None),
        }
    }

    /// The newest book that HQ published to a store.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn newest(&self, store: &HubId) -> Result<Option<Arc<StoreBook>>, PriceError> {
        match self.published(store).await?.first() {
            Some(at_hub) => self.compiled(store, at_hub.version).await.map(Some),
            None => Ok(None),
        }
    }

    async fn published(&self, store: &HubId) -> Result<Vec<AtHub>, PriceError> {
        Ok(self.publications.at_hubs(&kind()?, (store, store)).await?)
    }

    async fn compiled(&self, store: &HubId, version: u64) -> Result<Arc<StoreBook>, PriceError> {
        let name = orders::stores::time_zone(&self.database, store).await?;
        let key = (store.clone(), version, name);
        if let Some(book) = self.kept(&key) {
            return Ok(book);
        }
        let manifest = manifest(&self.publications, &self.objects, &kind()?, version).await?;
        let (objects, zone, store) =
            (self.objects.clone(), TimeZone::get(&key.2).unwrap_or(TimeZone::UTC), store.clone());
        let compiled = tokio::task::spawn_blocking(move || {
            let records = page(&objects, &manifest, "", usize::MAX)?;
            let book = compile(&records, &store, &zone);
            let book = book.map_err(|why| PriceError::Invalid { store: store.clone(), version, why })?;
            Ok::<_, PriceError>(Arc::new(StoreBook { version, book, zone }))
        });
        let book = compiled.await??;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((key, Arc::clone(&book)));
        kept.truncate(KEPT);
        Ok(book)
    }

    fn kept(&self, key: &Key) -> Option<Arc<StoreBook>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(place)?;
        let book = Arc::clone(&found.1);
        kept.push_front(found);
        Some(book)
    }
}

fn kind() -> Result<PublicationKind, PriceError> {
    PRICES.parse().map_err(|why| PublishError::Bad(BadPublication::Unreadable { what: "kind", why }).into())
}

/// Compiles the records of a publication for a store, as its hub does.
///
/// # Errors
/// The first problem.
pub fn compile(records: &[Record], store: &HubId, zone: &TimeZone) -> Result<Book, String> {
    let mut loader = Loader::default();
    for (number, Record(_, body)) in (1..).zip(records) {
        loader.read_line(number, body.get());
    }
    let resolve = |time: LocalTime| {
        let time = time.to_string().parse::<DateTime>().ok().and_then(|time| time.to_zoned(zone.clone()).ok());
        time.map_or(i64::MAX, |time| time.timestamp().as_millisecond())
    };
    loader.finish(&Store { name: store.as_str(), zone: &resolve }).map_err(|problems| {
        let first = problems.first().map(|problem| {
            let key = usize::try_from(problem.line).ok().and_then(|line| records.get(line.checked_sub(1)?));
            format!("{}: {}: {}", key.map_or("book", |Record(key, _)| key), problem.field, problem.why)
        });
        first.unwrap_or_default()
    })
}
