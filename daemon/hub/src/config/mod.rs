//! A store's config: a TOML file, read once at start.
//!
//! Everything is checked when the file is read, so that errors are reported before the first customer comes: all
//! findings at once, each with its place, the value and a remedy. The settings of a device's protocol are defined by
//! the protocol (`drivers::registry`); the config knows names, lanes and kinds.
//!
//! [`Config::check_files`] also opens the files, addresses and devices that a config names. Only `store-hub
//! check-config` uses it: a hub that starts finds out anyway.

mod backup;
mod card_payments;
mod cash;
mod check;
mod files;
mod kind;
mod medium;
mod operators;
mod orders;
mod place;
mod read;
mod secrets;
mod templates;
#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf};

use commerce::{Currency, RegisterName, code::Rule, returns::Policies};
use contract::{HubId, publication::VerifyingKey};
use drivers::registry::Setup;
use jiff::tz::TimeZone;
use link::{BrokerAddress, Login};
use serde::{Deserialize, Serialize};
use store::EngineKind;

pub use backup::Backup;
pub use card_payments::CardPayments;
pub use cash::Cash;
pub use files::FileFindings;
pub(crate) use files::{days_until, ends_soon};
pub use kind::DeviceKind;
pub(crate) use medium::medium;
pub use operators::Operators;
pub use orders::{ItemClass, Orders, WebShare};
pub use place::{BY_HAND, STATE, located, state_of};
pub(crate) use place::{ENROLLED, is_unconfigured};
pub use read::ConfigError;
pub(crate) use secrets::{REMOVED, hide, is_secret};
pub(crate) use templates::Templates;

/// The config file.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// The store.
    pub store: Store,
    /// Where registers connect to the hub.
    pub listen: Listen,
    /// Where the metrics are served on the LAN, to anybody; by default only on the admin socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// The connection to HQ. Without it the store sells, and the outbox waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<Headquarters>,
    /// How publications of HQ are verified and fetched. Without it none is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publications: Option<Publications>,
    /// How the hub keeps its identity, if HQ enrolled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
    /// How customer orders are handled.
    #[serde(default)]
    pub orders: Orders,
    /// Limits of card payments.
    #[serde(default)]
    pub card_payments: CardPayments,
    /// How operators sign in.
    #[serde(default)]
    pub operators: Operators,
    /// How cash is counted.
    #[serde(default)]
    pub cash: Cash,
    /// Where backups are written.
    #[serde(default)]
    pub backup: Backup,
    /// The policy of returns.
    #[serde(default)]
    pub returns: Policies,
    /// The rules for codes with a price, weight or count inside; the first that applies counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restricted_code: Vec<Rule>,
    /// The devices, each a `[[scale]]`, `[[scanner]]`, `[[label_printer]]`, `[[receipt_printer]]`,
    /// `[[payment_terminal]]` or `[[customer_display]]`.
    #[serde(flatten)]
    pub devices: BTreeMap<DeviceKind, Vec<Setup>>,
    /// The registers, each with the devices of its lane.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub register: Vec<Register>,
}

/// The store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The hub's name at HQ: letters, digits, `-`.
    pub hub: HubId,
    /// The name on receipts.
    pub name: String,
    /// The currency: three letters, ISO 4217.
    pub currency: Currency,
    /// The time zone: an IANA name, such as `America/New_York`.
    pub time_zone: String,
    /// The data directory.
    pub data: PathBuf,
    /// The storage engine: `sled` or `sqlite`. `store-hub store convert` converts a store to the other one.
    #[serde(default)]
    pub engine: EngineKind,
    /// The first day of the fiscal year, `MM-DD`. Receipt numbers start from 1 in each.
    #[serde(default)]
    pub fiscal_year_starts: DayOfYear,
    /// The minimum number of days that sales (once HQ has them) and closed stock documents are kept; default ten years.
    /// The law sets the minimum.
    #[serde(default = "ten_years")]
    pub keep_sales_days: u16,
    /// The directory of the retailer's own label templates: `NAME.toml` is the template `NAME`, also if a template that
    /// is shipped has that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_templates: Option<PathBuf>,
    /// A PNG that is printed at the top of receipts: at most 576 x 400 dots, 384 wide for paper of 58 mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_logo: Option<PathBuf>,
}

fn ten_years() -> u16 {
    3_653
}

/// A day that exists in every year.
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
            format!(
                "Invalid day `{}`: expected MM-DD of a day that exists in every year, such as 01-01",
                text.escape_debug()
            )
        })
    }
}

/// Where registers connect to the hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// IP address and port.
    pub address: SocketAddr,
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
    /// Whether TLS 1.2 is accepted as well, for registers that do not speak TLS 1.3.
    #[serde(default)]
    pub allow_tls_1_2: bool,
    /// PEM file of the authority that registers and browsers must trust, for the page `/trust`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// Whether the hub is announced on the LAN by multicast DNS: `_store-hub._tcp`, under the host name `HUB.local`.
    #[serde(default)]
    pub announce: bool,
}

/// Where the metrics are served on the LAN.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// IP address and port, for plain HTTP.
    pub address: SocketAddr,
}

/// The connection to HQ.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headquarters {
    /// The broker: `mqtts://HOST:PORT`.
    pub broker: BrokerAddress,
    /// PEM file of the authority that signed the broker's certificate; required for `mqtts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// PEM file of the client certificate, if the broker requests one. Default: the certificate of `[listen]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file of its private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The user name, for a broker that requires a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file with the password in its first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// How many seconds a store that begins on an empty disk or with a backup waits for HQ to tell its last receipt
    /// numbers, before it sells under a new prefix.
    #[serde(default = "a_minute")]
    pub receipt_numbers_timeout_s: u16,
}

fn a_minute() -> u16 {
    60
}

/// The hub's enrolment at HQ.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// HQ's enrolment service: `https://HOST:PORT`.
    pub service: String,
    /// The hub's state directory, with its identity.
    pub state: PathBuf,
}

/// Publications of HQ.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publications {
    /// The key by which HQ signs, as `store-hub-hq signing-key` prints it: 64 hexadecimal digits.
    pub key: VerifyingKey,
    /// PEM file of the authority that signed the certificate of the server with the files. Without it the one of
    /// `[headquarters]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
}

impl Headquarters {
    /// A broker with default settings.
    pub fn new(broker: BrokerAddress, authority: Option<PathBuf>) -> Self {
        Self {
            broker,
            authority,
            certificate: None,
            key: None,
            username: None,
            password_file: None,
            receipt_numbers_timeout_s: a_minute(),
        }
    }

    /// The user name and the password from its file.
    ///
    /// # Errors
    /// The file can't be read, or its first line is empty.
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
    /// The name: letters, digits, `-`.
    pub name: RegisterName,
    /// The scanner of the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// The scale of the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// The receipt printer of the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_printer: Option<String>,
    /// The payment terminal of the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terminal: Option<String>,
    /// The customer display of the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_display: Option<String>,
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
    /// The zone is unknown; never for a config that was read successfully.
    pub fn time_zone(&self) -> Result<TimeZone, String> {
        let name = &self.store.time_zone;
        // Works without a time zone database, which a small machine may lack.
        if name == "UTC" {
            return Ok(TimeZone::UTC);
        }
        TimeZone::get(name).map_err(|_| {
            format!(
                "store.time_zone: unknown time zone `{name}`; use an IANA name such as Europe/Vienna, and install \
                 tzdata"
            )
        })
    }
}
