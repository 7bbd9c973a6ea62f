//! Rounding of amounts that are paid in cash, where the smallest coins are not in use.
//!
//! It applies to what is left to be paid in cash, after taxes and other tenders. The difference is booked. Change may
//! be rounded by another rule than the amount due: in Denmark and Sweden the exact half favours the customer both ways.

use serde::{Deserialize, Serialize};

use super::share::ratio;
use crate::money::{Currency, Minor, Rounding};

/// What is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The amount that the customer pays.
    Due,
    /// The money that is given back: change or a refund.
    Change,
}

/// How the half of a step is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Half {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Everything is rounded down, not only the half.
    AlwaysDown,
    /// Everything is rounded up.
    AlwaysUp,
}

/// The rule of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CashRounding {
    /// The smallest coin, in minor units.
    pub step: u32,
    /// The half of a step of the amount due.
    pub due: Half,
    /// The half of a step of change.
    pub change: Half,
}

impl CashRounding {
    /// The rule where a currency is at home; `None` if every minor unit has a coin.
    ///
    /// A country that uses another rule (Finland and the Netherlands round euro amounts to 0.05) sets its own.
    pub fn of(currency: Currency) -> Option<Self> {
        let rule = |step, due, change| Some(Self { step, due, change });
        match currency.code() {
            "AUD" | "CAD" | "CHF" | "MYR" | "SGD" => rule(5, Half::Up, Half::Up),
            // To 5 forint; ISO 4217 counts in fillér.
            "HUF" => rule(500, Half::Up, Half::Up),
            "NZD" | "HKD" => rule(10, Half::Down, Half::Down),
            "ZAR" => rule(5, Half::AlwaysDown, Half::AlwaysDown),
            "DKK" => rule(50, Half::Up, Half::Down),
            "NOK" | "CZK" => rule(100, Half::Up, Half::Up),
            "SEK" => rule(100, Half::Up, Half::Down),
            _ => None,
        }
    }

    /// What the customer pays in cash for an amount.
    pub fn due(self, amount: Minor) -> Minor {
        Minor::new(self.round(amount.get(), Direction::Due)).unwrap_or(amount)
    }

    /// The rounded amount, in minor units. The rounding of a negative amount mirrors that of the positive one.
    pub fn round(self, amount: i64, direction: Direction) -> i64 {
        let half = match direction {
            Direction::Due => self.due,
            Direction::Change => self.change,
        };
        let step = i64::from(self.step.max(1));
        let size = amount.saturating_abs();
        let (whole, rest) = (size / step, size % step);
        let up = match half {
            Half::Up => rest * 2 >= step,
            Half::Down => rest * 2 > step,
            Half::AlwaysDown => false,
            Half::AlwaysUp => rest > 0,
        };
        (whole + i64::from(up)) * step * amount.signum()
    }

    /// Rounds an exact amount, such as 1.075, straight to the step, half away from zero.
    pub fn round_exact(self, numerator: i64, denominator: i64) -> i64 {
        let step = i64::from(self.step.max(1));
        let steps =
            Rounding::HalfAwayFromZero.divide(i128::from(numerator), i128::from(denominator) * i128::from(step));
        ratio(step, steps, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(code: &str) -> CashRounding {
        CashRounding::of(Currency::from_code(code).unwrap()).unwrap()
    }

    #[test]
    fn canada_rounds_by_its_official_example() {
        // budget.canada.ca/2012: 1.83 + 2.86 + 5 % GST = 4.92, in cash 4.90.
        let cad = rule("CAD");
        assert_eq!(cad.round(492, Direction::Due), 490);
        let endings: Vec<i64> = (0..10).map(|ending| cad.round(100 + ending, Direction::Due) - 100).collect();
        assert_eq!(endings, [0, 0, 0, 5, 5, 5, 5, 5, 10, 10]);
        assert_eq!(cad.round(-492, Direction::Due), -490);
    }

    #[test]
    fn the_half_depends_on_currency_and_direction() {
        let both = |code, amount| {
            let rule = rule(code);
            (rule.round(amount, Direction::Due), rule.round(amount, Direction::Change))
        };
        assert_eq!((both("DKK", 24), both("DKK", 25), both("DKK", 26)), ((0, 0), (50, 0), (50, 50)));
        assert_eq!((both("DKK", 74), both("DKK", 75), both("DKK", 76)), ((50, 50), (100, 50), (100, 100)));
        assert_eq!((both("SEK", 49), both("SEK", 50), both("SEK", 51)), ((0, 0), (100, 0), (100, 100)));
        assert_eq!((both("NZD", 5), both("NZD", 6)), ((0, 0), (10, 10)));
        assert_eq!((both("ZAR", 4), both("ZAR", 9)), ((0, 0), (5, 5)));
        assert_eq!((both("HUF", 249), both("HUF", 250), both("HUF", 700)), ((0, 0), (500, 500), (500, 500)));
        assert_eq!(CashRounding::of(Currency::from_code("EUR").unwrap()), None);
    }

    #[test]
    fn an_exact_amount_is_rounded_once() {
        // Brick/Money: CHF 1.075 to steps of 0.05 is 1.10 half up. Rounded to 1.08 first it would be 1.10 too, but
        // 1.0249 is 1.00, and not 1.05 by way of 1.025.
        assert_eq!(rule("CHF").round_exact(1075, 10), 110);
        assert_eq!(rule("CHF").round_exact(10_249, 100), 100);
    }

    #[test]
    fn every_rule_rounds_to_its_step() {
        for code in ["NOK", "CZK"] {
            assert_eq!([49, 50].map(|amount| rule(code).round(amount, Direction::Due)), [0, 100], "{code}");
        }
        let up = CashRounding { step: 5, due: Half::AlwaysUp, change: Half::AlwaysUp };
        assert_eq!([0, 1, 4, 5, -1].map(|amount| up.round(amount, Direction::Due)), [0, 5, 5, 5, -5]);
    }
}
