//! The keys of a hub, which never leave it, and what is made with them.

use std::net::IpAddr;

use contract::HubId;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, SigningKey,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::{Duration, OffsetDateTime};

use super::folder::Folder;

/// How long a certificate for the LAN is valid.
const LAN_LIFE: Duration = Duration::days(397);

/// Certificates are valid from slightly before now, because clocks differ.
const CLOCKS_DIFFER: Duration = Duration::hours(1);

fn failed(error: impl std::fmt::Display) -> String {
    format!("could not make a certificate: {error}")
}

/// Random bytes as hexadecimal digits.
pub(super) fn random() -> Result<String, String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system gave no random bytes".to_owned())?;
    Ok(contract::enrolment::signature(&bytes))
}

/// The key in a file, which is created with a new key if it does not exist.
pub(super) fn key(folder: &Folder, name: &str) -> Result<KeyPair, String> {
    if let Some(pem) = folder.read(name)? {
        return KeyPair::from_pem(&pem).map_err(|error| format!("{}: {error}", folder.path(name).display()));
    }
    let key = KeyPair::generate().map_err(failed)?;
    folder.write(name, &key.serialize_pem())?;
    Ok(key)
}

fn named(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

/// A request for a certificate of this key, PEM.
pub(super) fn request(key: &KeyPair, location: &HubId) -> Result<String, String> {
    named(location.as_str()).serialize_request(key).and_then(|request| request.pem()).map_err(failed)
}

/// Signs.
pub(super) fn sign(key: &KeyPair, message: &[u8]) -> Result<String, String> {
    key.sign(message).map(|bytes| contract::enrolment::signature(&bytes)).map_err(failed)
}

fn for_names(names: &[String], now_ms: i64) -> Result<CertificateParams, String> {
    let mut parameters = named(names.first().map_or("store-hub", String::as_str));
    for name in names {
        parameters.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
        });
    }
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| "the system gave no random bytes".to_owned())?;
    serial[0] = serial[0] & 0x7f | 0x40;
    parameters.serial_number = Some(SerialNumber::from_slice(&serial));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    let now = OffsetDateTime::from_unix_timestamp(now_ms / 1_000).map_err(failed)?;
    (parameters.not_before, parameters.not_after) = (now - CLOCKS_DIFFER, now + LAN_LIFE);
    Ok(parameters)
}

/// The hub's certificate for the LAN, by the store's authority, with those that signed it.
pub(super) fn for_the_lan(
    authority: &str,
    authority_key: &KeyPair,
    key: &KeyPair,
    names: &[String],
    now_ms: i64,
) -> Result<String, String> {
    let issuer = Issuer::from_ca_cert_pem(authority, authority_key).map_err(failed)?;
    let certificate = for_names(names, now_ms)?.signed_by(key, &issuer).map_err(failed)?;
    Ok(format!("{}{authority}", certificate.pem()))
}

/// A certificate for the page of an unclaimed box. Browsers warn: nothing could vouch for it.
pub(super) fn for_nobody(key: &KeyPair, now_ms: i64) -> Result<String, String> {
    let names = ["store-hub.local", "localhost", "127.0.0.1"].map(str::to_owned);
    for_names(&names, now_ms)?.self_signed(key).map(|certificate| certificate.pem()).map_err(failed)
}
