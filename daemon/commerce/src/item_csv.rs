//! Items from CSV, as a retailer's system exports them.
//!
//! The header names the columns: `sku`, `description`, `price` (minor units), and optionally `gtin`, `department`,
//! `category`, `brand`, `package_size` and `unit` (default `each`). Other columns are refused: a misspelled name would
//! otherwise lose its values silently.

use std::io::Read;

use serde::Deserialize;

use crate::{Item, Minor, Price, Unit};

/// Why a file is refused: the row, counted without the header, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {why}")]
pub struct BadRow {
    /// The row, from 1.
    pub row: usize,
    /// The reason.
    pub why: String,
}

/// A row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sku: String,
    #[serde(default)]
    gtin: String,
    description: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    brand: String,
    #[serde(default)]
    package_size: String,
    price: i64,
    #[serde(default)]
    unit: String,
}

impl TryFrom<Row> for Item {
    type Error = String;

    fn try_from(row: Row) -> Result<Self, String> {
        let gtin = if row.gtin.is_empty() { None } else { Some(row.gtin.parse()?) };
        let minor = Minor::new(row.price).ok_or_else(|| format!("price {} is out of range", row.price))?;
        let per = match row.unit.as_str() {
            "" => Unit::Each,
            unit => {
                serde_json::from_value(unit.into()).map_err(|_| format!("unknown unit `{}`", unit.escape_debug()))?
            }
        };
        let item = Self {
            sku: row.sku.parse()?,
            gtin,
            description: row.description,
            department: row.department.into(),
            category: row.category.into(),
            brand: row.brand.into(),
            package_size: row.package_size.into(),
            price: Price { minor, per },
        };
        item.check()?;
        Ok(item)
    }
}

/// Reads and checks items.
///
/// # Errors
/// The first row that is wrong.
pub fn read(from: impl Read) -> Result<Vec<Item>, BadRow> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
    let mut items = Vec::new();
    for row in reader.deserialize::<Row>() {
        let number = items.len() + 1;
        let item = row.map_err(|error| said(&error)).and_then(Item::try_from);
        items.push(item.map_err(|why| BadRow { row: number, why })?);
    }
    Ok(items)
}

/// The reason without the crate's name and the position, which counts the header.
fn said(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns; the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_names() {
        let text = "gtin, price ,sku,description,unit\n0400008189811,369,818981,Cereal,\n,99,4011,Bananas,kilogram\n";
        let items = read(text.as_bytes()).unwrap();
        let told = |item: &Item| (item.sku.to_string(), item.gtin.is_some(), item.price.minor.get(), item.price.per);
        let expected = [("818981".to_owned(), true, 369, Unit::Each), ("4011".to_owned(), false, 99, Unit::Kilogram)];
        assert_eq!(items.iter().map(told).collect::<Vec<_>>(), expected);
        assert_eq!(read(&b"sku,description,price\n"[..]), Ok(Vec::new()));
    }

    #[test]
    fn the_first_wrong_row_is_named() {
        for (text, expected) in [
            ("sku,description,price\n1,Soap,1\n2,Tea,-1\n", "row 2: item 2: the price -1"),
            ("sku,description,price\n1,Soap,1.99\n", "row 1: field 2: "),
            ("sku,description,price\n1,Soap\n", "row 1: 2 columns; the header has 3"),
            ("sku;description;price\n1;Soap;1\n", "row 1: unknown field `sku;description;price`"),
            ("sku,description,price,unit\n1,Soap,1,dozen\n", "row 1: unknown unit `dozen`"),
            ("sku,description,price,colour\n1,Soap,1,red\n", "row 1: unknown field `colour`"),
            ("sku,gtin,description,price\n1,123,Soap,1\n", "row 1: Invalid GTIN `123`"),
        ] {
            let why = read(text.as_bytes()).unwrap_err().to_string();
            assert!(why.starts_with(expected), "{why}");
        }
    }
}
