//! The rules for parts of values: check digits, dates, times, measures.
//!
//! Membership in lists that others keep (countries, package types, media types, company prefixes) is not checked: a
//! list grows, and a code with a new country can still be sold. The General Specifications define the rest.

/// A rule for a part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// A check digit modulo 10.
    Sum,
    /// A pair of check characters modulo 1021.
    Pair,
    /// The company prefix begins with four digits, after this many others.
    Prefix(usize),
    /// `yymmdd`; with `true` the day may be 00.
    Date(bool),
    /// `yyyymmdd`.
    LongDate,
    /// `hh`.
    Hour,
    /// `hhmm`.
    Time,
    /// `mm` or `ss`.
    Sixty,
    /// Only these characters.
    Only(&'static str),
    /// Not zero.
    NotZero,
    /// Zero.
    Zero,
    /// Does not begin with 0.
    NoLeadingZero,
    /// Not all digits.
    HasLetter,
    /// The piece and the total have equal length; the piece is between 1 and the total.
    PieceOfTotal,
    /// The same, separated by a slash.
    PieceSlashTotal,
    /// Percent signs begin two hexadecimal digits.
    PercentEncoding,
    /// At most this number.
    AtMost(u64),
    /// An IBAN's check digits.
    Iban,
    /// A list that others keep, or the inner structure of a coupon.
    Elsewhere,
}

impl Check {
    /// The rule by its name in the dictionary.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "csum" => Self::Sum,
            "csumalpha" => Self::Pair,
            "gcppos1" => Self::Prefix(0),
            "gcppos2" => Self::Prefix(1),
            "yymmd0" => Self::Date(true),
            "yymmdd" => Self::Date(false),
            "yyyymmdd" => Self::LongDate,
            "hh" => Self::Hour,
            "hhmi" => Self::Time,
            "mi" | "ss" => Self::Sixty,
            "yesno" => Self::Only("01"),
            "winding" => Self::Only("019"),
            "iso5218" => Self::Only("0129"),
            "hyphen" => Self::Only("-"),
            "importeridx" => Self::Only("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"),
            "nonzero" => Self::NotZero,
            "zero" => Self::Zero,
            "nozeroprefix" => Self::NoLeadingZero,
            "hasnondigit" => Self::HasLetter,
            "pieceoftotal" => Self::PieceOfTotal,
            "posinseqslash" => Self::PieceSlashTotal,
            "pcenc" => Self::PercentEncoding,
            "latitude" => Self::AtMost(1_800_000_000),
            "longitude" => Self::AtMost(3_600_000_000),
            "iban" => Self::Iban,
            "iso3166" | "iso3166999" | "iso3166alpha2" | "iso4217" | "mediatype" | "packagetype" | "couponcode"
            | "couponposoffer" => Self::Elsewhere,
            _ => return None,
        })
    }

    /// Whether a part follows the rule; what is wrong otherwise.
    pub(super) fn check(self, text: &str) -> Result<(), &'static str> {
        let holds = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
        let number = || text.parse::<u64>().ok();
        match self {
            Self::Sum => holds(has_check_digit(text), "the check digit is wrong"),
            Self::Pair => holds(has_check_pair(text), "the check characters are wrong"),
            Self::Prefix(skipped) => {
                let prefix = text.as_bytes().get(skipped..skipped + 4);
                let digits = prefix.is_some_and(|prefix| prefix.iter().all(u8::is_ascii_digit));
                holds(digits, "it does not begin with a company prefix")
            }
            Self::Date(may_end_month) => holds(is_date(text, may_end_month), "the date does not exist"),
            Self::LongDate => {
                let year_exists = text.get(..4).is_some_and(|year| year != "0000");
                holds(year_exists && text.get(2..).is_some_and(|date| is_date(date, false)), "the date does not exist")
            }
            Self::Hour => holds(number().is_some_and(|hour| hour < 24), "the hour does not exist"),
            Self::Time => {
                let [hour, minute] = [text.get(..2), text.get(2..)].map(|part| part.and_then(|part| part.parse().ok()));
                let exists = hour.is_some_and(|hour: u8| hour < 24) && minute.is_some_and(|minute: u8| minute < 60);
                holds(exists, "the time does not exist")
            }
            Self::Sixty => holds(number().is_some_and(|number| number < 60), "the time does not exist"),
            Self::Only(set) => holds(text.chars().all(|sign| set.contains(sign)), "it has a value that is not defined"),
            Self::NotZero => holds(text.bytes().any(|byte| byte != b'0'), "it is zero"),
            Self::Zero => holds(text.bytes().all(|byte| byte == b'0'), "it is not zero"),
            Self::NoLeadingZero => holds(!text.starts_with('0'), "it begins with zero"),
            Self::HasLetter => holds(text.bytes().any(|byte| !byte.is_ascii_digit()), "it has only digits"),
            Self::PieceOfTotal => {
                let (piece, total) = text.split_at_checked(text.len() / 2).unwrap_or(("", ""));
                holds(piece.len() == total.len() && is_piece(piece, total), "the piece is not one of the total")
            }
            Self::PieceSlashTotal => {
                let (piece, total) = text.split_once('/').unwrap_or_default();
                let plain = !piece.starts_with('0') && !total.starts_with('0');
                holds(plain && is_piece(piece, total), "the position is not one of the total")
            }
            Self::PercentEncoding => holds(is_percent_encoded(text), "a percent sign begins no hexadecimal digits"),
            Self::AtMost(most) => holds(number().is_some_and(|number| number <= most), "it is out of range"),
            Self::Iban => holds(is_iban(text), "the IBAN is wrong"),
            Self::Elsewhere => Ok(()),
        }
    }
}

/// The check digit of a number without it: weights 3 and 1 from the right (General Specifications, 7.9.1).
pub(crate) fn check_digit(body: &[u8]) -> u8 {
    let weighed: u32 =
        body.iter().rev().zip([3, 1].into_iter().cycle()).map(|(byte, weight)| u32::from(byte & 0x0f) * weight).sum();
    b'0' + u8::try_from((10 - weighed % 10) % 10).unwrap_or_default()
}

fn has_check_digit(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && text.as_bytes().split_last().is_some_and(|(check, body)| check_digit(body) == *check)
}

/// The characters of the set of 82 in the order of their weights.
const INVARIANT: &[u8] = br#"!"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"#;

const PAIR: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Check characters (General Specifications, 7.9.5): each character's place in the set, from 0, times the prime of its
/// place from the right, modulo 1021, in two characters of 32.
fn has_check_pair(text: &str) -> bool {
    let Some((body, pair)) = text.len().checked_sub(2).and_then(|length| text.split_at_checked(length)) else {
        return false;
    };
    let primes = (2_u32..)
        .filter(|number| (2..*number).take_while(|part| part * part <= *number).all(|part| number % part != 0));
    let mut sum = 0_u32;
    for (byte, prime) in body.bytes().rev().zip(primes) {
        let Some(place) = INVARIANT.iter().position(|known| *known == byte) else { return false };
        sum = (sum + u32::try_from(place).unwrap_or_default() * prime) % 1021;
    }
    let sign = |value: u32| PAIR.get(usize::try_from(value).unwrap_or(usize::MAX)).copied();
    pair.bytes().eq([sign(sum >> 5), sign(sum & 31)].into_iter().flatten())
}

/// `yymmdd`. The century only matters for 29 February, and every fourth year of this one and the last has it.
fn is_date(text: &str, may_end_month: bool) -> bool {
    let number = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0), number(2), number(4)) else { return false };
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    text.len() == 6 && day <= days && (day > 0 || may_end_month)
}

fn is_piece(piece: &str, total: &str) -> bool {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten()
    };
    match (number(piece), number(total)) {
        (Some(piece), Some(total)) => (1..=total).contains(&piece),
        _ => false,
    }
}

fn is_percent_encoded(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())))
}

/// ISO 13616: moved behind the rest, country and check digits make a number with the remainder 1 modulo 97.
fn is_iban(text: &str) -> bool {
    if !(11..=34).contains(&text.len()) || !text.is_ascii() {
        return false;
    }
    let (head, rest) = text.split_at(4);
    let mut remainder = 0_u32;
    for sign in rest.chars().chain(head.chars()) {
        let Some(value) = sign.to_digit(36).filter(|_| !sign.is_ascii_lowercase()) else { return false };
        remainder = (remainder * if value < 10 { 10 } else { 100 } + value) % 97;
    }
    remainder == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn check_digits_and_characters() {
        for (body, check) in
            [("400638133393", '1'), ("629104150021", '3'), ("7351353", '7'), ("37604521234567890", '8')]
        {
            assert_eq!(char::from(check_digit(body.as_bytes())), check);
        }
        // The example of the General Specifications for a Global Model Number.
        assert_eq!(Check::Pair.check("1987654Ad4X4bL5ttr2310c2K"), Ok(()));
        assert!(Check::Pair.check("1987654Ad4X4bL5ttr2310c2J").is_err());
        assert_eq!(Check::Iban.check("GB82WEST12345698765432"), Ok(()));
        assert!(Check::Iban.check("GB82WEST12345698765433").is_err());
    }

    /// The unit tests of GS1's reference implementation.
    #[test]
    fn the_checks_agree_with_the_reference() {
        let (mut compared, mut differ) = (0, Vec::new());
        for line in include_str!("vectors/linters.tsv").lines().filter(|line| !line.starts_with('#')) {
            let [name, verdict, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let check = Check::of(name).unwrap();
            if check.check(text).is_ok() != (verdict == "pass") {
                differ.push(line);
            }
            compared += 1;
        }
        assert!(differ.is_empty(), "{differ:#?}");
        assert!(compared > 900, "{compared}");
    }

    #[test]
    fn dates_exist() {
        for (text, end, exists) in [
            ("270200", true, true),
            ("270200", false, false),
            ("270229", true, false),
            ("280229", true, true),
            ("271301", true, false),
            ("270431", true, false),
            ("2704", true, false),
        ] {
            assert_eq!(Check::Date(end).check(text).is_ok(), exists, "{text}");
        }
    }

    #[test]
    fn pieces_are_of_their_total() {
        for (text, fine) in [("0102", true), ("0202", true), ("0302", false), ("0002", false), ("010", false)] {
            assert_eq!(Check::PieceOfTotal.check(text).is_ok(), fine, "{text}");
        }
        for (text, fine) in [("1/2", true), ("3/2", false), ("01/2", false), ("1/", false), ("/", false)] {
            assert_eq!(Check::PieceSlashTotal.check(text).is_ok(), fine, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_check_panics(text in ".{0,30}") {
            for name in ["csum", "csumalpha", "gcppos1", "gcppos2", "yymmd0", "yymmdd", "yyyymmdd", "hh", "hhmi", "mi",
                "yesno", "hyphen", "nonzero", "zero", "nozeroprefix", "hasnondigit", "pieceoftotal", "posinseqslash",
                "pcenc", "latitude", "longitude", "iban"] {
                let _ = Check::of(name).unwrap().check(&text);
            }
        }

        #[test]
        fn a_single_wrong_digit_is_found(number in 0_u64..10_u64.pow(13), place in 0_usize..14, by in 1_u8..10) {
            let body = format!("{number:013}");
            let mut text = body.clone().into_bytes();
            text.push(check_digit(body.as_bytes()));
            text[place] = b'0' + (text[place] - b'0' + by) % 10;
            prop_assert!(!has_check_digit(std::str::from_utf8(&text).unwrap()));
        }
    }
}
