//! Quantities of goods: pieces, or a measure in thousandths of its unit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The unit of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Unit {
    /// Pieces.
    Each,
    /// Kilograms, weighed.
    Kilogram,
    /// Pounds (0.45359237 kg), weighed.
    Pound,
    /// Litres, metered.
    Litre,
    /// US gallons, metered.
    Gallon,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 5] = [Self::Each, Self::Kilogram, Self::Pound, Self::Litre, Self::Gallon];

    /// The suffix on receipts; empty for pieces.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Each => "",
            Self::Kilogram => "kg",
            Self::Pound => "lb",
            Self::Litre => "l",
            Self::Gallon => "gal",
        }
    }

    /// The name in the API and in events to HQ.
    pub fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Kilogram => "kilogram",
            Self::Pound => "pound",
            Self::Litre => "litre",
            Self::Gallon => "gallon",
        }
    }

    /// Whether goods are sold by measure rather than by piece.
    pub fn is_measure(self) -> bool {
        self != Self::Each
    }
}

/// A quantity in a unit. Pieces are whole; measures have three decimals.
///
/// Zero is allowed, for an amount without goods such as a deposit or a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawQuantity", into = "RawQuantity")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = Quantity))]
pub struct Quantity {
    /// Thousandths of the unit.
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 1_000_000_000, example = 1000))]
    milli: i64,
    /// The unit.
    unit: Unit,
}

/// A quantity as it is transmitted, before it is validated.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuantity {
    milli: i64,
    unit: Unit,
}

impl Quantity {
    /// The maximum quantity of a line: a million units.
    pub const MAX_MILLI: i64 = 1_000_000_000;

    /// A number of pieces.
    ///
    /// # Errors
    /// More than a million.
    pub fn pieces(count: u32) -> Result<Self, QuantityError> {
        Self::new(i64::from(count) * 1000, Unit::Each)
    }

    /// A quantity in thousandths of a unit.
    ///
    /// # Errors
    /// Negative, more than a million units, or a fraction of a piece.
    pub fn new(milli: i64, unit: Unit) -> Result<Self, QuantityError> {
        if !(0..=Self::MAX_MILLI).contains(&milli) {
            return Err(QuantityError::OutOfRange { milli });
        }
        if unit == Unit::Each && milli % 1000 != 0 {
            return Err(QuantityError::BrokenPiece { milli });
        }
        Ok(Self { milli, unit })
    }

    /// Thousandths of the unit.
    pub fn milli(self) -> i64 {
        self.milli
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        self.unit
    }
}

impl TryFrom<RawQuantity> for Quantity {
    type Error = QuantityError;

    fn try_from(raw: RawQuantity) -> Result<Self, Self::Error> {
        Self::new(raw.milli, raw.unit)
    }
}

impl From<Quantity> for RawQuantity {
    fn from(Quantity { milli, unit }: Quantity) -> Self {
        Self { milli, unit }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.milli / 1000, self.milli % 1000);
        match self.unit {
            Unit::Each => write!(f, "{whole}"),
            unit => write!(f, "{whole}.{part:03} {}", unit.symbol()),
        }
    }
}

/// Why a quantity was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Negative or too large.
    #[error("the quantity of {milli} thousandths is out of range; it must be between 0 and 1,000,000,000")]
    OutOfRange {
        /// The given quantity.
        milli: i64,
    },
    /// A fraction of a piece.
    #[error("{milli} thousandths is not a whole number of pieces; use a multiple of 1000, or a unit of measure")]
    BrokenPiece {
        /// The given quantity.
        milli: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_on_a_receipt() {
        assert_eq!(Quantity::pieces(3).unwrap().to_string(), "3");
        assert_eq!(Quantity::new(11_066, Unit::Gallon).unwrap().to_string(), "11.066 gal");
        assert_eq!(Quantity::new(45, Unit::Kilogram).unwrap().to_string(), "0.045 kg");
    }

    #[test]
    fn units_have_a_name_in_the_api_and_a_symbol_on_paper() {
        let units = Unit::ALL.map(|unit| (unit.name(), unit.symbol(), unit.is_measure()));
        assert_eq!(
            units,
            [
                ("each", "", false),
                ("kilogram", "kg", true),
                ("pound", "lb", true),
                ("litre", "l", true),
                ("gallon", "gal", true)
            ]
        );
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
        }
    }

    #[test]
    fn a_million_units_are_the_most() {
        let million = Quantity::pieces(1_000_000).unwrap();
        assert_eq!((million.milli(), million.unit()), (Quantity::MAX_MILLI, Unit::Each));
        let milli = Quantity::MAX_MILLI + 1000;
        assert_eq!(Quantity::pieces(1_000_001), Err(QuantityError::OutOfRange { milli }));
        assert!(Quantity::new(0, Unit::Litre).is_ok() && Quantity::new(Quantity::MAX_MILLI + 1, Unit::Litre).is_err());
    }

    #[test]
    fn a_quantity_reads_back_as_it_was_written() {
        let quantity = Quantity::new(11_066, Unit::Gallon).unwrap();
        let json = r#"{"milli":11066,"unit":"gallon"}"#;
        assert_eq!(serde_json::to_string(&quantity).unwrap(), json);
        assert_eq!(serde_json::from_str::<Quantity>(json).unwrap(), quantity);
    }

    #[test]
    fn a_fraction_of_a_piece_and_a_negative_measure_are_refused() {
        assert_eq!(Quantity::new(1500, Unit::Each), Err(QuantityError::BrokenPiece { milli: 1500 }));
        assert!(Quantity::new(-1, Unit::Kilogram).is_err());
        assert!(serde_json::from_str::<Quantity>(r#"{"milli":500,"unit":"each"}"#).is_err());
        assert!(serde_json::from_str::<Quantity>(r#"{"milli":500,"unit":"pound"}"#).is_ok());
    }
}
