//! The archive: old records of numbered tables, moved out of the engine into compressed files.
//!
//! # What this module promises
//!
//! - The engine holds only the last weeks, however many years a store has sold, so starting, reading and writing do not
//!   slow down.
//! - No record is lost or changed: [`Store::kept`] and [`Store::page_kept`] read from both places, and records keep
//!   their bytes, their checksums and their links of the [`chain`](crate::chain).
//! - A segment ([`segment`]) has [`SEGMENT`] records. It is written under a temporary name, synced and renamed, and its
//!   directory is synced. Only then are its records deleted from the engine, in small commits, so that sales go on
//!   meanwhile.
//! - Whole segments can be deleted, oldest first, once their retention period is over ([`Store::give_up`]).
//!
//! | failure | effect |
//! | --- | --- |
//! | power, while a segment is written | the records are still in the engine; `….new` is removed at the next start |
//! | power, between the rename and the last deletion | they are in both places until the next archiving |
//! | a segment is deleted while it is read | the reader starts again with the segments that are left |
//! | power, while segments are deleted | the engine records it first; files that are left go at the next start |
//! | no space on the disk | the segment is not written; nothing changes |
//! | a segment is damaged or missing | the hub starts and sells; the check and each read of it report it |

mod archiving;
mod read;
mod segment;

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

pub(crate) use segment::{Segment, recode, verify};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Engine, EngineError},
    error::StoreError,
    files::make_directory,
    seal::SealKey,
    table::{Key, Name, Record, Table},
};

/// Records in a segment.
pub const SEGMENT: u64 = 10_000;

/// The suffix of a segment's file name until it is complete.
const UNFINISHED: &str = ".segment.new";

/// The engine's record of the archive, by table.
static ARCHIVED: Table<Name, Archived> = Table::new("archived");

/// The archive state of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Archived {
    /// The last archived record.
    last: u64,
    /// The last record whose segment was deleted.
    given_up: u64,
}

/// The segments of a table, oldest first, without gaps.
type Segments = Arc<Vec<Arc<Segment>>>;

/// All segments, by table.
pub(crate) struct Archive {
    /// `None` in tests without a directory: nothing is archived then.
    directory: Option<PathBuf>,
    /// Seals the segments' blocks.
    pub(crate) key: Option<Arc<SealKey>>,
    tables: RwLock<BTreeMap<String, Segments>>,
    /// Faults found at opening.
    faults: Vec<String>,
    /// Held by whoever works on the segments: archiving, deleting, or a backup that copies them.
    pub(crate) at_work: Mutex<()>,
}

fn failed(what: &str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let what = format!("{what} {}", path.display());
    move |error| EngineError { what: what.clone(), why: error.to_string() }.into()
}

/// `sale-000000000001-000000010000.segment`
fn file_name(table: &str, first: u64, last: u64) -> String {
    format!("{table}-{first:012}-{last:012}.segment")
}

/// The table and the numbers in a segment's file name. Names from outside are safe: only the names that [`file_name`]
/// makes are accepted.
pub(crate) fn parse_name(name: &str) -> Option<(&str, u64, u64)> {
    let mut parts = name.strip_suffix(".segment")?.splitn(3, '-');
    let (table, first, last) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let is_table = !table.is_empty() && table.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_table && first > 0 && file_name(table, first, last) == name).then_some((table, first, last))
}

/// Whether a store's directory has an archive.
pub(crate) fn is_in(directory: &Path) -> bool {
    let entries = fs::read_dir(directory.join("archive"));
    entries
        .is_ok_and(|entries| entries.flatten().any(|entry| parse_name(&entry.file_name().to_string_lossy()).is_some()))
}

impl Archive {
    /// No archive, for a store without a directory.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { directory: None, key: None, tables: RwLock::default(), faults: Vec::new(), at_work: Mutex::default() }
    }

    /// Opens the segments in a directory, which is created if it does not exist. Damage is reported by the check and
    /// does not keep the hub from selling.
    pub(crate) fn open(directory: &Path, engine: &dyn Engine, key: Option<Arc<SealKey>>) -> Result<Self, StoreError> {
        let failed = failed("read the archive in", directory);
        make_directory(directory).map_err(&failed)?;
        let (mut tables, mut faults) = (BTreeMap::<String, Vec<Arc<Segment>>>::new(), Vec::new());
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).map_err(&failed)? {
            names.push(entry.map_err(&failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        let known = all_known(engine, |error| faults.push(error.to_string()))?;
        for name in names {
            let path = directory.join(&name);
            let Some((table, first, last)) = parse_name(&name) else {
                if name.ends_with(UNFINISHED) {
                    fs::remove_file(&path).map_err(&failed)?;
                }
                continue;
            };
            if known.get(table).is_some_and(|known| last <= known.given_up) {
                fs::remove_file(&path).map_err(&failed)?;
                continue;
            }
            let segment = Segment::open(&path, key.clone()).unwrap_or_else(|error| {
                faults.push(format!("the archive's file {} can't be read: {error}", path.display()));
                Segment::lost(path, first, last, error.to_string())
            });
            tables.entry(table.to_owned()).or_default().push(Arc::new(segment));
        }
        for (table, known) in &known {
            if known.last > known.given_up {
                tables.entry(table.clone()).or_default();
            }
        }
        for (table, segments) in &mut tables {
            for (first, last) in holes(known.get(table), segments) {
                faults.push(format!("the archive is missing records {first} to {last} of table {table}"));
                let path = directory.join(file_name(table, first, last));
                segments.push(Arc::new(Segment::lost(path, first, last, "it is missing".into())));
            }
            segments.sort_unstable_by_key(|segment| segment.first);
        }
        let tables = tables.into_iter().map(|(table, segments)| (table, Arc::new(segments))).collect();
        Ok(Self {
            directory: Some(directory.to_owned()),
            key,
            tables: RwLock::new(tables),
            faults,
            at_work: Mutex::default(),
        })
    }

    fn segments_of(&self, table: &str) -> Segments {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned().unwrap_or_default()
    }

    /// Reads from a table's segments, and repeats the read if they changed meanwhile: a new segment took its records
    /// out of the engine, a deleted one took its file away.
    fn read<T>(
        &self,
        table: &str,
        mut read: impl FnMut(&[Arc<Segment>]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let ends = |segments: &[Arc<Segment>]| Some((segments.first()?.first, segments.last()?.last));
        loop {
            let segments = self.segments_of(table);
            let outcome = read(&segments);
            if ends(&self.segments_of(table)) == ends(&segments) {
                return outcome;
            }
        }
    }

    fn publish(&self, table: &str, change: impl FnOnce(&mut Vec<Arc<Segment>>)) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut segments = tables.get(table).map(|segments| Vec::clone(segments)).unwrap_or_default();
        change(&mut segments);
        tables.insert(table.to_owned(), Arc::new(segments));
    }

    /// All segments.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.values().flat_map(|segments| segments.iter().cloned()).collect()
    }

    /// The faults found at opening.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.bytes).sum()
    }
}

/// The engine's record of each archived table. A record that can't be read is reported as a fault.
fn all_known(engine: &dyn Engine, mut fault: impl FnMut(StoreError)) -> Result<BTreeMap<String, Archived>, StoreError> {
    let (first, end) = ARCHIVED.span();
    let mut known = BTreeMap::new();
    for (key, value) in engine.range(Bound::Included(&first), Bound::Excluded(&end), false, 1_000)? {
        match ARCHIVED.decode(&key, &value) {
            Ok(archived) => drop(known.insert(String::from_utf8_lossy(&key[first.len()..]).into_owned(), archived)),
            Err(error) => fault(error),
        }
    }
    Ok(known)
}

/// The ranges missing among a table's segments, which are in order. Without the engine's record, a range before the
/// first segment can't be detected.
fn holes(known: Option<&Archived>, segments: &[Arc<Segment>]) -> Vec<(u64, u64)> {
    let mut due = known.map(|known| known.given_up + 1).or(segments.first().map(|segment| segment.first)).unwrap_or(1);
    let last = known.map_or(0, |known| known.last);
    let ends = segments.iter().map(|segment| (segment.first, segment.last)).chain([(last + 1, last)]);
    let mut holes = Vec::new();
    for (first, last) in ends {
        if first > due {
            holes.push((due, first - 1));
        }
        due = due.max(last + 1);
    }
    holes
}

/// The key of an entry of any table, to be archived with another record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey(Vec<u8>);

impl<K: Key, V: Record> Table<K, V> {
    /// The key of one of its entries.
    pub fn entry(&self, key: K::Of<'_>) -> EntryKey {
        EntryKey(self.raw_key(key))
    }
}
