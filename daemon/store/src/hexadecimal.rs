//! Hexadecimal text. Not by `format!`, because every request and every sale needs it, and formatting is twenty times
//! slower.

/// The bytes as lower-case hexadecimal.
pub fn of(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

/// Parses exactly `N` bytes from digits in either case.
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_byte_is_written_as_by_format() {
        for byte in 0..=u8::MAX {
            let text = super::of(&[byte, 7]);
            assert_eq!(text, format!("{byte:02x}07"));
            assert_eq!((parse(&text), parse(&text.to_uppercase())), (Some([byte, 7]), Some([byte, 7])));
        }
    }

    #[test]
    fn invalid_digits_and_lengths_are_refused() {
        for text in ["", "0", "00", "000", "00000", "000000", "0g00", "+100", "0x00", "\u{e9}00"] {
            assert_eq!(parse::<2>(text), None, "{text}");
        }
    }
}
