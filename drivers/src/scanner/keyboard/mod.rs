//! Scanners that pretend to be a keyboard. The kernel's keyboard driver is detached, so nothing is typed into a
//! console, and key codes are read by the layout for which the scanner is set.
//!
//! - A code ends at Enter or Tab. A code without either after a pause is dropped and reported, as with a serial
//!   scanner.
//! - Control with `]` is GS, the separator of GS1 codes; so is 029 on the keypad with Alt. A scanner that replaces GS
//!   by another character needs `gs = "#"`.
//! - Two keys in one report are two characters, in their order; a key that stays pressed is one.

mod layout;

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::time::{Instant, timeout};

use self::layout::Layout;
use super::{
    RunningScanner,
    payload::{Affix, Form, MAX_SCAN, RepeatMs, Repeats},
};
use crate::{
    device::Device,
    registry::Start,
    supervise::{Driver, Jobs, Reporter, start as supervise},
    transport::{Reports, Wire},
};

/// The maximum pause within a code; slow scanners send a key every 100 ms.
const PAUSE: Duration = Duration::from_millis(500);

/// The settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The layout for which the scanner is set.
    #[serde(default)]
    layout: Layout,
    /// The character that the scanner sends for GS, if it can't send Control and `]`.
    #[serde(default)]
    gs: Option<char>,
    #[serde(default)]
    prefix: Affix,
    #[serde(default)]
    suffix: Affix,
    #[serde(default)]
    repeat_ms: RepeatMs,
}

/// Starts a scanner.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn Device> {
    let Settings { layout, gs, prefix, suffix, repeat_ms } = start.settings;
    let driver = KeyboardDriver { layout, gs, form: Form { prefix, suffix }, repeats: Repeats::new(repeat_ms) };
    Arc::new(RunningScanner(supervise(start.name, start.address, driver, start.context.events.clone())))
}

struct KeyboardDriver {
    layout: Layout,
    gs: Option<char>,
    form: Form,
    repeats: Repeats,
}

impl Driver for KeyboardDriver {
    type Job = Infallible;

    async fn run(&mut self, mut wire: Box<dyn Wire>, _: &mut Jobs<Self::Job>, report: &Reporter) -> String {
        report.ready();
        let (mut reports, mut keys) = (Reports::default(), Keys::new(self.layout, self.gs));
        loop {
            let pause = if keys.text.is_empty() { Duration::MAX } else { PAUSE };
            let codes = match timeout(pause, reports.next(&mut *wire)).await {
                Ok(Ok(bytes)) => keys.push(&bytes),
                Ok(Err(error)) => return error.to_string(),
                Err(_) => {
                    let signs = std::mem::take(&mut keys.text).chars().count();
                    report.attention(format!(
                        "a code of {signs} characters without Enter was dropped; configure the scanner to send Enter"
                    ));
                    continue;
                }
            };
            for code in codes {
                match code.and_then(|text| self.scan(&text)) {
                    Ok(scan) => {
                        report.ready();
                        if self.repeats.is_new(&scan, Instant::now()) {
                            report.scan(scan);
                        }
                    }
                    Err(why) => report.attention(why),
                }
            }
        }
    }

    fn refuse(&mut self, job: Self::Job, _: &str) {
        match job {}
    }
}

impl KeyboardDriver {
    fn scan(&self, text: &str) -> Result<super::Scan, String> {
        if !text.is_ascii() {
            return Err("a scan with foreign letters was dropped; set `layout` to the scanner's own".into());
        }
        self.form.scan(text.as_bytes())
    }
}

/// Modifiers of a boot report (HID 1.11, appendix B.1).
const CONTROL: u8 = 0x11;
const SHIFT: u8 = 0x22;
const ALT: u8 = 0x04;
const ALT_GR: u8 = 0x40;

const ENTER: [u8; 2] = [0x28, 0x58];
const TAB: u8 = 0x2b;
const CAPS: u8 = 0x39;
/// 1 to 9 and 0 on the keypad.
const KEYPAD: std::ops::RangeInclusive<u8> = 0x59..=0x62;

/// The keyboard. Pure.
struct Keys {
    layout: Layout,
    gs: Option<char>,
    pressed: Vec<u8>,
    is_upper: bool,
    /// The number that is being typed on the keypad with Alt.
    number: Option<u32>,
    text: String,
}

impl Keys {
    fn new(layout: Layout, gs: Option<char>) -> Self {
        Self { layout, gs, pressed: Vec::new(), is_upper: false, number: None, text: String::new() }
    }

    /// Reads a boot report: modifiers, a reserved byte, up to six keys. Returns the codes that it completes.
    fn push(&mut self, report: &[u8]) -> Vec<Result<String, String>> {
        let [modifiers, _, keys @ ..] = report else {
            return vec![Err("a report that is not a keyboard's was dropped".into())];
        };
        let mut codes = Vec::new();
        if modifiers & ALT == 0
            && let Some(sign) = self.number.take().and_then(char::from_u32)
        {
            self.add(sign);
        }
        let keys: Vec<u8> = keys.iter().copied().take(6).filter(|key| *key > 3).collect();
        let pressed = std::mem::replace(&mut self.pressed, keys.clone());
        for key in keys.iter().filter(|key| !pressed.contains(key)) {
            if ENTER.contains(key) || *key == TAB {
                let text = std::mem::take(&mut self.text);
                if text.len() > MAX_SCAN {
                    codes.push(Err(format!("a scan of more than {MAX_SCAN} bytes was dropped")));
                } else if !text.is_empty() {
                    codes.push(Ok(text));
                }
            } else if *key == CAPS {
                self.is_upper = !self.is_upper;
            } else if modifiers & ALT != 0 && KEYPAD.contains(key) {
                let digit = u32::from(key - KEYPAD.start() + 1) % 10;
                // No character has a longer number.
                self.number = Some(self.number.unwrap_or_default().min(0xffff) * 10 + digit);
            } else if modifiers & CONTROL != 0 {
                // The control characters are named by the keys of an American keyboard.
                if let Some(sign) = Layout::Us.sign(*key, false, false).filter(char::is_ascii) {
                    self.add(char::from(sign.to_ascii_uppercase() as u8 & 0x1f));
                }
            } else {
                let is_letter = self.layout.sign(*key, false, false).is_some_and(char::is_alphabetic);
                let shift = (modifiers & SHIFT != 0) != (self.is_upper && is_letter);
                if let Some(sign) = self.layout.sign(*key, shift, modifiers & ALT_GR != 0) {
                    self.add(sign);
                }
            }
        }
        codes
    }

    /// Adds a character; a code that is far too long is kept as too long.
    fn add(&mut self, sign: char) {
        if self.text.len() <= MAX_SCAN {
            self.text.push(if Some(sign) == self.gs { '\u{1d}' } else { sign });
        }
    }
}

#[cfg(test)]
mod tests;
