//! The config of a hub, from its location's record.
//!
//! `${STATE}` stands for the hub's state directory: HQ does not know where it is.

use std::collections::BTreeSet;

use contract::HubId;
use hq::locations::{Details, HubConfig, Location};
use toml::{Table, Value};

use crate::headquarters::Settings;

/// The tables that describe lanes.
const LANES: [&str; 8] = [
    "register",
    "scale",
    "scanner",
    "label_printer",
    "receipt_printer",
    "payment_terminal",
    "customer_display",
    "restricted_code",
];

/// The most lanes and devices of a location.
const MOST: usize = 200;

/// Checks the tables of lanes and devices. Their settings are checked by the hub, which knows its drivers.
///
/// # Errors
/// They are not TOML, or contain other tables.
pub fn check_lanes(text: &str) -> Result<(), String> {
    let tables: Table = toml::from_str(text).map_err(|error| format!("lanes: {error}"))?;
    let mut names = BTreeSet::new();
    let mut count = 0;
    for (key, value) in &tables {
        let Some(list) = value.as_array().filter(|_| LANES.contains(&key.as_str())) else {
            let known = LANES.map(|name| format!("[[{name}]]")).join(", ");
            return Err(format!("lanes: unexpected `{}`; the tables are {known}", key.escape_debug()));
        };
        count += list.len();
        for entry in list.iter().filter(|_| key != "restricted_code") {
            let name = entry.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| format!("lanes: a [[{key}]] has no name"))?;
            if !names.insert((key == "register", name)) {
                return Err(format!("lanes: `{}` is listed twice", name.escape_debug()));
            }
        }
    }
    if count > MOST { Err(format!("lanes: {count} tables; the limit is {MOST}")) } else { Ok(()) }
}

/// The config of a hub.
fn render(id: &HubId, details: &Details, settings: &Settings) -> String {
    let text = |text: &str| Value::String(text.to_owned()).to_string();
    let mut toml = format!(
        r#"# The config of {id}, by HQ. HQ replaces this file: change the location there.
[store]
hub = {}
name = {}
currency = {}
time_zone = {}
data = "${{STATE}}/data"

[listen]
address = {}
certificate = "${{STATE}}/hub.pem"
key = "${{STATE}}/hub.key"
authority = "${{STATE}}/hq-root.pem"
announce = true

[headquarters]
broker = {}
authority = "${{STATE}}/hq-root.pem"
certificate = "${{STATE}}/identity.pem"
key = "${{STATE}}/identity.key"
"#,
        text(id.as_str()),
        text(&details.name),
        text(details.currency.code()),
        text(&details.time_zone),
        text(&details.listen),
        text(&settings.broker.to_string()),
    );
    if let Some(key) = &settings.publications_key {
        toml += &format!("\n[publications]\nkey = {}\n", text(key));
    }
    toml += &format!("\n[enrolment]\nservice = {}\nstate = \"${{STATE}}\"\n", text(&settings.service));
    if !details.lanes.trim().is_empty() {
        toml += &format!("\n{}\n", details.lanes.trim());
    }
    toml
}

/// Gives a location its config; a different one than before is a new version.
pub fn put_config(location: &mut Location, settings: &Settings) {
    let toml = render(&location.id, &location.details, settings);
    if toml != location.config.toml {
        location.config.version += 1;
        location.config.toml = toml;
    }
}

/// The config of a location that has none yet.
pub fn no_config() -> HubConfig {
    HubConfig { version: 0, toml: String::new(), used: 0, refused: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_tables_of_devices_and_nothing_else() {
        let good = "[[register]]\nname = \"till-1\"\nscanner = \"s\"\n[[scanner]]\nname = \"s\"\naddress = \"x\"\n";
        check_lanes(good).unwrap();
        for (wrong, told) in [
            ("[store]\nhub = \"other\"", "unexpected `store`"),
            ("register = 1", "unexpected `register`"),
            ("[[register]]\n", "no name"),
            ("[[register]]\nname = \"a\"\n[[register]]\nname = \"a\"\n", "twice"),
            ("[[register", "lanes"),
        ] {
            let error = check_lanes(wrong).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
