//! Files that survive a power cut: the old content or the new, never a part, never nothing.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Replaces a file: writes a new one beside it, makes it durable, renames it over the old one, and makes the directory
/// durable.
///
/// # Errors
/// The file can't be written; the old content stays.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_old_file_is_never_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hub.toml");
        replace(&path, b"old").unwrap();
        // What a cut left behind is in nobody's way.
        fs::write(directory.path().join("hub.toml.new"), b"a longer part of something").unwrap();
        let mut old = File::open(&path).unwrap();
        replace(&path, b"new").unwrap();
        let mut still = String::new();
        old.read_to_string(&mut still).unwrap();
        assert_eq!((still.as_str(), fs::read_to_string(&path).unwrap().as_str()), ("old", "new"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_can_not_be_written_leaves_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hub.toml");
        replace(&path, b"old").unwrap();
        fs::create_dir(directory.path().join("hub.toml.new")).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
