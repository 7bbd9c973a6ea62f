//! Bytes as two digits each. By hand: it is on the way of every request and every sale, and formatting takes twenty times as long.

/// Bytes in hexadecimal, in small letters.
pub fn of(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_is_written_as_formatting_would() {
        for byte in 0..=u8::MAX {
            assert_eq!(super::of(&[byte, 7]), format!("{byte:02x}07"));
        }
    }
}
