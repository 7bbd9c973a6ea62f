//! The certificate authority of a store, and the certificates that it signs.

use std::{net::IpAddr, time::SystemTime};

use contract::HubId;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

/// How long an authority is valid.
const AUTHORITY_LIFE: Duration = Duration::days(3_650);

/// How long a hub's certificate is valid: the maximum that clients accept.
pub(crate) const HUB_LIFE: Duration = Duration::days(398);

/// Certificates are valid from slightly before now, because clocks differ.
pub(crate) const CLOCKS_DIFFER: Duration = Duration::hours(1);

/// The names and addresses of a hub.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Host names.
    pub hosts: Vec<String>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// A certificate and its private key, as PEM.
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key.
    pub key_pem: String,
    /// The SHA-256 of the certificate, for people to compare.
    pub fingerprint: String,
}

/// Why an identity could not be created or renewed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    /// The store's name is invalid.
    #[error("invalid store name: {0}")]
    Store(String),
    /// A host name is invalid.
    #[error(
        "invalid host name `{0}`: expected labels of 1 to 63 letters, digits or `-`, separated by dots, at most 253 \
         in all"
    )]
    Host(String),
    /// There is no name or address for the certificate.
    #[error("the hub has no name; pass at least one --hostname or --address by which registers reach it")]
    NoNames,
    /// A file does not have the expected contents.
    #[error("{path}: not a valid PEM {expected}: {why}")]
    Invalid {
        /// The file.
        path: String,
        /// The expected contents: `certificate` or `private key`.
        expected: &'static str,
        /// The parser's error.
        why: String,
    },
    /// Another authority signed the certificate.
    #[error("{certificate} is not signed by {authority}; pass the directory of the authority that signed it")]
    NotOurs {
        /// The certificate's file.
        certificate: String,
        /// The authority's file.
        authority: String,
    },
    /// The authority has expired.
    #[error("{authority} expired on {ended}; create a new authority, and let registers and browsers trust it")]
    Ended {
        /// The authority's file.
        authority: String,
        /// Its last day.
        ended: String,
    },
    /// The certificate library failed.
    #[error("could not create the certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// There are no random numbers.
    #[error("could not draw a serial number: the system gave no random bytes")]
    Random,
    /// An answer could not be written as JSON.
    #[error("could not encode an answer: {0}")]
    Encode(String),
    /// A file could not be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// The system's error, or what to do.
        why: String,
    },
}

/// A store's certificate authority.
pub struct StoreAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    made_at: OffsetDateTime,
}

impl StoreAuthority {
    /// Creates the authority of a store. The store has the same name as its hub at HQ.
    ///
    /// # Errors
    /// The name is not a [`HubId`].
    pub fn create(store: &str, now: SystemTime) -> Result<Self, ProvisioningError> {
        let store: HubId = store.parse().map_err(ProvisioningError::Store)?;
        let made_at = OffsetDateTime::from(now);
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(&format!("store-hub authority of {store}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.not_before = made_at - CLOCKS_DIFFER;
        parameters.not_after = made_at + AUTHORITY_LIFE;
        Ok(Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?, made_at })
    }

    /// The authority's certificate and key.
    pub fn identity(&self) -> Identity {
        Identity {
            certificate_pem: self.issuer.pem(),
            key_pem: self.issuer.key().serialize_pem(),
            fingerprint: fingerprint(self.issuer.der()),
        }
    }

    /// Signs a certificate for a hub or another server of the store.
    ///
    /// # Errors
    /// There are no names, or one is invalid.
    pub fn issue(&self, common_name: &str, names: &Names) -> Result<Identity, ProvisioningError> {
        if names.hosts.is_empty() && names.addresses.is_empty() {
            return Err(ProvisioningError::NoNames);
        }
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(common_name);
        for host in &names.hosts {
            let plain = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            if host.len() > 253 || !host.split('.').all(plain) {
                return Err(ProvisioningError::Host(host.escape_debug().to_string()));
            }
            parameters.subject_alt_names.push(SanType::DnsName(host.as_str().try_into()?));
        }
        parameters.subject_alt_names.extend(names.addresses.iter().copied().map(SanType::IpAddress));
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        parameters.use_authority_key_identifier_extension = true;
        parameters.not_before = self.made_at - CLOCKS_DIFFER;
        parameters.not_after = self.made_at + HUB_LIFE;
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            fingerprint: fingerprint(certificate.der()),
        })
    }
}

pub(crate) fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

pub(crate) fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{
        ClientConnection, ServerConfig, ServerConnection,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    };

    use super::*;

    fn names() -> Names {
        Names { hosts: vec!["hub.store-367.example".into()], addresses: vec!["10.0.0.2".parse().unwrap()] }
    }

    /// Performs a TLS handshake in memory: whether a client that trusts `authority` accepts `hub` under `name`.
    fn accepts(authority: &Identity, hub: &Identity, name: &str) -> Result<(), rustls::Error> {
        let provider = Arc::new(default_provider());
        let roots = link::trust::roots_from_pem(&authority.certificate_pem).unwrap();
        let client = link::client_config(roots, None).unwrap();
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_slice(hub.certificate_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(hub.key_pem.as_bytes()).unwrap();
        let server = server.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let mut client = ClientConnection::new(client, ServerName::try_from(name.to_owned()).unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        for _ in 0..8 {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        assert!(!client.is_handshaking());
        Ok(())
    }

    #[test]
    fn clients_of_a_store_trust_its_hub_under_its_names() {
        let store = StoreAuthority::create("store-367", SystemTime::now()).unwrap();
        let hub = store.issue("hub", &names()).unwrap();
        assert_eq!(accepts(&store.identity(), &hub, "hub.store-367.example"), Ok(()));
        assert_eq!(accepts(&store.identity(), &hub, "10.0.0.2"), Ok(()));
        assert!(accepts(&store.identity(), &hub, "hub.store-368.example").is_err());
        let other = StoreAuthority::create("store-367", SystemTime::now()).unwrap();
        assert!(
            accepts(&other.identity(), &hub, "hub.store-367.example").is_err(),
            "a different store with the same name"
        );
    }

    #[test]
    fn invalid_names_are_refused() {
        for store in ["", "store 367", "store/367", &"x".repeat(64)] {
            let refused = StoreAuthority::create(store, SystemTime::now()).err();
            assert!(matches!(refused, Some(ProvisioningError::Store(_))), "{store}");
        }
        let store = StoreAuthority::create("store-367", SystemTime::now()).unwrap();
        assert!(matches!(store.issue("hub", &Names::default()), Err(ProvisioningError::NoNames)));
        for host in ["", "a..b", "a b", "*", "ä.example"] {
            let names = Names { hosts: vec![host.into()], addresses: vec![] };
            assert!(matches!(store.issue("hub", &names), Err(ProvisioningError::Host(_))), "{host}");
        }
    }
}
