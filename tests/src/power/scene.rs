//! The directories of a traced run and of its judges.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Trace;

/// A traced disk, and space beside it; removed on drop.
pub struct Scene {
    work: PathBuf,
    disk: PathBuf,
    trace: Trace,
    _directory: tempfile::TempDir,
}

impl Scene {
    /// Creates the directories and starts the trace.
    ///
    /// # Errors
    /// The directory can't be created, or the trace can't be started.
    pub fn set() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("a directory for the trace: {error}");
        let directory = tempfile::tempdir().map_err(failed)?;
        let work = directory.path().canonicalize().map_err(failed)?;
        let disk = work.join("disk");
        fs::create_dir(&disk).map_err(failed)?;
        let trace = Trace::begin(&disk, &work)?;
        Ok(Self { work, disk, trace, _directory: directory })
    }

    /// The traced directory.
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// Its trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A path beside it, by name; nothing exists there yet.
    pub fn place(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// Directories for a number of judges.
    pub fn benches(&self, judges: usize) -> impl Iterator<Item = PathBuf> {
        (0..judges).map(|number| self.place(&format!("judge-{number}")))
    }
}
