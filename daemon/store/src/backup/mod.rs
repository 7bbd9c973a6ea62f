//! Backups: one compressed file that holds a whole store as it was at one moment, taken while it sells.
//!
//! # How it can be consistent without a snapshot
//!
//! The engine seam has none, and needs none. From a moment between two groups on, the committer tells the backup every
//! batch once it has applied it. The backup copies all entries, part by part, and the batches as they come. A part that
//! saw a batch or some of it is followed by the batch in the file; a part that comes after a batch was read after it,
//! and has it (told before it is applied, a batch could be followed by a part with what was there before it). So
//! entries and batches, applied in the order of the file, give the store as it was at the last moment, again between
//! two groups. Then the segments of the archive, which never change.
//!
//! ```text
//! "store-hub backup 1\n"
//! zstd frame of:
//!     1 key value            an entry
//!     2 key                  an entry deleted by a batch
//!     3 name bytes           a segment of the archive
//!     0 count SHA-256        the end: how many of the above, and the hash of all of it
//! ```
//!
//! Lengths are little-endian u32, of segments u64; all are checked before anything is allocated.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the disk of the backup, or the reader of it | the backup fails and says so; the store sells on |
//! | the store, meanwhile | the backup fails: what it heard of may not be durable |
//! | sales come faster than the backup can be written | past [`MOST_HEARD`] of them in memory it is given up |
//! | a segment of the archive is damaged, or can't be read | it is in the backup as it is, or empty, and counted when the backup is read |
//! | power, while a backup is written | the file has no end: [`verify`] and [`restore`] refuse it |
//! | power, while a store is restored | the file `restoring` beside no store: no hub begins an empty one there; restoring begins anew |
//! | power, after that | the store notes that it was restored, until the hub has drawn its conclusions ([`Store::restored`]) |
//!
//! # Restoring begins a new epoch
//!
//! What was sold after the backup is at HQ and on paper, not in the restored store. Its numbers must not be given
//! again: so a restored store draws a new epoch, in which HQ counts from 1, and sends again what HQ had not
//! acknowledged when the backup was taken. HQ knows sales by their ids, and drops those that it has.

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
    engine::{Batch, Engine, EngineError, each_entry_of},
    error::StoreError,
};

const MAGIC: &[u8] = b"store-hub backup 1\n";

const END: u8 = 0;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const SEGMENT: u8 = 3;

/// Entries copied at a time.
const PART: usize = 500;

/// Bytes of batches that may wait in memory for the backup's writer.
pub const MOST_HEARD: usize = 64 * 1024 * 1024;

/// zstd's: fast, because customers share the processor.
const LEVEL: i32 = 3;

/// What is in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Entries copied, and changes that came meanwhile.
    pub entries: u64,
    /// Segments of the archive.
    pub segments: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Entries and segments, among those above, that were damaged in the store already; known once a backup is read.
    pub damaged: u64,
}

fn trouble(what: &str) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| EngineError { what: what.to_owned(), why: error.to_string() }.into()
}

fn bad_backup(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Whether a file will not be read another time either.
fn is_loss(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Batches heard of and not yet written.
#[derive(Default)]
struct Heard {
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

    /// One that is lost is there as an empty one: the rest is worth keeping all the more, and who reads the backup
    /// counts it as damaged.
    fn segment(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = match fs::read(path) {
            Err(error) if is_loss(&error) => {
                tracing::error!(path = %path.display(), %error, "the backup lacks a segment of the archive");
                Vec::new()
            }
            read => read?,
        };
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

/// Writes a backup of an engine that nobody else writes to, or whose batches come by `heard`, until `last` has been
/// called and all is written.
fn write(
    engine: &dyn Engine,
    segments: impl FnOnce() -> Vec<PathBuf>,
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
        writer.segment(&path).map_err(trouble(&format!("copy {} into the backup", path.display())))?;
    }
    let (encoder, done) = writer.end().map_err(&failed)?;
    encoder.finish().and_then(|mut out| out.flush()).map_err(&failed)?;
    Ok(done)
}

/// Writes a backup of an engine that nobody else writes to.
pub(crate) fn write_quiet(engine: &dyn Engine, out: impl Write) -> Result<BackedUp, StoreError> {
    write(engine, Vec::new, out, || Ok(Vec::new()), || Ok(()))
}

impl Store {
    /// Writes a backup while the store sells. Blocks for as long as it takes: call it where that is allowed.
    ///
    /// # Errors
    /// It can't be written, another is under way, or the store stops meanwhile.
    pub fn backup(&self, out: impl Write) -> Result<BackedUp, StoreError> {
        let refused = |why: &str| StoreError::from(EngineError { what: "write a backup".into(), why: why.to_owned() });
        let busy = || refused("another backup is under way, or records are being archived; try again in a minute");
        let _at_work = self.archive.at_work.try_lock().map_err(|_| busy())?;
        let (heard, overrun) = (Arc::new(Mutex::new(Heard::default())), Arc::new(AtomicBool::new(false)));
        let (ear, deaf) = (Arc::clone(&heard), Arc::clone(&overrun));
        let listens = self.listen(move |batch| {
            let mut heard = ear.lock().unwrap_or_else(PoisonError::into_inner);
            heard.bytes +=
                batch.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
            if heard.bytes > MOST_HEARD {
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
            out,
            || {
                if overrun.load(SeqCst) {
                    return Err(io::Error::other(
                        "sales came faster than it could be written; write it to a faster disk",
                    ));
                }
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.bytes = 0;
                Ok(std::mem::take(&mut heard.batches))
            },
            || {
                self.listen_no_more();
                // What was heard of may not be durable then: no end is written, and nobody takes this for a backup.
                self.stopped().map_or(Ok(()), |why| Err(StoreError::Stopped { why }))
            },
        );
        self.listen_no_more();
        written
    }
}
