//! A store's config: one TOML file, read once at start.
//!
//! Everything is checked at reading, so that what is wrong is told before the first customer comes, with the file, the field and a remedy.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use commerce::Currency;
use contract::HubId;
use drivers::transport::Address;
use jiff::tz::TimeZone;
use link::BrokerAddress;
use serde::{Deserialize, Serialize};
use store::EngineKind;

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The store.
    pub store: Store,
    /// Where registers reach the hub.
    pub listen: Listen,
    /// HQ; without it the store sells, and the outbox waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headquarters: Option<Headquarters>,
    /// Scales.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scale: Vec<Scale>,
    /// Scanners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanner: Vec<Scanner>,
    /// Label printers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_printer: Vec<LabelPrinter>,
    /// Receipt printers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipt_printer: Vec<ReceiptPrinter>,
    /// Payment terminals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payment_terminal: Vec<PaymentTerminal>,
    /// Registers, each with the devices of its lane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
    /// How many days a sale that HQ has is kept, at least, and a document of the stock that is closed: ten years without it. The law says how long it must be.
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
        date.map(|(month, day)| Self { month, day })
            .ok_or_else(|| format!("`{}` is no day of every year; write MM-DD, such as 01-01", text.escape_debug()))
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
    /// PEM file of the authority that signed the broker's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
}

/// A scale that speaks Toledo 8217.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Its name, unique among all devices.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// What it weighs in.
    #[serde(default)]
    pub unit: WeightUnit,
}

/// What a scale weighs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightUnit {
    /// Kilograms.
    #[default]
    Kilogram,
    /// Pounds.
    Pound,
}

/// A scanner on a serial line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scanner {
    /// Its name, unique among all devices.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

/// A label printer that speaks ZPL II.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelPrinter {
    /// Its name, unique among all devices.
    pub name: String,
    /// Where it is.
    pub address: Address,
}

/// A receipt printer that speaks ESC/POS.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptPrinter {
    /// Its name, unique among all devices.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Characters on a line: 32, 42 or 48 on most.
    #[serde(default = "columns")]
    pub columns: u8,
}

fn columns() -> u8 {
    42
}

/// A payment terminal that speaks ZVT.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerminal {
    /// Its name, unique among all devices.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// File with the six digits of its register password; 000000 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// A register and the devices of its lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its name: letters, digits, `-`.
    pub name: String,
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

/// What is wrong with a config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("the config {path} can't be read: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// What the system said.
        why: String,
    },
    /// It is no TOML, or a field is wrong.
    #[error("the config {path} is wrong: {why}")]
    Wrong {
        /// Which.
        path: String,
        /// Where and why.
        why: String,
    },
}

impl Config {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// It can't be read, or something in it is wrong: which field, which value, what to write instead.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: shown(), why: error.to_string() })?;
        let config: Self =
            toml::from_str(&text).map_err(|error| ConfigError::Wrong { path: shown(), why: error.to_string() })?;
        config.check().map_err(|why| ConfigError::Wrong { path: shown(), why })?;
        Ok(config)
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

    fn check(&self) -> Result<(), String> {
        self.time_zone()?;
        if self.store.name.trim().is_empty()
            || self.store.name.len() > 60
            || self.store.name.chars().any(char::is_control)
        {
            return Err("store.name: write 1 to 60 characters".into());
        }
        let mut names = BTreeSet::new();
        for name in self.device_names() {
            name_is_plain("a device", name)?;
            if !names.insert(name) {
                return Err(format!("two devices are called `{name}`; give each its own name"));
            }
        }
        for printer in &self.receipt_printer {
            if !(20..=64).contains(&printer.columns) {
                return Err(format!(
                    "receipt_printer {}: columns = {} is out of range; 20 to 64",
                    printer.name, printer.columns
                ));
            }
        }
        let mut registers = BTreeSet::new();
        let mut scanners = BTreeSet::new();
        for register in &self.register {
            name_is_plain("a register", &register.name)?;
            if !registers.insert(&register.name) {
                return Err(format!("two registers are called `{}`; give each its own name", register.name));
            }
            self.check_lane(register)?;
            if let Some(scanner) = &register.scanner
                && !scanners.insert(scanner)
            {
                return Err(format!("scanner `{scanner}` belongs to two registers; a scan can go to one alone"));
            }
        }
        Ok(())
    }

    fn check_lane(&self, register: &Register) -> Result<(), String> {
        fn names<T>(devices: &[T], name: impl Fn(&T) -> &str, wanted: &str) -> bool {
            devices.iter().any(|device| name(device) == wanted)
        }
        let lane = [
            (
                "scanner",
                &register.scanner,
                register.scanner.as_deref().is_none_or(|wanted| names(&self.scanner, |device| &device.name, wanted)),
            ),
            (
                "scale",
                &register.scale,
                register.scale.as_deref().is_none_or(|wanted| names(&self.scale, |device| &device.name, wanted)),
            ),
            (
                "receipt_printer",
                &register.receipt_printer,
                register
                    .receipt_printer
                    .as_deref()
                    .is_none_or(|wanted| names(&self.receipt_printer, |device| &device.name, wanted)),
            ),
            (
                "payment_terminal",
                &register.payment_terminal,
                register
                    .payment_terminal
                    .as_deref()
                    .is_none_or(|wanted| names(&self.payment_terminal, |device| &device.name, wanted)),
            ),
        ];
        for (kind, wanted, known) in lane {
            if let (Some(wanted), false) = (wanted, known) {
                return Err(format!(
                    "register {}: there is no {kind} called `{wanted}`; add [[{kind}]] name = \"{wanted}\"",
                    register.name
                ));
            }
        }
        Ok(())
    }

    fn device_names(&self) -> impl Iterator<Item = &str> {
        (self.scale.iter().map(|device| device.name.as_str()))
            .chain(self.scanner.iter().map(|device| device.name.as_str()))
            .chain(self.label_printer.iter().map(|device| device.name.as_str()))
            .chain(self.receipt_printer.iter().map(|device| device.name.as_str()))
            .chain(self.payment_terminal.iter().map(|device| device.name.as_str()))
    }
}

fn name_is_plain(what: &str, name: &str) -> Result<(), String> {
    if (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        Ok(())
    } else {
        Err(format!("`{}` is no name for {what}; 1 to 40 letters, digits or `-`", name.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [store]
        hub = "store-367"
        name = "Store 367"
        currency = "USD"
        time_zone = "UTC"
        data = "/var/lib/store-hub"
        [listen]
        address = "127.0.0.1:8443"
        certificate = "hub.pem"
        key = "hub.key"
        [[scanner]]
        name = "scanner-1"
        address = "serial:/dev/ttyUSB0?baud=9600"
        [[register]]
        name = "till-1"
        scanner = "scanner-1"
    "#;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hub.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn a_good_config_is_read_and_reads_back() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.register[0].scanner.as_deref(), Some("scanner-1"));
        assert!(read(&toml::to_string(&config).unwrap()).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_a_remedy() {
        for (from, to, told) in [
            ("\"USD\"", "\"usd\"", "three letters"),
            ("\"UTC\"", "\"Mars/Olympus\"", "IANA"),
            ("scanner = \"scanner-1\"", "scanner = \"scanner-2\"", "add [[scanner]] name = \"scanner-2\""),
            ("till-1", "till 1", "letters, digits"),
            ("store-367", "store/367", "no hub id"),
            ("127.0.0.1:8443", "8443", "socket address"),
            ("store-hub\"", "store-hub\"\nfiscal_year_starts = \"02-29\"", "such as 01-01"),
            ("store-hub\"", "store-hub\"\nkeep_sales_days = -1", "expected u16"),
            ("store-hub\"", "store-hub\"\nengine = \"rocks\"", "expected `sled` or `sqlite`"),
            ("hub.key\"", "hub.key\"\nport = 1", "unknown field `port`"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
