//! The certificates that the hub uses and trusts: their expiry, and their renewal without a restart.
//!
//! A renewed file is loaded within a minute; open connections continue. If the new certificate is invalid or does not
//! match its key, the old one stays in use until the file is fixed, and the status reports it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use link::{Identity, TrustError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{days_until, ends_soon};

/// The interval of checks.
pub(super) const EVERY: Duration = Duration::from_secs(60);

/// The certificates in use.
#[derive(Clone, Default)]
pub(crate) struct Certificates(Arc<Mutex<Vec<Watched>>>);

struct Watched {
    /// The config's field.
    field: &'static str,
    of: Of,
    expires_at: i64,
    /// Why the current file can't be used.
    trouble: Option<String>,
}

/// The kind of certificate.
enum Of {
    /// The hub's own; replaced when it is renewed.
    Own(Arc<Identity>),
    /// A trusted authority; a renewed one is taken over by its user.
    Authority(PathBuf),
}

/// The state of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CertificateState {
    /// The config field that names it.
    pub(crate) field: &'static str,
    /// Days until it expires; negative if it has.
    pub(crate) days_left: i64,
}

impl Certificates {
    fn all(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an identity of the hub and watches it. Each field is opened only once.
    ///
    /// # Errors
    /// A file can't be used.
    pub(crate) fn open(&self, field: &'static str, certificate: &Path, key: &Path) -> Result<Arc<Identity>, String> {
        let mut all = self.all();
        let same = all.iter().find_map(|watched| match &watched.of {
            Of::Own(identity) if watched.field == field => Some(Arc::clone(identity)),
            _ => None,
        });
        if let Some(identity) = same {
            return Ok(identity);
        }
        let identity = Identity::open(certificate, key).map_err(|error| format!("{field}: {error}"))?;
        let (expires_at, identity) = (identity.expires_at(), Arc::new(identity));
        all.push(Watched { field, of: Of::Own(Arc::clone(&identity)), expires_at, trouble: None });
        Ok(identity)
    }

    /// Watches a trusted authority.
    ///
    /// # Errors
    /// The file can't be read or has no certificate.
    pub(crate) fn watch_authority(&self, field: &'static str, path: PathBuf) -> Result<(), TrustError> {
        let expires_at = link::identity::expires_at(&path)?;
        self.all().push(Watched { field, of: Of::Authority(path), expires_at, trouble: None });
        Ok(())
    }

    /// Loads renewed certificates, every minute, while the hub runs.
    pub(crate) fn follow(&self) {
        let all = self.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                every.tick().await;
                let all = all.clone();
                let _ = tokio::task::spawn_blocking(move || all.look()).await;
            }
        });
    }

    /// Checks the files.
    fn look(&self) {
        for watched in self.all().iter_mut() {
            let looked = match &watched.of {
                Of::Own(identity) => identity.reload().map(|is_new| (identity.expires_at(), is_new)),
                Of::Authority(path) => {
                    link::identity::expires_at(path).map(|expires_at| (expires_at, expires_at != watched.expires_at))
                }
            };
            let field = watched.field;
            match looked {
                Ok((expires_at, is_new)) => {
                    if is_new {
                        tracing::info!(field, days_left = days_until(expires_at), "loaded a renewed certificate");
                    }
                    (watched.expires_at, watched.trouble) = (expires_at, None);
                }
                Err(error) => {
                    let trouble = format!("{field}: {error}; the old certificate stays in use until this is fixed");
                    if watched.trouble.as_ref() != Some(&trouble) {
                        tracing::error!(%trouble, "could not load a renewed certificate");
                        watched.trouble = Some(trouble);
                    }
                }
            }
        }
    }

    /// The states of all certificates.
    pub(crate) fn states(&self) -> Vec<CertificateState> {
        let state =
            |watched: &Watched| CertificateState { field: watched.field, days_left: days_until(watched.expires_at) };
        self.all().iter().map(state).collect()
    }

    /// The faults of certificates.
    pub(crate) fn faults(&self) -> Vec<String> {
        let fault = |watched: &Watched| {
            [watched.trouble.clone(), ends_soon(watched.field, watched.expires_at)].into_iter().flatten()
        };
        self.all().iter().flat_map(|watched| fault(watched).collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};

    use super::*;

    fn write(directory: &Path, (certificate, key): (String, String)) {
        fs::write(directory.join("hub.pem"), certificate).unwrap();
        fs::write(directory.join("hub.key"), key).unwrap();
    }

    /// Expired in 1975.
    fn ended() -> (String, String) {
        let (key, mut parameters) = (KeyPair::generate().unwrap(), CertificateParams::default());
        parameters.not_before = rcgen::date_time_ymd(1970, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(1975, 1, 1);
        (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn good() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["hub".into()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn an_expired_certificate_is_a_fault_until_a_renewed_one_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("hub.pem"), directory.path().join("hub.key"));
        write(directory.path(), ended());
        let certificates = Certificates::default();
        certificates.open("listen.certificate", &certificate, &key).unwrap();
        certificates.open("listen.certificate", &certificate, &key).unwrap();
        certificates.watch_authority("headquarters.authority", certificate.clone()).unwrap();
        certificates.look();
        assert_eq!(certificates.faults().len(), 2);
        assert!(certificates.faults()[0].contains("listen.certificate: the certificate expired"));
        assert!(certificates.states()[0].days_left < -365);

        // A renewal that is only half done.
        let renewed = good();
        fs::write(&certificate, &renewed.0).unwrap();
        certificates.look();
        let faults = certificates.faults().join("\n");
        assert!(faults.contains("hub.key: not the private key") && faults.contains("expired"), "{faults}");

        write(directory.path(), renewed);
        certificates.look();
        assert!(certificates.states()[0].days_left > 365);
        assert_eq!(certificates.faults(), [""; 0], "the authority is renewed too");
    }
}
