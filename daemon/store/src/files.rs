//! Atomic file writes: after a power failure a file is complete or absent.
//!
//! A file is written as `NAME.new` in the same directory, synced and renamed, and the directory is synced. A file must
//! have only one writer at a time.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the rename | the old file, or none; the next write removes a `NAME.new` that is left |
//! | power, after the rename | the new file |
//! | an error of the disk or of the callback that writes | the old file, or none; `NAME.new` is removed |

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The access mode of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// According to the process's umask.
    Usual,
    /// Only the owner (0600), from the first byte on: for keys, tokens and codes.
    Private,
}

/// Writes a file, replacing the old one as a whole.
///
/// # Errors
/// The disk fails; the old file is unchanged.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    replace_with(path, access, |mut file, _| file.write_all(bytes))
}

/// The same for content that is written in pieces or verified before it counts: `write` gets the file and its temporary
/// path.
///
/// # Errors
/// The disk or `write` fails; the old file is unchanged.
pub fn replace_with(path: &Path, access: Access, write: impl FnOnce(&File, &Path) -> io::Result<()>) -> io::Result<()> {
    let unfinished = unfinished(path);
    remove_if_there(&unfinished)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    if access == Access::Private {
        options.mode(0o600);
    }
    let file = options.open(&unfinished)?;
    let written = write(&file, &unfinished).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&unfinished, path));
    written.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    sync_directory(directory_of(path))
}

/// Creates an empty file that serves as a mark, unless it exists. Does not follow a link. Its name is durable once its
/// directory is [synced](sync_directory).
///
/// # Errors
/// The disk fails.
pub fn mark(path: &Path) -> io::Result<()> {
    match File::create_new(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file if it exists, and makes that durable.
///
/// # Errors
/// The disk fails.
pub fn remove(path: &Path) -> io::Result<()> {
    remove_if_there(path)?;
    sync_directory(directory_of(path))
}

/// Identifies a file on its disk, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file at a path.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Requires that it is still at the path. A file that is open can be removed or replaced, and what is written to it
    /// afterwards is lost.
    pub(crate) fn require_at(self, path: &Path) -> Result<(), String> {
        match Self::of(path) {
            Ok(found) if found == self => Ok(()),
            Ok(_) => Err(format!("{} was replaced while the store was open; restart, and check it", path.display())),
            Err(error) => Err(format!("{}: {error}; stop, and restore a backup", path.display())),
        }
    }
}

/// Makes a directory and its missing parents, each with a durable name; otherwise files synced in it later could be
/// lost with it. Only the owner can enter the new directories. An existing directory is synced too, because whoever
/// made it may have been interrupted before the sync.
///
/// # Errors
/// The disk fails.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let above = directory_of(path);
    if !above.exists() {
        make_directory(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match sync_directory(above) {
        // The parent may belong to others, who made this directory for us.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Makes the names in a directory durable.
///
/// # Errors
/// The disk fails.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_replaced_file_is_whole_and_a_failure_leaves_the_former_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        replace(&path, b"first", Access::Usual).unwrap();
        replace(&path, b"second", Access::Usual).unwrap();
        let failed = replace_with(&path, Access::Usual, |mut file, _| {
            file.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_private_file_is_private_whatever_it_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let elsewhere = directory.path().join("elsewhere");
        for left in ["file", "link"] {
            fs::write(&path, b"open to all").unwrap();
            match left {
                "file" => fs::write(unfinished(&path), b"left by a power cut").unwrap(),
                _ => std::os::unix::fs::symlink(&elsewhere, unfinished(&path)).unwrap(),
            }
            replace(&path, b"secret", Access::Private).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read(&path).unwrap(), b"secret");
        }
        assert!(!elsewhere.exists(), "a link is not followed");
    }

    #[test]
    fn a_mark_is_made_once_and_follows_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (directory.path().join("rewrite"), directory.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        mark(&path).unwrap();
        assert!(!elsewhere.exists());
        fs::remove_file(&path).unwrap();
        mark(&path).unwrap();
        mark(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert!(mark(&directory.path().join("none/rewrite")).is_err());
    }

    #[test]
    fn a_file_that_was_removed_or_replaced_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        fs::write(&path, b"one").unwrap();
        let id = FileId::of(&path).unwrap();
        id.require_at(&path).unwrap();
        fs::rename(&path, directory.path().join("away")).unwrap();
        assert!(id.require_at(&path).unwrap_err().contains("restore a backup"));
        fs::write(&path, b"two").unwrap();
        assert!(id.require_at(&path).unwrap_err().contains("was replaced"));
    }

    #[test]
    fn a_relative_path_without_a_directory_is_in_the_current_one() {
        assert_eq!(directory_of(Path::new("file")), Path::new("."));
    }
}
