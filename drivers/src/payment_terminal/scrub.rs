//! Removes card numbers from texts of all protocols.

/// Masks everything in a text that could be a card number: 13 to 19 digits that pass the Luhn check, ignoring blanks
/// and hyphens between them. The first six and last four digits are kept.
pub(super) fn scrub(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let (mut run, mut hide): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for place in 0..=chars.len() {
        match chars.get(place) {
            Some(char) if char.is_ascii_digit() => run.push(place),
            Some(' ' | '-' | '\u{a0}') if !run.is_empty() => {}
            _ => {
                let digits: Vec<u32> = run.iter().filter_map(|place| chars[*place].to_digit(10)).collect();
                // Finds all numbers before it masks any, so that a number which only overlaps another does not hide it.
                let middles = card_numbers(&digits).flat_map(|(start, length)| &run[start + 6..start + length - 4]);
                hide.extend(middles.copied());
                run.clear();
            }
        }
    }
    for place in hide {
        chars[place] = '*';
    }
    chars.into_iter().collect()
}

/// The positions and lengths of possible card numbers in a run of digits.
fn card_numbers(digits: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    (13..=19).flat_map(move |length| {
        let at = digits.windows(length).enumerate().filter(|(_, window)| luhn(window));
        at.map(move |(start, _)| (start, length))
    })
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn card_numbers_are_taken_out_of_text() {
        assert_eq!(scrub("Card 4761739001010119"), "Card 476173******0119");
        assert_eq!(scrub("4761 7390 0101 0119 ok"), "4761 73** **** 0119 ok");
        assert_eq!(scrub("4761-7390-0101-0119"), "4761-73**-****-0119");
        assert_eq!(scrub("Trace 000123  Receipt 0045"), "Trace 000123  Receipt 0045");
        assert_eq!(scrub("24.11.2026 14:15 000123"), "24.11.2026 14:15 000123");
    }

    #[test]
    fn an_overlapping_number_does_not_hide_a_card_number() {
        // The first nineteen digits pass the check as well; masking only those would hide just one digit of the card
        // number.
        let shielding = (0..1_000_000_000_u32).map(|number| format!("{number:09}")).find(|number| {
            let digits: Vec<u32> = format!("{number}4761739001").chars().filter_map(|char| char.to_digit(10)).collect();
            luhn(&digits)
        });
        let scrubbed = scrub(&format!("{}4761739001010119", shielding.unwrap()));
        assert!(scrubbed.ends_with("******0119"), "{scrubbed}");
    }

    proptest! {
        #[test]
        fn no_card_number_survives_between_other_digits(
            before in "[0-9 ]{0,12}", after in "[0-9 -]{0,12}", number in proptest::collection::vec(0_u32..10, 12..=18),
        ) {
            let check = (0..10).find(|check| luhn(&[number.as_slice(), &[*check]].concat())).unwrap();
            let digits = number.into_iter().chain([check]);
            let number: String = digits.filter_map(|digit| char::from_digit(digit, 10)).collect();
            let scrubbed = scrub(&format!("{before}{number}{after}"));
            let shown = &scrubbed[before.len()..before.len() + number.len()];
            let hidden = shown.bytes().filter(|byte| *byte == b'*').count();
            prop_assert!(hidden >= number.len() - 10, "{}", scrubbed);
            // Scrubbing again must change nothing.
            prop_assert_eq!(scrub(&scrubbed), scrubbed);
        }
    }
}
