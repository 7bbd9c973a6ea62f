//! Which settings are secrets: they are used, and never shown.

use serde_json::Value;

/// What stands where a secret was taken out.
pub(crate) const REMOVED: &str = "(removed)";

/// A setting with one of these words in its name is a secret, unless it names a file.
const WORDS: [&str; 6] = ["password", "passphrase", "secret", "token", "pin", "polynomial"];

/// Whether the setting of this name is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let has_word = || name.split(['_', '-']).any(|word| WORDS.contains(&word));
    !name.ends_with("_file") && (name == "identity_key" || has_word())
}

/// Hides the secrets in a config.
pub(crate) fn hide(config: &mut Value) {
    match config {
        Value::Object(settings) => {
            for (name, value) in settings {
                if is_secret(name) {
                    *value = REMOVED.into();
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_secret_by_a_word_of_its_name() {
        for name in ["password", "api_token", "client_secret", "pin", "identity_key"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["password_file", "keeping", "ping_seconds", "key", "key_identifier"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
