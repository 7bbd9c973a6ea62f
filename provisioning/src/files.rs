//! Identity files.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use crate::authority::{Identity, ProvisioningError};

/// Writes a store's authority and its hub's identity into a directory: `ca.pem`, `ca.key`, `hub.pem`, `hub.key`.
///
/// # Errors
/// One of them exists or can't be written.
pub fn write_store(directory: &Path, authority: &Identity, hub: &Identity) -> Result<(), ProvisioningError> {
    write_new(
        directory,
        &[
            ("ca.key", &authority.key_pem, 0o600),
            ("ca.pem", &authority.certificate_pem, 0o644),
            ("hub.key", &hub.key_pem, 0o600),
            ("hub.pem", &hub.certificate_pem, 0o644),
        ],
    )
}

/// Writes new files with these modes into a directory, which is created if missing.
///
/// # Errors
/// One of them exists or can't be written.
pub fn write_new(directory: &Path, files: &[(&str, &str, u32)]) -> Result<(), ProvisioningError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| failed(directory, &error))?;
    for (name, ..) in files {
        let path = directory.join(name);
        if path.exists() {
            let why = "already exists and is not overwritten; choose another directory, or move it away".to_owned();
            return Err(ProvisioningError::File { path: path.display().to_string(), why });
        }
    }
    for (name, text, mode) in files {
        replace(&directory.join(name), text.as_bytes(), *mode)?;
    }
    Ok(())
}

/// Replaces a file atomically and durably.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ProvisioningError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = directory.join(format!(".{name}.new"));
    // A file left by an earlier attempt, or a link placed there for us to follow.
    let _ = fs::remove_file(&temporary);
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary);
    let mut file = file.map_err(|error| failed(&temporary, &error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| failed(&temporary, &error))?;
    fs::rename(&temporary, path).map_err(|error| failed(path, &error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| failed(directory, &error))
}

pub(crate) fn failed(path: &Path, error: &std::io::Error) -> ProvisioningError {
    ProvisioningError::File { path: path.display().to_string(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, time::SystemTime};

    use super::*;
    use crate::{Names, StoreAuthority};

    #[test]
    fn keys_are_private_and_never_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("store");
        let authority = StoreAuthority::create("store-367", SystemTime::now()).unwrap();
        let hub = authority.issue("hub", &Names { hosts: vec!["localhost".into()], addresses: vec![] }).unwrap();
        write_store(&directory, &authority.identity(), &hub).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!((mode(&directory.join("hub.key")), mode(&directory.join("hub.pem"))), (0o600, 0o644));
        let before = fs::read(directory.join("ca.key")).unwrap();
        let error = write_store(&directory, &authority.identity(), &hub).unwrap_err().to_string();
        assert!(error.contains("not overwritten"), "{error}");
        assert_eq!(fs::read(directory.join("ca.key")).unwrap(), before);
    }
}
