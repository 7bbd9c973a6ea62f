//! SHA-256 as text, and the hashes of what identifies customers.

use ring::digest;
use store::hexadecimal;

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal::of(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The hash of something that identifies a customer. The key of the retailer makes it useless to others, and the same
/// in all its stores.
pub(crate) fn identity(key: &str, kind: &str, value: &str) -> String {
    let mut hash = sha256(format!("{key}\0{kind}\0{value}").as_bytes());
    hash.truncate(32);
    hash
}

/// The hash of a card, by the token that terminals give for it.
pub(crate) fn card(key: &str, token: &str) -> String {
    identity(key, "card", token)
}
