//! Code 128 and GS1-128 (ISO/IEC 15417), with as few characters as the usual rules give: digits in pairs (set C) where
//! four or more stand together, else set B. Data has printable ASCII and FNC1 only, so set A is never needed.

use super::{Contents, Linear, gs1::FNC1};

/// A sign of a Code 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Start or continue in set B.
    ToB,
    /// Start or continue in set C.
    ToC,
    /// FNC1.
    Fnc1,
    /// A character in set B.
    Char(u8),
    /// Two digits in set C.
    Pair(u8),
}

/// The widths of the characters 0 to 105, bar first, as digits; then the stop character.
const WIDTHS: &str = "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 \
122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 \
212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 \
133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 \
111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 \
121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 \
411311 113141 114131 311141 411131 211412 211214 211232 2331112";

/// Encodes bytes that are printable ASCII or [`FNC1`].
pub(super) fn encode(data: &[u8], text: String) -> Linear {
    of_signs(signs(data), text)
}

/// Encodes signs; the first is the set to start in.
pub(super) fn of_signs(signs: Vec<Sign>, text: String) -> Linear {
    let (start, rest) = match signs.split_first() {
        Some((Sign::ToC, rest)) => (105, rest),
        Some((_, rest)) => (104, rest),
        None => (104, &[][..]),
    };
    let mut values: Vec<usize> = vec![start];
    values.extend(rest.iter().map(|sign| value(*sign)));
    let check = values.iter().enumerate().map(|(place, value)| place.max(1) * value).sum::<usize>() % 103;
    values.extend([check, 106]);
    let patterns: Vec<&str> = WIDTHS.split_ascii_whitespace().collect();
    let widths = values.iter().filter_map(|value| patterns.get(*value)).flat_map(|pattern| pattern.bytes());
    Linear { widths: widths.map(|digit| digit - b'0').collect(), quiet: 10, text, contents: Contents::Code128(signs) }
}

fn value(sign: Sign) -> usize {
    match sign {
        Sign::ToB => 100,
        Sign::ToC => 99,
        Sign::Fnc1 => 102,
        Sign::Char(byte) => usize::from(byte.saturating_sub(32)),
        Sign::Pair(number) => usize::from(number),
    }
}

/// The signs; the first one is the set to start in.
fn signs(data: &[u8]) -> Vec<Sign> {
    let digits_from = |at: usize| data.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
    let mut signs = Vec::new();
    let mut in_c = None;
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        if *byte == FNC1 {
            // FNC1 is in both sets; at the start it belongs to the set of what follows.
            if in_c.is_none() {
                let c = digits_from(at + 1) >= 4;
                signs.push(if c { Sign::ToC } else { Sign::ToB });
                in_c = Some(c);
            }
            signs.push(Sign::Fnc1);
            at += 1;
            continue;
        }
        let run = digits_from(at);
        // Only whole pairs: an odd run begins with one digit in set B.
        let c = run >= 2 && (in_c == Some(true) || (run >= 4 && (run % 2 == 0 || in_c.is_none())));
        if in_c != Some(c) {
            signs.push(if c { Sign::ToC } else { Sign::ToB });
            in_c = Some(c);
        }
        if c {
            signs.push(Sign::Pair((byte - b'0') * 10 + data.get(at + 1).map_or(0, |next| next - b'0')));
            at += 2;
        } else {
            signs.push(Sign::Char(*byte));
            at += 1;
        }
    }
    signs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_in_pairs_and_the_check_character_is_right() {
        assert_eq!(signs(b"A1"), [Sign::ToB, Sign::Char(b'A'), Sign::Char(b'1')]);
        assert_eq!(
            signs(b"12345x"),
            [Sign::ToC, Sign::Pair(12), Sign::Pair(34), Sign::ToB, Sign::Char(b'5'), Sign::Char(b'x')]
        );
        // "Wikipedia": check character 88 (ISO/IEC 15417's worked example in general use).
        let code = encode(b"Wikipedia", String::new());
        assert_eq!(code.modules(), 11 * 11 + 13);
        let check: Vec<u8> = "421211".bytes().map(|digit| digit - b'0').collect();
        assert_eq!(code.widths[60..66], check[..]);
    }

    #[test]
    fn the_table_is_complete() {
        let patterns: Vec<_> = WIDTHS.split_ascii_whitespace().collect();
        assert_eq!(patterns.len(), 107);
        for pattern in &patterns[..106] {
            assert_eq!(pattern.bytes().map(|digit| digit - b'0').sum::<u8>(), 11, "{pattern}");
        }
        let unique: std::collections::HashSet<_> = patterns.iter().collect();
        assert_eq!(unique.len(), 107);
    }

    /// Reads the signs again.
    fn read(signs: &[Sign]) -> Vec<u8> {
        let mut c = false;
        let mut data = Vec::new();
        for sign in signs {
            match sign {
                Sign::ToB => c = false,
                Sign::ToC => c = true,
                Sign::Fnc1 => data.push(FNC1),
                Sign::Char(byte) => {
                    assert!(!c);
                    data.push(*byte);
                }
                Sign::Pair(pair) => {
                    assert!(c);
                    data.extend(format!("{pair:02}").bytes());
                }
            }
        }
        data
    }

    proptest! {
        #[test]
        fn signs_mean_the_data(data in "[ -~\\x1d]{1,40}|[0-9\\x1d]{1,40}") {
            let data: Vec<u8> = data.bytes().map(|byte| if byte == 0x1d { FNC1 } else { byte }).collect();
            let signs = signs(&data);
            prop_assert_eq!(read(&signs), data.clone());
            prop_assert!(signs.len() <= data.len() + 1 + data.len() / 2);
        }
    }
}
