//! The characters that a receipt can have, and their widths. Pure.
//!
//! Every text is normalised: composed (NFC), without control characters, and with typographic characters replaced by
//! the plain ones that are usual on receipts. A character is then either in code page 858 or drawn from a bitmap font
//! (`raster`); none is replaced by a question mark.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_width::UnicodeWidthChar;

/// Characters 80h to FFh of code page 858 (code page 850 with the euro sign).
const HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤\
                    ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Normalises a text for printing.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for char in ComposingNormalizerBorrowed::new_nfc().normalize(text).chars() {
        match plain(char) {
            Some(plain) => printable.push_str(plain),
            None if char.is_control() => printable.push(' '),
            None => printable.push(char),
        }
    }
    printable
}

/// The plain form of typographic characters and ligatures; empty for characters that only control other programs.
fn plain(char: char) -> Option<&'static str> {
    Some(match char {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' => " ",
        // Soft hyphen, zero widths, directions, byte order mark, variation selectors.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => "",
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | 'ʹ' => "'",
        '“' | '”' | '„' | '‟' | '″' => "\"",
        '‹' => "<",
        '›' => ">",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '•' | '‣' | '∙' => "·",
        '⁄' | '∕' => "/",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        'Œ' => "OE",
        'œ' => "oe",
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        '™' => "TM",
        '℠' => "SM",
        _ => return None,
    })
}

/// A character's byte in code page 858.
pub(super) fn code_page_858(char: char) -> Option<u8> {
    match char {
        ' '..='~' => u8::try_from(char).ok(),
        _ => HIGH.chars().position(|high| high == char).and_then(|place| u8::try_from(0x80 + place).ok()),
    }
}

/// A text in code page 858, if the page has all of its characters.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    text.chars().map(code_page_858).collect()
}

/// The width of a character in columns: two for Chinese, Japanese and Korean, zero for combining marks.
pub(super) fn columns_of(char: char) -> usize {
    if char.width() == Some(0) {
        0
    } else if code_page_858(char).is_none() && unifont::get_glyph(char).is_some_and(unifont::Glyph::is_fullwidth) {
        2
    } else {
        1
    }
}

/// The width of a text in columns.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_page_858_is_complete() {
        assert_eq!(HIGH.chars().count(), 128);
        for (text, bytes) in [
            ("CRÈME BRÛLÉE", &b"CR\xd4ME BR\xeaL\x90E"[..]),
            ("TÊTE CAFFÈ MELÓN", b"T\xd2TE CAFF\xd4 MEL\xe0N"),
            ("MAÍZ AÇÚCAR NOËL", b"MA\xd6Z A\x80\xe9CAR NO\xd3L"),
            ("äÖß€Çñ", b"\x84\x99\xe1\xd5\x80\xa4"),
            ("ÌÎÏÒÔÙÝý", b"\xde\xd7\xd8\xe3\xe2\xeb\xed\xec"),
            ("Ððþ¹²³¾§¶±÷¤¦", b"\xd1\xd0\xe7\xfb\xfd\xfc\xf3\xf5\xf4\xf1\xf6\xcf\xdd"),
        ] {
            assert_eq!(encode(text).as_deref(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn typographic_characters_become_plain_ones() {
        for (text, plain) in [
            ("L’eau “pure” – 5\u{a0}€…", "L'eau \"pure\" - 5 €..."),
            ("Cre\u{300}me bru\u{302}le\u{301}e", "Crème brûlée"),
            ("ﬁlet d’œuf", "filet d'oeuf"),
            ("a\tb\u{200b}c\u{7f}", "a bc "),
        ] {
            assert_eq!(printable(text), plain);
            assert!(encode(plain).is_some(), "{plain}");
        }
    }

    #[test]
    fn widths_match_the_drawn_columns() {
        assert_eq!((width("Milk"), width("Молоко"), width("牛乳"), width("e\u{323}")), (4, 6, 4, 1));
        assert_eq!(encode("Žluťoučký"), None);
    }
}
