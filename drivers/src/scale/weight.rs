//! What a scale said: one type for every protocol, and the part of it that may be sold.

use serde::{Deserialize, Serialize};

/// The unit of a scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum WeightUnit {
    /// Kilograms.
    #[default]
    Kilogram,
    /// Grams.
    Gram,
    /// Avoirdupois pounds of 453.59237 g.
    Pound,
    /// Avoirdupois ounces.
    Ounce,
}

impl WeightUnit {
    /// The unit as scales write it, in either case.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "kg" => Some(Self::Kilogram),
            "g" => Some(Self::Gram),
            "lb" => Some(Self::Pound),
            "oz" => Some(Self::Ounce),
            _ => None,
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Kilogram => "kg",
            Self::Gram => "g",
            Self::Pound => "lb",
            Self::Ounce => "oz",
        }
    }
}

/// A reading as the scale sent it. It is never converted to another unit, because a price per pound refers to the
/// pounds shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Weight {
    /// Thousandths of the unit, negative below zero; absent if the scale sent only its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milli: Option<i64>,
    /// The unit that the scale shows.
    pub unit: WeightUnit,
    /// The plate is still.
    pub stable: bool,
    /// The scale shows zero.
    pub zero: bool,
    /// More than the scale can weigh.
    pub over: bool,
    /// Below zero.
    pub under: bool,
    /// The weight is net of a tare.
    pub net: bool,
    /// The tare in thousandths of the unit, if the scale sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tare_milli: Option<i64>,
    /// The total price that the scale computed, in the digits that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// The answer as sent, with unprintable bytes escaped.
    pub sent: String,
}

impl Weight {
    /// A stable or moving weight in thousandths of a unit.
    pub(super) fn new(milli: i64, unit: WeightUnit, stable: bool) -> Self {
        let (zero, under) = (milli == 0, milli < 0);
        Self { milli: Some(milli), unit, stable, zero, under, ..Self::default() }
    }

    /// A status without a weight: unstable unless the caller knows better.
    pub(super) fn status(unit: WeightUnit) -> Self {
        Self { unit, ..Self::default() }
    }

    /// With the bytes that it was read from.
    pub(super) fn sent(self, bytes: &[u8]) -> Self {
        Self { sent: bytes.escape_ascii().to_string(), ..self }
    }
}

impl std::fmt::Display for Weight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.milli {
            Some(milli) => {
                let sign = if milli < 0 { "-" } else { "" };
                let milli = milli.unsigned_abs();
                write!(f, "{sign}{}.{:03} {}", milli / 1000, milli % 1000, self.unit.symbol())?;
            }
            None if self.over => f.write_str("over capacity")?,
            None if self.under => f.write_str("below zero")?,
            None => f.write_str("no weight")?,
        }
        if self.stable || self.over || self.under { Ok(()) } else { f.write_str(", in motion") }
    }
}

/// A weight that may be sold: stable, above zero, within the scale's range, in whole thousandths of a kilogram or
/// pound. The only way to make one is from a [`Weight`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stable {
    milli: u32,
    is_metric: bool,
    weight: Weight,
}

/// Why a weight may not be sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsellable {
    /// The plate moves: ask again.
    Moving,
    /// The reason and the remedy, for the cashier.
    Unusable(String),
}

impl Stable {
    /// Thousandths of a kilogram or pound.
    pub fn milli(&self) -> u32 {
        self.milli
    }

    /// Whether it is in kilograms; otherwise in pounds.
    pub fn is_metric(&self) -> bool {
        self.is_metric
    }

    /// The reading.
    pub fn weight(&self) -> &Weight {
        &self.weight
    }
}

impl TryFrom<Weight> for Stable {
    type Error = Unsellable;

    fn try_from(weight: Weight) -> Result<Self, Unsellable> {
        let unusable = |why: &str| Err(Unsellable::Unusable(why.to_owned()));
        // Motion first: a bouncing plate is briefly below zero or over capacity, and the driver must wait for it.
        if !weight.stable {
            return Err(Unsellable::Moving);
        }
        if weight.over {
            return unusable("over capacity; take something off");
        }
        if weight.under {
            return unusable("below zero; clear the plate and press zero");
        }
        if weight.zero {
            return unusable("the plate is empty");
        }
        let Some(milli) = weight.milli else {
            return unusable("the scale sent no weight; clear the plate and try again");
        };
        let (milli, is_metric) = match weight.unit {
            WeightUnit::Kilogram => (milli, true),
            WeightUnit::Pound => (milli, false),
            WeightUnit::Gram if milli % 1000 == 0 => (milli / 1000, true),
            WeightUnit::Gram => return unusable("it shows less than a gram; set the scale to kilograms"),
            WeightUnit::Ounce => return unusable("it shows ounces; set the scale to pounds or kilograms"),
        };
        match u32::try_from(milli) {
            Ok(0) => unusable("the plate is empty"),
            Ok(milli) => Ok(Self { milli, is_metric, weight }),
            Err(_) if milli < 0 => unusable("below zero; clear the plate and press zero"),
            Err(_) => unusable("the weight is out of range"),
        }
    }
}

/// A decimal number of at most seven digits and three decimals, in thousandths. A sign may be separated from the
/// digits. `None` for everything else, so that a damaged number is never a weight.
pub(super) fn thousandths(text: &str) -> Option<i64> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text).trim_start()),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 7) || !digits(part, 3) {
        return None;
    }
    let milli: i64 = format!("{whole}{part:0<3}").parse().ok()?;
    Some(if is_negative { -milli } else { milli })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn still(milli: i64, unit: WeightUnit) -> Weight {
        Weight::new(milli, unit, true)
    }

    fn why(weight: Weight) -> String {
        match Stable::try_from(weight) {
            Err(Unsellable::Unusable(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_stable_positive_weight_in_range_may_be_sold() {
        let sold = Stable::try_from(still(1250, WeightUnit::Kilogram)).unwrap();
        assert_eq!((sold.milli(), sold.is_metric()), (1250, true));
        let sold = Stable::try_from(still(1_250_000, WeightUnit::Gram)).unwrap();
        assert_eq!((sold.milli(), sold.is_metric()), (1250, true));
        let moving = Weight { stable: false, ..still(1250, WeightUnit::Pound) };
        assert_eq!(Stable::try_from(moving), Err(Unsellable::Moving));
        for (weight, part) in [
            (Weight { over: true, ..still(1, WeightUnit::Pound) }, "take something off"),
            (still(-5, WeightUnit::Pound), "press zero"),
            (still(0, WeightUnit::Pound), "empty"),
            (still(500, WeightUnit::Gram), "less than a gram"),
            (still(5000, WeightUnit::Ounce), "ounces"),
            (Weight { milli: None, zero: false, ..still(0, WeightUnit::Pound) }, "no weight"),
            (still(i64::MAX, WeightUnit::Pound), "out of range"),
        ] {
            assert!(why(weight.clone()).contains(part), "{weight:?}");
        }
    }

    #[test]
    fn a_weight_reads_as_on_the_display() {
        assert_eq!(still(-5, WeightUnit::Kilogram).to_string(), "-0.005 kg");
        assert_eq!(Weight { stable: false, ..still(1230, WeightUnit::Pound) }.to_string(), "1.230 lb, in motion");
    }

    #[test]
    fn a_damaged_number_is_not_a_weight() {
        for text in ["", "-", ".5", "1.", "1.2345", "12345678", "1.2.3", "1,5", "- -1", "0x10", "\u{661}"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
        assert_eq!(thousandths(" - 0.105"), Some(-105));
    }

    proptest! {
        #[test]
        fn every_number_round_trips(milli in -9_999_999_i64..9_999_999) {
            let sign = if milli < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:03}", milli.abs() / 1000, milli.abs() % 1000);
            prop_assert_eq!(thousandths(&text), Some(milli));
        }

        #[test]
        fn whatever_is_sold_is_stable_positive_and_in_range(
            milli in prop::option::of(any::<i64>()),
            flags in any::<[bool; 5]>(),
            unit in 0_usize..4,
        ) {
            let units = [WeightUnit::Kilogram, WeightUnit::Gram, WeightUnit::Pound, WeightUnit::Ounce];
            let [stable, zero, over, under, net] = flags;
            let weight = Weight { milli, unit: units[unit], stable, zero, over, under, net, ..Weight::default() };
            if let Ok(sold) = Stable::try_from(weight) {
                prop_assert!(stable && !zero && !over && !under && sold.milli() > 0);
            }
        }
    }
}
