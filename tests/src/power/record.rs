//! The records of a trace, as written by `trace.c`.

use std::path::Path;

/// The header of a record: kind, length of the path, length of the data, file, number.
const HEAD: usize = 32;

pub(super) const ASKED: u32 = 100;
pub(super) const ANSWERED: u32 = 101;

/// An action of a process or a note of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'t> {
    /// A file was opened and may be new; `emptied` if its contents were truncated.
    Created {
        /// The path.
        path: &'t str,
        /// The inode.
        file: u64,
        /// Whether it was truncated.
        emptied: bool,
    },
    /// Bytes were written.
    Written {
        /// The inode.
        file: u64,
        /// The offset of the first byte.
        at: u64,
        /// The bytes.
        data: &'t [u8],
    },
    /// A file was given a size.
    Resized {
        /// The inode.
        file: u64,
        /// Bytes.
        size: u64,
    },
    /// A file was extended to at least this size.
    Extended {
        /// The inode.
        file: u64,
        /// Bytes.
        size: u64,
    },
    /// A flush of a file or directory began.
    FlushBegun {
        /// The inode.
        file: u64,
        /// The number of the flush.
        ticket: u64,
    },
    /// The flush succeeded.
    FlushEnded {
        /// The inode.
        file: u64,
        /// The number of the flush.
        ticket: u64,
    },
    /// The flush failed.
    FlushFailed {
        /// The inode.
        file: u64,
        /// The number of the flush.
        ticket: u64,
    },
    /// A write failed and wrote nothing.
    WriteFailed {
        /// The inode.
        file: u64,
    },
    /// A name was changed, replacing the target.
    Renamed {
        /// The old path.
        from: &'t str,
        /// The new path.
        to: &'t str,
    },
    /// A name was removed.
    Removed {
        /// The path.
        path: &'t str,
    },
    /// A directory was made.
    MadeDirectory {
        /// The path.
        path: &'t str,
        /// The inode.
        file: u64,
    },
    /// A register is about to send a command.
    Asked {
        /// Its number.
        command: usize,
    },
    /// A register was answered.
    Answered {
        /// The command's number.
        command: usize,
    },
}

impl Record<'_> {
    /// Whether it creates, changes or removes a name.
    pub fn is_naming(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::MadeDirectory { .. } | Self::Renamed { .. } | Self::Removed { .. })
    }

    /// Whether it changes the disk.
    pub fn is_change(&self) -> bool {
        self.is_naming() || matches!(self, Self::Written { .. } | Self::Resized { .. } | Self::Extended { .. })
    }
}

/// A note of a register.
pub(super) fn note(kind: u32, command: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&kind.to_ne_bytes());
    head[24..].copy_from_slice(&command.to_ne_bytes());
    head
}

/// Reads a whole trace of `directory`; paths are relative to it.
///
/// # Errors
/// The trace is invalid: the position and the reason.
pub fn records<'t>(mut trace: &'t [u8], directory: &str) -> Result<Vec<Record<'t>>, String> {
    let whole = trace.len();
    let mut records = Vec::new();
    while !trace.is_empty() {
        let place = whole - trace.len();
        let wrong = |why: &str| format!("the trace is broken at byte {place}: {why}");
        let (record, rest) = one(trace, directory).map_err(|why| wrong(&why))?;
        records.push(record);
        trace = rest;
    }
    Ok(records)
}

fn one<'t>(trace: &'t [u8], directory: &str) -> Result<(Record<'t>, &'t [u8]), String> {
    let (head, rest) = trace.split_first_chunk::<HEAD>().ok_or("half a head")?;
    let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let long = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_ne_bytes(bytes)
    };
    let (kind, path_length, data_length) = (word(0), word(4) as usize, usize::try_from(long(8)).unwrap_or(usize::MAX));
    let (file, number) = (long(16), long(24));
    let (path, rest) = rest.split_at_checked(path_length).ok_or("half a path")?;
    let (data, rest) = rest.split_at_checked(data_length).ok_or("half of the data")?;
    let path = str::from_utf8(path).map_err(|_| "a path that is no text")?;
    let below = |path: &'t str| {
        let path = Path::new(path).strip_prefix(directory).ok().and_then(Path::to_str);
        path.ok_or_else(|| "a path outside of the directory".to_owned())
    };
    let record = match kind {
        1 => Record::Created { path: below(path)?, file, emptied: number == 1 },
        2 => Record::Written { file, at: number, data },
        3 => Record::Resized { file, size: number },
        4 => Record::Extended { file, size: number },
        5 => Record::FlushBegun { file, ticket: number },
        6 => Record::FlushEnded { file, ticket: number },
        7 => {
            let (from, to) = path.split_once('\0').ok_or("a rename with one path")?;
            Record::Renamed { from: below(from)?, to: below(to)? }
        }
        8 => Record::Removed { path: below(path)? },
        9 => Record::MadeDirectory { path: below(path)?, file },
        10 => Record::FlushFailed { file, ticket: number },
        11 => Record::WriteFailed { file },
        ASKED => Record::Asked { command: usize::try_from(number).unwrap_or(usize::MAX) },
        ANSWERED => Record::Answered { command: usize::try_from(number).unwrap_or(usize::MAX) },
        _ => return Err(format!("a record of kind {kind}")),
    };
    Ok((record, rest))
}
