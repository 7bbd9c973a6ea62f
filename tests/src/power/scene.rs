//! Where a life is traced and its cuts are judged.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Trace;

/// A disk that is traced, and room beside it; all gone when it is dropped.
pub struct Scene {
    work: PathBuf,
    disk: PathBuf,
    trace: Trace,
    _directory: tempfile::TempDir,
}

impl Scene {
    /// A new one.
    ///
    /// # Errors
    /// The directory can't be made, or the trace can't be begun.
    pub fn set() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("a directory for the trace: {error}");
        let directory = tempfile::tempdir().map_err(failed)?;
        let work = directory.path().canonicalize().map_err(failed)?;
        let disk = work.join("disk");
        fs::create_dir(&disk).map_err(failed)?;
        let trace = Trace::begin(&disk, &work)?;
        Ok(Self { work, disk, trace, _directory: directory })
    }

    /// What is traced.
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// The trace of it.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A place beside it, by name; nothing is there yet.
    pub fn place(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// Places for so many judges.
    pub fn benches(&self, judges: usize) -> impl Iterator<Item = PathBuf> {
        (0..judges).map(|number| self.place(&format!("judge-{number}")))
    }
}
