//! The fetcher's TLS. The authority's file is read again for every connection, so that a renewed one is trusted without
//! a restart. While the file cannot be used, the previous authority stays trusted.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::ClientConfig;

use super::super::{certificates::Certificates, headquarters};
use crate::config::{self, Config};

/// The authority of the servers that have publications.
pub(super) struct Trust {
    config: Config,
    headquarters: config::Headquarters,
    /// The config's field.
    field: &'static str,
    authority: PathBuf,
    certificates: Certificates,
    current: Mutex<Current>,
}

struct Current {
    pem: Vec<u8>,
    tls: Arc<ClientConfig>,
}

impl Trust {
    /// Reads the authority that a field of the config names.
    ///
    /// # Errors
    /// A certificate or a key can't be used.
    pub(super) fn open(
        config: &Config,
        headquarters: &config::Headquarters,
        field: &'static str,
        authority: PathBuf,
        certificates: &Certificates,
    ) -> Result<Self, String> {
        let read = || -> Result<Current, String> {
            let pem = read(field, &authority)?;
            let tls = headquarters::tls(config, headquarters, field, &pem, certificates)?;
            Ok(Current { pem, tls })
        };
        let current = Mutex::new(read()?);
        let (config, headquarters, certificates) = (config.clone(), headquarters.clone(), certificates.clone());
        Ok(Self { config, headquarters, field, authority, certificates, current })
    }

    /// TLS that trusts the authority in the file. Blocks on the disk.
    pub(super) fn tls(&self) -> Arc<ClientConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let renewed = read(self.field, &self.authority).and_then(|pem| {
            if pem == current.pem {
                return Ok(None);
            }
            let tls = headquarters::tls(&self.config, &self.headquarters, self.field, &pem, &self.certificates)?;
            Ok(Some(Current { pem, tls }))
        });
        match renewed {
            Ok(None) => {}
            Ok(Some(renewed)) => {
                tracing::info!(field = self.field, "loaded a renewed authority for publications");
                *current = renewed;
            }
            Err(error) => tracing::warn!(%error, "could not load a renewed authority; the old one stays in use"),
        }
        Arc::clone(&current.tls)
    }
}

fn read(field: &str, authority: &Path) -> Result<Vec<u8>, String> {
    fs::read(authority).map_err(|error| format!("{field}: could not read {}: {error}", authority.display()))
}
