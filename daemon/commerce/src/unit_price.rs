//! The price of a common measure, such as a kilogram, from the price of a package and its size: so that customers can
//! compare packages (in the EU by Directive 98/6/EC).

use crate::{Minor, Rounding};

/// A unit price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitPrice {
    /// The price of one unit.
    pub minor: Minor,
    /// The unit's symbol.
    pub unit: &'static str,
}

/// Measures by their symbols in package sizes: how many thousandths of the common unit each is.
const MEASURES: [(&str, &str, i128); 14] = [
    ("kg", "kg", 1_000),
    ("g", "kg", 1),
    ("gr", "kg", 1),
    ("l", "l", 1_000),
    ("lt", "l", 1_000),
    ("dl", "l", 100),
    ("cl", "l", 10),
    ("ml", "l", 1),
    ("oz", "oz", 1_000),
    ("lb", "lb", 1_000),
    ("fl oz", "fl oz", 1_000),
    ("gal", "gal", 1_000),
    ("qt", "qt", 1_000),
    ("pt", "pt", 1_000),
];

impl UnitPrice {
    /// The unit price of a package with a size such as `10.4 OZ`, `500 g` or `6 x 330 ml`. `None` if the size is not
    /// understood.
    pub fn of(price: Minor, package_size: &str) -> Option<Self> {
        let size = package_size.trim().to_lowercase().replace(',', ".");
        let (count, size) = match size.split_once(['x', '×']) {
            Some((count, size)) => (count.trim().parse::<u16>().ok().filter(|count| *count > 0)?, size.trim()),
            None => (1, &*size),
        };
        let digits = size.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (amount, symbol) = size.split_at(digits);
        let symbol = symbol.trim().trim_end_matches('.');
        let (_, unit, thousandths) = MEASURES.iter().find(|(known, ..)| *known == symbol)?;
        let measure = thousandths_of(amount)? * thousandths * i128::from(count);
        if measure <= 0 {
            return None;
        }
        // The amount and the measure are both in thousandths.
        let minor = Rounding::HalfAwayFromZero.divide(i128::from(price.get()) * 1_000_000, measure);
        Some(Self { minor: i64::try_from(minor).ok().and_then(Minor::new)?, unit })
    }
}

/// A decimal of at most three places, in thousandths.
fn thousandths_of(decimal: &str) -> Option<i128> {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    if whole.is_empty() || whole.len() > 9 || part.len() > 3 {
        return None;
    }
    format!("{whole}{part:0<3}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packages_are_compared_by_their_measure() {
        let of = |minor: i64, size: &str| {
            UnitPrice::of(Minor::literal(minor), size).map(|price| (price.minor.get(), price.unit))
        };
        for (minor, size, price) in [
            (249, "1 l", (249, "l")),
            (199, "500 g", (398, "kg")),
            (199, "0,5 KG", (398, "kg")),
            (369, "10.4 OZ", (35, "oz")),
            (599, "6 x 330 ml", (303, "l")),
            (129, "70cl", (184, "l")),
            (250, "12 FL OZ", (21, "fl oz")),
        ] {
            assert_eq!(of(minor, size), Some(price), "{size}");
        }
        assert_eq!(of(999_999_999, "999999999 g"), Some((1_000, "kg")), "nine digits");
        assert_eq!(of(100, "0.125 kg"), Some((800, "kg")), "three decimals");
        for size in [
            "",
            "large",
            "0 g",
            "g",
            "1.2.3 g",
            "1 stone",
            "x 3 g",
            "0 x 330 ml",
            "1000000000 g",
            "99999999999 g",
            "1.2345 g",
            "10 PC",
        ] {
            assert_eq!(of(100, size), None, "{size}");
        }
    }

    proptest! {
        #[test]
        fn any_size_is_read_or_not_understood(
            size in ".{0,20}|[0-9]{0,12}[.,]?[0-9]{0,4} ?(g|kg|ml|l|oz)", minor in 0_i64..1_000_000_000
        ) {
            let _ = UnitPrice::of(Minor::literal(minor), &size);
        }
    }
}
