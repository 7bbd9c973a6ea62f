//! Exact fractions, for taxes on taxes.

use crate::money::Rounding;

/// A fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: i128,
    denominator: i128,
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Fraction {
    pub(super) const ZERO: Self = Self { numerator: 0, denominator: 1 };
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// The denominator is positive.
    pub(super) fn new(numerator: i128, denominator: i128) -> Self {
        debug_assert!(denominator > 0, "denominators are positive");
        let common = i128::try_from(gcd(numerator.unsigned_abs(), denominator.unsigned_abs())).unwrap_or(1).max(1);
        Self { numerator: numerator / common, denominator: denominator / common }
    }

    /// The sum; `None` if it does not fit.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let numerator = self
            .numerator
            .checked_mul(other.denominator)?
            .checked_add(other.numerator.checked_mul(self.denominator)?)?;
        Some(Self::new(numerator, self.denominator.checked_mul(other.denominator)?))
    }

    /// The product; `None` if it does not fit.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        // Reduced crosswise first, so that fewer products overflow.
        let (a, b) = (Self::new(self.numerator, other.denominator), Self::new(other.numerator, self.denominator));
        Some(Self::new(a.numerator.checked_mul(b.numerator)?, a.denominator.checked_mul(b.denominator)?))
    }

    /// The quotient; `None` if it does not fit or the divisor is not positive.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        if other.numerator <= 0 {
            return None;
        }
        self.times(Self { numerator: other.denominator, denominator: other.numerator })
    }

    pub(super) fn negative(self) -> Self {
        Self { numerator: -self.numerator, denominator: self.denominator }
    }

    /// The nearest whole number by the named rounding; zero if it does not fit 64 bits.
    pub(super) fn round(self, rounding: Rounding) -> i64 {
        i64::try_from(rounding.divide(self.numerator, self.denominator)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_reduced_and_bounded() {
        let third = Fraction::new(2, 6);
        assert_eq!(third, Fraction::new(1, 3));
        assert_eq!(third.plus(Fraction::new(1, 6)), Some(Fraction::new(1, 2)));
        assert_eq!(third.times(Fraction::new(-3, 2)), Some(Fraction::new(-1, 2)));
        assert_eq!(Fraction::ONE.over(third), Some(Fraction::new(3, 1)));
        assert_eq!(Fraction::ONE.over(Fraction::ZERO), None);
        assert_eq!(Fraction::new(i128::MAX, 1).plus(Fraction::ONE), None);
        assert_eq!(Fraction::new(i128::MAX, 1).times(Fraction::new(2, 1)), None);
        assert_eq!(Fraction::new(5, 2).round(Rounding::HalfAwayFromZero), 3);
        assert_eq!(Fraction::new(5, 2).round(Rounding::TowardZero), 2);
        assert_eq!(third.negative(), Fraction::new(-1, 3));
    }
}
