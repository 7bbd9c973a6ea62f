//! What letters a receipt can have, and how wide they are on the paper. Pure.
//!
//! Every text is brought into a form that prints: composed (NFC), without control characters, typographic signs as the
//! plain ones that receipts always had. A letter is then in code page 858 or is drawn from a bitmap font (`raster`);
//! none is replaced by a question mark.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_width::UnicodeWidthChar;

/// What is at 80h to FFh of code page 858 (code page 850 with the euro sign).
const HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤\
                    ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// A text as it can be printed.
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

/// The plain form of typographic signs and ligatures; nothing of what only directs other programs.
fn plain(char: char) -> Option<&'static str> {
    Some(match char {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' => " ",
        // Soft hyphen, zero widths, directions, byte order mark, variation selectors.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => "",
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => "",
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

/// A letter's byte in code page 858.
pub(super) fn code_page_858(char: char) -> Option<u8> {
    match char {
        ' '..='~' => u8::try_from(char).ok(),
        _ => HIGH.chars().position(|high| high == char).and_then(|place| u8::try_from(0x80 + place).ok()),
    }
}

/// A text in code page 858, if the page has all of it.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    text.chars().map(code_page_858).collect()
}

/// How many columns a letter takes: two for Chinese, Japanese and Korean ones, none for marks that stand on another.
pub(super) fn columns_of(char: char) -> usize {
    if char.width() == Some(0) {
        0
    } else if code_page_858(char).is_none() && unifont::get_glyph(char).is_some_and(unifont::Glyph::is_fullwidth) {
        2
    } else {
        1
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_code_page_858_is_there() {
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
    fn typographic_signs_become_plain_ones() {
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
    fn letters_take_the_columns_that_they_are_drawn_in() {
        assert_eq!((width("Milk"), width("Молоко"), width("牛乳"), width("e\u{323}")), (4, 6, 4, 1));
        assert_eq!(encode("Žluťoučký"), None);
    }
}
