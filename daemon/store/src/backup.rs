//! Backups: one compressed file that holds a whole store as it was at one moment, taken while it sells.
//!
//! # How it can be consistent without a snapshot
//!
//! The engine seam has none, and needs none. From a moment between two groups on, the committer tells the backup every batch once it has applied it.
//! The backup copies all entries, part by part, and the batches as they come. A part that saw a batch or some of it is followed by the batch in
//! the file; a part that comes after a batch was read after it, and has it (told before it is applied, a batch could be followed by a part with
//! what was there before it). So entries and batches, applied in the order of the file, give the store as it was at the last moment, again between
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
//! | power, while a backup is written | the file has no end: [`verify`] and [`restore`] refuse it |
//! | power, while a store is restored | an unfinished store beside none; restoring begins anew |
//!
//! # Restoring begins a new epoch
//!
//! What was sold after the backup is at HQ and on paper, not in the restored store. Its numbers must not be given again: so a restored store draws a
//! new epoch, in which HQ counts from 1, and sends again what HQ had not acknowledged when the backup was taken. HQ knows sales by their ids, and drops those that it has.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use ring::digest;
use serde::Serialize;

use crate::{
    EngineKind, MAX_RECORD, META, Store,
    archive::parse_name,
    engine::{Batch, Engine, EngineError, Entry},
    error::StoreError,
    home::{self, each_entry_of},
    meta, outbox, table,
};

const MAGIC: &[u8] = b"store-hub backup 1\n";

const END: u8 = 0;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const SEGMENT: u8 = 3;

/// Entries copied at a time.
const PART: usize = 500;

/// The longest key.
const MAX_KEY: usize = 4096;

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
}

fn trouble(what: &str) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| EngineError { what: what.to_owned(), why: error.to_string() }.into()
}

fn no_backup(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
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
        let length = u32::try_from(bytes.len()).map_err(|_| no_backup("an entry is too large"))?;
        self.raw(&length.to_le_bytes())?;
        self.raw(bytes)
    }

    fn change(&mut self, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        self.raw(&[if value.is_some() { PUT } else { DELETE }])?;
        self.text(key)?;
        self.done.entries += 1;
        value.map_or(Ok(()), |value| self.text(value))
    }

    fn segment(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut file = File::open(path)?;
        self.raw(&[SEGMENT])?;
        self.text(name.as_bytes())?;
        self.raw(&file.metadata()?.len().to_le_bytes())?;
        let mut part = vec![0; 64 * 1024];
        loop {
            match file.read(&mut part)? {
                0 => break,
                length => self.raw(&part[..length])?,
            }
        }
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

/// Writes a backup of an engine that nobody else writes to, or whose batches come by `heard`, until `last` has been called and all is written.
fn write(
    engine: &dyn Engine,
    segments: impl FnOnce() -> Vec<PathBuf>,
    out: impl Write,
    mut heard: impl FnMut() -> io::Result<Vec<Batch>>,
    last: impl FnOnce(),
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
    last();
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
    write(engine, Vec::new, out, || Ok(Vec::new()), || ())
}

impl Store {
    /// Writes a backup while the store sells. Blocks for as long as it takes: call it where that is allowed.
    ///
    /// # Errors
    /// It can't be written, another is under way, or the store stops meanwhile.
    pub fn backup(&self, out: impl Write) -> Result<BackedUp, StoreError> {
        let refused = |why: &str| StoreError::from(EngineError { what: "write a backup".into(), why: why.to_owned() });
        let _at_work = self.archive.at_work.lock().unwrap_or_else(PoisonError::into_inner);
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
            return Err(refused("another is under way; wait for its end"));
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
            || self.listen_no_more(),
        );
        self.listen_no_more();
        match self.stopped() {
            Some(why) => Err(StoreError::Stopped { why }),
            None => written,
        }
    }
}

/// An item of a backup.
enum Item {
    Put(Entry),
    Delete(Vec<u8>),
    Segment { name: String, length: u64 },
}

/// Reads items, hashing and counting them as the writer did.
struct Reader<R: Read> {
    input: R,
    hash: digest::Context,
    done: BackedUp,
}

impl<R: Read> Reader<zstd::Decoder<'static, BufReader<R>>> {
    fn open(mut input: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|_| no_backup("it is no backup of a store hub"))?;
        if magic != MAGIC {
            return Err(no_backup("it is no backup of a store hub, or of a newer one"));
        }
        let input = zstd::Decoder::new(input)?;
        Ok(Self { input, hash: digest::Context::new(&digest::SHA256), done: BackedUp::default() })
    }
}

impl<R: Read> Reader<R> {
    fn raw<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => no_backup("it is cut off"),
            _ => error,
        })?;
        self.hash.update(bytes);
        self.done.bytes += bytes.len() as u64;
        Ok(())
    }

    fn text(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let length = u32::from_le_bytes(self.raw()?) as usize;
        if length > most {
            return Err(no_backup(format!("an entry of {length} bytes is in it; the most is {most}")));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The next item; `None` at an end that fits.
    fn next(&mut self) -> io::Result<Option<Item>> {
        // The end is not hashed.
        let mut tag = [0];
        self.input.read_exact(&mut tag).map_err(|_| no_backup("it is cut off"))?;
        if tag == [END] {
            let (count, hash) = (self.done.entries + self.done.segments, self.hash.clone().finish());
            let mut said = [0; 40];
            self.input.read_exact(&mut said).map_err(|_| no_backup("it is cut off"))?;
            if said[..8] != count.to_le_bytes() || said[8..] != *hash.as_ref() {
                return Err(no_backup("what is in it is not what was written"));
            }
            return Ok(None);
        }
        self.hash.update(&tag);
        self.done.bytes += 1;
        match tag[0] {
            PUT => {
                self.done.entries += 1;
                let (key, value) = (self.text(MAX_KEY)?, self.text(MAX_RECORD)?);
                table::verify(&key, &value).map_err(no_backup)?;
                Ok(Some(Item::Put((key, value))))
            }
            DELETE => {
                self.done.entries += 1;
                Ok(Some(Item::Delete(self.text(MAX_KEY)?)))
            }
            SEGMENT => {
                self.done.segments += 1;
                let name = String::from_utf8(self.text(200)?).map_err(|_| no_backup("a segment's name is no text"))?;
                if parse_name(&name).is_none() {
                    return Err(no_backup(format!("`{}` is no name of a segment", name.escape_debug())));
                }
                Ok(Some(Item::Segment { name, length: u64::from_le_bytes(self.raw()?) }))
            }
            other => Err(no_backup(format!("an item of kind {other} is in it; run a newer hub"))),
        }
    }

    /// Copies a segment's bytes, which follow its item.
    fn copy(&mut self, mut left: u64, to: &mut impl Write) -> io::Result<()> {
        let mut part = vec![0; 64 * 1024];
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
            self.fill(&mut part[..length])?;
            to.write_all(&part[..length])?;
            left -= length as u64;
        }
        Ok(())
    }
}

/// Reads a backup whole: every checksum, and its end.
///
/// # Errors
/// It can't be read, or is no whole backup.
pub fn verify(input: impl Read) -> Result<BackedUp, StoreError> {
    let read = || -> io::Result<BackedUp> {
        let mut reader = Reader::open(input)?;
        while let Some(item) = reader.next()? {
            if let Item::Segment { length, .. } = item {
                reader.copy(length, &mut io::sink())?;
            }
        }
        Ok(reader.done)
    };
    read().map_err(trouble("read the backup"))
}

/// Makes the store of a backup in a directory that has none, in a new epoch.
///
/// # Errors
/// There is a store, the backup is not whole or made by a newer hub, or the disk fails. Then there is no store.
pub fn restore(directory: &Path, kind: EngineKind, input: impl Read, now_ms: u64) -> Result<BackedUp, StoreError> {
    let failed = trouble("restore the backup");
    let archive = directory.join("archive");
    let has_segments = fs::read_dir(&archive).is_ok_and(|mut entries| entries.next().is_some());
    if has_segments || home::is_taken(directory) {
        let why =
            format!("{} holds a store already; restore into another directory, or move it away", directory.display());
        return Err(EngineError { what: "restore the backup".into(), why }.into());
    }
    home::make_directory(directory).map_err(&failed)?;
    // Made anew whenever it is begun again, and put in its place before the store gets its name.
    let unfinished = directory.join("archive.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(&failed)?;
    }
    fs::create_dir(&unfinished).map_err(&failed)?;
    let mut done = BackedUp::default();
    home::create(directory, kind, |newborn| {
        let mut reader = Reader::open(input).map_err(&failed)?;
        let mut batch = Batch::new();
        while let Some(item) = reader.next().map_err(&failed)? {
            match item {
                Item::Put((key, value)) => batch.push((key, Some(value))),
                Item::Delete(key) => batch.push((key, None)),
                Item::Segment { name, length } => {
                    let mut file = File::create(unfinished.join(name)).map_err(&failed)?;
                    reader.copy(length, &mut file).and_then(|()| file.sync_all()).map_err(&failed)?;
                }
            }
            if batch.len() >= PART {
                newborn.apply(std::mem::take(&mut batch))?;
            }
        }
        newborn.apply(batch)?;
        begin_epoch(newborn, now_ms)?;
        File::open(&unfinished).and_then(|file| file.sync_all()).map_err(&failed)?;
        if archive.exists() {
            fs::remove_dir(&archive).map_err(&failed)?;
        }
        fs::rename(&unfinished, &archive).map_err(&failed)?;
        done = reader.done;
        Ok(())
    })?;
    Ok(done)
}

/// Draws a new epoch: HQ counts from 1 in it, beginning with what it had not acknowledged.
fn begin_epoch(engine: &dyn Engine, now_ms: u64) -> Result<(), StoreError> {
    let former = META.read(engine, "epoch")?.unwrap_or_default();
    let mut changes = outbox::rebased(engine)?;
    // Also by a clock that was set back.
    changes.push(meta("epoch", now_ms.max(former + 1))?);
    Ok(engine.apply(changes.into_iter().map(|(key, value)| (key, Some(value))).collect())?)
}
