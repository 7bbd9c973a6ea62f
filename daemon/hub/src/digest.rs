//! SHA-256 as text.

use ring::digest;
use store::hexadecimal;

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal::of(digest::digest(&digest::SHA256, bytes).as_ref())
}
