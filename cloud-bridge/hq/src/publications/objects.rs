//! Files named by their SHA-256, in one directory that any server can serve.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use contract::Digest;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The disk failed.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The content does not match the name.
    #[error("{}: its bytes are not the ones it is named by; remove it and publish again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The directory.
#[derive(Clone, Debug)]
pub struct Objects(PathBuf);

impl Objects {
    /// Opens a directory; creates it if missing.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn open(directory: &Path) -> Result<Self, ObjectError> {
        let failed = |source| ObjectError::Disk { path: directory.to_owned(), source };
        fs::create_dir_all(directory).map_err(failed)?;
        Ok(Self(directory.to_owned()))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.0.join(digest.to_string())
    }

    /// Writes a file; false if it exists. It is whole or absent, also after a power failure.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put(&self, digest: Digest, bytes: &[u8]) -> Result<bool, ObjectError> {
        let path = self.path(digest);
        if path.exists() {
            return Ok(false);
        }
        let write = || -> io::Result<()> {
            let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|source| ObjectError::Disk { path: path.clone(), source })?;
        Ok(true)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is missing, has another size, or is damaged.
    pub fn get(&self, digest: Digest, bytes: u32) -> Result<Vec<u8>, ObjectError> {
        let path = self.path(digest);
        let mut read = Vec::new();
        let file = File::open(&path).and_then(|file| file.take(u64::from(bytes) + 1).read_to_end(&mut read));
        file.map_err(|source| ObjectError::Disk { path: path.clone(), source })?;
        if Digest::of(&read) == digest { Ok(read) } else { Err(ObjectError::Damaged { path }) }
    }
}
