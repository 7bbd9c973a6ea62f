//! Trust from PEM files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::identity::Identity;

/// Why a PEM file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file could not be read.
    #[error("could not read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The text is not the expected PEM.
    #[error("{origin}: not a valid PEM {expected}: {why}")]
    Invalid {
        /// The file, or `the given PEM text`.
        origin: String,
        /// `certificate` or `private key`.
        expected: &'static str,
        /// The parser's error.
        why: String,
    },
    /// The file contains no certificate.
    #[error("{origin}: contains no certificate; expected a PEM section `BEGIN CERTIFICATE`")]
    Empty {
        /// The file, or `the given PEM text`.
        origin: String,
    },
    /// The key does not match the certificate.
    #[error("{key}: not the private key of the certificate {certificate}: {source}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// The TLS library's error.
        source: rustls::Error,
    },
    /// The TLS library refused the configuration.
    #[error("TLS configuration refused: {0}")]
    Refused(#[from] rustls::Error),
}

/// The trusted certificates of a PEM file.
///
/// # Errors
/// The file cannot be read, contains no certificate, or one that is not an authority's.
pub fn roots_from_file(path: &Path) -> Result<RootCertStore, TrustError> {
    roots(&path.display().to_string(), &read(path)?)
}

/// The trusted certificates of a PEM text.
///
/// # Errors
/// The text contains no certificate, or one that is not an authority's.
pub fn roots_from_pem(pem: &str) -> Result<RootCertStore, TrustError> {
    roots("the given PEM text", pem.as_bytes())
}

fn roots(origin: &str, pem: &[u8]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(origin, pem)? {
        let invalid = |error: rustls::Error| invalid(origin, "certificate", &error);
        roots.add(certificate).map_err(invalid)?;
    }
    Ok(roots)
}

/// A client's TLS that trusts `roots` and presents the identity if the server asks for it.
///
/// # Errors
/// The TLS library refuses.
pub fn client_config(roots: RootCertStore, identity: Option<Arc<Identity>>) -> Result<Arc<ClientConfig>, TrustError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder.with_client_cert_resolver(identity),
    };
    Ok(Arc::new(config))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })
}

pub(crate) fn certificates(origin: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| invalid(origin, "certificate", &error))?;
    if chain.is_empty() { Err(TrustError::Empty { origin: origin.to_owned() }) } else { Ok(chain) }
}

pub(crate) fn invalid(origin: &str, expected: &'static str, error: &dyn std::error::Error) -> TrustError {
    TrustError::Invalid { origin: origin.to_owned(), expected, why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    /// Certificate and key, as PEM.
    fn pem() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["hq.example.com".into()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn all_certificates_of_a_file_are_trusted() {
        let both = [pem().0, pem().0].concat();
        assert_eq!(roots_from_pem(&both).unwrap().len(), 2);
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::write(&path, pem().1).unwrap();
        let error = roots_from_file(&path).unwrap_err();
        assert!(matches!(error, TrustError::Empty { .. }));
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        assert!(matches!(roots_from_file(&directory.path().join("none")), Err(TrustError::Read { .. })));
    }

    #[test]
    fn a_damaged_certificate_is_refused() {
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(roots_from_pem(damaged), Err(TrustError::Invalid { expected: "certificate", .. })));
        let unfinished = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(roots_from_pem(unfinished), Err(TrustError::Invalid { .. })));
    }

    #[test]
    fn an_identity_is_a_certificate_with_its_own_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let (certificate, key) = pem();
        let other = pem().1;
        for (name, text) in [("hub.pem", &certificate), ("hub.key", &key), ("other.key", &other)] {
            fs::write(path(name), text).unwrap();
        }
        let open = |key: &str| Identity::open(&path("hub.pem"), &path(key));
        assert!(open("hub.key").is_ok());
        let error = open("other.key").unwrap_err();
        assert!(matches!(error, TrustError::Mismatch { .. }) && error.to_string().contains("other.key"), "{error}");
        assert!(matches!(open("hub.pem"), Err(TrustError::Invalid { expected: "private key", .. })));
    }

    #[test]
    fn a_renewed_identity_is_used_and_a_bad_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let write = |(certificate, key): &(String, String)| {
            fs::write(path("hub.pem"), certificate).unwrap();
            fs::write(path("hub.key"), key).unwrap();
        };
        let (first, second) = (pem(), pem());
        write(&first);
        let identity = Identity::open(&path("hub.pem"), &path("hub.key")).unwrap();
        assert!(!identity.reload().unwrap(), "unchanged");
        // Between the two writes of a renewal.
        fs::write(path("hub.pem"), &second.0).unwrap();
        assert!(matches!(identity.reload(), Err(TrustError::Mismatch { .. })));
        assert!(identity.expires_at() > 0, "the previous identity stays in use");
        write(&second);
        assert!(identity.reload().unwrap());
        assert!(!identity.reload().unwrap());
    }
}
