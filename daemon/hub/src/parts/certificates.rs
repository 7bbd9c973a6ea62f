//! The certificates that the hub shows and trusts: how long they are valid, and their renewal without a restart.
//!
//! A renewed file is taken over within a minute; connections that are open go on. One that can't be used, or whose key
//! is not its own, changes nothing: the former one is shown until it is put right, and the status says so.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use link::{Identity, TrustError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{days_until, ends_soon};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(60);

/// The certificates in use.
#[derive(Clone, Default)]
pub(crate) struct Certificates(Arc<Mutex<Vec<Watched>>>);

struct Watched {
    /// The config's field.
    field: &'static str,
    of: Of,
    expires_at: i64,
    /// Why the file as it is now can't be used.
    trouble: Option<String>,
}

/// What is watched.
enum Of {
    /// Shown, and replaced by a renewed one.
    Own(Arc<Identity>),
    /// An authority that is trusted, as it was read at start.
    Authority(PathBuf),
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CertificateState {
    /// The field of the config that names it.
    pub(crate) field: &'static str,
    /// Days until it ends; negative if it has.
    pub(crate) days_left: i64,
}

impl Certificates {
    fn all(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an identity that the hub shows, and watches it. What the same field names is opened once.
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

    /// Watches an authority that the hub trusts.
    ///
    /// # Errors
    /// The file can't be read, or holds no certificate.
    pub(crate) fn watch_authority(&self, field: &'static str, path: PathBuf) -> Result<(), TrustError> {
        let expires_at = link::identity::expires_at(&path)?;
        self.all().push(Watched { field, of: Of::Authority(path), expires_at, trouble: None });
        Ok(())
    }

    /// Takes over what was renewed, every minute, for as long as the hub lives.
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

    /// Looks at the files.
    fn look(&self) {
        for watched in self.all().iter_mut() {
            let looked = match &watched.of {
                Of::Own(identity) => identity.reload().map(|is_new| (identity.expires_at(), is_new)),
                // A new authority is trusted after a restart: until then the old one's end counts.
                Of::Authority(path) => link::identity::expires_at(path).map(|_| (watched.expires_at, false)),
            };
            let field = watched.field;
            match looked {
                Ok((expires_at, is_new)) => {
                    if is_new {
                        tracing::info!(field, days_left = days_until(expires_at), "took over a renewed certificate");
                    }
                    (watched.expires_at, watched.trouble) = (expires_at, None);
                }
                Err(error) => {
                    let trouble = format!("{field}: {error}; the former certificate is used until this is put right");
                    if watched.trouble.as_ref() != Some(&trouble) {
                        tracing::error!(%trouble, "could not take over a certificate");
                        watched.trouble = Some(trouble);
                    }
                }
            }
        }
    }

    /// All of them.
    pub(crate) fn states(&self) -> Vec<CertificateState> {
        let state =
            |watched: &Watched| CertificateState { field: watched.field, days_left: days_until(watched.expires_at) };
        self.all().iter().map(state).collect()
    }

    /// What a person must do about them.
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

    /// Ends in 1975.
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
    fn an_ended_certificate_is_a_fault_until_a_renewed_one_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("hub.pem"), directory.path().join("hub.key"));
        write(directory.path(), ended());
        let certificates = Certificates::default();
        certificates.open("listen.certificate", &certificate, &key).unwrap();
        certificates.open("listen.certificate", &certificate, &key).unwrap();
        certificates.watch_authority("headquarters.authority", certificate.clone()).unwrap();
        certificates.look();
        assert_eq!(certificates.faults().len(), 2);
        assert!(certificates.faults()[0].contains("listen.certificate: the certificate ended"));
        assert!(certificates.states()[0].days_left < -365);

        // Half of a renewal.
        let renewed = good();
        fs::write(&certificate, &renewed.0).unwrap();
        certificates.look();
        let faults = certificates.faults().join("\n");
        assert!(faults.contains("hub.key: not the private key") && faults.contains("ended"), "{faults}");

        write(directory.path(), renewed);
        certificates.look();
        assert!(certificates.states()[0].days_left > 365);
        assert_eq!(certificates.faults().len(), 1, "the trusted authority is the one of the start");
    }
}
