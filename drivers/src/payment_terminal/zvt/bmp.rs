//! The fields of a frame ("bitmaps"): a tag, and data with a length given by the tag.
//!
//! An unknown field can't be skipped, because its length is unknown: parsing stops there, and the fields before it are
//! kept.

use super::{text, transaction::Numbers};
use crate::payment_terminal::{Amount, Entry, MaskedPan, SchemeTotal};

/// The fields that the hub needs; all others are dropped while parsing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// BMP 27.
    pub(super) result: Option<u8>,
    /// BMP 04, in minor units.
    pub(super) minor: Option<u64>,
    /// BMP 49.
    pub(super) currency: Option<u16>,
    /// BMP 29, 0B, 87.
    pub(super) trace: Numbers,
    /// BMP 0D and 0C, as `MMDD HHMMSS`.
    pub(super) date: Option<String>,
    pub(super) time: Option<String>,
    /// BMP 22, masked.
    pub(super) card: Option<MaskedPan>,
    /// BMP 8B.
    pub(super) card_name: Option<String>,
    /// BMP 3B, the bank's authorisation code.
    pub(super) authorisation: Option<String>,
    /// TLV 1F12, how the card was read.
    pub(super) entry: Option<Entry>,
    /// TLV 1F11: approved without the bank.
    pub(super) offline: bool,
    /// BMP 60, the totals of a closed day.
    pub(super) totals: Vec<SchemeTotal>,
    /// The tag where parsing stopped early: the field is unknown or truncated.
    pub(super) stopped_at: Option<u8>,
}

impl Fields {
    /// The amount, if it is present; `currency` is the default.
    pub(super) fn amount(&self, currency: u16) -> Option<Amount> {
        Some(Amount { minor: self.minor?, currency: self.currency.unwrap_or(currency) })
    }
}

/// The length of a field's data.
enum Length {
    Fixed(usize),
    /// A number of bytes `Fx`, one decimal digit each.
    Variable(usize),
    Tlv,
}

/// The lengths by tag, from the Wireshark dissector and Portalum.Zvt.
fn length(tag: u8) -> Option<Length> {
    Some(match tag {
        0x01 | 0x02 | 0x03 | 0x05 | 0x19 | 0x27 | 0x8a | 0x8c | 0xa0 => Length::Fixed(1),
        0x0d | 0x0e | 0x17 | 0x3a | 0x49 | 0x87 => Length::Fixed(2),
        0x0b | 0x0c | 0x37 | 0x88 | 0xaa => Length::Fixed(3),
        0x29 => Length::Fixed(4),
        0x04 => Length::Fixed(6),
        0x3b | 0xba => Length::Fixed(8),
        0x2a => Length::Fixed(15),
        0x22 | 0x23 | 0x8b | 0xa7 | 0xd0 | 0xd1 | 0xd2 => Length::Variable(2),
        0x24 | 0x2d | 0x2e | 0x3c | 0x60 | 0x92 | 0x9a | 0xaf => Length::Variable(3),
        0x06 => Length::Tlv,
        _ => return None,
    })
}

/// Parses the fields of a frame. Never fails: unreadable fields are omitted.
pub(super) fn parse(mut data: &[u8]) -> Fields {
    let mut fields = Fields::default();
    while let Some((&tag, rest)) = data.split_first() {
        let Some((value, rest)) = take(tag, rest) else {
            fields.stopped_at = Some(tag);
            break;
        };
        data = rest;
        match tag {
            0x27 => fields.result = value.first().copied(),
            0x04 => fields.minor = decimal(value),
            0x49 => fields.currency = decimal(value).and_then(|number| u16::try_from(number).ok()),
            0x29 => fields.trace.terminal_id = Some(nibbles(value)),
            0x0b => fields.trace.trace = decimal(value).and_then(|number| u32::try_from(number).ok()),
            0x87 => fields.trace.receipt = decimal(value).and_then(|number| u16::try_from(number).ok()),
            0x0d => fields.date = decimal(value).map(|_| nibbles(value)),
            0x0c => fields.time = decimal(value).map(|_| nibbles(value)),
            0x22 => fields.card = Some(mask(value)),
            0x8b => fields.card_name = Some(name(value)),
            0x3b => fields.authorisation = Some(name(value)).filter(|code| !code.is_empty()),
            0x60 => fields.totals = totals(value),
            0x06 => container(value, &mut fields),
            // Track data (23, 24, 2D), expiry (0E), verification code (3A) and all others are dropped.
            _ => {}
        }
    }
    fields
}

/// The tags of the TLV container that the hub needs. EMV data (5A, 57, 5F24 and others) is dropped.
fn container(data: &[u8], fields: &mut Fields) {
    for (tag, value) in text::tags(data) {
        match (tag, value) {
            // 00 offline, 01 online.
            (0x1f11, [online]) => fields.offline = *online == 0,
            (0x1f12, [technology]) => {
                fields.entry = match technology {
                    0x00 => Some(Entry::Stripe),
                    0x01 => Some(Entry::Chip),
                    0x02 => Some(Entry::Contactless),
                    _ => None,
                };
            }
            _ => {}
        }
    }
}

/// The totals of `06 50`: the first and last receipt number, then for each scheme a count of one byte and a sum of six.
fn totals(data: &[u8]) -> Vec<SchemeTotal> {
    const SCHEMES: [&str; 7] = ["girocard", "JCB", "Mastercard", "American Express", "Visa", "Diners", "others"];
    let (totals, _) = data.get(4..).unwrap_or_default().as_chunks::<7>();
    let total = |(scheme, [count, sum @ ..]): (&&str, &[u8; 7])| {
        let count = u32::try_from(decimal(&[*count])?).ok()?;
        let minor = i64::try_from(decimal(sum)?).ok()?;
        (count > 0).then(|| SchemeTotal { scheme: (*scheme).to_owned(), count, minor })
    };
    SCHEMES.iter().zip(totals).filter_map(total).collect()
}

/// Splits off a field's data.
fn take(tag: u8, data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (skip, length) = match length(tag)? {
        Length::Fixed(length) => (0, length),
        Length::Variable(digits) => {
            let length = data.get(..digits)?.iter().fold(0, |length, digit| length * 10 + usize::from(digit & 0x0f));
            (digits, length)
        }
        Length::Tlv => ber_length(data)?,
    };
    Some((data.get(skip..skip + length)?, data.get(skip + length..)?))
}

/// A BER length: its own size in bytes, and its value.
pub(super) fn ber_length(data: &[u8]) -> Option<(usize, usize)> {
    match *data {
        [length, ..] if length < 0x80 => Some((1, usize::from(length))),
        [0x81, length, ..] => Some((2, usize::from(length))),
        [0x82, high, low, ..] => Some((3, usize::from(u16::from_be_bytes([high, low])))),
        _ => None,
    }
}

fn nibbles(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// Binary coded decimal; `None` if a nibble is not a digit.
fn decimal(bytes: &[u8]) -> Option<u64> {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).try_fold(0_u64, |number, nibble| {
        (nibble < 10).then(|| number.checked_mul(10)?.checked_add(u64::from(nibble))).flatten()
    })
}

/// A card number with two digits per byte, `E` for a masked digit and `F` as padding: only six and four digits are
/// kept, whatever the terminal sends.
fn mask(bytes: &[u8]) -> MaskedPan {
    let digits = nibbles(bytes);
    let digits = digits.trim_end_matches('f');
    let is_digit = |char: &char| char.is_ascii_digit();
    // A number too short for a card number has no middle to mask: its first digits are dropped.
    let open = if digits.len() < 13 { 0 } else { 6 };
    let leading: String = digits.chars().take(open).take_while(is_digit).collect();
    let trailing: String = digits.chars().rev().take(4).take_while(is_digit).collect();
    MaskedPan::new(&leading, &trailing.chars().rev().collect::<String>())
}

fn name(bytes: &[u8]) -> String {
    // Terminated by a zero byte.
    text::read(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_result_is_read_field_by_field() {
        let data = [
            &[0x27, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x12, 0x34, 0x49, 0x08, 0x40][..],
            &[0x0b, 0x00, 0x01, 0x23, 0x87, 0x00, 0x45, 0x29, 0x52, 0x52, 0x35, 0x35],
            &[0x0c, 0x14, 0x15, 0x16, 0x0d, 0x11, 0x24, 0x0e, 0x28, 0x12],
            &[0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0xee, 0xee, 0xee, 0x01, 0x19],
            &[0x8b, 0xf0, 0xf5, b'V', b'I', b'S', b'A', 0],
            &[0x3b, b'1', b'2', b'3', b'4', b'5', b'6', 0, 0],
            // A TLV container with a long length, followed by another field.
            &[0x06, 0x81, 0x08, 0x1f, 0x12, 0x01, 0x02, 0x1f, 0x11, 0x01, 0x00, 0x8a, 0x06],
        ]
        .concat();
        let fields = parse(&data);
        assert_eq!((fields.result, fields.minor, fields.currency), (Some(0), Some(1234), Some(840)));
        let trace = Numbers { terminal_id: Some("52523535".into()), trace: Some(123), receipt: Some(45) };
        assert_eq!(fields.trace, trace);
        assert_eq!((fields.date.as_deref(), fields.time.as_deref()), (Some("1124"), Some("141516")));
        assert_eq!(fields.card.unwrap().as_str(), "476173******0119");
        assert_eq!(fields.card_name.as_deref(), Some("VISA"));
        assert_eq!((fields.entry, fields.offline), (Some(Entry::Contactless), true));
        assert_eq!(fields.authorisation.as_deref(), Some("123456"));
    }

    #[test]
    fn the_totals_of_a_closed_day_are_read_by_scheme() {
        let mut data = vec![0x60, 0xf0, 0xf5, 0xf3, 0x00, 0x01, 0x00, 0x09];
        for (count, cents) in [(0x02, 0x50), (0, 0), (0x01, 0x99), (0, 0), (0x12, 0x10), (0, 0), (0, 0)] {
            data.extend([count, 0, 0, 0, 0, 0x12, cents]);
        }
        let total = |scheme: &str, count, minor| SchemeTotal { scheme: scheme.into(), count, minor };
        let told = [total("girocard", 2, 1250), total("Mastercard", 1, 1299), total("Visa", 12, 1210)];
        assert_eq!(parse(&data).totals, told);
        assert_eq!(parse(&data[..20]).stopped_at, Some(0x60), "cut off");
    }

    #[test]
    fn an_unmasked_card_number_is_masked_while_parsing() {
        // A complete test number of 16 digits, and one of 19, padded with F.
        let full = parse(&[0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19]);
        assert_eq!(full.card.unwrap().as_str(), "476173******0119");
        let long = parse(&[0x22, 0xf1, 0xf0, 0x67, 0x99, 0x99, 0x89, 0x00, 0x00, 0x02, 0x00, 0x05, 0x1f]);
        assert_eq!(long.card.unwrap().as_str(), "679999******0051");
        let short = parse(&[0x22, 0xf0, 0xf3, 0x12, 0x34, 0x56]);
        assert_eq!(short.card.unwrap().as_str(), "******3456");
    }

    #[test]
    fn an_unknown_field_stops_parsing_and_keeps_the_fields_before_it() {
        let fields = parse(&[0x27, 0x6c, 0xee, 0x01, 0x49, 0x09, 0x78]);
        assert_eq!((fields.result, fields.currency, fields.stopped_at), (Some(0x6c), None, Some(0xee)));
        assert_eq!(parse(&[0x27, 0x00, 0x04, 0x00]).stopped_at, Some(0x04), "cut off");
        assert_eq!(parse(&[0x27, 0x00]).stopped_at, None);
    }

    proptest! {
        #[test]
        fn the_parser_never_panics_and_never_returns_a_card_number(data in proptest::collection::vec(any::<u8>(),
            0..300)) {
            let fields = parse(&data);
            if let Some(card) = fields.card {
                prop_assert!(card.as_str().bytes().filter(u8::is_ascii_digit).count() <= 10);
            }
        }
    }
}
