//! Backups.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where `store-hub store backup` writes, how many backups are kept, and for whom they are encrypted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The directory, best on another disk.
    pub directory: PathBuf,
    /// How many of this store's backups stay in it, at least one.
    pub keep: u16,
    /// The recipients who can decrypt them: public keys of `age`, `age1…`. Without any, backups are not encrypted.
    pub encrypt_to: Vec<String>,
}

impl Default for Backup {
    fn default() -> Self {
        Self { directory: "/var/backups/store-hub".into(), keep: 14, encrypt_to: Vec::new() }
    }
}

impl Backup {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if self.keep == 0 {
            findings.push("backup.keep: expected at least 1".into());
        }
        let is_key = |key: &&String| {
            key.strip_prefix("age1")
                .is_some_and(|rest| rest.len() == 58 && rest.bytes().all(|it| it.is_ascii_alphanumeric()))
        };
        for key in self.encrypt_to.iter().filter(|key| !is_key(key)) {
            let key = key.escape_debug();
            findings.push(format!("backup.encrypt_to: `{key}` is not a public key; `age-keygen` prints one: age1…"));
        }
        findings
    }
}
