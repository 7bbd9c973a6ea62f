//! Amounts of goods: pieces, or a measure in thousandths of its unit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Unit {
    /// Pieces.
    Each,
    /// Kilograms, by the scale.
    Kilogram,
    /// Pounds (0.45359237 kg), by the scale.
    Pound,
    /// Litres, by a meter.
    Litre,
    /// US gallons, by a meter.
    Gallon,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Each, Self::Kilogram, Self::Pound, Self::Litre, Self::Gallon];

    /// As printed after a number; nothing for pieces.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Each => "",
            Self::Kilogram => "kg",
            Self::Pound => "lb",
            Self::Litre => "l",
            Self::Gallon => "gal",
        }
    }

    /// The name used in the API and towards HQ.
    pub fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Kilogram => "kilogram",
            Self::Pound => "pound",
            Self::Litre => "litre",
            Self::Gallon => "gallon",
        }
    }

    /// Whether it is sold by measure rather than by piece.
    pub fn is_measure(self) -> bool {
        self != Self::Each
    }
}

/// So much of a unit. Pieces are whole; measures go to the thousandth.
///
/// Zero is allowed: a line for an amount without goods (a deposit, a fee) has none.
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

/// The same as it travels, before its rules are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuantity {
    milli: i64,
    unit: Unit,
}

impl Quantity {
    /// The most of anything on one line: a million units.
    pub const MAX_MILLI: i64 = 1_000_000_000;

    /// So many pieces.
    ///
    /// # Errors
    /// More than a million.
    pub fn pieces(count: u32) -> Result<Self, QuantityError> {
        Self::new(i64::from(count) * 1000, Unit::Each)
    }

    /// So many thousandths of a unit.
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
    /// Negative or too much.
    #[error("the quantity of {milli} thousandths is out of range; between 0 and 1,000,000,000")]
    OutOfRange {
        /// What came.
        milli: i64,
    },
    /// A fraction of a piece.
    #[error("{milli} thousandths of a piece is no whole piece; sell it by a measure or give a multiple of 1000")]
    BrokenPiece {
        /// What came.
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
    fn a_broken_piece_and_a_negative_measure_are_refused() {
        assert_eq!(Quantity::new(1500, Unit::Each), Err(QuantityError::BrokenPiece { milli: 1500 }));
        assert!(Quantity::new(-1, Unit::Kilogram).is_err());
        assert!(serde_json::from_str::<Quantity>(r#"{"milli":500,"unit":"each"}"#).is_err());
        assert!(serde_json::from_str::<Quantity>(r#"{"milli":500,"unit":"pound"}"#).is_ok());
    }
}
