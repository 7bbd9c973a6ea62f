//! Reading a backup: verifying it, and making a store of it.

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
    EngineKind, FORMAT, META, RESTORED,
    archive::{self, parse_name},
    engine::{Batch, Engine, EngineError, Entry},
    error::StoreError,
    files,
    home::{self, RESTORING},
    meta, outbox,
    parts::MAX_VALUE,
    value,
};

/// Entries applied at a time.
const PART: usize = 500;

/// Bytes of values applied at a time, or a little more.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The largest segment taken, in bytes; [`SEGMENT`](archive::SEGMENT) sales have some 2 MB.
const MAX_SEGMENT: u64 = 1024 * 1024 * 1024;

/// The longest key.
const MAX_KEY: usize = 4096;

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
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => bad_backup("it is cut off"),
            _ => error,
        })?;
        self.hash.update(bytes);
        self.done.bytes += bytes.len() as u64;
        Ok(())
    }

    fn text(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let length = u32::from_le_bytes(self.raw()?) as usize;
        if length > most {
            return Err(bad_backup(format!("an entry of {length} bytes is in it; the most is {most}")));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The next item; `None` at an end that fits.
    fn next(&mut self) -> io::Result<Option<Item>> {
        // The end is not hashed.
        let mut tag = [0];
        self.input.read_exact(&mut tag).map_err(|_| bad_backup("it is cut off"))?;
        if tag == [END] {
            let (count, hash) = (self.done.entries + self.done.segments, self.hash.clone().finish());
            let mut said = [0; 40];
            self.input.read_exact(&mut said).map_err(|_| bad_backup("it is cut off"))?;
            if said[..8] != count.to_le_bytes() || said[8..] != *hash.as_ref() {
                return Err(bad_backup("its content is not what was written"));
            }
            return Ok(None);
        }
        self.hash.update(&tag);
        self.done.bytes += 1;
        match tag[0] {
            PUT => {
                self.done.entries += 1;
                let (key, value) = (self.text(MAX_KEY)?, self.text(MAX_VALUE)?);
                // Damaged before the backup was taken: the rest is worth keeping all the more.
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
            other => Err(bad_backup(format!("an item of kind {other} is in it; run a newer hub"))),
        }
    }

    /// A segment's bytes, which follow its item.
    fn segment(&mut self, mut left: u64) -> io::Result<Vec<u8>> {
        if left > MAX_SEGMENT {
            return Err(bad_backup(format!("a segment of {left} bytes is in it; the most is {MAX_SEGMENT}")));
        }
        let (mut bytes, mut part) = (Vec::new(), vec![0; 64 * 1024]);
        // As they come: a length that lies takes no memory.
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

/// Reads a backup whole: every checksum, and its end.
///
/// # Errors
/// It can't be read, or is no whole backup.
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

/// Makes the store of a backup in a directory that has none, in a new epoch.
///
/// # Errors
/// There is a store, the backup is not whole or made by a newer hub, or the disk fails. Then there is no store.
pub fn restore(directory: &Path, kind: EngineKind, input: impl Read, now_ms: u64) -> Result<BackedUp, StoreError> {
    let failed = trouble("restore the backup");
    let archive = directory.join("archive");
    // There before anything else is, and taken away after the store has its name: an archive without a store is of this
    // restoring, and no hub begins an empty store meanwhile.
    let restoring = directory.join(RESTORING);
    if home::is_taken(directory) || (archive::is_in(directory) && !restoring.exists()) {
        let why =
            format!("{} holds a store already; restore into another directory, or move it away", directory.display());
        return Err(EngineError { what: "restore the backup".into(), why }.into());
    }
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all()).map_err(&failed);
    files::make_directory(directory).map_err(&failed)?;
    let is_begun_again = restoring.exists();
    // Made anew whenever it is begun again, and put in its place before the store gets its name.
    let unfinished = directory.join("archive.new");
    let restored = || -> Result<BackedUp, StoreError> {
        File::create(&restoring).map_err(&failed)?;
        sync(directory)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(&failed)?;
        }
        fs::create_dir(&unfinished).map_err(&failed)?;
        let mut done = BackedUp::default();
        home::create(directory, kind, |newborn| {
            done = fill(newborn, &unfinished, input, now_ms)?;
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
        // What an earlier one began waits for a backup that is whole.
        if !is_begun_again && !archive::is_in(directory) {
            let _ = home::end_restoring(directory);
        }
    })?;
    home::end_restoring(directory)?;
    Ok(done)
}

/// Applies what is in a backup, its segments as files of `archive`, and begins the new epoch.
fn fill(newborn: &dyn Engine, archive: &Path, input: impl Read, now_ms: u64) -> Result<BackedUp, StoreError> {
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
                let mut file = File::create(archive.join(name)).map_err(&failed)?;
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

/// Draws a new epoch: HQ counts from 1 in it, beginning with what it had not acknowledged. That it came of a backup of
/// so many entries is noted until [`Transaction::settle_restored`](crate::Transaction::settle_restored).
fn begin_epoch(engine: &dyn Engine, entries: u64, now_ms: u64) -> Result<(), StoreError> {
    let former = META.read(engine, "epoch")?.unwrap_or_default();
    let mut changes = outbox::rebased(engine)?;
    // Later than the former also by a clock that was set back; and another each time, should one backup be restored
    // twice by a clock that stands still.
    let mut dice = [0; 2];
    let thrown = SystemRandom::new().fill(&mut dice).map_err(|_| bad_backup("the system has no random numbers"));
    thrown.map_err(trouble("draw an epoch"))?;
    changes.push(meta("epoch", now_ms.max(former + 1) + u64::from(u16::from_le_bytes(dice)))?);
    changes.push(meta(RESTORED, entries)?);
    Ok(engine.apply(changes.into_iter().map(|(key, value)| (key, Some(value))).collect())?)
}
