//! CSV according to RFC 4180.

use std::io;

use csv::{IntoInnerError, WriterBuilder};

use super::{COLUMNS, ExportError};
use crate::database::{Row, Value};

/// Writes rows into pieces.
pub(super) struct Writer(csv::Writer<Vec<u8>>);

impl Writer {
    /// Begins with the header.
    pub(super) fn new() -> Result<Self, ExportError> {
        let mut writer = WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(COLUMNS.map(|column| column.name)).map_err(io::Error::from)?;
        Ok(Self(writer))
    }

    pub(super) fn write(&mut self, rows: Vec<Row>) -> Result<Vec<u8>, ExportError> {
        for Row(values) in rows {
            for value in values {
                let text = match value {
                    Value::Null | Value::Bytes(_) => String::new(),
                    Value::Number(number) => number.to_string(),
                    Value::Text(text) => text,
                };
                self.0.write_field(text).map_err(io::Error::from)?;
            }
            self.0.write_record(None::<&[u8]>).map_err(io::Error::from)?;
        }
        let empty = WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        std::mem::replace(self, Self(empty)).finish()
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, ExportError> {
        Ok(self.0.into_inner().map_err(IntoInnerError::into_error)?)
    }
}
