//! The seal of the envelope, written independently of the driver's: CBC and its padding block by block.

use std::num::NonZeroU32;

use aes::{
    Aes256,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};
use data_encoding::BASE64;
use ring::{hmac, pbkdf2};
use serde_json::{Value, json};

pub(super) struct Seal {
    hmac: hmac::Key,
    cipher: Aes256,
    vector: [u8; 16],
}

impl Seal {
    pub(super) fn of(passphrase: &str) -> Self {
        let mut keys = [0; 80];
        let rounds = NonZeroU32::new(4000).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, rounds, b"AdyenNexoV1Salt", passphrase.as_bytes(), &mut keys);
        let mut cipher = [0; 32];
        cipher.copy_from_slice(&keys[32..64]);
        let mut vector = [0; 16];
        vector.copy_from_slice(&keys[64..80]);
        Self { hmac: hmac::Key::new(hmac::HMAC_SHA256, &keys[..32]), cipher: Aes256::new(&cipher.into()), vector }
    }

    /// Opens a sealed envelope; the inner message.
    pub(super) fn open(&self, envelope: &Value) -> Option<Value> {
        let decoded = |value: &Value| BASE64.decode(value.as_str()?.as_bytes()).ok();
        let trailer = &envelope["SecurityTrailer"];
        let (nonce, text) = (decoded(&trailer["Nonce"])?, decoded(&envelope["NexoBlob"])?);
        let mut before: Vec<u8> = self.vector.iter().zip(&nonce).map(|(one, other)| one ^ other).collect();
        let mut plain = Vec::new();
        for chunk in text.chunks_exact(16) {
            let mut block = <[u8; 16]>::try_from(chunk).ok()?.into();
            self.cipher.decrypt_block(&mut block);
            plain.extend(block.iter().zip(&before).map(|(one, other)| one ^ other));
            before = chunk.to_vec();
        }
        let padding = usize::from(*plain.last()?);
        plain.truncate(plain.len().checked_sub(padding)?);
        hmac::verify(&self.hmac, &plain, &decoded(&trailer["Hmac"])?).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// Seals a message below its header.
    pub(super) fn close(&self, header: &Value, inner: &Value, broken: bool) -> Value {
        let plain = inner.to_string();
        let nonce = hmac::sign(&self.hmac, format!("{header}{plain}").as_bytes());
        let nonce = &nonce.as_ref()[..16];
        let padding = 16 - plain.len() % 16;
        let mut padded = plain.clone().into_bytes();
        padded.extend(std::iter::repeat_n(u8::try_from(padding).unwrap_or(0), padding));
        let mut before: Vec<u8> = self.vector.iter().zip(nonce).map(|(one, other)| one ^ other).collect();
        let mut text = Vec::new();
        for chunk in padded.chunks_exact(16) {
            let mixed: Vec<u8> = chunk.iter().zip(&before).map(|(one, other)| one ^ other).collect();
            let mut block = <[u8; 16]>::try_from(mixed.as_slice()).unwrap_or_default().into();
            self.cipher.encrypt_block(&mut block);
            before = block.to_vec();
            text.extend(&before);
        }
        let mut tag = hmac::sign(&self.hmac, plain.as_bytes()).as_ref().to_vec();
        if broken {
            tag[0] ^= 1;
        }
        json!({ "SaleToPOIResponse": {
            "MessageHeader": header,
            "NexoBlob": BASE64.encode(&text),
            "SecurityTrailer": {
                "AdyenCryptoVersion": 1, "KeyIdentifier": "hub", "KeyVersion": 1,
                "Nonce": BASE64.encode(nonce), "Hmac": BASE64.encode(&tag),
            },
        } })
    }
}
