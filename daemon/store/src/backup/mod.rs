//! Backups: one compressed file with a whole store as it was at one moment, taken while it sells.
//!
//! # Why it is consistent without a snapshot
//!
//! The engine trait has no snapshots. Instead, from a moment between two groups on, the committer passes every batch to
//! the backup after it has applied it. The backup copies all entries, a range at a time, and writes the batches as they
//! come. If a range was read while a batch was applied, the batch follows it in the file. If a range was read after a
//! batch, it contains the batch. (If batches were passed before they are applied, a batch could be followed by a range
//! with older values.) So the entries and batches, applied in the order of the file, produce the store as it was at the
//! last moment, again between two groups. The segments of the archive follow; they never change.
//!
//! ```text
//! "store-hub backup 1\n"
//! zstd frame of:
//!     1 key value            an entry
//!     2 key                  an entry deleted by a batch
//!     3 name bytes           a segment of the archive
//!     0 count SHA-256        the end: the number of items above, and the hash of all of it
//! ```
//!
//! Lengths are little-endian u32, those of segments u64. All are checked before anything is allocated.
//!
//! | failure | effect |
//! | --- | --- |
//! | the backup's disk, or its reader | the backup fails with an error; the store continues to sell |
//! | the store stops meanwhile | the backup fails, because the batches it received may not be durable |
//! | sales come faster than the backup can be written | it is aborted when [`MAX_PENDING`] are in memory |
//! | a segment of the archive is damaged | it is copied as it is, or empty, and counted when read |
//! | power, while a backup is written | the file has no end: [`verify`] and [`restore`] refuse it |
//! | power, while a store is restored | the file `restoring` stays: no hub creates an empty store there |
//! | power, after that | the store records that it was restored, until the hub has acted on it ([`Store::restored`]) |
//!
//! # Restoring begins a new epoch
//!
//! Sales after the backup are at HQ and on paper, but not in the restored store. Their numbers must not be used again,
//! so a restored store draws a new epoch, in which HQ counts from 1. It sends again what HQ had not acknowledged when
//! the backup was taken. HQ knows sales by their ids and drops those that it has.

mod read;

use std::{
    fs,
    io::{self, BufWriter, Write},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

pub use read::{restore, verify};
use ring::digest;
use serde::Serialize;

use crate::{
    Store,
    archive::recode,
    engine::{Batch, Engine, EngineError, each_entry_of},
    error::StoreError,
    seal::SealKey,
};

const MAGIC: &[u8] = b"store-hub backup 1\n";

const END: u8 = 0;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const SEGMENT: u8 = 3;

/// Entries copied per read.
const PART: usize = 500;

/// The maximum size of the batches that wait in memory for the backup's writer, in bytes.
pub const MAX_PENDING: usize = 64 * 1024 * 1024;

/// The zstd level: fast, because customers share the processor.
const LEVEL: i32 = 3;

/// The contents of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Entries, including later changes.
    pub entries: u64,
    /// Segments of the archive.
    pub segments: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Entries and segments among these that were already damaged in the store; known once a backup is read.
    pub damaged: u64,
}

fn trouble(what: &str) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| EngineError { what: what.to_owned(), why: error.to_string() }.into()
}

fn bad_backup(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Whether reading the file again would fail too.
fn is_loss(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Batches received and not yet written.
#[derive(Default)]
struct Pending {
    batches: Vec<Batch>,
    bytes: usize,
}

/// Writes items, hashing and counting them.
struct Writer<W: Write> {
    out: W,
    hash: digest::Context,
    done: BackedUp,
}

impl<W: Write> Writer<W> {
    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.done.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| bad_backup("an entry is too large"))?;
        self.raw(&length.to_le_bytes())?;
        self.raw(bytes)
    }

    fn change(&mut self, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        self.raw(&[if value.is_some() { PUT } else { DELETE }])?;
        self.text(key)?;
        self.done.entries += 1;
        value.map_or(Ok(()), |value| self.text(value))
    }

    /// Adds a segment. A segment that is lost is written empty: the rest is still worth keeping, and whoever reads the
    /// backup counts it as damaged.
    fn segment(&mut self, path: &Path, key: Option<&SealKey>) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = match fs::read(path) {
            Err(error) if is_loss(&error) => {
                tracing::error!(path = %path.display(), %error, "could not back up a segment of the archive");
                Vec::new()
            }
            read => read?,
        };
        // Another box has another key. A damaged segment is copied as it is.
        let bytes = if key.is_some() { recode(&bytes, key, None).unwrap_or(bytes) } else { bytes };
        self.raw(&[SEGMENT])?;
        self.text(name.as_bytes())?;
        self.raw(&(bytes.len() as u64).to_le_bytes())?;
        self.raw(&bytes)?;
        self.done.segments += 1;
        Ok(())
    }

    fn end(mut self) -> io::Result<(W, BackedUp)> {
        let (count, hash) = (self.done.entries + self.done.segments, self.hash.finish());
        self.out.write_all(&[END])?;
        self.out.write_all(&count.to_le_bytes())?;
        self.out.write_all(hash.as_ref())?;
        Ok((self.out, self.done))
    }
}

/// Writes a backup of an engine. Either nobody else writes to it, or its batches come through `heard` until `last` has
/// been called and all is written.
fn write(
    engine: &dyn Engine,
    segments: impl FnOnce() -> Vec<PathBuf>,
    key: Option<&SealKey>,
    out: impl Write,
    mut heard: impl FnMut() -> io::Result<Vec<Batch>>,
    last: impl FnOnce() -> Result<(), StoreError>,
) -> Result<BackedUp, StoreError> {
    let failed = trouble("write the backup");
    let mut out = BufWriter::new(out);
    out.write_all(MAGIC).map_err(&failed)?;
    let encoder = zstd::Encoder::new(out, LEVEL).map_err(&failed)?;
    let mut writer = Writer { out: encoder, hash: digest::Context::new(&digest::SHA256), done: BackedUp::default() };
    let batches = |writer: &mut Writer<_>, batches: Vec<Batch>| -> Result<(), StoreError> {
        let mut changes = batches.iter().flatten();
        changes.try_for_each(|(key, value)| writer.change(key, value.as_deref())).map_err(&failed)
    };
    each_entry_of(engine, Bound::Unbounded, Bound::Unbounded, PART, |part| {
        part.iter().try_for_each(|(key, value)| writer.change(key, Some(value))).map_err(&failed)?;
        batches(&mut writer, heard().map_err(&failed)?)
    })?;
    last()?;
    batches(&mut writer, heard().map_err(&failed)?)?;
    for path in segments() {
        writer.segment(&path, key).map_err(trouble(&format!("copy {} into the backup", path.display())))?;
    }
    let (encoder, done) = writer.end().map_err(&failed)?;
    encoder.finish().and_then(|mut out| out.flush()).map_err(&failed)?;
    Ok(done)
}

/// Writes a backup of an engine that nobody else writes to.
pub(crate) fn write_quiet(engine: &dyn Engine, out: impl Write) -> Result<BackedUp, StoreError> {
    write(engine, Vec::new, None, out, || Ok(Vec::new()), || Ok(()))
}

impl Store {
    /// Writes a backup while the store sells. Blocks until it is written.
    ///
    /// # Errors
    /// It can't be written, another backup is running, or the store stops meanwhile.
    pub fn backup(&self, out: impl Write) -> Result<BackedUp, StoreError> {
        let refused = |why: &str| StoreError::from(EngineError { what: "write a backup".into(), why: why.to_owned() });
        let busy = || refused("another backup is running, or records are being archived; try again in a minute");
        let _at_work = self.archive.at_work.try_lock().map_err(|_| busy())?;
        let (heard, overrun) = (Arc::new(Mutex::new(Pending::default())), Arc::new(AtomicBool::new(false)));
        let (ear, deaf) = (Arc::clone(&heard), Arc::clone(&overrun));
        let listens = self.listen(move |batch| {
            let mut heard = ear.lock().unwrap_or_else(PoisonError::into_inner);
            heard.bytes +=
                batch.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
            if heard.bytes > MAX_PENDING {
                deaf.store(true, SeqCst);
                heard.batches.clear();
            }
            if !deaf.load(SeqCst) {
                heard.batches.push(batch.clone());
            }
        });
        if !listens {
            return Err(busy());
        }
        let written = write(
            &*self.engine,
            || self.archive.segments().iter().map(|segment| segment.path.clone()).collect(),
            self.archive.key.as_deref(),
            out,
            || {
                if overrun.load(SeqCst) {
                    return Err(io::Error::other(
                        "sales came faster than the backup could be written; use a faster disk",
                    ));
                }
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.bytes = 0;
                Ok(std::mem::take(&mut heard.batches))
            },
            || {
                self.stop_listening();
                // The batches received may not be durable, so the end is not written and the file is not a valid
                // backup.
                self.stopped().map_or(Ok(()), |why| Err(StoreError::Stopped { why }))
            },
        );
        self.stop_listening();
        written
    }
}
