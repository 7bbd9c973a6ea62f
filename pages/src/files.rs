//! The embedded files. A debug build reads them from disk, so an edit needs a reload only.

use std::borrow::Cow;

/// A file.
pub(crate) struct File {
    /// Its path below `/`.
    pub(crate) path: &'static str,
    /// Where it was when the program was built.
    on_disk: &'static str,
    data: &'static [u8],
    /// The same, compressed.
    brotli: &'static [u8],
}

/// All files, in the order of their paths.
pub(crate) static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

impl File {
    /// The file with a path.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|place| FILES.get(place))
    }

    /// Its bytes.
    pub(crate) fn data(&self) -> Cow<'static, [u8]> {
        let edited = if cfg!(debug_assertions) { std::fs::read(self.on_disk).ok() } else { None };
        edited.map_or(Cow::Borrowed(self.data), Cow::Owned)
    }

    /// Its bytes, compressed; nothing for a file that was edited since the build.
    pub(crate) fn brotli(&self) -> Option<&'static [u8]> {
        let data = self.data();
        (matches!(data, Cow::Borrowed(_)) || *data == *self.data).then_some(self.brotli)
    }

    /// Its checksum, which names this version of it.
    pub(crate) fn version(&self) -> String {
        checksum(&self.data())
    }
}

/// FNV-1a: nobody gains by choosing files with equal checksums.
pub(crate) fn checksum(data: &[u8]) -> String {
    let sum = data
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{sum:016x}")
}
