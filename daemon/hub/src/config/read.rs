//! Parses and checks a config. Each table is read separately, so that an error in one does not hide errors in the next.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, de::IntoDeserializer};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

use super::{Config, DeviceKind, located};

/// The config is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("Could not read the config {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        why: String,
    },
    /// The file is not TOML, or tables, fields or values are invalid.
    #[error("Invalid config {path}:\n- {}", findings.join("\n- "))]
    Invalid {
        /// The file.
        path: String,
        /// All findings: the place, the problem and a remedy.
        findings: Vec<String>,
    },
}

impl Config {
    /// Reads and checks a config; see [`located`].
    ///
    /// # Errors
    /// It can't be read or is invalid: the field, the value, and what to write instead.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let path = &located(path);
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: shown(), why: error.to_string() })?;
        parse(&text).map_err(|findings| ConfigError::Invalid { path: shown(), findings })
    }

    /// Reads and checks the text of a config.
    ///
    /// # Errors
    /// It is invalid: all findings.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        parse(text)
    }
}

/// Reads every table, then checks their consistency.
fn parse(text: &str) -> Result<Config, Vec<String>> {
    let (table, broken) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, findings: Vec::new() };
    for error in broken {
        reader.found(error);
    }
    if !reader.findings.is_empty() {
        return Err(reader.told());
    }
    for name in ["store", "listen"] {
        if !table.get_ref().keys().any(|key| key.get_ref() == name) {
            reader.findings.push((0, format!("[{name}] is missing")));
        }
    }
    let (mut store, mut listen, mut metrics, mut headquarters, mut publications) = (None, None, None, None, None);
    let (mut orders, mut operators, mut cash, mut card_payments, mut backup) = (None, None, None, None, None);
    let mut returns = None;
    let mut enrolment = None;
    let (mut register, mut restricted_code) = (Vec::new(), Vec::new());
    let mut devices = BTreeMap::new();
    for (key, value) in table.into_inner() {
        match key.get_ref().as_ref() {
            "store" => store = reader.table(value),
            "listen" => listen = reader.table(value),
            "metrics" => metrics = reader.table(value),
            "headquarters" => headquarters = reader.table(value),
            "publications" => publications = reader.table(value),
            "enrolment" => enrolment = reader.table(value),
            "orders" => orders = reader.table(value),
            "operators" => operators = reader.table(value),
            "cash" => cash = reader.table(value),
            "backup" => backup = reader.table(value),
            "card_payments" => card_payments = reader.table(value),
            "returns" => returns = reader.table(value),
            "register" => register = reader.tables(value),
            "restricted_code" => restricted_code = reader.tables(value),
            name => match DeviceKind::ALL.into_iter().find(|kind| kind.name() == name) {
                Some(kind) => drop(devices.insert(kind, reader.tables(value))),
                None => reader.unknown(name, key.span().start),
            },
        }
    }
    match (store, listen) {
        (Some(store), Some(listen)) if reader.findings.is_empty() => {
            let (orders, operators) = (orders.unwrap_or_default(), operators.unwrap_or_default());
            let cash = cash.unwrap_or_default();
            let config = Config {
                store,
                listen,
                metrics,
                headquarters,
                publications,
                enrolment,
                orders,
                operators,
                cash,
                card_payments: card_payments.unwrap_or_default(),
                backup: backup.unwrap_or_default(),
                returns: returns.unwrap_or_default(),
                restricted_code,
                devices,
                register,
            };
            let findings = config.check();
            if findings.is_empty() { Ok(config) } else { Err(findings) }
        }
        _ => Err(reader.told()),
    }
}

/// Collects findings with their places in the text.
struct Reader<'t> {
    text: &'t str,
    findings: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn found(&mut self, mut error: Error) {
        error.set_input(Some(self.text));
        self.findings.push((error.span().map_or(0, |span| span.start), error.to_string().trim_end().to_owned()));
    }

    fn unknown(&mut self, name: &str, place: usize) {
        let line = self.text.get(..place).unwrap_or_default().matches('\n').count() + 1;
        let kinds = DeviceKind::ALL.map(|kind| format!("[[{}]]", kind.name())).join(", ");
        let name = name.escape_debug();
        self.findings.push((
            place,
            format!(
                "line {line}: unknown table `{name}`; expected one of: [store], [listen], [metrics], [headquarters], \
                 [publications], [orders], [cash], [card_payments], [returns], [backup], [[restricted_code]], \
                 {kinds}, [[register]]"
            ),
        ));
    }

    fn table<T: for<'de> Deserialize<'de>>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        T::deserialize(value.into_deserializer()).map_err(|error| self.found(error)).ok()
    }

    /// An array of tables; invalid ones are reported and skipped.
    fn tables<T: for<'de> Deserialize<'de>>(&mut self, value: Spanned<DeValue<'_>>) -> Vec<T> {
        if !value.get_ref().is_array() {
            // Fails with a message about what was expected.
            return self.table(value).unwrap_or_default();
        }
        let DeValue::Array(tables) = value.into_inner() else { return Vec::new() };
        tables.into_iter().filter_map(|table| self.table(table)).collect()
    }

    /// The findings in the order of the file.
    fn told(mut self) -> Vec<String> {
        self.findings.sort_by_key(|(place, _)| *place);
        self.findings.into_iter().map(|(_, finding)| finding).collect()
    }
}
