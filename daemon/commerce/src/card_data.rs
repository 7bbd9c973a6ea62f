//! Finds card data in text, so that no card number enters the hub, whichever field somebody types it into.
//!
//! Card data is:
//!
//! - A card number: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1, annex B) and have a prefix and length of
//!   a card scheme. The digits may be in groups with up to three other characters between them (`4761.7390.0101.0119`,
//!   `4761 * 7390`); a number begins and ends at a group boundary.
//! - Track data: a sentinel, a number and a separator (`;…=`, `%B…^`), whether or not it passes Luhn.
//! - A security code: `CVV`, `CVC` or a similar word, followed by three or four digits.
//!
//! Card data is not: a GTIN of 13 or 14 digits with a valid check digit (one in ten passes Luhn as well); a UUID (one
//! in 70,000 would pass); or a number that no scheme issues, such as a time in milliseconds or a date followed by a
//! count.

use std::ops::RangeInclusive;

use serde_json::Value;

/// The lengths of card numbers.
const LENGTHS: RangeInclusive<usize> = 13..=19;

/// The maximum number of characters between two groups of one number.
const BETWEEN: usize = 3;

/// The first and last prefix of a scheme, and the lengths of its numbers.
const SCHEMES: &[(&str, &str, RangeInclusive<usize>)] = &[
    ("4", "4", 13..=19),       // Visa
    ("2221", "2720", 16..=16), // Mastercard
    ("51", "55", 16..=16),     // Mastercard
    ("34", "34", 15..=15),     // American Express
    ("37", "37", 15..=15),     // American Express
    ("300", "305", 14..=19),   // Diners Club
    ("36", "36", 14..=19),     // Diners Club
    ("38", "39", 14..=19),     // Diners Club
    ("3528", "3589", 16..=19), // JCB
    ("2200", "2204", 16..=19), // Mir
    ("50", "50", 13..=19),     // Maestro, RuPay
    ("56", "69", 13..=19),     // Maestro, Discover, UnionPay, RuPay, girocard
    ("81", "82", 16..=19),     // UnionPay, RuPay
    ("9792", "9792", 16..=16), // Troy
];

/// The names of a card's security code.
const SECURITY_CODES: [&str; 6] = ["cvv", "cvv2", "cvc", "cvc2", "cav2", "security code"];

/// Whether a text contains card data.
pub fn holds_card_data(text: &str) -> bool {
    !is_uuid(text) && (has_number(&groups(text)) || has_track(text) || has_security_code(text))
}

/// Where a JSON value contains card data, in its texts, numbers or names of members: `the text at `/lines/0/note``.
pub fn find_card_data(value: &Value) -> Option<String> {
    find_at("", value)
}

fn find_at(place: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => holds_card_data(text).then(|| format!("the text at `{place}`")),
        Value::Number(number) => holds_card_data(&number.to_string()).then(|| format!("the number at `{place}`")),
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(index, value)| find_at(&format!("{place}/{index}"), value))
        }
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            if holds_card_data(name) {
                return Some(format!("the name of a member of `{place}`"));
            }
            find_at(&format!("{place}/{name}"), value)
        }),
        Value::Null | Value::Bool(_) => None,
    }
}

/// RFC 9562, section 4: 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Adjacent digits of a text.
struct Group {
    digits: Vec<u8>,
    /// The number of characters between this group and the previous one.
    after: usize,
}

fn groups(text: &str) -> Vec<Group> {
    let (mut groups, mut between, mut is_open) = (Vec::<Group>::new(), usize::MAX, false);
    for sign in text.chars() {
        match digit(sign) {
            Some(digit) if is_open => {
                if let Some(group) = groups.last_mut() {
                    group.digits.push(digit);
                }
            }
            Some(digit) => {
                groups.push(Group { digits: vec![digit], after: between });
                is_open = true;
            }
            None => {
                between = if is_open { 1 } else { between.saturating_add(1) };
                // A letter ends a number.
                if sign.is_alphabetic() {
                    between = usize::MAX;
                }
                is_open = false;
            }
        }
    }
    groups
}

/// The value of a decimal digit, including full-width ones.
fn digit(sign: char) -> Option<u8> {
    let sign = match sign {
        '\u{ff10}'..='\u{ff19}' => u32::from(sign) - 0xff10,
        _ => sign.to_digit(10)?,
    };
    u8::try_from(sign).ok()
}

fn has_number(groups: &[Group]) -> bool {
    groups.iter().enumerate().any(|(start, first)| {
        let mut digits = first.digits.clone();
        let mut count = 1;
        for next in groups.iter().skip(start + 1).take_while(|next| next.after <= BETWEEN) {
            if is_card_number(&digits, count) {
                return true;
            }
            digits.extend(&next.digits);
            count += 1;
            if digits.len() > *LENGTHS.end() {
                return false;
            }
        }
        is_card_number(&digits, count)
    })
}

fn is_card_number(digits: &[u8], groups: usize) -> bool {
    LENGTHS.contains(&digits.len()) && luhn(digits) && is_of_a_scheme(digits) && !(groups == 1 && is_gtin(digits))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            // The sum of the digits of its double.
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_of_a_scheme(digits: &[u8]) -> bool {
    SCHEMES.iter().any(|(first, last, lengths)| {
        let prefix: Vec<u8> = digits.iter().take(first.len()).map(|digit| b'0' + digit).collect();
        lengths.contains(&digits.len()) && (first.as_bytes()..=last.as_bytes()).contains(&&*prefix)
    })
}

/// GS1 General Specifications, section 7.9.
fn is_gtin(digits: &[u8]) -> bool {
    let weighed: u32 =
        digits.iter().rev().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    matches!(digits.len(), 13 | 14) && weighed.is_multiple_of(10)
}

/// ISO/IEC 7813: track 1 begins with `%B` and uses `^` as separator, track 2 uses `;` and `=`.
fn has_track(text: &str) -> bool {
    [("%B", '^'), ("%b", '^'), (";", '=')].iter().any(|(sentinel, separator)| {
        text.split(sentinel).skip(1).any(|rest| {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            LENGTHS.contains(&digits) && rest.chars().nth(digits) == Some(*separator)
        })
    })
}

fn has_security_code(text: &str) -> bool {
    let text = text.to_lowercase();
    SECURITY_CODES.iter().any(|name| {
        text.match_indices(name).any(|(place, _)| {
            let is_word = !text[..place].ends_with(char::is_alphanumeric);
            let rest = text[place + name.len()..].trim_start_matches(|sign: char| !sign.is_alphanumeric());
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            let ends = !rest.chars().nth(digits).is_some_and(char::is_alphanumeric);
            is_word && matches!(digits, 3 | 4) && ends
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn card_numbers_are_found_with_any_separator() {
        for text in [
            "4111000600001141",
            "4111 0006 0000 1141",
            "4111.0006.0000.1141",
            "4111/0006/0000/1141",
            "4111_0006_0000_1141",
            "4111:0006:0000:1141",
            "4111∙0006∙0000∙1141",
            "4111 * 0006 * 0000 * 1141",
            "4111\u{a0}0006\u{a0}0000\u{a0}1141",
            "paid 12.11.2026 with 4761-7390-0101-0119, thanks",
            "PAN4761739001010119",
            "4761739001010119=2512101",
            "３７８２８２２４６３１０００５",
            "378282246310005",
            "5555555555554444",
            "6011111111111117",
            "30569309025904",
            ";9999999999999999=25121010000000000000?",
            "%B9999999999999999^DOE/JOHN^2512?",
            "CVV 987",
            "cvc2: 1234",
            "the Security Code is not 12 but security code=123",
        ] {
            assert!(holds_card_data(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not_card_numbers() {
        for text in [
            "",
            "order-7",
            "till-1-1764201600000-77",
            "2026-11-28T03:53:48.123456Z",
            "20261128035348123",
            "550e8400-e29b-41d4-a716-446655440000",
            "47617390-0101-0119-8000-00000000000a",
            "4006381333931",
            "4111000600001142",
            "0400008189811",
            "00012345600012",
            "Trace 000123  Receipt 0045",
            "CVC 12345",
            "receive 123",
            "phone +43 1 234567",
        ] {
            assert!(!holds_card_data(text), "{text}");
        }
        // No GTIN may be mistaken for a card number.
        for number in (400_638_133_390_u64..).take(3_000) {
            let weighed: u64 = number
                .to_string()
                .bytes()
                .rev()
                .zip([3, 1].into_iter().cycle())
                .map(|(digit, weight)| u64::from(digit - b'0') * weight)
                .sum();
            let gtin = format!("{number}{}", (10 - weighed % 10) % 10);
            assert!(!holds_card_data(&gtin), "{gtin}");
        }
    }

    #[test]
    fn a_number_is_a_cards_by_its_length_its_check_digit_and_its_scheme() {
        for (number, is_a_cards) in [
            ("4222222222222", true),
            ("40063800000002", true),
            ("4111000000000065", true),
            ("4111000000000000092", true),
            ("41110000000000000092", false),
            ("411100000003", false),
            ("4111000000000066", false),
            ("510000000000003", false),
            ("1000000000000008", false),
            ("1000000000001097", false),
        ] {
            assert_eq!(holds_card_data(number), is_a_cards, "{number}");
            let groups: Vec<_> = number.as_bytes().chunks(4).map(|group| str::from_utf8(group).unwrap()).collect();
            assert_eq!(holds_card_data(&groups.join(" - ")), is_a_cards, "{number} in groups");
            assert!(!holds_card_data(&groups.join(" -- ")), "{number} in groups too far apart");
            assert!(!holds_card_data(&groups.join(" or ")), "{number} in groups with a word between");
        }
    }

    #[test]
    fn a_gtin_is_written_in_one_group() {
        for gtin in ["4006380000094", "40063800000036"] {
            let (first, second) = gtin.split_at(7);
            assert!(!holds_card_data(gtin), "{gtin}");
            assert!(holds_card_data(&format!("{first} {second}")), "{gtin} in groups");
        }
    }

    #[test]
    fn only_a_whole_uuid_may_look_like_a_card_number() {
        assert!(!holds_card_data("47617390-0101-0119-8000-00000000000a"));
        for text in
            ["47617390-0101-0119", "paid with 4111000600001141, thanks 1", "47617390-0101-0119-8000-00000000000g"]
        {
            assert!(holds_card_data(text), "{text}");
        }
    }

    #[test]
    fn a_track_has_its_sentinel_its_number_and_its_separator() {
        for (text, is_track) in [
            ("%b9999999999999^", true),
            ("at the till: ;9999999999999999999=25", true),
            (";999999999999=25", false),
            (";99999999999999999999=25", false),
            (";9999999999999999?", false),
            ("9999999999999999=25", false),
            ("%B9999999999999999=25", false),
            (";=", false),
        ] {
            assert_eq!(holds_card_data(text), is_track, "{text}");
        }
    }

    #[test]
    fn a_security_code_is_a_name_and_three_or_four_digits() {
        for (text, is_code) in [
            ("CAV2 1234, thanks", true),
            ("123 cvv 123", true),
            ("cvv: 12", false),
            ("cvv: 12345", false),
            ("cvv: 123a", false),
            ("mcvv 123", false),
            ("cvv", false),
            ("cvv is 123", false),
        ] {
            assert_eq!(holds_card_data(text), is_code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_card_number_is_found_in_any_text(
            before in "[a-zA-Z ,;:]{0,12}", between in "[ ./_:∙*-]{0,3}", after in "[a-zA-Z ,;:]{0,12}",
            number in proptest::collection::vec(0_u8..10, 12..=17),
        ) {
            let number = [&[4], &*number].concat();
            let check = (0..10).find(|check| luhn(&[number.as_slice(), &[*check]].concat())).unwrap();
            let number = [number.as_slice(), &[check]].concat();
            prop_assume!(!is_gtin(&number));
            let text: Vec<String> =
                number.chunks(4).map(|group| group.iter().map(|digit| char::from(b'0' + digit)).collect()).collect();
            prop_assert!(holds_card_data(&[before, text.join(&between), after].concat()));
        }
    }
}
