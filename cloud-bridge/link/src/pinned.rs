//! Trust by the hash of a root certificate, for whoever has not got the certificate yet, or has no clock.
//!
//! The server sends its root in its chain; the root counts if its SHA-256 is the expected one. A certificate that is
//! only not valid *now* is accepted, judged at a moment of its own period: this is for conversations whose messages are
//! signed themselves, so TLS gives privacy, and a box whose battery is empty can still learn the time.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::trust::{TrustError, certificates, invalid};

/// The SHA-256 of a root certificate, DER.
pub type RootHash = [u8; 32];

fn hash(der: &[u8]) -> RootHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
    hash
}

/// A client's TLS that trusts the root with this hash.
///
/// # Errors
/// The TLS library refuses.
pub fn client_config(root: RootHash) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(Pinned { root, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// An authority that a root signed.
pub struct Signer {
    /// Its key: for P-256, an uncompressed point.
    pub public_key: Vec<u8>,
    /// The root's certificate, PEM.
    pub root_pem: String,
}

/// Reads an authority's certificate and its root from a PEM text, in this order.
///
/// # Errors
/// The root has another hash, or did not sign the authority.
pub fn signer(pem: &str, root: RootHash) -> Result<Signer, TrustError> {
    const END: &str = "-----END CERTIFICATE-----";
    let origin = "the signer's certificates";
    let chain = certificates(origin, pem.as_bytes())?;
    let unknown = || TrustError::Refused(CertificateError::UnknownIssuer.into());
    let place = chain.iter().position(|der| hash(der) == root).ok_or_else(unknown)?;
    let parsed = |der| X509Certificate::from_der(der).map_err(|error| invalid(origin, "certificate", &error));
    let ((_, authority), (_, of_root)) = (parsed(&chain[0])?, parsed(&chain[place])?);
    if !authority.is_ca() || authority.verify_signature(Some(of_root.public_key())).is_err() {
        return Err(unknown());
    }
    let section = pem.split_inclusive(END).nth(place).unwrap_or_default().trim();
    let public_key = authority.public_key().subject_public_key.data.to_vec();
    Ok(Signer { public_key, root_pem: format!("{section}\n") })
}

#[derive(Debug)]
struct Pinned {
    root: RootHash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let root = intermediates.iter().find(|der| hash(der) == self.root);
        let root = root.ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider)).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        let verify = |at| verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at);
        match verify(now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
                | CertificateError::Expired
                | CertificateError::ExpiredContext { .. },
            )) => verify(begin(end_entity)?),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The first moment at which a certificate is valid.
fn begin(certificate: &CertificateDer<'_>) -> Result<UnixTime, Error> {
    let parsed = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = u64::try_from(parsed.1.validity().not_before.timestamp()).unwrap_or(0);
    Ok(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    /// A server's certificate of these years, and its root.
    fn chain(years: (i32, i32), root_years: (i32, i32)) -> [CertificateDer<'static>; 2] {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (root.not_before, root.not_after) = (date_time_ymd(root_years.0, 1, 1), date_time_ymd(root_years.1, 1, 1));
        let of_root = root.self_signed(&root_key).unwrap();
        let mut server = CertificateParams::new(["hq.example.com".to_owned()]).unwrap();
        (server.not_before, server.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let server = server.signed_by(&key, &Issuer::from_params(&root, &root_key)).unwrap();
        [server.der().clone(), of_root.der().clone()]
    }

    fn verify(chain: &[CertificateDer<'static>; 2], root: RootHash, name: &str) -> Result<(), Error> {
        let verifier = Pinned { root, provider: Arc::new(default_provider()) };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now()).map(drop)
    }

    #[test]
    fn the_root_and_the_name_count_and_the_clock_does_not() {
        for years in [(2020, 2200), (2020, 2021), (2199, 2200)] {
            let chain = chain(years, (2019, 2201));
            let root = hash(&chain[1]);
            verify(&chain, root, "hq.example.com").unwrap();
            assert!(verify(&chain, root, "evil.example.com").is_err(), "another name");
            assert!(verify(&chain, hash(b"other"), "hq.example.com").is_err(), "another root");
        }
    }

    #[test]
    fn a_signer_is_an_authority_below_the_root() {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&key).unwrap();
        let server = CertificateParams::default().signed_by(&key, &Issuer::from_params(&parameters, &key)).unwrap();
        let text = format!("{}{}", server.pem(), root.pem());
        assert!(signer(&text, hash(root.der())).is_err(), "a server certificate is not an authority");
        let text = format!("{0}{0}", root.pem());
        let found = signer(&text, hash(root.der())).unwrap();
        assert_eq!((found.public_key.len(), found.root_pem.trim()), (65, root.pem().trim()));
        assert!(signer(&text, hash(b"other")).is_err());
        assert!(signer("", hash(b"other")).is_err());
    }
}
