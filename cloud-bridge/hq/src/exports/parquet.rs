//! Apache Parquet.

use std::{
    io::{self, Write},
    mem::take,
    sync::{Arc, Mutex, PoisonError},
};

use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};

use super::{COLUMNS, Column, ExportError};
use crate::database::{Row, Value};

/// The number of rows in a row group, which is held in memory.
const GROUP: usize = 20_000;

/// Bytes not passed on yet.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Vec<u8>>>);

impl Pending {
    fn take(&self) -> Vec<u8> {
        take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes rows into row groups.
pub(super) struct Writer {
    file: SerializedFileWriter<Pending>,
    pending: Pending,
    rows: Vec<Row>,
}

impl Writer {
    pub(super) fn new() -> Result<Self, ExportError> {
        let fields = COLUMNS.iter().map(|column| field(*column).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Type::group_type_builder("sales").with_fields(fields).build()?;
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let pending = Pending::default();
        let file = SerializedFileWriter::new(pending.clone(), Arc::new(schema), Arc::new(properties))?;
        Ok(Self { file, pending, rows: Vec::new() })
    }

    pub(super) fn write(&mut self, rows: Vec<Row>) -> Result<Vec<u8>, ExportError> {
        self.rows.extend(rows);
        if self.rows.len() >= GROUP {
            self.write_group()?;
        }
        Ok(self.pending.take())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(self.pending.take())
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(self.rows.len()); COLUMNS.len()];
        for Row(values) in take(&mut self.rows) {
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        let mut group = self.file.next_row_group()?;
        for (column, values) in COLUMNS.iter().zip(columns) {
            let Some(mut writer) = group.next_column()? else { break };
            let levels: Vec<i16> = values.iter().map(|value| i16::from(*value != Value::Null)).collect();
            let levels = column.is_optional.then_some(levels.as_slice());
            if column.is_number {
                let numbers: Vec<i64> = values.iter().filter_map(number).collect();
                writer.typed::<Int64Type>().write_batch(&numbers, levels, None)?;
            } else {
                let texts: Vec<ByteArray> = values.into_iter().filter_map(text).collect();
                writer.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
            }
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }
}

fn field(Column { name, is_number, is_optional }: Column) -> Result<Type, ExportError> {
    let (physical, logical) =
        if is_number { (Physical::INT64, None) } else { (Physical::BYTE_ARRAY, Some(LogicalType::String)) };
    let repetition = if is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let built = Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition);
    Ok(built.build()?)
}

fn number(value: &Value) -> Option<i64> {
    if let Value::Number(number) = value { Some(*number) } else { None }
}

fn text(value: Value) -> Option<ByteArray> {
    if let Value::Text(text) = value { Some(ByteArray::from(text.into_bytes())) } else { None }
}
