//! The medium of the store: its engine, and the key of its encryption.
//!
//! The key is a credential of the systemd unit, `store-hub.key`: 32 random bytes that `store-hub-key.service` makes at
//! the first boot. systemd decrypts it for the hub alone, by the box's TPM where there is one. It is not a setting: a
//! config travels, and the key must not. A hub that is started without systemd has no key, and no encryption.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use store::{EngineKind, Medium, SealKey};

use super::Config;

/// The credential's name.
const CREDENTIAL: &str = "store-hub.key";

impl Config {
    /// The medium of the store.
    ///
    /// # Errors
    /// The credential can't be used.
    pub(crate) fn medium(&self) -> Result<Medium, String> {
        medium(self.store.engine)
    }
}

/// The medium of a store with another engine than in the config.
pub(crate) fn medium(engine: EngineKind) -> Result<Medium, String> {
    let directory = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let key = directory.map(|directory| read(&directory)).transpose()?.flatten();
    Ok(Medium { engine, key })
}

/// The key in a directory of credentials, if it is there.
fn read(directory: &Path) -> Result<Option<Arc<SealKey>>, String> {
    let path = directory.join(CREDENTIAL);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("the credential {}: {error}", path.display())),
    };
    let key = SealKey::new(&bytes).ok_or_else(|| {
        format!(
            "the credential {}: {} bytes; expected 32, as `store-hub-key.service` makes them",
            path.display(),
            bytes.len()
        )
    })?;
    Ok(Some(Arc::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_32_bytes_or_absent() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(directory.path()).unwrap().is_none());
        fs::write(directory.path().join(CREDENTIAL), [7; 32]).unwrap();
        assert!(read(directory.path()).unwrap().is_some());
        fs::write(directory.path().join(CREDENTIAL), [7; 31]).unwrap();
        assert!(read(directory.path()).unwrap_err().contains("31 bytes; expected 32"));
    }
}
