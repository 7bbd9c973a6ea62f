//! Signatures according to Standard Webhooks (<https://www.standardwebhooks.com>, specification 1.0).
//!
//! A secret is `whsec_` and the base64 of its bytes. The signature is the HMAC-SHA-256 of `ID.TIMESTAMP.BODY`, sent as
//! `v1,BASE64`.

use data_encoding::BASE64;
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

const PREFIX: &str = "whsec_";

/// A new secret of 256 bits; none if the system gave no random bytes.
pub(super) fn new_secret() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{PREFIX}{}", BASE64.encode(&bytes)))
}

/// The signature of a message; none if the secret is invalid. `timestamp`: seconds since 1970, UTC.
pub(super) fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let key = BASE64.decode(secret.strip_prefix(PREFIX)?.as_bytes()).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64.encode(signed.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_message_is_signed_as_in_the_specification() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("whsec_!", "a", 1, ""), None);
        assert!(signature(&new_secret().unwrap(), "a", 1, "").is_some());
    }
}
