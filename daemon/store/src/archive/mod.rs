//! The archive: old records of numbered tables, moved out of the engine into compressed files of their own.
//!
//! # What it promises
//!
//! - The engine stays as small as the last weeks, however many years a store has sold: starting, reading and writing do
//!   not slow down.
//! - Nothing is lost on the way, and nothing changes: [`Store::kept`] and [`Store::page_kept`] read through, the
//!   records keep their bytes, their checksums and their links of the [`chain`](crate::chain).
//! - A segment ([`segment`]) has [`SEGMENT`] records. It is written under another name, synced, renamed, its directory
//!   synced; only then are its records deleted from the engine, a part at a time, patiently, so that sales go on beside
//!   it.
//! - Segments may be given up whole, oldest first, once what is in them may be forgotten ([`Store::give_up`]).
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power while a segment is written | a file `….new`, removed at the next start; the records are in the engine |
//! | power between the rename and the last deletion | some records are in both, equal; the next archiving deletes them first |
//! | a reader's segment is given up under its hands | it reads once more, by the segments that are left |
//! | power while segments are given up | the engine says what is given up before the files go; what is left of them goes at the next start |
//! | no room on the disk | the segment is not written; what was there stays |
//! | a segment is damaged or gone | the hub starts and sells; the check says it, and so does whoever reads an old record in it, or past it |

mod read;
mod segment;
mod shelve;

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

pub(crate) use segment::{Segment, verify};
use serde::{Deserialize, Serialize};

use crate::{
    engine::{Engine, EngineError},
    error::StoreError,
    files::make_directory,
    table::{Key, Name, Record, Table},
};

/// Records in a segment.
pub const SEGMENT: u64 = 10_000;

/// How the name of a segment ends until it is whole.
const UNFINISHED: &str = ".segment.new";

/// What the engine knows of the archive, by table.
static ARCHIVED: Table<Name, Archived> = Table::new("archived");

/// How far a table is archived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Archived {
    /// The last record that is in a segment.
    last: u64,
    /// The last record that was given up.
    given_up: u64,
}

/// The segments of a table, oldest first, without gaps between them.
type Shelves = Arc<Vec<Arc<Segment>>>;

/// All segments, by table.
pub(crate) struct Archive {
    /// `None` in tests without a directory: then nothing is archived.
    directory: Option<PathBuf>,
    tables: RwLock<BTreeMap<String, Shelves>>,
    /// What is wrong with it, found at opening.
    faults: Vec<String>,
    /// One works on the segments at a time: archiving, giving up, a backup that copies them.
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

/// The table and the numbers in a segment's file name. Also for names from outside: only what [`file_name`] makes is
/// taken.
pub(crate) fn parse_name(name: &str) -> Option<(&str, u64, u64)> {
    let mut parts = name.strip_suffix(".segment")?.splitn(3, '-');
    let (table, first, last) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let is_table = !table.is_empty() && table.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_table && first > 0 && file_name(table, first, last) == name).then_some((table, first, last))
}

/// Whether there is an archive in a store's directory.
pub(crate) fn is_in(directory: &Path) -> bool {
    let entries = fs::read_dir(directory.join("archive"));
    entries
        .is_ok_and(|entries| entries.flatten().any(|entry| parse_name(&entry.file_name().to_string_lossy()).is_some()))
}

impl Archive {
    /// No archive, for stores without a directory.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { directory: None, tables: RwLock::default(), faults: Vec::new(), at_work: Mutex::default() }
    }

    /// Opens the segments in a directory; makes it if it is not there. Damage is told by the check, and does not keep
    /// the hub from selling.
    pub(crate) fn open(directory: &Path, engine: &dyn Engine) -> Result<Self, StoreError> {
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
            let segment = Segment::open(&path).unwrap_or_else(|error| {
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
                faults.push(format!("the archive lacks {table} {first} to {last}"));
                let path = directory.join(file_name(table, first, last));
                segments.push(Arc::new(Segment::lost(path, first, last, "it is missing".into())));
            }
            segments.sort_unstable_by_key(|segment| segment.first);
        }
        let tables = tables.into_iter().map(|(table, segments)| (table, Arc::new(segments))).collect();
        Ok(Self {
            directory: Some(directory.to_owned()),
            tables: RwLock::new(tables),
            faults,
            at_work: Mutex::default(),
        })
    }

    fn shelves(&self, table: &str) -> Shelves {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned().unwrap_or_default()
    }

    /// Reads by a table's segments, and once more if they changed meanwhile: one that came took its records out of the
    /// engine, one that went took its file.
    fn read<T>(
        &self,
        table: &str,
        mut read: impl FnMut(&[Arc<Segment>]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let ends = |segments: &[Arc<Segment>]| Some((segments.first()?.first, segments.last()?.last));
        loop {
            let segments = self.shelves(table);
            let outcome = read(&segments);
            if ends(&self.shelves(table)) == ends(&segments) {
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

    /// What was wrong at opening.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.bytes).sum()
    }
}

/// What the engine says of each archived table. Of one that can't be read, why.
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

/// What is missing among a table's segments, which are in order. Without the engine's word, nothing before the first
/// that is there.
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

/// The key of an entry of some table, to be archived with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryKey(Vec<u8>);

impl<K: Key, V: Record> Table<K, V> {
    /// The key of one of its entries.
    pub fn entry(&self, key: K::Of<'_>) -> EntryKey {
        EntryKey(self.raw_key(key))
    }
}
