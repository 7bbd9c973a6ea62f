//! The files of a hub's identity, in its state directory. Each is replaced atomically and durably: temporary name,
//! fsync, rename, fsync of the directory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A directory of private files.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The changes that still succeed, as if the power failed after them.
    #[cfg(test)]
    pub(super) left: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

impl Folder {
    /// A directory, created if missing.
    ///
    /// # Errors
    /// It can't be created.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let folder = Self::at(path);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| folder.failed("", &error))?;
        Ok(folder)
    }

    /// A directory that exists.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(test)]
            left: std::sync::Arc::new(std::sync::atomic::AtomicU32::new(u32::MAX)),
        }
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn failed(&self, name: &str, error: &io::Error) -> String {
        format!("{}: {error}", self.path(name).display())
    }

    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "fails in tests")]
    fn step(&self) -> Result<(), String> {
        #[cfg(test)]
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            self.left.store(0, std::sync::atomic::Ordering::Relaxed);
            return Err("the power failed".into());
        }
        Ok(())
    }

    /// A file's text; `None` if it does not exist.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, String> {
        let path = self.path(name);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(name, &error)),
            Ok(metadata) if metadata.len() > LARGEST => {
                return Err(format!("{}: larger than {LARGEST} bytes", path.display()));
            }
            Ok(_) => {}
        }
        fs::read_to_string(&path).map(Some).map_err(|error| self.failed(name, &error))
    }

    /// A file's text.
    ///
    /// # Errors
    /// It does not exist or can't be read.
    pub(crate) fn need(&self, name: &str) -> Result<String, String> {
        self.read(name)?.ok_or_else(|| format!("{} is missing", self.path(name).display()))
    }

    /// A file's JSON; `None` if it does not exist.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.read(name)? else { return Ok(None) };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| format!("{}: {error}", self.path(name).display()))
    }

    /// Replaces a file.
    ///
    /// # Errors
    /// It can't be written; then the former one is still there.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), String> {
        self.step()?;
        let temporary = self.path(&format!(".{name}.new"));
        // A file left by an earlier attempt, or a link placed there for us to follow.
        let _ = fs::remove_file(&temporary);
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.map_err(|error| self.failed(name, &error))?;
        self.step()?;
        fs::rename(&temporary, self.path(name)).map_err(|error| self.failed(name, &error))?;
        self.sync()
    }

    /// Replaces a file by JSON.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        let text = serde_json::to_string_pretty(value).map_err(|error| format!("{name}: {error}"))?;
        self.write(name, &text)
    }

    /// Gives a file another name, in the place of the one that has it.
    ///
    /// # Errors
    /// It can't.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), String> {
        self.step()?;
        fs::rename(self.path(from), self.path(to)).map_err(|error| self.failed(to, &error))?;
        self.sync()
    }

    /// Removes a file, if it exists.
    ///
    /// # Errors
    /// It can't.
    pub(crate) fn remove(&self, name: &str) -> Result<(), String> {
        self.step()?;
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(name, &error)),
            _ => self.sync(),
        }
    }

    fn sync(&self) -> Result<(), String> {
        let synced = File::open(&self.path).and_then(|directory| directory.sync_all());
        synced.map_err(|error| self.failed("", &error))
    }
}
