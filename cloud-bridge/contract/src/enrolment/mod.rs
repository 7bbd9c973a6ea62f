//! Enrolment: how a box becomes the hub of a location, and how HQ keeps track of its identity afterwards.
//!
//! Both are one question and one answer over HTTPS (`POST /enrolments`, `POST /check-ins`), or as files that a person
//! carries.
//!
//! - A question is proven: an enrolment by the claim code ([`ClaimKey`]), a check-in by the hub's private key. The
//!   proof covers the text of the body as written.
//! - An answer is signed by HQ's issuing authority, whose certificate comes with it, and repeats the question's
//!   nonce. It also has HQ's time: a hub without a clock learns it here. So the hub depends on TLS for privacy only,
//!   and a wrong clock cannot lock it out.
//! - **The join number** detects clones. HQ gives a number with each answer, and expects it in the next check-in. The
//!   hub stores a question before it sends it, and an answer before it uses it, so a repeated question gets the same
//!   answer. A number that HQ has already exchanged, in another question, comes from a copy of the hub's disk.

mod code;

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::code::{ClaimKey, Code, Ticket};
use crate::name::{HubId, from_hexadecimal, hexadecimal};

/// The maximum size of a question or an answer, in bytes.
pub const LARGEST: usize = 256 * 1024;

/// What a signature is for; it is part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// A check-in, by the hub's key.
    CheckIn,
    /// An answer, by HQ's issuing authority.
    Answer,
}

impl Signed {
    /// The signed bytes.
    pub fn message(self, body: &str) -> Vec<u8> {
        let purpose = match self {
            Self::CheckIn => "check-in",
            Self::Answer => "answer",
        };
        format!("store-hub {purpose} 1\n{body}").into_bytes()
    }

    /// Whether a P-256 key (an uncompressed point) signed a body.
    pub fn is_by(self, public_key: &[u8], body: &str, signature: &str) -> bool {
        let mut bytes = vec![0; signature.len() / 2];
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key);
        from_hexadecimal(signature, &mut bytes) && key.verify(&self.message(body), &bytes).is_ok()
    }
}

/// A signature as text.
pub fn signature(bytes: &[u8]) -> String {
    hexadecimal(bytes)
}

/// A question: the JSON of an [`Enrolment`] or a [`CheckIn`], and its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The body, JSON.
    pub body: String,
    /// For an enrolment, the proof of the claim code; for a check-in, the signature.
    pub proof: String,
}

/// HQ's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The body: the JSON of an [`Answer`].
    pub body: String,
    /// The signature by the issuing authority.
    pub signature: String,
    /// The certificates of the issuing authority and the root, PEM.
    pub signer: String,
}

/// A box asks to become the hub of a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The location.
    pub location: HubId,
    /// Random; the answer repeats it.
    pub nonce: String,
    /// The request for the hub's identity, PEM (PKCS#10).
    pub identity: String,
    /// The request for the store's authority, PEM.
    pub store_authority: String,
    /// The box's clock: milliseconds since 1970, UTC.
    pub sent_at_ms: i64,
    /// The box's software.
    pub software: String,
    /// The devices that are plugged in.
    pub devices: Vec<String>,
}

/// A hub tells that it is still the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// The location.
    pub location: HubId,
    /// Random; the answer repeats it.
    pub nonce: String,
    /// The join number of the last answer.
    pub join: u64,
    /// The hub's clock: milliseconds since 1970, UTC.
    pub sent_at_ms: i64,
    /// The hub's software.
    pub software: String,
    /// The version of its config.
    pub config: u64,
    /// The version of the config that it tried and took back, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_config: Option<RefusedConfig>,
    /// Requests new certificates, for the same keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<Renewal>,
    /// Everything is sent and wiped, as HQ ordered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub wiped: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A config that a hub did not keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedConfig {
    /// Its version.
    pub version: u64,
    /// Why.
    pub why: String,
}

/// Requests for new certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// For the hub's identity, PEM.
    pub identity: String,
    /// For the store's authority, PEM.
    pub store_authority: String,
}

/// What HQ answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The location.
    pub location: HubId,
    /// The question's nonce.
    pub nonce: String,
    /// The join number for the next check-in.
    pub join: u64,
    /// HQ's time: milliseconds since 1970, UTC.
    pub answered_at_ms: i64,
    /// The hub's new certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// A newer config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigDocument>,
    /// What the hub must do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// New certificates. Each is followed by those that signed it, without the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    /// The hub's identity at the broker, PEM.
    pub identity: String,
    /// The store's authority, PEM.
    pub store_authority: String,
    /// The host names and IP addresses by which registers reach the hub: the authority may sign for no others.
    pub names: Vec<String>,
}

/// A hub's config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// Its version.
    pub version: u64,
    /// The file. `${STATE}` stands for the hub's state directory.
    pub toml: String,
}

/// What HQ orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Renew the certificates now.
    Renew,
    /// The location is closed: close the day, send the stock to another store and HQ what waits, then wipe the disk.
    Wipe {
        /// The store that gets the stock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stock_to: Option<HubId>,
    },
    /// Another box has taken this hub's place.
    Retired,
}

/// Reads the body of a question or an answer.
///
/// # Errors
/// It is not of this type; the message says where.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
    };

    use super::*;

    #[test]
    fn a_signature_is_of_one_purpose_key_and_text() {
        let random = SystemRandom::new();
        let key = |_| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap()
        };
        let [one, other] = [0, 1].map(key);
        let signed = signature(one.sign(&random, &Signed::CheckIn.message("{}")).unwrap().as_ref());
        let point = one.public_key().as_ref();
        assert!(Signed::CheckIn.is_by(point, "{}", &signed));
        assert!(!Signed::Answer.is_by(point, "{}", &signed));
        assert!(!Signed::CheckIn.is_by(point, "{ }", &signed));
        assert!(!Signed::CheckIn.is_by(other.public_key().as_ref(), "{}", &signed));
        for wrong in ["", "0", "zz", &signed[..10]] {
            assert!(!Signed::CheckIn.is_by(point, "{}", wrong), "{wrong}");
        }
    }
}
