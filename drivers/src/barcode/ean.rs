//! EAN-13, EAN-8 and UPC-A (GS1 General Specifications, 5.2).

use super::{Contents, Ean, Linear};

/// Number set A: the widths of space, bar, space, bar. Set B is its reverse; set C has the widths of A, beginning with
/// a bar.
const A: [[u8; 4]; 10] = [
    [3, 2, 1, 1],
    [2, 2, 2, 1],
    [2, 1, 2, 2],
    [1, 4, 1, 1],
    [1, 1, 3, 2],
    [1, 2, 3, 1],
    [1, 1, 1, 4],
    [1, 3, 1, 2],
    [1, 2, 1, 3],
    [3, 1, 1, 2],
];

/// For each first digit of an EAN-13: which of the six left digits are in set B, the leftmost first.
const LEFT: [u8; 10] =
    [0b00_0000, 0b00_1011, 0b00_1101, 0b00_1110, 0b01_0011, 0b01_1001, 0b01_1100, 0b01_0101, 0b01_0110, 0b01_1010];

/// Encodes a number with its check digit: 8, 12 or 13 digits.
pub(super) fn encode(data: &str) -> Result<Linear, String> {
    let digits = digits(data)?;
    let (bare, check) = digits.split_at(digits.len().saturating_sub(1));
    if !matches!(digits.len(), 8 | 12 | 13) {
        return Err(format!("barcode `{data}` has {} digits; expected 8, 12 or 13", digits.len()));
    }
    let right = check_digit(bare);
    if check != [right] {
        return Err(format!("barcode `{data}`: its check digit should be {right}"));
    }
    let (kind, widths, quiet) = match digits.len() {
        8 => (Ean::Ean8, halves(&digits, 0), 7),
        12 => (Ean::UpcA, halves(&digits, LEFT[0]), 9),
        _ => (Ean::Ean13, halves(&digits[1..], LEFT[usize::from(digits[0])]), 11),
    };
    let bare = data.get(..data.len() - 1).unwrap_or_default().to_owned();
    Ok(Linear { widths, quiet, text: data.to_owned(), contents: Contents::Ean(kind, bare) })
}

/// Adds the check digit to 7, 11 or 12 digits.
pub(super) fn with_check_digit(bare: &str) -> Result<String, String> {
    let digits = digits(bare)?;
    if !matches!(digits.len(), 7 | 11 | 12) {
        let length = digits.len();
        return Err(format!("barcode `{bare}` has {length} digits; expected 7, 11 or 12 without the check digit"));
    }
    Ok(format!("{bare}{}", check_digit(&digits)))
}

fn digits(data: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
    let digits: Option<Vec<u8>> = data.bytes().map(digit).collect();
    digits.ok_or_else(|| format!("barcode `{}` has characters other than digits", data.escape_debug()))
}

/// The check digit of a number without it (GS1 General Specifications, 7.9).
fn check_digit(bare: &[u8]) -> u8 {
    let weighed: u32 =
        bare.iter().rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    u8::try_from((10 - weighed % 10) % 10).unwrap_or(0)
}

/// Guard, left half, guard, right half, guard.
fn halves(digits: &[u8], in_set_b: u8) -> Vec<u8> {
    let half = digits.len() / 2;
    let mut widths = vec![1, 1, 1];
    for (place, digit) in digits.iter().take(half).enumerate() {
        let mut set_a = A[usize::from(*digit)];
        if half == 6 && in_set_b & (1 << (5 - place)) != 0 {
            set_a.reverse();
        }
        widths.extend(set_a);
    }
    widths.extend([1; 5]);
    digits.iter().skip(half).for_each(|digit| widths.extend(A[usize::from(*digit)]));
    widths.extend([1, 1, 1]);
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widths_are_those_of_the_standard() {
        // 4006381333931 begins with guard, then 0 in set A, 0 in B … (first digit 4: ABAABB).
        let code = encode("4006381333931").unwrap();
        assert_eq!(code.widths[..15], [1, 1, 1, 3, 2, 1, 1, 1, 1, 2, 3, 1, 1, 1, 4]);
        assert_eq!((code.modules(), encode("96385074").unwrap().modules()), (95, 67));
        assert_eq!(encode("036000291452").unwrap().widths, encode("0036000291452").unwrap().widths);
    }

    #[test]
    fn check_digits_are_checked_and_added() {
        assert_eq!(with_check_digit("231234560350").as_deref(), Ok("2312345603500"));
        assert!(encode("4006381333932").unwrap_err().contains("should be 1"));
        assert!(encode("40063813339").unwrap_err().contains("11 digits"));
        assert!(encode("４006381333931").is_err() && encode("").is_err() && with_check_digit("1").is_err());
    }
}
