//! A certificate and key that can be renewed while in use.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::trust::{TrustError, certificates, invalid, read};

/// A certificate chain and its private key, from two PEM files, for a server or a client. [`Self::reload`] re-reads the
/// files; established connections continue.
#[derive(Debug)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<Shown>,
}

#[derive(Debug, Clone)]
struct Shown {
    certified: Arc<CertifiedKey>,
    expires_at: i64,
    /// The bytes of the two files.
    files: Arc<(Vec<u8>, Vec<u8>)>,
}

impl Identity {
    /// Reads an identity. The certificate's file has the certificate first, then those that signed it.
    ///
    /// # Errors
    /// A file cannot be read or has the wrong content, or the key does not match the certificate.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let shown = RwLock::new(load(certificate, key, files(certificate, key)?)?);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), shown })
    }

    /// Re-reads the files; returns whether they changed.
    ///
    /// # Errors
    /// As for [`Self::open`]. The previous identity stays in use.
    pub fn reload(&self) -> Result<bool, TrustError> {
        let files = files(&self.certificate, &self.key)?;
        if files == *self.shown().files {
            return Ok(false);
        }
        let shown = load(&self.certificate, &self.key, files)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(true)
    }

    /// When the first certificate of the chain expires: seconds since 1970, UTC.
    pub fn expires_at(&self) -> i64 {
        self.shown().expires_at
    }

    /// The certificate itself, DER.
    #[must_use]
    pub fn leaf(&self) -> CertificateDer<'static> {
        let leaf = self.shown().certified.cert.first().cloned();
        leaf.unwrap_or_else(|| CertificateDer::from(Vec::new()))
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown().certified)
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.shown().certified)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// When the first certificate of a file expires: seconds since 1970, UTC.
///
/// # Errors
/// The file cannot be read, or contains no certificate.
pub fn expires_at(certificate: &Path) -> Result<i64, TrustError> {
    let origin = certificate.display().to_string();
    earliest_end(&origin, &certificates(&origin, &read(certificate)?)?)
}

fn files(certificate: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), TrustError> {
    Ok((read(certificate)?, read(key)?))
}

fn load(certificate: &Path, key: &Path, files: (Vec<u8>, Vec<u8>)) -> Result<Shown, TrustError> {
    let (origin, key) = (certificate.display().to_string(), key.display().to_string());
    let chain = certificates(&origin, &files.0)?;
    let expires_at = earliest_end(&origin, &chain)?;
    let private = PrivateKeyDer::from_pem_slice(&files.1).map_err(|error| invalid(&key, "private key", &error))?;
    let certified = CertifiedKey::from_der(chain, private, &default_provider())
        .map_err(|source| TrustError::Mismatch { certificate: origin, key, source })?;
    Ok(Shown { certified: Arc::new(certified), expires_at, files: Arc::new(files) })
}

fn earliest_end(origin: &str, chain: &[CertificateDer<'_>]) -> Result<i64, TrustError> {
    let ends = chain.iter().map(|certificate| {
        let parsed = X509Certificate::from_der(certificate);
        let (_, parsed) = parsed.map_err(|error| invalid(origin, "certificate", &error))?;
        Ok(parsed.validity().not_after.timestamp())
    });
    let ends: Result<Vec<i64>, TrustError> = ends.collect();
    ends?.into_iter().min().ok_or_else(|| TrustError::Empty { origin: origin.to_owned() })
}
