//! Codes in words, based on the `zvt` crate's constants and Portalum.Zvt.

/// A result code (BMP 27, `06 1E`).
pub(super) fn in_words(code: u8) -> &'static str {
    match code {
        0x00 => "approved",
        0x05 | 0x01..=0x04 | 0x06..=0x50 | 0x52..=0x63 => "declined by the bank",
        0x51 => "declined: insufficient funds or limit",
        0x64 => "the card can't be read",
        0x65 | 0x66 => "error of the card or its processing",
        0x6b => "the terminal is not registered or not initialised",
        0x6c => "aborted at the terminal or by time-out",
        0x6f => "the terminal does not accept this currency",
        0x71 => "insufficient credit on the card",
        0x77 => "the end-of-day closing is not possible now",
        0x78 => "the card has expired",
        0x7d => "the terminal can't reach its bank",
        0x83 => "the terminal can't do this",
        0x9a => "protocol error",
        0x9c => "the terminal is busy; please wait",
        0xa0 | 0xa1 => "the terminal's host does not answer",
        0xa3 => "the terminal has no connection",
        0xb1 => "the terminal's memory is full; run an end-of-day closing",
        0xb4 => "already reversed",
        0xb5 => "reversal not possible",
        0xc2 => "the terminal needs a diagnosis",
        0xc3 => "the amount is too large",
        0xc8 => "the amount is too small",
        0xcc => "the terminal's printer is not ready",
        0xdc => "there is a card in the terminal; remove it",
        0xff => "the terminal has a fault",
        _ => "refused by the terminal",
    }
}

/// An intermediate status (`04 FF`). Bit 6 adds "and remove the card".
pub(super) fn progress_in_words(code: u8) -> String {
    let words = match code & !0x40 {
        0x04 => "waiting for the bank",
        0x05 => "reversing automatically",
        0x0a => "insert or tap the card",
        0x0b => "remove the card",
        0x0e | 0x17 => "please wait",
        0x0f => "running its end-of-day closing",
        0x15 => "wrong PIN",
        0x1c => "approved, finishing",
        0x1d => "declined",
        _ => "working",
    };
    if code & 0x40 != 0 { format!("{words}; remove the card") } else { words.to_owned() }
}
