//! The envelope's cryptography, as Adyen's terminals use it (checked against `@adyen/api-library`).
//!
//! - Keys: PBKDF2-HMAC-SHA1 of the passphrase, salt `AdyenNexoV1Salt`, 4000 rounds; 32 bytes for the HMAC, 32 for the
//!   cipher, 16 for the initial vector.
//! - Cipher: AES-256-CBC with PKCS#7; its vector is the derived one XOR a random nonce per message.
//! - HMAC-SHA256 over the plain text. A wrong padding and a wrong HMAC are the same error.

use std::num::NonZeroU32;

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use ring::{
    hmac, pbkdf2,
    rand::{SecureRandom, SystemRandom},
};

const SALT: &[u8] = b"AdyenNexoV1Salt";
const ROUNDS: NonZeroU32 = NonZeroU32::new(4000).unwrap();

/// The keys of a terminal.
pub(super) struct Keys {
    hmac: hmac::Key,
    cipher: [u8; 32],
    vector: [u8; 16],
}

/// A message on its way.
pub(super) struct Sealed {
    pub(super) text: Vec<u8>,
    pub(super) nonce: [u8; 16],
    pub(super) hmac: Vec<u8>,
}

/// The message was not sealed with these keys, or changed on its way.
#[derive(Debug)]
pub(super) struct Tampered;

impl Keys {
    pub(super) fn of(passphrase: &str) -> Self {
        let mut bytes = [0; 80];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, ROUNDS, SALT, passphrase.as_bytes(), &mut bytes);
        let (mut cipher, mut vector) = ([0; 32], [0; 16]);
        cipher.copy_from_slice(&bytes[32..64]);
        vector.copy_from_slice(&bytes[64..]);
        Self { hmac: hmac::Key::new(hmac::HMAC_SHA256, &bytes[..32]), cipher, vector }
    }

    fn vector(&self, nonce: &[u8; 16]) -> [u8; 16] {
        std::array::from_fn(|place| self.vector[place] ^ nonce[place])
    }

    /// Seals a message with a random nonce.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(super) fn seal(&self, plain: &[u8]) -> Result<Sealed, Tampered> {
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Tampered)?;
        Ok(self.seal_with(plain, nonce))
    }

    fn seal_with(&self, plain: &[u8], nonce: [u8; 16]) -> Sealed {
        let cipher = cbc::Encryptor::<Aes256>::new(&self.cipher.into(), &self.vector(&nonce).into());
        let text = cipher.encrypt_padded_vec::<Pkcs7>(plain);
        Sealed { text, nonce, hmac: hmac::sign(&self.hmac, plain).as_ref().to_vec() }
    }

    /// Opens a message.
    pub(super) fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, Tampered> {
        let cipher = cbc::Decryptor::<Aes256>::new(&self.cipher.into(), &self.vector(&sealed.nonce).into());
        let plain = cipher.decrypt_padded_vec::<Pkcs7>(&sealed.text).map_err(|_| Tampered)?;
        // Compares in constant time.
        hmac::verify(&self.hmac, &plain, &sealed.hmac).map_err(|_| Tampered)?;
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    #[test]
    fn keys_are_those_of_the_published_vector() {
        let keys = Keys::of("p@ssw0rd123456");
        assert_eq!(hex(&keys.cipher), "cf2c822761b9f5305bf69970bfa7b659a6724a119db21f8b0e949779f2ea022c");
        assert_eq!(hex(&keys.vector), "bb9ba8092e6027c735398dc65977c051");
        let key: Vec<u8> = (0..32)
            .map(|place| {
                let digits = "733636253b5b98f9a483b1a678d73a58dab2accafbc029ecbe12d60eaa909e32";
                u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap()
            })
            .collect();
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), b"text");
        assert_eq!(hmac::sign(&keys.hmac, b"text").as_ref(), expected.as_ref());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_sealed_opens_and_nothing_else_does(
            plain in proptest::collection::vec(any::<u8>(), 0..300),
            place in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let keys = Keys::of("secret");
            let sealed = keys.seal(&plain).unwrap();
            prop_assert_eq!(keys.open(&sealed).unwrap(), plain.clone());
            for part in 0..3 {
                let mut other = keys.seal(&plain).unwrap();
                let bytes: &mut [u8] = match part {
                    0 => &mut other.text,
                    1 => &mut other.nonce,
                    _ => &mut other.hmac,
                };
                bytes[place.index(bytes.len())] ^= flip;
                prop_assert!(keys.open(&other).is_err());
            }
            prop_assert!(Keys::of("another").open(&sealed).is_err());
        }
    }
}
