//! Receipt text from the terminal: lines (`06 D1`) and blocks (`06 D3`), with anything like a card number taken out.

use super::bmp::ber_length;

/// The most lines kept of a receipt.
const MAX_LINES: usize = 80;

/// The longest line kept.
const MAX_LINE: usize = 64;

/// Adds a print line (`06 D1`): an attribute byte, then text. Bit 7 of the attribute marks the last line, which has none.
pub(super) fn line(data: &[u8], lines: &mut Vec<String>) {
    if let Some((_, text)) = data.split_first() {
        push(text, lines);
    }
}

/// Adds a text block (`06 D3`): a TLV container with a container `25` of lines `07`.
pub(super) fn block(data: &[u8], lines: &mut Vec<String>) {
    if let [0x06, rest @ ..] = data
        && let Some((skip, length)) = ber_length(rest)
    {
        walk(rest.get(skip..).map_or(&[], |rest| &rest[..length.min(rest.len())]), lines);
    }
}

fn walk(mut data: &[u8], lines: &mut Vec<String>) {
    while let [tag, rest @ ..] = data {
        // A tag whose low five bits are all set has a second byte.
        let rest = if tag & 0x1f == 0x1f { rest.get(1..).unwrap_or_default() } else { rest };
        let Some((skip, length)) = ber_length(rest) else { return };
        let Some(value) = rest.get(skip..skip + length) else { return };
        match tag {
            0x25 => walk(value, lines),
            0x07 => push(value, lines),
            _ => {}
        }
        data = rest.get(skip + length..).unwrap_or_default();
    }
}

fn push(text: &[u8], lines: &mut Vec<String>) {
    if lines.len() < MAX_LINES {
        let text: String =
            text.iter().take(MAX_LINE).map(|byte| char::from(*byte)).filter(|char| !char.is_control()).collect();
        lines.push(scrub(text.trim_end()));
    }
}

/// Replaces the middle of every run of 13 to 19 digits (blanks and hyphens between them don't count) that passes the Luhn check.
pub(in crate::payment_terminal) fn scrub(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut run: Vec<usize> = Vec::new();
    for place in 0..=chars.len() {
        match chars.get(place) {
            Some(char) if char.is_ascii_digit() => run.push(place),
            Some(' ' | '-' | '.') if !run.is_empty() => {}
            _ => {
                mask_run(&mut chars, &run);
                run.clear();
            }
        }
    }
    chars.into_iter().collect()
}

/// Masks every stretch of a run of digits that could be a card number, longest first.
fn mask_run(chars: &mut [char], run: &[usize]) {
    for length in (13..=19).rev() {
        for start in 0..(run.len() + 1).saturating_sub(length) {
            let places = &run[start..start + length];
            if luhn(places.iter().filter_map(|place| chars[*place].to_digit(10)))
                && places.iter().all(|place| chars[*place] != '*')
            {
                for place in &places[6..length - 4] {
                    chars[*place] = '*';
                }
            }
        }
    }
}

fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
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
        assert_eq!(scrub("Trace 000123  Receipt 0045"), "Trace 000123  Receipt 0045");
    }

    #[test]
    fn lines_and_blocks_become_text() {
        let mut lines = Vec::new();
        line(b"\x40  PAID", &mut lines);
        let block_text = [0x06, 0x0d, 0x1f, 0x07, 0x01, 0x02, 0x25, 0x07, 0x07, 0x02, b'O', b'K', 0x07, 0x01, b'!'];
        block(&block_text, &mut lines);
        assert_eq!(lines, ["  PAID", "OK", "!"]);
    }

    proptest! {
        #[test]
        fn no_card_number_survives_between_other_digits(before in "[0-9 ]{0,5}", after in "[0-9 ]{0,5}", sixteen in proptest::collection::vec(0_u32..10, 15)) {
            let mut digits = sixteen;
            let check = (0..10).find(|check| luhn(digits.iter().copied().chain([*check]))).unwrap();
            digits.push(check);
            let number: String = digits.iter().filter_map(|digit| char::from_digit(*digit, 10)).collect();
            let scrubbed = scrub(&format!("{before}{number}{after}"));
            prop_assert!(!scrubbed.replace(' ', "").contains(&number), "{}", scrubbed);
        }

        #[test]
        fn no_bytes_make_the_readers_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut lines = Vec::new();
            block(&data, &mut lines);
            line(&data, &mut lines);
        }
    }
}
