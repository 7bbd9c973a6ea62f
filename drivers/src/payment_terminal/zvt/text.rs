//! Receipt text from the terminal: lines (`06 D1`) and blocks (`06 D3`), with card numbers removed.

use super::bmp::ber_length;
use crate::payment_terminal::scrub::scrub;

/// The maximum number of lines kept of a receipt.
pub(super) const MAX_LINES: usize = 80;

/// The maximum length of a line, in characters.
const MAX_LINE: usize = 64;

/// The upper half of code page 437, the default of terminals.
const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A print line (`06 D1`): an attribute byte, then text.
pub(super) fn line(data: &[u8]) -> Vec<String> {
    data.get(1..).map(read).into_iter().collect()
}

/// A text block (`06 D3`): in a TLV container, `1F 07` says whose receipt it is and `25` contains lines `07`. Only the
/// customer's receipt is kept.
pub(super) fn block(data: &[u8]) -> Vec<String> {
    const CUSTOMER: u8 = 2;
    let Some((0x06, container)) = data.split_first() else { return Vec::new() };
    let Some((container, _)) = value(container) else { return Vec::new() };
    let mut lines = Vec::new();
    for (tag, value) in tags(container) {
        match (tag, value) {
            (0x1f07, [receipt, ..]) if *receipt != CUSTOMER => return Vec::new(),
            // No deeper nesting, so that a block can't cause deep recursion.
            (0x25, value) => {
                let texts = tags(value).filter(|(tag, _)| *tag == 0x07).map(|(_, text)| read(text));
                lines.extend(texts.take(MAX_LINES - lines.len().min(MAX_LINES)));
            }
            _ => {}
        }
    }
    lines
}

/// The text for a display in a TLV container: `24` contains lines `07`.
pub(super) fn display(container: &[u8]) -> Option<String> {
    let (container, _) = value(container)?;
    let (_, texts) = tags(container).find(|(tag, _)| *tag == 0x24)?;
    let lines: Vec<String> = tags(texts).filter(|(tag, _)| *tag == 0x07).map(|(_, text)| read(text)).collect();
    let text = lines.join(" ").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The tags of a TLV container, up to the first invalid one.
pub(super) fn tags(mut data: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&first, rest) = data.split_first()?;
        // A tag with the low five bits all set has a second byte.
        let (tag, rest) = if first & 0x1f == 0x1f {
            let (&second, rest) = rest.split_first()?;
            (u16::from_be_bytes([first, second]), rest)
        } else {
            (u16::from(first), rest)
        };
        let (found, rest) = value(rest)?;
        data = rest;
        Some((tag, found))
    })
}

/// Splits off as much data as a BER length says.
fn value(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (skip, length) = ber_length(data)?;
    data.get(skip..)?.split_at_checked(length)
}

/// Text from the terminal, made safe.
pub(super) fn read(text: &[u8]) -> String {
    let char = |byte: &u8| match byte.checked_sub(0x80) {
        Some(upper) => UPPER.chars().nth(usize::from(upper)),
        None => Some(char::from(*byte)).filter(|char| !char.is_control()),
    };
    let text: String = text.iter().filter_map(char).collect();
    // Truncates only after scrubbing: half a card number would not be recognised.
    scrub(text.trim_end()).chars().take(MAX_LINE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_card_number_across_the_end_of_a_line_is_scrubbed_before_it_is_cut() {
        let text = format!("{}4761739001010119", " ".repeat(MAX_LINE - 15));
        assert!(read(text.as_bytes()).ends_with("476173******011"));
    }

    #[test]
    fn lines_and_blocks_become_text() {
        assert_eq!(line(b"\x40  PAID"), ["  PAID"]);
        assert_eq!(line(b"\x00F\x81r Ihre Kassenst\x84tte"), ["Für Ihre Kassenstätte"]);
        assert_eq!(line(b"\x00"), [""]);
        let block_text =
            |receipt| [0x06, 0x0d, 0x1f, 0x07, 0x01, receipt, 0x25, 0x07, 0x07, 0x02, b'O', b'K', 0x07, 0x01, b'!'];
        assert_eq!(block(&block_text(2)), ["OK", "!"]);
        assert_eq!(block(&block_text(1)), [""; 0], "the merchant's copy");
        // Without a receipt type, with lengths of two and three bytes.
        assert_eq!(display(&[0x08, 0x24, 0x06, 0x07, 0x01, b'a', 0x07, 0x01, b'b']).as_deref(), Some("a b"));
        assert_eq!(block(&[0x06, 0x81, 0x07, 0x25, 0x82, 0x00, 0x03, 0x07, 0x01, b'x']), ["x"]);
    }

    #[test]
    fn deeply_nested_containers_are_not_followed() {
        const LEVELS: u16 = 16_000;
        let levels = (0..LEVELS).map(|level| (4 * (LEVELS - 1 - level)).to_be_bytes());
        let nested = levels.flat_map(|[high, low]| [0x25, 0x82, high, low]);
        let deep: Vec<u8> = [0x06, 0x82, 0xfa, 0x00].into_iter().chain(nested).collect();
        assert_eq!(block(&deep), [""; 0]);
    }

    #[test]
    fn the_code_page_has_a_character_for_every_byte() {
        assert_eq!(UPPER.chars().count(), 128);
        assert_eq!(read(&[0x84, 0x94, 0x81, 0xe1]), "äöüß");
    }

    proptest! {
        #[test]
        fn the_decoders_never_panic(data in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = line(&data);
            prop_assert!(block(&data).len() <= MAX_LINES);
            let container = [&[0x06, 0x82, 0x01, 0x00, 0x25, 0x81, 0xf0], data.as_slice()].concat();
            prop_assert!(block(&container).len() <= MAX_LINES);
        }
    }
}
