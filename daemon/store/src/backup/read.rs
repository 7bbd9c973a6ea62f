//! Reads a backup: verifies it, or restores a store from it.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::Path,
};

use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

use super::{BackedUp, DELETE, END, MAGIC, PUT, SEGMENT, bad_backup, trouble};
use crate::{
    FORMAT, META, RESTORED,
    archive::{self, parse_name},
    engine::{Batch, Engine, EngineError, Entry},
    error::StoreError,
    files, meta, outbox,
    parts::MAX_VALUE,
    seal::{Medium, SealKey},
    store_dir::{self, RESTORING},
    value,
};

/// Entries applied per batch.
const PART: usize = 500;

/// Approximate bytes of values applied per batch.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The maximum size of a segment, in bytes; [`SEGMENT`](archive::SEGMENT) sales take about 2 MB.
const MAX_SEGMENT: u64 = 1024 * 1024 * 1024;

/// The maximum length of a key.
const MAX_KEY: usize = 4096;

/// Why no more of a backup can be read. The decompressor's own errors have no kind.
fn unread(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => bad_backup("it is cut off"),
        io::ErrorKind::Other => bad_backup(format!("it is damaged: {error}")),
        _ => error,
    }
}

/// An item of a backup.
enum Item {
    Put(Entry),
    Delete(Vec<u8>),
    Segment { name: String, length: u64 },
}

/// Reads items, and hashes and counts them as the writer did.
struct Reader<R: Read> {
    input: R,
    hash: digest::Context,
    done: BackedUp,
}

impl<R: Read> Reader<zstd::Decoder<'static, BufReader<R>>> {
    fn open(mut input: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|_| bad_backup("not a backup of a store hub"))?;
        if magic != MAGIC {
            return Err(bad_backup("not a backup of a store hub, or one of a newer version"));
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
        self.input.read_exact(bytes).map_err(unread)?;
        self.hash.update(bytes);
        self.done.bytes += bytes.len() as u64;
        Ok(())
    }

    fn text(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let length = u32::from_le_bytes(self.raw()?) as usize;
        if length > most {
            return Err(bad_backup(format!("it has an entry of {length} bytes; the maximum is {most}")));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The next item; `None` at a valid end.
    fn next(&mut self) -> io::Result<Option<Item>> {
        // The end itself is not hashed.
        let mut tag = [0];
        self.input.read_exact(&mut tag).map_err(unread)?;
        if tag == [END] {
            let (count, hash) = (self.done.entries + self.done.segments, self.hash.clone().finish());
            let mut said = [0; 40];
            self.input.read_exact(&mut said).map_err(unread)?;
            if said[..8] != count.to_le_bytes() || said[8..] != *hash.as_ref() {
                return Err(bad_backup("its checksum is wrong"));
            }
            return Ok(None);
        }
        self.hash.update(&tag);
        self.done.bytes += 1;
        match tag[0] {
            PUT => {
                self.done.entries += 1;
                let (key, value) = (self.text(MAX_KEY)?, self.text(MAX_VALUE)?);
                // It was damaged before the backup was taken; the rest is still worth keeping.
                self.done.damaged += u64::from(!value::is_sound(&key, &value));
                Ok(Some(Item::Put((key, value))))
            }
            DELETE => {
                self.done.entries += 1;
                Ok(Some(Item::Delete(self.text(MAX_KEY)?)))
            }
            SEGMENT => {
                self.done.segments += 1;
                let name =
                    String::from_utf8(self.text(200)?).map_err(|_| bad_backup("a segment's name is not UTF-8"))?;
                if parse_name(&name).is_none() {
                    return Err(bad_backup(format!("invalid segment name `{}`", name.escape_debug())));
                }
                Ok(Some(Item::Segment { name, length: u64::from_le_bytes(self.raw()?) }))
            }
            other => Err(bad_backup(format!("it has an item of unknown kind {other}; run a newer hub"))),
        }
    }

    /// The bytes of a segment, which follow its item.
    fn segment(&mut self, mut left: u64) -> io::Result<Vec<u8>> {
        if left > MAX_SEGMENT {
            return Err(bad_backup(format!("it has a segment of {left} bytes; the maximum is {MAX_SEGMENT}")));
        }
        let (mut bytes, mut part) = (Vec::new(), vec![0; 64 * 1024]);
        // Grow with the data, so that a false length allocates nothing.
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
            self.fill(&mut part[..length])?;
            bytes.extend_from_slice(&part[..length]);
            left -= length as u64;
        }
        self.done.damaged += u64::from(archive::verify(&bytes).is_err());
        Ok(bytes)
    }
}

/// Reads a whole backup and checks every checksum and its end.
///
/// # Errors
/// It can't be read or is not a complete backup.
pub fn verify(input: impl Read) -> Result<BackedUp, StoreError> {
    let read = || -> io::Result<BackedUp> {
        let mut reader = Reader::open(input)?;
        while let Some(item) = reader.next()? {
            if let Item::Segment { length, .. } = item {
                reader.segment(length)?;
            }
        }
        Ok(reader.done)
    };
    read().map_err(trouble("read the backup"))
}

/// Restores a backup into a directory without a store, in a new epoch.
///
/// # Errors
/// There is a store, the backup is incomplete or made by a newer hub, or the disk fails. Then no store is created.
pub fn restore(
    directory: &Path,
    medium: impl Into<Medium>,
    input: impl Read,
    now_ms: u64,
) -> Result<BackedUp, StoreError> {
    let medium = medium.into();
    let failed = trouble("restore the backup");
    let archive = directory.join("archive");
    // The file exists before anything else and is removed after the store has its name. It marks the archive as part of
    // this restore, and keeps a hub from creating an empty store meanwhile.
    let restoring = directory.join(RESTORING);
    if store_dir::is_taken(directory) || (archive::is_in(directory) && !restoring.exists()) {
        let why = format!(
            "{} already holds a store; restore into another directory, or move the store away",
            directory.display()
        );
        return Err(EngineError { what: "restore the backup".into(), why }.into());
    }
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all()).map_err(&failed);
    files::make_directory(directory).map_err(&failed)?;
    let is_begun_again = restoring.exists();
    // Written again at each attempt, and moved to its place before the store gets its name.
    let unfinished = directory.join("archive.new");
    let restored = || -> Result<BackedUp, StoreError> {
        files::mark(&restoring).map_err(&failed)?;
        sync(directory)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(&failed)?;
        }
        fs::create_dir(&unfinished).map_err(&failed)?;
        let mut done = BackedUp::default();
        store_dir::create(directory, &medium, |newborn| {
            done = fill(newborn, &unfinished, medium.key.as_deref(), input, now_ms)?;
            sync(&unfinished)?;
            if archive.exists() {
                fs::remove_dir_all(&archive).map_err(&failed)?;
            }
            fs::rename(&unfinished, &archive).map_err(&failed)?;
            sync(directory)
        })?;
        Ok(done)
    };
    let done = restored().inspect_err(|_| {
        let _ = fs::remove_dir_all(&unfinished);
        // What an earlier attempt left is kept until a complete backup replaces it.
        if !is_begun_again && !archive::is_in(directory) {
            let _ = store_dir::end_restoring(directory);
        }
    })?;
    store_dir::end_restoring(directory)?;
    Ok(done)
}

/// Applies a backup, writes its segments as files of `archive`, and begins the new epoch.
fn fill(
    newborn: &dyn Engine,
    directory: &Path,
    key: Option<&SealKey>,
    input: impl Read,
    now_ms: u64,
) -> Result<BackedUp, StoreError> {
    let failed = trouble("restore the backup");
    let mut reader = Reader::open(input).map_err(&failed)?;
    let (mut batch, mut bytes) = (Batch::new(), 0);
    while let Some(item) = reader.next().map_err(&failed)? {
        match item {
            Item::Put((key, value)) => {
                bytes += value.len();
                batch.push((key, Some(value)));
            }
            Item::Delete(key) => batch.push((key, None)),
            Item::Segment { name, length } => {
                let bytes = reader.segment(length).map_err(&failed)?;
                // A damaged segment is written as it is.
                let bytes = if key.is_some() { archive::recode(&bytes, None, key).unwrap_or(bytes) } else { bytes };
                let mut file = File::create_new(directory.join(name)).map_err(&failed)?;
                file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(&failed)?;
            }
        }
        if batch.len() >= PART || bytes >= PART_BYTES {
            newborn.apply(std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    newborn.apply(batch)?;
    let format = META.read(newborn, "format")?.unwrap_or_default();
    if format > u64::from(FORMAT) {
        return Err(StoreError::TooNew { found: format, known: FORMAT });
    }
    begin_epoch(newborn, reader.done.entries, now_ms)?;
    Ok(reader.done)
}

/// Draws a new epoch, in which HQ counts from 1, beginning with the first entry that it had not acknowledged. The
/// number of the backup's entries is recorded until
/// [`Transaction::settle_restored`](crate::Transaction::settle_restored).
fn begin_epoch(engine: &dyn Engine, entries: u64, now_ms: u64) -> Result<(), StoreError> {
    let former = META.read(engine, "epoch")?.unwrap_or_default();
    let mut changes = outbox::rebased(engine)?;
    // Later than the old epoch even if the clock was set back, and random, in case one backup is restored twice at the
    // same time.
    let mut dice = [0; 2];
    let thrown = SystemRandom::new().fill(&mut dice).map_err(|_| bad_backup("the system has no random numbers"));
    thrown.map_err(trouble("draw an epoch"))?;
    changes.push(meta("epoch", now_ms.max(former + 1) + u64::from(u16::from_le_bytes(dice)))?);
    changes.push(meta(RESTORED, entries)?);
    Ok(engine.apply(changes.into_iter().map(|(key, value)| (key, Some(value))).collect())?)
}
