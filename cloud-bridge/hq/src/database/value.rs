//! Parameters and rows.

use super::DatabaseError;

/// A parameter, or what a row has in a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing.
    Null,
    /// `BIGINT`, `INTEGER`.
    Number(i64),
    /// `TEXT`.
    Text(String),
    /// `BYTEA`, `BLOB`.
    Bytes(Vec<u8>),
}

impl Value {
    /// A number from outside.
    ///
    /// # Errors
    /// It does not fit into a column.
    pub fn unsigned(what: &'static str, number: u64) -> Result<Self, DatabaseError> {
        i64::try_from(number).map(Self::Number).map_err(|_| DatabaseError::Range { what, number })
    }

    pub(super) fn kind(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Number(number) => format!("the number {number}"),
            Self::Text(_) => "text".into(),
            Self::Bytes(_) => "bytes".into(),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Number(is.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, V::into)
    }
}

/// Parameters of a statement: `values![hub, epoch]`.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::database::Value::from($value)),*] };
}
pub(crate) use values;

/// What a column is read as.
pub trait FromValue: Sized {
    /// For an error.
    const EXPECTED: &'static str;

    /// None if the value is something else.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl FromValue for i64 {
    const EXPECTED: &'static str = "a number";

    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Number(number) = value { Ok(number) } else { Err(value) }
    }
}

impl FromValue for u64 {
    const EXPECTED: &'static str = "a number that is not negative";

    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Number(number) = value { number.try_into().map_err(|_| value) } else { Err(value) }
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "0 or 1";

    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::Number(number @ (0 | 1)) => Ok(number == 1),
            other => Err(other),
        }
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "text";

    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Text(text) = value { Ok(text) } else { Err(value) }
    }
}

impl FromValue for Vec<u8> {
    const EXPECTED: &'static str = "bytes";

    fn from_value(value: Value) -> Result<Self, Value> {
        if let Value::Bytes(bytes) = value { Ok(bytes) } else { Err(value) }
    }
}

impl FromValue for Value {
    const EXPECTED: &'static str = "anything";

    fn from_value(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

impl<V: FromValue> FromValue for Option<V> {
    const EXPECTED: &'static str = V::EXPECTED;

    fn from_value(value: Value) -> Result<Self, Value> {
        if value == Value::Null { Ok(None) } else { V::from_value(value).map(Some) }
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Reads its first columns, as in `let (hub, epoch): (String, i64) = row.read()?`.
    ///
    /// # Errors
    /// A column is missing, or holds something else.
    pub fn read<T: FromRow>(self) -> Result<T, DatabaseError> {
        T::from_row(self)
    }
}

/// What a row is read as: a tuple of what its columns are read as.
pub trait FromRow: Sized {
    /// See [`Row::read`].
    ///
    /// # Errors
    /// A column is missing, or holds something else.
    fn from_row(row: Row) -> Result<Self, DatabaseError>;
}

/// The next column of a row.
fn next<V: FromValue>(columns: &mut impl Iterator<Item = (usize, Value)>, count: usize) -> Result<V, DatabaseError> {
    let expected = V::EXPECTED;
    match columns.next() {
        None => Err(DatabaseError::Column { column: count, expected, found: "the end of the row".into() }),
        Some((column, value)) => {
            V::from_value(value).map_err(|found| DatabaseError::Column { column, expected, found: found.kind() })
        }
    }
}

macro_rules! tuple {
    ($($type:ident)+) => {
        impl<$($type: FromValue),+> FromRow for ($($type,)+) {
            fn from_row(row: Row) -> Result<Self, DatabaseError> {
                let count = row.0.len();
                let mut columns = row.0.into_iter().enumerate();
                Ok(($(next::<$type>(&mut columns, count)?,)+))
            }
        }
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_the_types_of_a_tuple_and_what_does_not_fit_is_named() {
        let row = Row(values!["store-1", 7_i64, None::<i64>, vec![1_u8]]);
        let read: (String, u64, Option<i64>, Vec<u8>) = row.clone().read().unwrap();
        assert_eq!(read, ("store-1".into(), 7, None, vec![1]));
        let error = row.clone().read::<(String, String)>().unwrap_err().to_string();
        assert_eq!(error, "column 1: expected text, found the number 7");
        let error = row.clone().read::<(String, i64, i64)>().unwrap_err().to_string();
        assert_eq!(error, "column 2: expected a number, found nothing");
        assert!(row.read::<(String, i64, Value, Value, Value)>().unwrap_err().to_string().contains("end of the row"));
        assert!(Row(values![-1_i64]).read::<(u64,)>().is_err());
    }

    #[test]
    fn a_number_that_no_column_can_hold_is_refused() {
        assert_eq!(Value::unsigned("epoch", 7), Ok(Value::Number(7)));
        let error = Value::unsigned("epoch", u64::MAX).unwrap_err().to_string();
        assert_eq!(error, "epoch 18446744073709551615 is out of range; the limit is 9223372036854775807");
    }
}
