//! Texts that people type and that are printed or shown.

/// Whether a text is legible: no control characters, no characters that change the text direction or have no width, and
/// at least one visible character.
///
/// The joiners that some scripts need between letters are allowed.
pub fn is_readable(text: &str) -> bool {
    !text.chars().any(|char| char.is_control() || is_hidden(char)) && text.chars().any(shows)
}

/// Whether a character is invisible or changes what is shown: general category Cf without the two joiners, and line and
/// paragraph separators.
fn is_hidden(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character is visible; joiners, fillers and variation selectors are not.
fn shows(char: char) -> bool {
    let is_blank = matches!(char,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{200c}' | '\u{200d}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}');
    !char.is_whitespace() && !is_blank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_texts_are_readable() {
        for text in ["Cereal", "Crème brûlée", "日本酒", "می\u{200c}خواهم", "❤\u{fe0f}", "½ l"] {
            assert!(is_readable(text), "{text:?}");
        }
    }

    #[test]
    fn invisible_texts_are_not_readable() {
        for text in [
            "",
            "  ",
            "\u{a0}\u{3000}",
            "\u{200b}",
            "\u{200d}\u{200c}",
            "\u{3164}",
            "\u{2800}",
            "\u{feff}Cereal",
            "Cereal\u{202e}lairec",
            "Cer\u{ad}eal",
            "Cereal\u{2066}",
            "Cereal\u{e0041}",
            "Cereal\n",
            "Cereal\u{2028}",
        ] {
            assert!(!is_readable(text), "{text:?}");
        }
    }
}
