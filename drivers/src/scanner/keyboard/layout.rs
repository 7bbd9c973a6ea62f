//! Keyboard layouts: from the place of a key (its HID usage) to a character. From xkeyboard-config: us, gb, de, fr, es.

use serde::Deserialize;

/// The layout for which a scanner is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Layout {
    /// American.
    #[default]
    Us,
    /// British.
    Uk,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
}

/// The rows of a layout: letters by their usages (04 to 1D), digits (1E to 27), and the other keys (2D to 38, 64). A
/// space is a key without a character.
struct Rows {
    letters: &'static str,
    shifted_letters: &'static str,
    digits: &'static str,
    shifted_digits: &'static str,
    others: &'static str,
    shifted_others: &'static str,
    /// Keys with AltGr: usage and character.
    alt_gr: &'static [(u8, char)],
}

const LATIN: &str = "abcdefghijklmnopqrstuvwxyz";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const US: Rows = Rows {
    letters: LATIN,
    shifted_letters: CAPITALS,
    digits: "1234567890",
    shifted_digits: "!@#$%^&*()",
    others: "-=[]\\\\;'`,./\\",
    shifted_others: "_+{}||:\"~<>?|",
    alt_gr: &[],
};

const UK: Rows = Rows {
    shifted_digits: "!\"£$%^&*()",
    others: "-=[]##;'`,./\\",
    shifted_others: "_+{}~~:@¬<>?|",
    alt_gr: &[(0x21, '€'), (0x35, '¦')],
    ..US
};

const DE: Rows = Rows {
    letters: "abcdefghijklmnopqrstuvwxzy",
    shifted_letters: "ABCDEFGHIJKLMNOPQRSTUVWXZY",
    digits: "1234567890",
    shifted_digits: "!\"§$%&/()=",
    others: "ß´ü+##öä^,.-<",
    shifted_others: "?`Ü*''ÖÄ°;:_>",
    alt_gr: &[
        (0x14, '@'),
        (0x08, '€'),
        (0x10, 'µ'),
        (0x1f, '²'),
        (0x20, '³'),
        (0x24, '{'),
        (0x25, '['),
        (0x26, ']'),
        (0x27, '}'),
        (0x2d, '\\'),
        (0x30, '~'),
        (0x64, '|'),
    ],
};

const FR: Rows = Rows {
    letters: "qbcdefghijkl,noparstuvzxyw",
    shifted_letters: "QBCDEFGHIJKL?NOPARSTUVZXYW",
    digits: "&é\"'(-è_çà",
    shifted_digits: "1234567890",
    others: ")=^$**mù²;:!<",
    shifted_others: "°+¨£µµM%~./§>",
    alt_gr: &[
        (0x08, '€'),
        (0x1f, '~'),
        (0x20, '#'),
        (0x21, '{'),
        (0x22, '['),
        (0x23, '|'),
        (0x24, '`'),
        (0x25, '\\'),
        (0x26, '^'),
        (0x27, '@'),
        (0x2d, ']'),
        (0x2e, '}'),
        (0x30, '¤'),
    ],
};

const ES: Rows = Rows {
    shifted_digits: "!\"·$%&/()=",
    others: "'¡`+ççñ´º,.-<",
    shifted_others: "?¿^*ÇÇÑ¨ª;:_>",
    alt_gr: &[
        (0x08, '€'),
        (0x1e, '|'),
        (0x1f, '@'),
        (0x20, '#'),
        (0x21, '~'),
        (0x23, '¬'),
        (0x2f, '['),
        (0x30, ']'),
        (0x31, '}'),
        (0x34, '{'),
        (0x35, '\\'),
    ],
    ..US
};

impl Layout {
    fn rows(self) -> &'static Rows {
        match self {
            Self::Us => &US,
            Self::Uk => &UK,
            Self::De => &DE,
            Self::Fr => &FR,
            Self::Es => &ES,
        }
    }

    /// The character of a key.
    pub(super) fn sign(self, usage: u8, shift: bool, alt_gr: bool) -> Option<char> {
        let rows = self.rows();
        if alt_gr {
            return rows.alt_gr.iter().find(|(key, _)| *key == usage).map(|(_, sign)| *sign);
        }
        let pick = |plain: &'static str, shifted: &'static str, place: u8| {
            (if shift { shifted } else { plain }).chars().nth(usize::from(place))
        };
        match usage {
            0x04..=0x1d => pick(rows.letters, rows.shifted_letters, usage - 0x04),
            0x1e..=0x27 => pick(rows.digits, rows.shifted_digits, usage - 0x1e),
            0x2c => Some(' '),
            0x2d..=0x38 => pick(rows.others, rows.shifted_others, usage - 0x2d),
            0x64 => pick(rows.others, rows.shifted_others, 12),
            // The keypad is the same everywhere, but for the decimal point.
            0x54..=0x57 => "/*-+".chars().nth(usize::from(usage - 0x54)),
            0x59..=0x62 => "1234567890".chars().nth(usize::from(usage - 0x59)),
            0x63 => Some('.'),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_all_its_keys() {
        for layout in [Layout::Us, Layout::Uk, Layout::De, Layout::Fr, Layout::Es] {
            let rows = layout.rows();
            for (row, keys) in [
                (rows.letters, 26),
                (rows.shifted_letters, 26),
                (rows.digits, 10),
                (rows.shifted_digits, 10),
                (rows.others, 13),
                (rows.shifted_others, 13),
            ] {
                assert_eq!(row.chars().count(), keys, "{layout:?} {row}");
            }
        }
    }
}
