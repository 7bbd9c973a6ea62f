//! The records of the publication `operators`: the people who may sign in at a store's registers.
//!
//! A PIN travels and is stored as its Argon2id hash only, a badge as the SHA-256 of its barcode. The salt of a PIN is
//! derived from the operator's id, so that a publication without changes has the same records as the one before.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::Salt};
use commerce::{OperatorId, gift_card::CardNumber, operator::Role, text::is_readable};
use serde::{Deserialize, Serialize};

use crate::name::{Digest, hexadecimal};

/// The kind of publication.
pub const OPERATORS: &str = "operators";

/// The longest name, in bytes.
const MAX_NAME: usize = 80;

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The id, as in sales and in the audit trail.
    pub id: OperatorId,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The hash of the PIN; without one only the badge signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// The digest of the badge's barcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub badge: Option<Digest>,
}

impl Operator {
    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.name.len() > MAX_NAME || !is_readable(&self.name) {
            return Err(format!("invalid name: expected 1 to {MAX_NAME} printable characters"));
        }
        if self.pin.is_none() && self.badge.is_none() {
            return Err("neither a PIN nor a badge".into());
        }
        Ok(())
    }
}

/// The Argon2id hash of a PIN, in the PHC format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, max_length = 200))]
pub struct PinHash(String);

impl TryFrom<String> for PinHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = PasswordHash::new(&text).map_err(|error| format!("invalid hash of a PIN: {error}"))?;
        let params = Params::try_from(&parsed).map_err(|error| format!("invalid hash of a PIN: {error}"))?;
        // A hash must not cost the hub its memory or a register its patience.
        let is_bounded = params.m_cost() <= 4 * MEMORY_KIB && params.t_cost() <= 4 * PASSES && params.p_cost() == 1;
        if parsed.algorithm != Algorithm::Argon2id.ident() || !is_bounded || text.len() > 200 {
            return Err("invalid hash of a PIN: expected Argon2id of bounded cost".into());
        }
        Ok(Self(text))
    }
}

impl From<PinHash> for String {
    fn from(hash: PinHash) -> Self {
        hash.0
    }
}

/// The cost of a hash: the first recommendation of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19_456;
/// The same.
const PASSES: u32 = 2;

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl PinHash {
    /// Hashes the PIN of an operator. Takes some 50 ms and 19 MB.
    ///
    /// # Errors
    /// The PIN is not 4 to 12 digits.
    pub fn of(id: &OperatorId, pin: &str) -> Result<Self, String> {
        Self::salted(&format!("operator {id}"), pin)
    }

    /// Hashes the PIN of a gift card.
    ///
    /// # Errors
    /// The PIN is not 4 to 12 digits.
    pub fn of_card(card: &CardNumber, pin: &str) -> Result<Self, String> {
        Self::salted(&format!("gift card {}", card.as_str()), pin)
    }

    fn salted(owner: &str, pin: &str) -> Result<Self, String> {
        if !(4..=12).contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("invalid PIN: expected 4 to 12 digits".into());
        }
        let salt = hexadecimal(&sha256(owner)[..16]);
        let salt = Salt::from_b64(&salt).map_err(|error| error.to_string())?;
        let hash = hasher()?.hash_password(pin.as_bytes(), salt).map_err(|error| error.to_string())?;
        Ok(Self(hash.to_string()))
    }

    /// Whether a PIN is the right one. Takes as long as [`Self::of`].
    pub fn is_of(&self, pin: &str) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        hasher().is_ok_and(|hasher| hasher.verify_password(pin.as_bytes(), &hash).is_ok())
    }

    /// Takes the time of a verification, for an operator who does not exist.
    pub fn waste_time(pin: &str) {
        let salt = Salt::from_b64("c3RvcmUtaHViLXNhbHQ");
        if let (Ok(hasher), Ok(salt)) = (hasher(), salt) {
            let _ = hasher.hash_password(pin.as_bytes(), salt);
        }
    }
}

/// The digest of a badge's barcode.
pub fn badge_digest(code: &str) -> Digest {
    Digest(sha256(&format!("badge {}", code.trim())))
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_stored_as_a_hash_that_only_it_matches() {
        let id: OperatorId = "1042".parse().unwrap();
        let hash = PinHash::of(&id, "2468").unwrap();
        assert_eq!(PinHash::of(&id, "2468"), Ok(hash.clone()), "the same record in every publication");
        assert_ne!(PinHash::of(&"1043".parse().unwrap(), "2468"), Ok(hash.clone()));
        assert!(hash.is_of("2468") && !hash.is_of("2469") && !hash.is_of(""));
        let text = serde_json::to_string(&hash).unwrap();
        assert!(text.starts_with("\"$argon2id$v=19$m=19456,t=2,p=1$") && !text.contains("2468"), "{text}");
        assert_eq!(serde_json::from_str::<PinHash>(&text).unwrap(), hash);
    }

    #[test]
    fn a_hash_of_another_kind_or_cost_is_refused() {
        let id: OperatorId = "1042".parse().unwrap();
        let text = String::from(PinHash::of(&id, "2468").unwrap());
        for wrong in [
            text.replace("argon2id", "argon2i"),
            text.replace("m=19456", "m=9999999"),
            text.replace("t=2", "t=99"),
            "2468".into(),
            String::new(),
        ] {
            assert!(PinHash::try_from(wrong.clone()).is_err(), "{wrong}");
        }
        for pin in ["", "123", "12a4", "1234567890123"] {
            assert!(PinHash::of(&id, pin).is_err(), "{pin}");
        }
    }

    #[test]
    fn an_operator_has_a_name_and_a_way_to_sign_in() {
        let badge = Some(badge_digest(" 4006381333931 "));
        let id: OperatorId = "1042".parse().unwrap();
        let anna = Operator { id, name: "Anna".into(), role: Role::Cashier, pin: None, badge };
        assert_eq!(anna.check(), Ok(()));
        assert_eq!(badge, Some(badge_digest("4006381333931")));
        assert!(Operator { badge: None, ..anna.clone() }.check().is_err());
        assert!(Operator { name: "\u{7}".into(), ..anna }.check().is_err());
    }
}
