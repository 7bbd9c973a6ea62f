//! Signatures: Ed25519 over the purpose of a document and the bytes of its JSON.
//!
//! A signed document is `{"body": ..., "signature": "128 hexadecimal digits"}`. The signature covers the body's text as
//! written, so no canonical form is needed. It also covers the purpose, so that a manifest cannot pass for an
//! announcement.

use std::fmt;

use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::BadPublication;
use crate::name::hexadecimal;

/// What a signed document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A manifest, for all hubs to which it is announced.
    Manifest,
    /// An announcement, for the hub that it names.
    Announcement,
}

impl Purpose {
    /// The name of the document, in its schema and in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Announcement => "announcement",
        }
    }

    fn message(self, body: &str) -> Vec<u8> {
        format!("store-hub {} 1\n{body}", self.name()).into_bytes()
    }
}

/// HQ's signing key. Its `Debug` form does not contain the secret.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public().to_string()).finish()
    }
}

impl SigningKey {
    /// Creates a key; returns it with its secret, as [`Self::from_secret`] reads it.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn generate() -> Result<(Self, String), String> {
        let random = || ring::rand::generate::<[u8; 32]>(&SystemRandom::new());
        let seed = random().map_err(|_| "could not draw a key: the system gave no random bytes".to_owned())?.expose();
        let secret = hexadecimal(&seed);
        Ok((Self::from_secret(&secret)?, secret))
    }

    /// The key with a secret of 64 hexadecimal digits.
    ///
    /// # Errors
    /// The secret has another form.
    pub fn from_secret(secret: &str) -> Result<Self, String> {
        let seed = bytes::<32>(secret).ok_or("invalid signing key: 64 hexadecimal digits expected")?;
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(|error| format!("invalid signing key: {error}"))
    }

    /// The public key, which hubs trust.
    pub fn public(&self) -> VerifyingKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        VerifyingKey(public)
    }

    /// Signs a body and returns the signed document.
    ///
    /// # Errors
    /// The body cannot be serialized.
    pub fn sign<T: Serialize>(&self, purpose: Purpose, body: &T) -> Result<Vec<u8>, BadPublication> {
        let unreadable =
            |error: serde_json::Error| BadPublication::Unreadable { what: purpose.name(), why: error.to_string() };
        let body = to_raw_value(body).map_err(unreadable)?;
        let signature = hexadecimal(self.0.sign(&purpose.message(body.get())).as_ref());
        serde_json::to_vec(&Signed { body, signature }).map_err(unreadable)
    }
}

/// The public key that a hub trusts: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifyingKey([u8; 32]);

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

impl From<VerifyingKey> for String {
    fn from(key: VerifyingKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for VerifyingKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let invalid = || {
            format!(
                "invalid key `{}`: 64 hexadecimal digits, as `store-hub-hq signing-key` prints",
                text.escape_debug()
            )
        };
        bytes(&text).map(Self).ok_or_else(invalid)
    }
}

impl VerifyingKey {
    /// Checks the signature and reads the body. Documents of more than `most` bytes are refused.
    ///
    /// # Errors
    /// The document is too large, has another form, or is not signed by this key for this purpose.
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        document: &[u8],
        most: usize,
    ) -> Result<T, BadPublication> {
        let what = purpose.name();
        if document.len() > most {
            return Err(BadPublication::Unreadable {
                what,
                why: format!("{} bytes; the limit is {most}", document.len()),
            });
        }
        let unreadable = |error: serde_json::Error| BadPublication::Unreadable { what, why: error.to_string() };
        let Signed { body, signature } = serde_json::from_slice(document).map_err(unreadable)?;
        let message = purpose.message(body.get());
        let is_right = bytes::<64>(&signature)
            .is_some_and(|signature| UnparsedPublicKey::new(&ED25519, self.0).verify(&message, &signature).is_ok());
        if !is_right {
            return Err(BadPublication::Signature { what });
        }
        serde_json::from_str(body.get()).map_err(unreadable)
    }
}

#[derive(Serialize, Deserialize)]
struct Signed {
    body: Box<RawValue>,
    signature: String,
}

/// `N` bytes from hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    crate::name::from_hexadecimal(text, &mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_document_reads_back_and_any_change_is_refused() {
        let (key, secret) = SigningKey::generate().unwrap();
        let trusted = SigningKey::from_secret(&secret).unwrap().public();
        assert_eq!(VerifyingKey::try_from(trusted.to_string()), Ok(trusted));
        let document = key.sign(Purpose::Manifest, &("catalog", 7)).unwrap();
        let open = |document: &[u8]| trusted.open::<(String, u64)>(Purpose::Manifest, document, 1_000);
        assert_eq!(open(&document), Ok(("catalog".to_owned(), 7)));
        let other = SigningKey::generate().unwrap().0.sign(Purpose::Manifest, &("catalog", 7)).unwrap();
        let as_other = key.sign(Purpose::Announcement, &("catalog", 7)).unwrap();
        let changed = String::from_utf8(document.clone()).unwrap().replace('7', "8").into_bytes();
        let unsigned = br#"{"body":["catalog",7],"signature":""}"#.to_vec();
        for wrong in [other, as_other, changed, unsigned] {
            assert!(open(&wrong).is_err(), "{}", String::from_utf8_lossy(&wrong));
        }
        assert!(trusted.open::<(String, u64)>(Purpose::Manifest, &document, document.len() - 1).is_err());
        assert!(!format!("{key:?}").contains(&secret));
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        for wrong in ["", "a7", &"g".repeat(64), &"a".repeat(63), &"+1".repeat(32)] {
            assert!(VerifyingKey::try_from((*wrong).to_owned()).is_err(), "{wrong}");
            assert!(SigningKey::from_secret(wrong).is_err(), "{wrong}");
        }
    }
}
