//! A store's config: one TOML file, read once at start.
//!
//! Everything is checked at reading, so that what is wrong is told before the first customer comes: the place, the
//! value and a remedy, and all findings at once. What a device's protocol wants to be told is that protocol's own
//! affair (`drivers::registry`); the config knows names, lanes and kinds.
//!
//! The files, addresses and devices that a config names are looked at by [`Config::check_files`], which is what
//! `store-hub check-config` adds: a hub that starts finds out by using them.

mod check;
mod files;
mod kind;
mod read;
#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use commerce::{Currency, RegisterName};
use contract::HubId;
use drivers::registry::Setup;
use jiff::tz::TimeZone;
use link::{BrokerAddress, Login};
use serde::{Deserialize, Serialize};
use store::EngineKind;

pub use files::FileFindings;
pub(crate) use files::{days_until, ends_soon};
pub use kind::DeviceKind;
pub use read::ConfigError;

/// The whole file.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// The store.
    pub store: Store,
    /// Where registers reach the hub.
    pub listen: Listen,
    /// HQ; without it the store sells, and the outbox waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<Headquarters>,
    /// The devices: a `[[scale]]`, `[[scanner]]`, `[[label_printer]]`, `[[receipt_printer]]` or `[[payment_terminal]]`
    /// each.
    #[serde(flatten)]
    pub devices: BTreeMap<DeviceKind, Vec<Setup>>,
    /// Registers, each with the devices of its lane.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub register: Vec<Register>,
}

/// The store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The hub's name towards HQ: letters, digits, `-`.
    pub hub: HubId,
    /// As printed on receipts.
    pub name: String,
    /// Three letters, ISO 4217.
    pub currency: Currency,
    /// IANA name, such as `America/New_York`.
    pub time_zone: String,
    /// Where the hub keeps its state.
    pub data: PathBuf,
    /// What keeps it there: `sled` or `sqlite`. `store-hub store convert` moves a store from one to the other.
    #[serde(default)]
    pub engine: EngineKind,
    /// The day on which its fiscal year starts, `MM-DD`: receipts are counted from 1 in each.
    #[serde(default)]
    pub fiscal_year_starts: DayOfYear,
    /// How many days a sale that HQ has is kept, at least, and a document of the stock that is closed: ten years
    /// without it. The law says how long it must be.
    #[serde(default = "ten_years")]
    pub keep_sales_days: u16,
}

fn ten_years() -> u16 {
    3_653
}

/// A month and a day of it that every year has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayOfYear {
    month: i8,
    day: i8,
}

impl Default for DayOfYear {
    fn default() -> Self {
        Self { month: 1, day: 1 }
    }
}

impl From<DayOfYear> for (i8, i8) {
    fn from(DayOfYear { month, day }: DayOfYear) -> Self {
        (month, day)
    }
}

impl From<DayOfYear> for String {
    fn from(DayOfYear { month, day }: DayOfYear) -> Self {
        format!("{month:02}-{day:02}")
    }
}

impl TryFrom<String> for DayOfYear {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.split_once('-').and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)));
        // 2026 has no 29 February.
        let date = date.filter(|(month, day)| jiff::civil::Date::new(2026, *month, *day).is_ok());
        date.map(|(month, day)| Self { month, day }).ok_or_else(|| {
            format!("Invalid day `{}`: MM-DD of a day that every year has, such as 01-01", text.escape_debug())
        })
    }
}

/// Where registers reach the hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// IP address and port.
    pub address: SocketAddr,
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of its key.
    pub key: PathBuf,
}

/// HQ.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headquarters {
    /// Its broker: `mqtts://HOST:PORT`.
    pub broker: BrokerAddress,
    /// PEM file of the authority that signed the broker's certificate; needed for `mqtts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// PEM file of the certificate chain that a broker gets to see if it asks. Without it the one of `[listen]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The user name for a broker that asks for a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A file whose first line is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Headquarters {
    /// A broker without further settings.
    pub fn new(broker: BrokerAddress, authority: Option<PathBuf>) -> Self {
        Self { broker, authority, certificate: None, key: None, username: None, password_file: None }
    }

    /// The password file's first line.
    ///
    /// # Errors
    /// The file can't be read, or begins with an empty line.
    pub(crate) fn login(&self) -> Result<Option<Login>, String> {
        let (Some(username), Some(file)) = (&self.username, &self.password_file) else { return Ok(None) };
        let text = fs::read_to_string(file)
            .map_err(|error| format!("headquarters.password_file: could not read {}: {error}", file.display()))?;
        match text.lines().next() {
            Some(password) if !password.is_empty() => {
                Ok(Some(Login { username: username.clone(), password: password.to_owned() }))
            }
            _ => Err(format!("headquarters.password_file: the first line of {} is empty", file.display())),
        }
    }
}

/// A register and the devices of its lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its name: letters, digits, `-`.
    pub name: RegisterName,
    /// The scanner whose scans it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// The scale it weighs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// The printer of its receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_printer: Option<String>,
    /// The terminal for its card payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terminal: Option<String>,
}

impl Config {
    /// The devices of a kind.
    pub fn devices_of(&self, kind: DeviceKind) -> &[Setup] {
        self.devices.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The lane of a register.
    pub fn lane(&self, register: &RegisterName) -> Option<&Register> {
        self.register.iter().find(|lane| lane.name == *register)
    }

    /// The store's time zone.
    ///
    /// # Errors
    /// The zone is unknown; a config that was read has a known one.
    pub fn time_zone(&self) -> Result<TimeZone, String> {
        let name = &self.store.time_zone;
        // Known without a time zone database, which a small machine may lack.
        if name == "UTC" {
            return Ok(TimeZone::UTC);
        }
        TimeZone::get(name).map_err(|_| {
            format!(
                "store.time_zone: `{name}` is unknown; write an IANA name such as Europe/Vienna, and install tzdata"
            )
        })
    }
}
