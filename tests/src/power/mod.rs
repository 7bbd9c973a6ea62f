//! The power-failure simulator: what a store's disk may contain after the power fails at any moment.
//!
//! # How it works
//!
//! 1. A real hub runs with `trace.c` preloaded (`LD_PRELOAD`): every change below its disk's directory is recorded in a
//!    trace. The registers append their requests and answers to the same trace, so "answered before this moment" is
//!    exact.
//! 2. [`Disk`] plays the trace and knows at each moment what is durable and what is not.
//! 3. [`cut`] draws a possible state of the disk if the power fails now.
//! 4. A hub is started on that state and must have everything that was answered.
//!
//! # The effects of a power failure
//!
//! | change | possible result |
//! | --- | --- |
//! | flushed: recorded before an `fsync` or `fdatasync` of its file that has ended | kept |
//! | an unflushed write | kept, lost, or any of its 512-byte sectors; in any order with others |
//! | the file size of a lost write | kept (with zeros) or not |
//! | a write before a failed flush of its file | the same, whatever later flushes report: the system has dropped it |
//! | a change of size | kept or not |
//! | a change of names without a later flush of the directory | any number of the directory's first such changes |
//!
//! Flushing a file makes neither its name nor its directory durable, although ext4 does so in practice; and directories
//! are not ordered with each other, although in ext4's journal they are. So the simulator allows more than a good file
//! system does, never less.
//!
//! There are two controls: handwritten traces in its unit tests, and in `tests/it/power.rs` and `tests/it/life.rs` the
//! same traces without their flushes, which must be found out. To show that the trace is complete, its final state is
//! compared with the real directory.

mod cut;
mod disk;
mod record;
mod scene;
mod written;

use std::{
    env,
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

pub use cut::{Counts, Cut, cut};
pub use disk::{Disk, Flushes, NodeId};
pub use record::{Record, records};
pub use scene::Scene;
pub use written::{Verdicts, Written, moments};

/// A trace that is being written.
pub struct Trace {
    library: String,
    directory: String,
    path: PathBuf,
    /// If a file with this name and [`Failing::name`] exists, a call fails.
    fail: String,
}

/// The environment variable with the trace's path.
const TRACE: &str = "STORE_HUB_POWER_TRACE";

impl Trace {
    /// Compiles `trace.c` and starts a trace of `directory`, which must exist and be empty.
    ///
    /// # Errors
    /// There is no C compiler, or the directory can't be used.
    pub fn begin(directory: &Path, work: &Path) -> Result<Self, String> {
        let library = work.join("trace.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/power/trace.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .arg(source)
            .output()
            .map_err(|error| format!("could not run cc: {error}; install a C compiler"))?;
        if !compiled.status.success() {
            return Err(String::from_utf8_lossy(&compiled.stderr).into_owned());
        }
        let directory = directory.canonicalize().map_err(|error| format!("{}: {error}", directory.display()))?;
        let shown = |path: &Path| path.display().to_string();
        let fail = shown(&work.join("fail"));
        Ok(Self { library: shown(&library), directory: shown(&directory), path: work.join("trace"), fail })
    }

    /// The environment of a traced process.
    pub fn environment(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("STORE_HUB_POWER_DIRECTORY", &self.directory),
            (TRACE, self.path.to_str().unwrap_or_default()),
            ("STORE_HUB_POWER_FAIL", &self.fail),
        ]
    }

    /// Makes the next call of this kind, on a file whose path ends like this, fail once with EIO, in any process.
    ///
    /// # Errors
    /// It can't be set up.
    pub fn fail(&self, what: Failing, path_ends: &str) -> Result<(), String> {
        let path = format!("{}.{}", self.fail, what.name());
        // Created atomically, because every call looks for it.
        let unfinished = format!("{path}.new");
        let arranged = fs::write(&unfinished, path_ends).and_then(|()| fs::rename(&unfinished, &path));
        arranged.map_err(|error| format!("{path}: {error}"))
    }

    /// The notes of the registers in the trace.
    ///
    /// # Errors
    /// The trace can't be opened.
    pub fn notes(&self) -> Result<Notes, String> {
        Notes::in_trace(&self.path)
    }

    /// The trace so far.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self) -> Result<Written, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.path.display());
        let root = fs::metadata(&self.directory).map_err(failed)?.ino();
        let bytes = fs::read(&self.path).map_err(failed)?;
        Ok(Written { bytes, directory: PathBuf::from(&self.directory), root })
    }
}

/// A call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// An `fsync` or `fdatasync`.
    Flush,
    /// A write.
    Write,
    /// An `fsync` or `fdatasync` that reports success: simulates a store that ignores the error.
    Unheard,
}

impl Failing {
    /// The name that `trace.c` looks for.
    const fn name(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Write => "write",
            Self::Unheard => "unheard",
        }
    }
}

/// Writes notes of registers to a trace.
pub struct Notes {
    file: File,
}

impl Notes {
    fn in_trace(path: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(path);
        Ok(Self { file: file.map_err(|error| format!("{}: {error}", path.display()))? })
    }

    /// The notes of a process that is itself traced.
    ///
    /// # Errors
    /// It is not, or the trace can't be opened.
    pub fn of_this_process() -> Result<Self, String> {
        let path = env::var_os(TRACE).ok_or_else(|| format!("{TRACE} is not set: nothing is traced"))?;
        Self::in_trace(Path::new(&path))
    }

    /// Command number `command` is about to be sent.
    pub fn asked(&self, command: usize) {
        self.note(record::ASKED, command);
    }

    /// Command number `command` was answered.
    pub fn answered(&self, command: usize) {
        self.note(record::ANSWERED, command);
    }

    /// One write, like the other records of the trace. An error makes the test fail later, at the latest by an answer
    /// that is not in the trace.
    fn note(&self, kind: u32, command: usize) {
        if let Err(error) = (&self.file).write_all(&record::note(kind, command as u64)) {
            eprintln!("power trace: a note is lost: {error}");
        }
    }
}
