//! HQ's authorities: a root, kept offline, and an issuing authority below it, which signs for hubs.
//!
//! ```text
//! root (20 years) -> issuing authority (10 years) -> a hub's identity (90 days, as a client only, CN = location)
//!                                                 -> a store's authority (3 years, signs servers of its names only)
//!                                                 -> HQ's own programs (398 days)
//! ```
//!
//! - A hub's identity cannot serve, and a store's authority cannot sign clients: whoever steals a box can pose as that
//!   store only, towards HQ until it is revoked, towards registers under the store's names.
//! - Registers trust the root, once for the whole chain. A replaced box gets a new store authority, and they notice
//!   nothing.
//! - Serial numbers are random, so a renewed certificate differs from the former one for the same key.
//! - The keys are only used through `rcgen::SigningKey`: a PKCS#11 token would be another implementation of it.
//!
//! A request contributes its key and the proof that the box has it. Everything else comes from HQ's records: a request
//! that asks for more is refused.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use contract::{
    Digest, HubId,
    enrolment::{Answer, Reply, Signed, signature},
};
use hq::locations::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertificateSigningRequestParams, CidrSubnet,
    DnType, DnValue, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, RevokedCertParams, SanType, SerialNumber, SigningKey,
};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::{
    authority::{CLOCKS_DIFFER, HUB_LIFE, Names, ProvisioningError, named},
    files,
};

/// How long the root is valid.
const ROOT_LIFE: Duration = Duration::days(7_300);

/// How long the issuing authority is valid.
const ISSUING_LIFE: Duration = Duration::days(3_650);

/// How long a store's authority is valid: the longest that a hub's page keeps its padlock without HQ.
const STORE_AUTHORITY_LIFE: Duration = Duration::days(1_095);

/// How long a revocation list is valid. It is written anew at each revocation; an old one must not stop brokers.
const LIST_LIFE: Duration = Duration::days(3_650);

/// The maximum size of a certificate request, in bytes.
const LARGEST_REQUEST: usize = 8 * 1024;

/// What every hub's config has in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The enrolment service: `https://HOST:PORT`.
    pub service: String,
    /// The broker: `mqtts://HOST:PORT`.
    pub broker: link::BrokerAddress,
    /// The key by which HQ signs publications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publications_key: Option<String>,
    /// How many days a hub's identity is valid.
    #[serde(default = "ninety")]
    pub identity_days: u16,
}

#[cfg(test)]
impl Settings {
    /// Those of the tests.
    pub(crate) fn example() -> Self {
        Self {
            service: "https://hq:8445".into(),
            broker: "mqtts://hq:8883".parse().unwrap(),
            publications_key: None,
            identity_days: 90,
        }
    }
}

fn ninety() -> u16 {
    90
}

/// HQ's issuing authority.
pub struct Headquarters {
    /// What every hub's config has in common.
    pub settings: Settings,
    issuing: Issuer<'static, KeyPair>,
    issuing_pem: String,
    root_pem: String,
    root: Digest,
}

/// A request for a certificate, checked.
pub(crate) struct Requested {
    request: CertificateSigningRequestParams,
    /// The key: an uncompressed point, hexadecimal.
    pub(crate) public_key: String,
}

/// An issued certificate.
pub(crate) struct Issued {
    /// The certificate and those that signed it, without the root.
    pub(crate) chain: String,
    pub(crate) serial: String,
    pub(crate) not_after_ms: i64,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
#[error("the certificate request {0}")]
pub struct BadRequest(String);

fn random_serial() -> Result<SerialNumber, ProvisioningError> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| ProvisioningError::Random)?;
    // Positive, and without leading zeros.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn authority(
    name: &str,
    path_length: u8,
    (now, life): (OffsetDateTime, Duration),
) -> Result<CertificateParams, ProvisioningError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.serial_number = Some(random_serial()?);
    parameters.use_authority_key_identifier_extension = true;
    (parameters.not_before, parameters.not_after) = (now - CLOCKS_DIFFER, now + life);
    Ok(parameters)
}

impl Headquarters {
    /// Creates the authorities in a directory: `root.pem`, `root.key`, `issuing.pem`, `issuing.key`, `hq.toml`.
    ///
    /// # Errors
    /// One of the files exists or can't be written.
    pub fn init(directory: &Path, settings: &Settings, now: OffsetDateTime) -> Result<Self, ProvisioningError> {
        let (root_key, issuing_key) = (KeyPair::generate()?, KeyPair::generate()?);
        let root = authority("store-hub root", 2, (now, ROOT_LIFE))?;
        let issuing = authority("store-hub issuing authority", 1, (now, ISSUING_LIFE))?;
        let root_pem = root.self_signed(&root_key)?.pem();
        let issuing_pem = issuing.signed_by(&issuing_key, &Issuer::from_params(&root, &root_key))?.pem();
        let text = toml::to_string(settings).map_err(|error| {
            let path = directory.join("hq.toml").display().to_string();
            ProvisioningError::File { path, why: error.to_string() }
        })?;
        let keys = [root_key.serialize_pem(), issuing_key.serialize_pem()];
        files::write_new(
            directory,
            &[
                ("root.key", &keys[0], 0o600),
                ("root.pem", &root_pem, 0o644),
                ("issuing.key", &keys[1], 0o600),
                ("issuing.pem", &issuing_pem, 0o644),
                ("hq.toml", &text, 0o644),
            ],
        )?;
        Self::open(directory)
    }

    /// Opens the issuing authority. The root's key is not needed.
    ///
    /// # Errors
    /// A file can't be read or is invalid.
    pub fn open(directory: &Path) -> Result<Self, ProvisioningError> {
        let read = |name: &str| -> Result<(PathBuf, String), ProvisioningError> {
            let path = directory.join(name);
            let text = fs::read_to_string(&path).map_err(|error| files::failed(&path, &error))?;
            Ok((path, text))
        };
        let (path, text) = read("hq.toml")?;
        let settings = toml::from_str(&text)
            .map_err(|error| ProvisioningError::File { path: path.display().to_string(), why: error.to_string() })?;
        let (root_path, root_pem) = read("root.pem")?;
        let (_, issuing_pem) = read("issuing.pem")?;
        let (key_path, key) = read("issuing.key")?;
        let invalid = |path: &Path, expected: &'static str, why: String| ProvisioningError::Invalid {
            path: path.display().to_string(),
            expected,
            why,
        };
        let key = KeyPair::from_pem(&key).map_err(|error| invalid(&key_path, "private key", error.to_string()))?;
        let (_, der) = x509_parser::pem::parse_x509_pem(root_pem.as_bytes())
            .map_err(|error| invalid(&root_path, "certificate", error.to_string()))?;
        let root = Digest::of(&der.contents);
        let issuing = Issuer::from_ca_cert_pem(&issuing_pem, key)?;
        Ok(Self { settings, issuing, issuing_pem, root_pem, root })
    }

    /// The SHA-256 of the root's certificate.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The root's certificate, PEM.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// Checks a request of a box for a location.
    pub(crate) fn requested(pem: &str, location: &HubId) -> Result<Requested, BadRequest> {
        let bad = |why: &str| BadRequest(why.to_owned());
        if pem.len() > LARGEST_REQUEST {
            return Err(BadRequest(format!("has {} bytes; the limit is {LARGEST_REQUEST}", pem.len())));
        }
        let request = CertificateSigningRequestParams::from_pem(pem)
            .map_err(|error| BadRequest(format!("is invalid: {error}")))?;
        if PublicKeyData::algorithm(&request.public_key) != &PKCS_ECDSA_P256_SHA256 {
            return Err(bad("is not for a P-256 key"));
        }
        let asked = &request.params;
        let subject: Vec<_> = asked.distinguished_name.iter().collect();
        let is_named = match subject.as_slice() {
            [(DnType::CommonName, DnValue::Utf8String(name))] => name == location.as_str(),
            [(DnType::CommonName, DnValue::PrintableString(name))] => name.as_ref() == location.as_str(),
            _ => false,
        };
        if !is_named {
            return Err(BadRequest(format!("does not have the common name {location} alone")));
        }
        let asks_for_more = !asked.subject_alt_names.is_empty()
            || !asked.key_usages.is_empty()
            || !asked.extended_key_usages.is_empty()
            || asked.is_ca != IsCa::NoCa;
        if asks_for_more {
            return Err(bad("asks for names or usages: those of a hub come from HQ's records"));
        }
        let public_key = data_encoding::HEXLOWER.encode(request.public_key.der_bytes());
        Ok(Requested { request, public_key })
    }

    fn issue(
        &self,
        requested: &Requested,
        mut parameters: CertificateParams,
        (now, life): (OffsetDateTime, Duration),
    ) -> Result<Issued, ProvisioningError> {
        let serial = random_serial()?;
        parameters.use_authority_key_identifier_extension = true;
        parameters.serial_number = Some(serial.clone());
        (parameters.not_before, parameters.not_after) = (now - CLOCKS_DIFFER, now + life);
        let certificate = parameters.signed_by(&requested.request.public_key, &self.issuing)?;
        let not_after_ms = parameters.not_after.unix_timestamp().saturating_mul(1_000);
        let serial = data_encoding::HEXLOWER.encode(&serial.to_bytes());
        Ok(Issued { chain: format!("{}{}", certificate.pem(), self.issuing_pem), serial, not_after_ms })
    }

    /// Signs a hub's identity.
    pub(crate) fn identity(
        &self,
        requested: &Requested,
        location: &HubId,
        now: OffsetDateTime,
    ) -> Result<Issued, ProvisioningError> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(location.as_str());
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(requested, parameters, (now, Duration::days(self.settings.identity_days.max(1).into())))
    }

    /// Signs a store's authority, which may sign servers of these names.
    pub(crate) fn store_authority(
        &self,
        requested: &Requested,
        location: &HubId,
        names: &[String],
        now: OffsetDateTime,
    ) -> Result<Issued, ProvisioningError> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(&format!("store-hub {location}"));
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.name_constraints = Some(constraints(names));
        self.issue(requested, parameters, (now, STORE_AUTHORITY_LIFE))
    }

    /// Creates a certificate and key for one of HQ's own programs: broker, ingest, enrolment service.
    ///
    /// # Errors
    /// A name is invalid.
    pub fn program(
        &self,
        name: &str,
        names: &Names,
        now: OffsetDateTime,
    ) -> Result<(String, String), ProvisioningError> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(name);
        for host in &names.hosts {
            parameters.subject_alt_names.push(SanType::DnsName(host.as_str().try_into()?));
        }
        parameters.subject_alt_names.extend(names.addresses.iter().copied().map(SanType::IpAddress));
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !parameters.subject_alt_names.is_empty() {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        parameters.use_authority_key_identifier_extension = true;
        parameters.serial_number = Some(random_serial()?);
        (parameters.not_before, parameters.not_after) = (now - CLOCKS_DIFFER, now + HUB_LIFE);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuing)?;
        // With the root: a box that only knows its hash finds it here.
        Ok((format!("{}{}{}", certificate.pem(), self.issuing_pem, self.root_pem), key.serialize_pem()))
    }

    /// The list of revoked certificates, PEM.
    ///
    /// # Errors
    /// The certificate library failed.
    pub fn revocation_list(&self, revoked: &[Identity], now: OffsetDateTime) -> Result<String, ProvisioningError> {
        let entry = |identity: &Identity| {
            let serial = data_encoding::HEXLOWER.decode(identity.serial.as_bytes()).unwrap_or_default();
            let at_ms = identity.revoked.as_ref().map_or(identity.issued_ms, |revoked| revoked.at_ms);
            RevokedCertParams {
                serial_number: SerialNumber::from_slice(&serial),
                revocation_time: OffsetDateTime::from_unix_timestamp(at_ms / 1_000).unwrap_or(now),
                reason_code: None,
                invalidity_date: None,
            }
        };
        let list = CertificateRevocationListParams {
            this_update: now - CLOCKS_DIFFER,
            next_update: now + LIST_LIFE,
            crl_number: SerialNumber::from_slice(&now.unix_timestamp().max(1).to_be_bytes()[3..]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuing)?.pem()?)
    }

    /// Signs an answer.
    pub(crate) fn reply(&self, answer: &Answer) -> Result<Reply, ProvisioningError> {
        let body = serde_json::to_string(answer).map_err(|error| ProvisioningError::Encode(error.to_string()))?;
        let signed = self.issuing.key().sign(&Signed::Answer.message(&body))?;
        let signer = format!("{}{}", self.issuing_pem, self.root_pem);
        Ok(Reply { body, signature: signature(&signed), signer })
    }
}

/// Constraints to names. Kinds of names that a store does not have are excluded as a whole.
fn constraints(names: &[String]) -> NameConstraints {
    let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
    let (mut hosts, mut four, mut six) = (false, false, false);
    for name in names {
        match name.parse::<IpAddr>() {
            Ok(address @ IpAddr::V4(_)) => {
                four = true;
                permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 32)));
            }
            Ok(address @ IpAddr::V6(_)) => {
                six = true;
                permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 128)));
            }
            Err(_) => {
                hosts = true;
                permitted.push(GeneralSubtree::DnsName(name.clone()));
            }
        }
    }
    if !hosts {
        excluded.push(GeneralSubtree::DnsName(String::new()));
    }
    if !four {
        excluded.push(GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])));
    }
    if !six {
        excluded.push(GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])));
    }
    NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::IsCa::NoCa;
    use rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        crypto::ring::default_provider,
        pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime, pem::PemObject},
        server::WebPkiClientVerifier,
    };

    use super::*;

    fn request(key: &KeyPair, name: &str) -> String {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = named(name);
        parameters.serialize_request(key).unwrap().pem().unwrap()
    }

    fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
    }

    struct World {
        headquarters: Headquarters,
        roots: Arc<RootCertStore>,
        location: HubId,
        _directory: tempfile::TempDir,
    }

    impl World {
        fn new(now: OffsetDateTime) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let settings = Settings::example();
            let headquarters = Headquarters::init(directory.path(), &settings, now).unwrap();
            let again = Headquarters::init(directory.path(), &settings, now).err().unwrap().to_string();
            assert!(again.contains("not overwritten"), "{again}");
            let mut roots = RootCertStore::empty();
            roots.add(chain(headquarters.root_pem())[0].clone()).unwrap();
            Self { headquarters, roots: Arc::new(roots), location: "store-1".parse().unwrap(), _directory: directory }
        }

        fn is_client(&self, pem: &str, list: Option<&str>) -> bool {
            let provider = Arc::new(default_provider());
            let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider);
            if let Some(list) = list {
                let list = CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap();
                verifier = verifier.with_crls([list]).only_check_end_entity_revocation();
            }
            let chain = chain(pem);
            verifier.build().unwrap().verify_client_cert(&chain[0], &chain[1..], UnixTime::now()).is_ok()
        }

        fn is_server(&self, pem: &str, name: &str) -> bool {
            let provider = Arc::new(default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), provider);
            let (chain, name) = (chain(pem), ServerName::try_from(name.to_owned()).unwrap());
            let verifier = verifier.build().unwrap();
            verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now()).is_ok()
        }
    }

    #[test]
    fn a_hubs_certificates_are_good_for_its_own_store_and_use() {
        let now = OffsetDateTime::now_utc();
        let world = World::new(now);
        let World { headquarters, location, .. } = &world;
        let key = KeyPair::generate().unwrap();
        let requested = Headquarters::requested(&request(&key, "store-1"), location).unwrap();
        let identity = headquarters.identity(&requested, location, now).unwrap();
        assert!(world.is_client(&identity.chain, None));
        assert!(!world.is_server(&identity.chain, "hub.store-1.example.com"));
        let renewed = headquarters.identity(&requested, location, now).unwrap();
        assert_ne!(renewed.serial, identity.serial, "for the same key");
        let expired = headquarters.identity(&requested, location, now - Duration::days(91)).unwrap();
        assert!(!world.is_client(&expired.chain, None));

        let names = ["hub.store-1.example.com".to_owned(), "10.0.0.2".to_owned()];
        let authority = headquarters.store_authority(&requested, location, &names, now).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&authority.chain, &key).unwrap();
        let sign = |name: &str, usage: ExtendedKeyUsagePurpose, is_ca: IsCa| {
            let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
            parameters.distinguished_name = named("store-2");
            (parameters.extended_key_usages, parameters.is_ca) = (vec![usage], is_ca);
            (parameters.not_before, parameters.not_after) = (now - CLOCKS_DIFFER, now + HUB_LIFE);
            let key = KeyPair::generate().unwrap();
            format!("{}{}", parameters.signed_by(&key, &issuer).unwrap().pem(), authority.chain)
        };
        let server = |name| world.is_server(&sign(name, ExtendedKeyUsagePurpose::ServerAuth, NoCa), name);
        assert!(server("hub.store-1.example.com") && server("10.0.0.2"));
        for other in ["hub.store-2.example.com", "store-1.example.com", "10.0.0.3", "fd00::2", "bank.example"] {
            assert!(!server(other), "{other}");
        }
        let client = sign("hub.store-1.example.com", ExtendedKeyUsagePurpose::ClientAuth, NoCa);
        assert!(!world.is_client(&client, None), "a store's authority makes no clients");
        assert!(!world.is_client(&authority.chain, None));

        let revoked = Identity {
            serial: identity.serial.clone(),
            location: location.clone(),
            generation: 1,
            purpose: hq::locations::Purpose::Hub,
            public_key: requested.public_key.clone(),
            issued_ms: 0,
            not_after_ms: identity.not_after_ms,
            standing: hq::locations::Standing::Revoked,
            revoked: None,
        };
        let list = headquarters.revocation_list(&[revoked], now).unwrap();
        assert!(!world.is_client(&identity.chain, Some(&list)));
        assert!(world.is_client(&renewed.chain, Some(&list)), "another certificate for the same key");
        let empty = headquarters.revocation_list(&[], now).unwrap();
        assert!(world.is_client(&identity.chain, Some(&empty)));
    }

    #[test]
    fn hqs_programs_are_clients_and_servers_of_their_names_and_the_root_is_pinned_by_its_hash() {
        let now = OffsetDateTime::now_utc();
        let world = World::new(now);
        let names = Names { hosts: vec!["hq.example.com".into()], addresses: vec![] };
        let (pem, _) = world.headquarters.program("hq", &names, now).unwrap();
        assert!(world.is_client(&pem, None) && world.is_server(&pem, "hq.example.com"));
        assert!(!world.is_server(&pem, "other.example.com"));
        assert_eq!(Digest::of(chain(&pem).last().unwrap()), world.headquarters.root());
        let answer = Answer {
            location: world.location.clone(),
            nonce: "n".into(),
            join: 1,
            answered_at_ms: 1,
            certificates: None,
            config: None,
            order: None,
        };
        let reply = world.headquarters.reply(&answer).unwrap();
        let signer = link::pinned::signer(&reply.signer, world.headquarters.root().0).unwrap();
        assert!(Signed::Answer.is_by(&signer.public_key, &reply.body, &reply.signature));
    }
}
