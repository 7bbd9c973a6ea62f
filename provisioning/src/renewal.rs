//! Renewal of a certificate by its authority, for the same key.

use std::{fs, path::Path, time::SystemTime};

use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use x509_parser::{
    extensions::GeneralName,
    pem::parse_x509_pem,
    prelude::{FromDer, X509Certificate},
};

use crate::{
    authority::{CLOCKS_DIFFER, HUB_LIFE, ProvisioningError, fingerprint, named},
    files,
};

/// The result of a renewal.
#[derive(Debug)]
pub struct Renewed {
    /// The SHA-256 of the new certificate, for people to compare.
    pub fingerprint: String,
    /// The last day of its validity, such as `2027-12-31`.
    pub until: String,
}

/// Renews the certificate in the file `certificate`: signs a new one with the same names and key, by the authority
/// whose `ca.pem` and `ca.key` are in `authority`, and replaces the file. The private key is neither needed nor
/// changed, so certificate and key always match.
///
/// # Errors
/// A file can't be read or written, another authority signed the certificate, or the authority has expired.
pub fn renew(authority: &Path, certificate: &Path, now: SystemTime) -> Result<Renewed, ProvisioningError> {
    let (ca_path, key_path) = (authority.join("ca.pem"), authority.join("ca.key"));
    let (ca_pem, key_pem) = (read(&ca_path)?, read(&key_path)?);
    let (ca_der, former_der) = (der(&ca_path, &ca_pem)?, der(certificate, &read(certificate)?)?);
    let (ca, former) = (parsed(&ca_path, &ca_der)?, parsed(certificate, &former_der)?);
    if former.verify_signature(Some(ca.public_key())).is_err() {
        let (certificate, authority) = (certificate.display().to_string(), ca_path.display().to_string());
        return Err(ProvisioningError::NotOurs { certificate, authority });
    }
    let (now, ends) = (OffsetDateTime::from(now), ca.validity().not_after.to_datetime());
    if ends <= now {
        let (authority, ended) = (ca_path.display().to_string(), ends.date().to_string());
        return Err(ProvisioningError::Ended { authority, ended });
    }
    let key = KeyPair::from_pem(&key_pem).map_err(|error| invalid(&key_path, "private key", &error))?;
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, key)?;
    let public_key = SubjectPublicKeyInfo::from_der(former.public_key().raw)?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named(common_name(&former));
    parameters.subject_alt_names = names(&former)?;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    parameters.not_before = now - CLOCKS_DIFFER;
    parameters.not_after = ends.min(now + HUB_LIFE);
    let until = parameters.not_after.date().to_string();
    let renewed = parameters.signed_by(&public_key, &issuer)?;
    files::replace(certificate, renewed.pem().as_bytes(), 0o644)?;
    Ok(Renewed { fingerprint: fingerprint(renewed.der()), until })
}

fn read(path: &Path) -> Result<String, ProvisioningError> {
    fs::read_to_string(path)
        .map_err(|error| ProvisioningError::File { path: path.display().to_string(), why: error.to_string() })
}

fn der(path: &Path, pem: &str) -> Result<Vec<u8>, ProvisioningError> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| invalid(path, "certificate", &error))?;
    Ok(pem.contents)
}

fn parsed<'d>(path: &Path, der: &'d [u8]) -> Result<X509Certificate<'d>, ProvisioningError> {
    X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|error| invalid(path, "certificate", &error))
}

fn invalid(path: &Path, expected: &'static str, error: &dyn std::fmt::Display) -> ProvisioningError {
    ProvisioningError::Invalid { path: path.display().to_string(), expected, why: error.to_string() }
}

fn common_name<'c>(certificate: &'c X509Certificate<'_>) -> &'c str {
    certificate.subject().iter_common_name().find_map(|name| name.as_str().ok()).unwrap_or_default()
}

/// The host names and addresses of a certificate.
fn names(certificate: &X509Certificate<'_>) -> Result<Vec<SanType>, ProvisioningError> {
    let mut names = Vec::new();
    let listed = certificate.subject_alternative_name().ok().flatten();
    for name in listed.iter().flat_map(|listed| &listed.value.general_names) {
        match name {
            GeneralName::DNSName(host) => names.push(SanType::DnsName((*host).try_into()?)),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(Into::into);
                let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(Into::into));
                names.extend(address.ok().map(SanType::IpAddress));
            }
            _ => {}
        }
    }
    if names.is_empty() { Err(ProvisioningError::NoNames) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use link::Identity;

    use super::*;
    use crate::{Names, StoreAuthority, write_store};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// A store's identity in a directory, created some time ago.
    fn store(directory: &Path, ago: Duration) -> StoreAuthority {
        let authority = StoreAuthority::create("store-367", SystemTime::now() - ago).unwrap();
        let addresses = vec!["10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        let hub = authority.issue("store-367", &Names { hosts: vec!["hub.example".into()], addresses }).unwrap();
        write_store(directory, &authority.identity(), &hub).unwrap();
        authority
    }

    #[test]
    fn an_expired_certificate_is_renewed_for_its_key_and_loaded_by_a_running_hub() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("store");
        store(&directory, 400 * DAY);
        let (certificate, key) = (directory.join("hub.pem"), directory.join("hub.key"));
        let (identity, key_before) = (Identity::open(&certificate, &key).unwrap(), fs::read(&key).unwrap());
        let ended = identity.expires_at();
        let renewed = renew(&directory, &certificate, SystemTime::now()).unwrap();
        assert!(identity.reload().unwrap());
        assert!(identity.expires_at() > ended + 399 * 24 * 3600);
        assert_eq!(fs::read(&key).unwrap(), key_before);
        assert_eq!(renewed.until.len(), 10);

        let pem = fs::read_to_string(&certificate).unwrap();
        let der = der(&certificate, &pem).unwrap();
        let parsed = parsed(&certificate, &der).unwrap();
        assert_eq!(common_name(&parsed), "store-367");
        let hosts = [SanType::DnsName("hub.example".try_into().unwrap())];
        let addresses = ["10.0.0.2", "fd00::2"].map(|address| SanType::IpAddress(address.parse().unwrap()));
        assert_eq!(names(&parsed).unwrap(), [&hosts[..], &addresses].concat());
        // Twice, because a renewed certificate is also the authority's.
        renew(&directory, &certificate, SystemTime::now()).unwrap();
    }

    #[test]
    fn a_renewed_certificate_does_not_outlive_its_authority() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("store");
        store(&directory, 3_600 * DAY);
        let certificate = directory.join("hub.pem");
        renew(&directory, &certificate, SystemTime::now()).unwrap();
        let left = link::identity::expires_at(&certificate).unwrap()
            - i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap();
        assert!(left < 51 * 24 * 3600, "{left}");
        let later = SystemTime::now() + 60 * DAY;
        assert!(matches!(renew(&directory, &certificate, later), Err(ProvisioningError::Ended { .. })));
    }

    #[test]
    fn the_certificate_of_another_authority_is_not_renewed() {
        let parent = tempfile::tempdir().unwrap();
        let (ours, theirs) = (parent.path().join("ours"), parent.path().join("theirs"));
        store(&ours, DAY);
        store(&theirs, DAY);
        let certificate = theirs.join("hub.pem");
        let before = fs::read(&certificate).unwrap();
        let refused = renew(&ours, &certificate, SystemTime::now());
        assert!(matches!(refused, Err(ProvisioningError::NotOurs { .. })), "{refused:?}");
        assert_eq!(fs::read(&certificate).unwrap(), before);
        assert!(matches!(
            renew(&ours, &theirs.join("hub.key"), SystemTime::now()),
            Err(ProvisioningError::Invalid { expected: "certificate", .. })
        ));
    }
}
