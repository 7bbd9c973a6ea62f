//! Codes in words. From the `zvt` crate's constants and Portalum.Zvt's repositories, said in our own words.

/// A result code (BMP 27, `06 1E`).
pub(super) fn in_words(code: u8) -> &'static str {
    match code {
        0x00 => "approved",
        0x05 | 0x01..=0x04 | 0x06..=0x50 | 0x52..=0x63 => "declined by the bank",
        0x51 => "declined: not enough money or limit",
        0x64 => "the card can't be read",
        0x65 | 0x66 => "the card or its processing has an error",
        0x6b => "the terminal is not registered or not initialised",
        0x6c => "aborted at the terminal or by time-out",
        0x6f => "the terminal does not take this currency",
        0x71 => "not enough credit on the card",
        0x77 => "end of day is not possible now",
        0x78 => "the card has expired",
        0x7d => "the terminal can't reach its bank",
        0x83 => "the terminal can't do this",
        0x9a => "protocol error",
        0x9c => "the terminal is busy; please wait",
        0xa0 | 0xa1 => "the terminal's partner does not answer",
        0xa3 => "the terminal has no connection",
        0xb1 => "the terminal's memory is full; do an end of day",
        0xb4 => "already reversed",
        0xb5 => "a reversal is not possible",
        0xc2 => "the terminal needs a diagnosis",
        0xc3 => "the amount is too large",
        0xc8 => "the amount is too small",
        0xcc => "the terminal's printer is not ready",
        0xdc => "a card is in the terminal; take it out",
        0xff => "the terminal has a fault",
        _ => "refused by the terminal",
    }
}

/// An intermediate status (`04 FF`). Bit 6 adds "and remove the card".
pub(super) fn progress_in_words(code: u8) -> String {
    let words = match code & !0x40 {
        0x04 => "waiting for the bank",
        0x05 => "reversing by itself",
        0x0a => "insert or tap the card",
        0x0b => "remove the card",
        0x0e | 0x17 => "please wait",
        0x0f => "doing its end of day",
        0x15 => "wrong PIN",
        0x1c => "approved, finishing",
        0x1d => "declined",
        _ => "working",
    };
    if code & 0x40 != 0 { format!("{words}; remove the card") } else { words.to_owned() }
}
