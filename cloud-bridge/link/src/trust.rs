//! Trust and identities from PEM files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Why a PEM file, or what it holds, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file could not be read.
    #[error("could not read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not the PEM that was expected.
    #[error("{origin}: not a valid PEM {expected}: {why}")]
    Invalid {
        /// The file, or `the given PEM text`.
        origin: String,
        /// `certificate` or `private key`.
        expected: &'static str,
        /// What the parser said.
        why: String,
    },
    /// There is no certificate in it.
    #[error("{origin}: contains no certificate; expected a PEM section `BEGIN CERTIFICATE`")]
    Empty {
        /// The file, or `the given PEM text`.
        origin: String,
    },
    /// The TLS library refused the certificates or the key.
    #[error("TLS configuration refused: {0}")]
    Refused(#[from] rustls::Error),
}

/// The certificates to trust, from a PEM file.
///
/// # Errors
/// The file cannot be read, or holds no certificate, or one that cannot be an authority's.
pub fn roots_from_file(path: &Path) -> Result<RootCertStore, TrustError> {
    roots(&path.display().to_string(), &read(path)?)
}

/// The certificates to trust, from PEM text.
///
/// # Errors
/// There is no certificate in it, or one that cannot be an authority's.
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

/// A certificate chain and its private key.
#[derive(Debug)]
pub struct Identity {
    /// The certificate first, then those that signed it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The certificate's key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads an identity from its two PEM files.
    ///
    /// # Errors
    /// A file cannot be read, or is not of the right kind.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let chain = certificates(&certificate.display().to_string(), &read(certificate)?)?;
        let origin = key.display().to_string();
        let key = PrivateKeyDer::from_pem_slice(&read(key)?);
        Ok(Self { chain, key: key.map_err(|error| invalid(&origin, "private key", &error))? })
    }
}

/// TLS for a client that trusts `roots` and, if asked, shows its own identity.
///
/// # Errors
/// The key does not belong to the certificate.
pub fn client_config(roots: RootCertStore, identity: Option<Identity>) -> Result<Arc<ClientConfig>, TrustError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key)?,
    };
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })
}

fn certificates(origin: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| invalid(origin, "certificate", &error))?;
    if chain.is_empty() { Err(TrustError::Empty { origin: origin.to_owned() }) } else { Ok(chain) }
}

fn invalid(origin: &str, expected: &'static str, error: &dyn std::error::Error) -> TrustError {
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
        let config = |key: &str| {
            let identity = Identity::from_files(&path("hub.pem"), &path(key))?;
            client_config(roots_from_pem(&certificate)?, Some(identity))
        };
        assert!(config("hub.key").is_ok());
        assert!(matches!(config("other.key"), Err(TrustError::Refused(_))));
        assert!(matches!(config("hub.pem"), Err(TrustError::Invalid { expected: "private key", .. })));
    }
}
