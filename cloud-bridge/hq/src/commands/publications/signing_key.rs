//! `store-hub-hq signing-key`.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use contract::publication::SigningKey;

/// The key's file.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file of the key, created if missing. Whoever has it can sign publications for every hub.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), String> {
    let path = &arguments.file;
    if !path.exists() {
        let (_, secret) = SigningKey::generate()?;
        let failed = |error: std::io::Error| format!("{}: could not write the key: {error}", path.display());
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        writeln!(file, "{secret}").and_then(|()| file.sync_all()).map_err(failed)?;
    }
    let key = read(path)?;
    eprintln!("Hubs trust this key; add it to their config:");
    println!("[publications]\nkey = \"{}\"", key.public());
    Ok(())
}

/// Reads a key; only its owner may have access to the file.
pub(super) fn read(path: &Path) -> Result<SigningKey, String> {
    let failed = |error: std::io::Error| {
        format!("{}: could not read the key: {error}; `store-hub-hq signing-key FILE` creates one", path.display())
    };
    let mode = fs::metadata(path).map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        let (path, mode) = (path.display(), mode & 0o777);
        return Err(format!("{path}: others can read or write the key (mode {mode:o}); chmod 600 {path}"));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    SigningKey::from_secret(text.trim()).map_err(|why| format!("{}: {why}", path.display()))
}
