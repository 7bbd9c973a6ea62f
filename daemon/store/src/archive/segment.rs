//! A segment: a file of immutable records, compressed in blocks and found by number.
//!
//! ```text
//! "SHUBSEG1"
//! block*     a zstd frame, sealed if the store is, of bundles: number u64, entries u32,
//!            (key length u32, key, value length u32, value)*
//! index      per block: first number u64, offset u64, length u32, CRC-32 of the block u32
//! footer     first u64, last u64, offset of the index u64, blocks u32, CRC-32 u32 of the index and of the footer
//!            up to here, "SHUBSEGE"
//! ```
//!
//! Integers are little-endian. A segment has all numbers from `first` to `last`, in order. Lengths are checked against
//! [`MAX_BLOCK`] before anything is allocated, so a damaged file causes an error and nothing worse.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    engine::Entry,
    parts::{self, Whole},
    seal::SealKey,
};

const MAGIC: &[u8; 8] = b"SHUBSEG1";
const END: &[u8; 8] = b"SHUBSEGE";
const FOOTER: usize = 40;
const INDEX_ENTRY: usize = 24;

/// A block is closed once it has this many bytes uncompressed.
const BLOCK: usize = 64 * 1024;

/// The maximum size of a block uncompressed: a bundle of the largest records that belong together.
const MAX_BLOCK: usize = 64 * 1024 * 1024;

/// The zstd level; higher levels cost more time than they save space.
const LEVEL: i32 = 9;

/// The entries stored under one number: a record and its companions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) number: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Bundle {
    /// The value stored under a key.
    pub(crate) fn stored(&self, raw_key: &[u8]) -> Option<&[u8]> {
        self.entries.iter().find(|(key, _)| key == raw_key).map(|(_, stored)| &**stored)
    }

    /// A record joined from its parts.
    pub(crate) fn whole(&self, raw_key: &[u8]) -> Option<Whole<'_>> {
        let part = |key: &[u8]| Ok::<_, Infallible>(self.stored(key).map(<[u8]>::to_vec));
        self.stored(raw_key).map(|stored| match parts::join(raw_key, stored, part) {
            Ok(whole) => whole,
            Err(never) => match never {},
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Block {
    first: u64,
    offset: u64,
    length: u32,
    checksum: u32,
}

/// A segment. Its index is in memory, with 24 bytes per block; its file is opened for each read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) bytes: u64,
    /// The reason why the segment can't be read at all. Its records are then lost, not absent.
    pub(crate) lost: Option<String>,
    blocks: Vec<Block>,
    /// Opens its blocks.
    key: Option<Arc<SealKey>>,
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// Writes a segment. The bundles' numbers are consecutive.
///
/// # Errors
/// The disk fails, or a bundle is out of order.
pub(crate) fn write(
    mut file: impl Write,
    bundles: impl Iterator<Item = io::Result<Bundle>>,
    key: Option<&SealKey>,
) -> io::Result<()> {
    let mut blocks = Blocks::begin(&mut file)?;
    let (mut open, mut opened_at) = (Vec::new(), 0);
    let (mut first, mut last) = (None, 0);
    let mut close = |open: &mut Vec<u8>, opened_at: u64| -> io::Result<()> {
        let packed = zstd::bulk::compress(open, LEVEL)?;
        open.clear();
        blocks.add(opened_at, &sealed(key, opened_at, packed)?)
    };
    for bundle in bundles {
        let bundle = bundle?;
        if first.is_some() && bundle.number != last + 1 {
            return Err(damaged("its records are not consecutive"));
        }
        first.get_or_insert(bundle.number);
        last = bundle.number;
        if open.is_empty() {
            opened_at = bundle.number;
        }
        put_bundle(&mut open, &bundle)?;
        if open.len() >= BLOCK {
            close(&mut open, opened_at)?;
        }
    }
    if !open.is_empty() {
        close(&mut open, opened_at)?;
    }
    blocks.end(first.ok_or_else(|| damaged("it would be empty"))?, last)
}

/// Writes blocks, then the index and the footer.
struct Blocks<W> {
    file: W,
    offset: u64,
    index: Vec<u8>,
    count: u32,
}

impl<W: Write> Blocks<W> {
    fn begin(mut file: W) -> io::Result<Self> {
        file.write_all(MAGIC)?;
        Ok(Self { file, offset: MAGIC.len() as u64, index: Vec::new(), count: 0 })
    }

    fn add(&mut self, first: u64, block: &[u8]) -> io::Result<()> {
        self.file.write_all(block)?;
        let length = u32::try_from(block.len()).map_err(|_| damaged("a block is too large"))?;
        self.index.extend(first.to_le_bytes());
        self.index.extend(self.offset.to_le_bytes());
        self.index.extend(length.to_le_bytes());
        self.index.extend(crc32fast::hash(block).to_le_bytes());
        self.offset += u64::from(length);
        self.count += 1;
        Ok(())
    }

    fn end(mut self, first: u64, last: u64) -> io::Result<()> {
        let mut footer = Vec::with_capacity(FOOTER);
        footer.extend(first.to_le_bytes());
        footer.extend(last.to_le_bytes());
        footer.extend(self.offset.to_le_bytes());
        footer.extend(self.count.to_le_bytes());
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&self.index);
        checksum.update(&footer);
        footer.extend(checksum.finalize().to_le_bytes());
        footer.extend(END);
        self.file.write_all(&self.index)?;
        self.file.write_all(&footer)
    }
}

/// A block as it is on the disk: sealed for its first record, if there is a key.
fn sealed(key: Option<&SealKey>, first: u64, packed: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(key) = key else { return Ok(packed) };
    key.seal(&first.to_le_bytes(), &packed).map_err(|error| io::Error::other(error.to_string()))
}

fn opened(key: Option<&SealKey>, first: u64, block: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(key) = key else { return Ok(block) };
    key.open(&first.to_le_bytes(), &block).ok_or_else(|| damaged("a block can't be decrypted"))
}

/// The bytes of a segment with its blocks sealed with another key, or with none.
///
/// # Errors
/// The bytes are damaged, or `from` is not their key.
pub(crate) fn recode(bytes: &[u8], from: Option<&SealKey>, to: Option<&SealKey>) -> io::Result<Vec<u8>> {
    let index = Index::of(bytes)?;
    let mut recoded = Vec::with_capacity(bytes.len());
    let mut blocks = Blocks::begin(&mut recoded)?;
    for block in &index.blocks {
        let found = part_of(bytes, block.offset, block.length as usize)?;
        block.verify(found)?;
        blocks.add(block.first, &sealed(to, block.first, opened(from, block.first, found.to_vec())?)?)?;
    }
    blocks.end(index.first, index.last)?;
    Ok(recoded)
}

fn put_bundle(open: &mut Vec<u8>, bundle: &Bundle) -> io::Result<()> {
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| damaged("an entry is too large"));
    open.extend(bundle.number.to_le_bytes());
    open.extend(length(bundle.entries.len())?.to_le_bytes());
    for (key, value) in &bundle.entries {
        for part in [key, value] {
            open.extend(length(part.len())?.to_le_bytes());
            open.extend(part);
        }
    }
    if open.len() > MAX_BLOCK { Err(damaged("a record and its companions are too large")) } else { Ok(()) }
}

/// Takes bytes from the front of a slice.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> io::Result<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| damaged("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| damaged("it is cut off"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> io::Result<u64> {
        self.number().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> io::Result<Vec<u8>> {
        let length = self.u32()?;
        self.take(length as usize).map(<[u8]>::to_vec)
    }

    fn bundle(&mut self) -> io::Result<Bundle> {
        let number = self.u64()?;
        let entries = (0..self.u32()?).map(|_| Ok((self.text()?, self.text()?))).collect::<io::Result<_>>()?;
        Ok(Bundle { number, entries })
    }
}

/// The index at a segment's end.
struct Index {
    first: u64,
    last: u64,
    blocks: Vec<Block>,
}

impl Index {
    /// Reads the index by `read_at`, which fills a slice from an offset on, from a segment of this many bytes.
    fn read(bytes: u64, read_at: impl Fn(&mut [u8], u64) -> io::Result<()>) -> io::Result<Self> {
        let footer_at = bytes.checked_sub(FOOTER as u64).ok_or_else(|| damaged("it is cut off"))?;
        let mut footer = [0; FOOTER];
        read_at(&mut footer, footer_at)?;
        let mut fields = Reader(&footer);
        let (first, last, index_at, count) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u32()?);
        let (checksum, end) = (fields.u32()?, fields.0);
        let length = footer_at.checked_sub(index_at).filter(|length| *length == u64::from(count) * INDEX_ENTRY as u64);
        let (Some(length), true, true) = (length, end == END, first <= last) else {
            return Err(damaged("its footer is damaged"));
        };
        let mut index = vec![0; usize::try_from(length).map_err(|_| damaged("its footer is damaged"))?];
        read_at(&mut index, index_at)?;
        let mut found = crc32fast::Hasher::new();
        found.update(&index);
        found.update(&footer[..28]);
        if found.finalize() != checksum {
            return Err(damaged("the checksum of its index is wrong"));
        }
        let mut fields = Reader(&index);
        let blocks = (0..count).map(|_| {
            Ok(Block { first: fields.u64()?, offset: fields.u64()?, length: fields.u32()?, checksum: fields.u32()? })
        });
        let blocks: Vec<_> = blocks.collect::<io::Result<_>>()?;
        if blocks.iter().any(|block| block.length as usize > MAX_BLOCK || block.offset > index_at) {
            return Err(damaged("its index has an invalid block"));
        }
        Ok(Self { first, last, blocks })
    }
}

impl Index {
    fn of(bytes: &[u8]) -> io::Result<Self> {
        Self::read(bytes.len() as u64, |into, offset| {
            into.copy_from_slice(part_of(bytes, offset, into.len())?);
            Ok(())
        })
    }
}

/// Whether the bytes of a segment are as they were written.
///
/// # Errors
/// The bytes are damaged.
pub(crate) fn verify(bytes: &[u8]) -> io::Result<()> {
    let index = Index::of(bytes)?;
    index.blocks.iter().try_for_each(|block| block.verify(part_of(bytes, block.offset, block.length as usize)?))
}

fn part_of(bytes: &[u8], offset: u64, length: usize) -> io::Result<&[u8]> {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
    rest.and_then(|rest| rest.get(..length)).ok_or_else(|| damaged("it is cut off"))
}

impl Block {
    fn verify(&self, packed: &[u8]) -> io::Result<()> {
        if crc32fast::hash(packed) == self.checksum {
            Ok(())
        } else {
            Err(damaged(&format!("the block that begins with record {} is damaged", self.first)))
        }
    }
}

impl Segment {
    /// Reads a segment's index.
    ///
    /// # Errors
    /// The segment can't be read or is damaged.
    pub(crate) fn open(path: &Path, key: Option<Arc<SealKey>>) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let Index { first, last, blocks } = Index::read(bytes, |into, offset| file.read_exact_at(into, offset))?;
        Ok(Self { path: path.to_owned(), first, last, bytes, lost: None, blocks, key })
    }

    /// A segment that is missing or can't be opened.
    pub(crate) fn lost(path: PathBuf, first: u64, last: u64, why: String) -> Self {
        // It has one unreadable block, so that every read of it reports the reason.
        let blocks = vec![Block { first, offset: 0, length: 0, checksum: 0 }];
        Self { path, first, last, bytes: 0, lost: Some(why), blocks, key: None }
    }

    /// The bundles of a block; the next block continues with the next number.
    fn block(&self, block: Block) -> io::Result<Vec<Bundle>> {
        if let Some(why) = &self.lost {
            return Err(damaged(why));
        }
        let mut packed = vec![0; block.length as usize];
        File::open(&self.path)?.read_exact_at(&mut packed, block.offset)?;
        block.verify(&packed)?;
        let packed = opened(self.key.as_deref(), block.first, packed)?;
        let unpacked = zstd::bulk::decompress(&packed, MAX_BLOCK).map_err(|error| damaged(&error.to_string()))?;
        let (mut reader, mut bundles) = (Reader(&unpacked), Vec::new());
        while !reader.0.is_empty() {
            bundles.push(reader.bundle()?);
        }
        Ok(bundles)
    }

    fn block_of(&self, number: u64) -> usize {
        self.blocks.partition_point(|block| block.first <= number).saturating_sub(1)
    }

    /// The bundle stored under a number.
    pub(crate) fn bundle(&self, number: u64) -> io::Result<Option<Bundle>> {
        let Some(block) = self.blocks.get(self.block_of(number)) else { return Ok(None) };
        Ok(self.block(*block)?.into_iter().find(|bundle| bundle.number == number))
    }

    /// The bundles from `first` to `last`, block by block.
    pub(crate) fn bundles(&self, first: u64, last: u64) -> impl Iterator<Item = io::Result<Bundle>> {
        let blocks = self.blocks.iter().skip(self.block_of(first)).take_while(move |block| block.first <= last);
        let parts = blocks.map(|block| self.block(*block));
        let all = parts.flat_map(|part| match part {
            Ok(bundles) => bundles.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        });
        all.filter(move |bundle| {
            bundle.as_ref().is_ok_and(|bundle| (first..=last).contains(&bundle.number)) || bundle.is_err()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bundle(number: u64) -> Bundle {
        let entry =
            |name: &str, bytes: usize| (format!("{name}{number}").into_bytes(), vec![name.as_bytes()[0]; bytes]);
        let companions = (0..number % 3).map(|_| entry("b", 700));
        Bundle { number, entries: std::iter::once(entry("a", 1_000)).chain(companions).collect() }
    }

    fn written(directory: &Path, numbers: std::ops::RangeInclusive<u64>) -> Segment {
        let path = directory.join("segment");
        write(File::create(&path).unwrap(), numbers.map(|number| Ok(bundle(number))), None).unwrap();
        Segment::open(&path, None).unwrap()
    }

    #[test]
    fn records_are_found_by_number_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let segment = written(directory.path(), 1_001..=1_900);
        assert_eq!((segment.first, segment.last), (1_001, 1_900));
        assert!(segment.blocks.len() > 10, "{} blocks", segment.blocks.len());
        for number in 1_001..=1_900 {
            assert_eq!(segment.bundle(number).unwrap(), Some(bundle(number)));
        }
        assert_eq!((segment.bundle(1_000).unwrap(), segment.bundle(1_901).unwrap()), (None, None));
        let part: Vec<_> = segment.bundles(1_234, 1_567).map(|bundle| bundle.unwrap().number).collect();
        assert_eq!(part, (1_234..=1_567).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_or_unordered_segment_is_refused() {
        assert!(write(io::sink(), std::iter::empty(), None).is_err());
        assert!(write(io::sink(), [1, 3].into_iter().map(|number| Ok(bundle(number))), None).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// If any byte changes, or the file is cut off anywhere, reading either fails with an error or returns what was
        /// written.
        #[test]
        fn damage_is_found(at in 0_usize..20_000, mask in 1_u8.., cut in any::<bool>()) {
            let directory = tempfile::tempdir().unwrap();
            let path = written(directory.path(), 1..=300).path;
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] ^= mask }
            std::fs::write(&path, bytes).unwrap();
            let Ok(segment) = Segment::open(&path, None) else { return Ok(()) };
            for number in 1..=300 {
                if let Ok(found) = segment.bundle(number) {
                    prop_assert_eq!(found, Some(bundle(number)));
                }
            }
            // Verifying the bytes and reading them must agree; the first eight bytes belong to no block.
            let is_read = (1..=300).all(|number| segment.bundle(number).is_ok());
            prop_assert_eq!(verify(&std::fs::read(segment.path).unwrap()).is_ok(), is_read);
        }
    }
}
