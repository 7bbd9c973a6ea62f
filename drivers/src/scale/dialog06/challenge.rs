//! The challenge of Dialog 06: the register proves that it was approved together with the scale.
//!
//! The register chooses a number CS of 16 bits. KW is the remainder of CS · 2^16 divided by the polynomial. CS is
//! rotated left by the high half of the scale's random byte, KW right by the low half.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    path::Path,
};

/// A polynomial of degree 16, without its highest term.
#[derive(Clone, Copy)]
pub(super) struct Polynomial(u16);

impl Polynomial {
    /// Reads the 17 bits of a polynomial in hexadecimal, such as `11021`.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("could not read the polynomial from {}: {error}", file.display()))?;
        let number = u32::from_str_radix(text.trim(), 16).ok().filter(|number| number >> 16 == 1);
        let low = number.and_then(|number| u16::try_from(number & 0xffff).ok());
        low.map(Self).ok_or_else(|| format!("{}: expected five hexadecimal digits, the first is 1", file.display()))
    }

    fn remainder(self, number: u16) -> u16 {
        (0..16).fold(number, |rest, _| if rest & 0x8000 == 0 { rest << 1 } else { (rest << 1) ^ self.0 })
    }

    /// The answer: the two rotated numbers in hexadecimal.
    pub(super) fn answer(self, number: u16, random: u8) -> String {
        let (left, right) = (u32::from(random >> 4), u32::from(random & 0x0f));
        format!("{:04X}{:04X}", number.rotate_left(left), self.remainder(number).rotate_right(right))
    }
}

/// The random byte of a challenge; `None` if the record is something else.
pub(super) fn asked(record: &[u8]) -> Option<u8> {
    let [first, second] = record.strip_prefix(b"11\x1b2")? else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*first)? << 4 | digit(*second)?)
}

/// A number that differs each time.
pub(super) fn number() -> u16 {
    u16::try_from(RandomState::new().hash_one(0_u8) & 0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_public_test_polynomial() {
        let polynomial = Polynomial(0x1021);
        assert_eq!(asked(b"11\x1b247"), Some(0x47));
        assert_eq!(polynomial.answer(0x1234, 0x47), "23418C27");
        assert_eq!((polynomial.remainder(0xabcd), polynomial.remainder(1)), (0xc965, 0x1021));
    }

    #[test]
    fn a_polynomial_has_17_bits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, valid) in [("11021\n", true), ("1021", false), ("x", false), ("31021", false)] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(Polynomial::read(file.path()).is_ok(), valid, "{text}");
        }
    }
}
