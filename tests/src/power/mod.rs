//! The power-cut simulator: what a store's disk may hold after the power went at any moment.
//!
//! # How it goes
//!
//! 1. A real hub runs with `trace.c` in its way (`LD_PRELOAD`): every change below its disk's directory is a record in
//!    a trace. The registers append what they asked and what they were answered to the same trace, so "answered before
//!    this moment" is exact.
//! 2. [`Disk`] plays the trace and knows at each moment what is surely on the platter and what is not.
//! 3. [`cut`] draws a state that the disk may be in if the power goes now.
//! 4. A hub is started on it, and must have everything that was answered.
//!
//! # What a power cut does here
//!
//! | change | what may be left of it |
//! | --- | --- |
//! | flushed: recorded before an `fsync` or `fdatasync` of its file began that has ended | all |
//! | a write that was not | all, nothing, or any of its 512-byte sectors; in any order with the others, so that an older one may land over a newer one |
//! | of a write that is lost, the size that it gave the file | kept (zeros) or not |
//! | a write before a flush of its file that failed | the same, whatever later flushes of it say: the system has let go of what it could not write |
//! | a change of size | made or not |
//! | a name made, changed or removed, its directory not flushed since | any number of a directory's first such changes, in order; directories apart from each other |
//!
//! A file's flush makes neither its name nor its directory durable, though ext4 does so in practice; and directories
//! are not in one order with each other, though in ext4's journal they are: the simulator allows more than a good file
//! system does, never less.
//!
//! It is proved twice: hand-written traces in its unit tests, and in `tests/it/power.rs` and `tests/it/life.rs` the
//! same traces with their flushes taken away, which must be found out. That the trace misses nothing is proved at its
//! end: played to the last record, it must equal the real directory.

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
    /// A file of this name and [`Failing::name`] makes a call fail.
    fail: String,
}

/// The variable that names the trace.
const TRACE: &str = "STORE_HUB_POWER_TRACE";

impl Trace {
    /// Compiles `trace.c` and begins a trace of `directory`, which must be there and empty.
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
            .map_err(|error| format!("cc can't be run: {error}; install a C compiler"))?;
        if !compiled.status.success() {
            return Err(String::from_utf8_lossy(&compiled.stderr).into_owned());
        }
        let directory = directory.canonicalize().map_err(|error| format!("{}: {error}", directory.display()))?;
        let shown = |path: &Path| path.display().to_string();
        let fail = shown(&work.join("fail"));
        Ok(Self { library: shown(&library), directory: shown(&directory), path: work.join("trace"), fail })
    }

    /// What a process needs in its environment to be traced.
    pub fn environment(&self) -> [(&str, &str); 4] {
        [
            ("LD_PRELOAD", &self.library),
            ("STORE_HUB_POWER_DIRECTORY", &self.directory),
            (TRACE, self.path.to_str().unwrap_or_default()),
            ("STORE_HUB_POWER_FAIL", &self.fail),
        ]
    }

    /// The next call of this kind on a file below the directory whose path ends so, by whatever process, fails with
    /// EIO, once.
    ///
    /// # Errors
    /// It can't be arranged.
    pub fn fail(&self, what: Failing, path_ends: &str) -> Result<(), String> {
        let path = format!("{}.{}", self.fail, what.name());
        // Whole at once: it is looked for at every call.
        let unfinished = format!("{path}.new");
        let arranged = fs::write(&unfinished, path_ends).and_then(|()| fs::rename(&unfinished, &path));
        arranged.map_err(|error| format!("{path}: {error}"))
    }

    /// Where registers note down what they ask and hear.
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

/// What may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// An `fsync` or `fdatasync`.
    Flush,
    /// A write.
    Write,
    /// An `fsync` or `fdatasync` that says it succeeded: what a store makes of a failure that does not look.
    Unheard,
}

impl Failing {
    /// As `trace.c` looks for it.
    const fn name(self) -> &'static str {
        match self {
            Self::Flush => "flush",
            Self::Write => "write",
            Self::Unheard => "unheard",
        }
    }
}

/// The registers' pen in a trace.
pub struct Notes {
    file: File,
}

impl Notes {
    fn in_trace(path: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(path);
        Ok(Self { file: file.map_err(|error| format!("{}: {error}", path.display()))? })
    }

    /// The pen of a process that is traced itself.
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

    /// One write, as the trace's other records are. What can't be written fails the test later, at the latest by an
    /// answer that is not in the trace.
    fn note(&self, kind: u32, command: usize) {
        if let Err(error) = (&self.file).write_all(&record::note(kind, command as u64)) {
            eprintln!("power trace: a note is lost: {error}");
        }
    }
}
