//! Decodes scanned codes by the store's rules, currency and calendar.

use commerce::{
    Currency,
    code::{self, Code, CodeError, Context, Rule},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{clock::Calendar, config::Config};

/// The store's decoder.
pub(crate) struct Codes {
    rules: Vec<Rule>,
    currency: Currency,
    calendar: Calendar,
}

/// What a scanned code means.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decoded {
    /// It can be sold by sending it as the `code` of a line.
    Code(Box<Code>),
    /// It is not valid: the reason and the remedy, for the cashier.
    CodeError(String),
}

impl Codes {
    /// The decoder of a config.
    ///
    /// # Errors
    /// The time zone is unknown.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let calendar = Calendar::new(config.time_zone()?, config.store.fiscal_year_starts.into());
        Ok(Self { rules: config.restricted_code.clone(), currency: config.store.currency, calendar })
    }

    /// Decodes a payload that was scanned at a moment.
    ///
    /// # Errors
    /// The code is not valid.
    pub(crate) fn decode(&self, data: &str, aim: Option<&str>, at_ms: i64) -> Result<Code, CodeError> {
        let today = self.calendar.business_day(at_ms);
        code::decode(data, aim, Context { rules: &self.rules, currency: self.currency, today })
    }

    /// The same, for listeners.
    pub(crate) fn decoded(&self, data: &str, aim: Option<&str>, at_ms: i64) -> Decoded {
        match self.decode(data, aim, at_ms) {
            Ok(code) => Decoded::Code(Box::new(code)),
            Err(error) => Decoded::CodeError(error.to_string()),
        }
    }
}
