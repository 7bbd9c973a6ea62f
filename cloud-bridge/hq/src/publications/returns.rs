//! The policy of returns, from a JSON file with the fields of `[returns]` in a hub's config, without `identity_key`.

use std::{fs, path::Path};

use commerce::returns::Policies;
use contract::publication::RETURNS;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    items::BadRecords,
    kinds::{Publishable, Records},
};

/// The key of the only record.
const KEY: &str = "policy";

/// The policy of returns.
pub static POLICY_OF_RETURNS: Publishable = Publishable {
    name: RETURNS,
    about: "The policy of returns: a JSON file with the fields of `[returns]` in a hub's config",
    read: |path| read(path).map_err(|why| BadRecords::at(path, why)),
    shown: |body| body.get().to_owned(),
    changed: |before, after| format!("{} -> {}", before.get(), after.get()),
    refused_if_shrunk: false,
};

fn read(path: &Path) -> Result<Records, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("could not read it: {error}"))?;
    let policies: Policies = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    policies.check_published()?;
    let body: Box<RawValue> = to_raw_value(&policies).map_err(|error| error.to_string())?;
    Ok(Records::from([(KEY.to_owned(), body)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Records, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("returns.json");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_policy_is_one_record_and_never_has_the_key_of_identities() {
        let records = read_text(r#"{"window_days": 14, "department": {"Toys": {"final_sale": true}}}"#).unwrap();
        let policies: Policies = serde_json::from_str(records[KEY].get()).unwrap();
        assert_eq!((records.len(), policies.window_days, policies.department["Toys"].final_sale), (1, 14, true));
        assert!(!records[KEY].get().contains("identity_key"));
        for (text, why) in [
            (r#"{"window": 14}"#, "unknown field"),
            (r#"{"high_value": -1}"#, "high_value is negative"),
            (r#"{"identity_key": "secret"}"#, "identity_key is a secret"),
        ] {
            assert!(read_text(text).unwrap_err().contains(why), "{text}");
        }
    }
}
