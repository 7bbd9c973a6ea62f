//! Exports of a business day of sales, one row per line, as CSV or Parquet.
//!
//! A day is read in pages of [`SALES`] sales and written piece by piece, so memory does not grow with the day. A sale
//! is included whole or not at all. Sales that arrive meanwhile may or may not be included; a day is complete once
//! every store has moved past it.

mod csv;
mod parquet;

use std::{fmt, io, str::FromStr};

use crate::database::{Database, DatabaseError, Row, Value, statement::statements, value::values};

statements! {
    /// The lines of some sales of a day.
    PAGE = "export/page";
}

/// The number of sales read at once.
const SALES: i64 = 200;

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180, UTF-8, with a header.
    Csv,
    /// Apache Parquet, compressed by Zstandard.
    Parquet,
}

impl Format {
    /// The name and file extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Csv, Self::Parquet];
        let found = all.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| format!("unknown format `{}`; expected csv or parquet", text.escape_debug()))
    }
}

/// A business day, such as `2026-11-24`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day(String);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid day `{}`: expected a form like 2026-11-24", text.escape_debug());
        let day: jiff::civil::Date = text.parse().map_err(|_| invalid())?;
        if day.to_string() == text { Ok(Self(text.to_owned())) } else { Err(invalid()) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] DatabaseError),
    /// Writing failed.
    #[error("could not write the export: {0}")]
    Write(#[from] io::Error),
    /// Parquet failed.
    #[error("could not write Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// A column: its name, its type, and whether it is optional.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    is_number: bool,
    is_optional: bool,
}

const fn number(name: &'static str) -> Column {
    Column { name, is_number: true, is_optional: false }
}

const fn text(name: &'static str) -> Column {
    Column { name, is_number: false, is_optional: false }
}

const fn optional(name: &'static str) -> Column {
    Column { name, is_number: false, is_optional: true }
}

/// The columns, in the order of the statement. Amounts are in minor units of the currency, quantities in thousandths of
/// the unit, moments in milliseconds since 1970, UTC.
const COLUMNS: [Column; 20] = [
    text("store"),
    text("sale"),
    number("epoch"),
    text("register"),
    optional("operator"),
    number("receipt"),
    number("fiscal_year"),
    text("business_day"),
    number("sold_at_ms"),
    optional("customer"),
    text("currency"),
    number("line"),
    optional("sku"),
    optional("gtin"),
    number("on_file"),
    text("description"),
    number("quantity_milli"),
    text("unit"),
    number("regular"),
    number("net"),
];

/// The index of `line` in the columns.
const LINE: usize = 11;

/// The writer of a format.
enum Writer {
    Csv(Box<csv::Writer>),
    Parquet(Box<parquet::Writer>),
}

/// An export in progress.
pub struct Export {
    database: Database,
    day: Day,
    /// None once everything is written.
    writer: Option<Writer>,
    /// The last sale read: store and id.
    after: (String, String),
}

impl Export {
    /// Begins an export.
    ///
    /// # Errors
    /// The writer failed.
    pub fn new(database: Database, day: Day, format: Format) -> Result<Self, ExportError> {
        let writer = match format {
            Format::Csv => Writer::Csv(csv::Writer::new()?.into()),
            Format::Parquet => Writer::Parquet(parquet::Writer::new()?.into()),
        };
        Ok(Self { database, day, writer: Some(writer), after: Default::default() })
    }

    /// The next bytes of the file; none at its end.
    ///
    /// # Errors
    /// The ledger or the writer failed; then the file is incomplete.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        loop {
            let Some(mut writer) = self.writer.take() else { return Ok(None) };
            let (store, sale) = &self.after;
            let mut rows = self.database.read(&PAGE, values![&self.day.0, store, sale, SALES]).await?;
            let Some(last) = rows.last() else {
                let rest = match writer {
                    Writer::Csv(writer) => writer.finish()?,
                    Writer::Parquet(writer) => writer.finish()?,
                };
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            };
            self.after = Row(last.0.clone()).read()?;
            // A sale without lines has no row.
            rows.retain(|row| row.0.get(LINE).is_some_and(|line| *line != Value::Null));
            let piece = match &mut writer {
                Writer::Csv(writer) => writer.write(rows)?,
                Writer::Parquet(writer) => writer.write(rows)?,
            };
            self.writer = Some(writer);
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}
