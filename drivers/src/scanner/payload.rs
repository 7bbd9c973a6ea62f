//! From the bytes of a read to a scan: prefix and suffix of the shop, AIM identifier, printable text, double reads.
//!
//! **Double reads.** A code that the same scanner reads again within `repeat_ms` (default 300) of its last read is the
//! same article, and dropped. Nobody passes two articles in that time; a hand that rests on the trigger does. An
//! article that is scanned again later is another one. `repeat_ms = 0` keeps every read.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::Scan;

/// The maximum length of a scan, in bytes: GS1 DataMatrix codes at a checkout have far fewer.
pub(super) const MAX_SCAN: usize = 512;

const GS: u8 = 0x1d;

/// A prefix or suffix that somebody has configured in the scanner: at most 16 printable characters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Affix(String);

impl TryFrom<String> for Affix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            Ok(Self(text))
        } else {
            Err(format!("Invalid prefix or suffix `{}`: at most 16 printable characters", text.escape_debug()))
        }
    }
}

/// The time within which the same code is the same article.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u16")]
pub(super) struct RepeatMs(Duration);

impl Default for RepeatMs {
    fn default() -> Self {
        Self(Duration::from_millis(300))
    }
}

impl TryFrom<u16> for RepeatMs {
    type Error = String;

    fn try_from(ms: u16) -> Result<Self, String> {
        if ms <= 5000 {
            Ok(Self(Duration::from_millis(ms.into())))
        } else {
            Err(format!("Invalid repeat_ms {ms}: expected 0 to 5000"))
        }
    }
}

/// What surrounds the codes of a scanner.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    pub(super) prefix: Affix,
    pub(super) suffix: Affix,
}

impl Form {
    /// Reads the bytes of one code.
    ///
    /// # Errors
    /// What to check at the scanner.
    pub(super) fn scan(&self, bytes: &[u8]) -> Result<Scan, String> {
        if !bytes.iter().all(|byte| byte.is_ascii_graphic() || matches!(*byte, b' ' | GS)) {
            return Err("a scan with unprintable bytes was dropped; check the scanner's baud rate and parity".into());
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix(self.prefix.0.as_str()).unwrap_or(&text);
        let text = text.strip_suffix(self.suffix.0.as_str()).unwrap_or(text);
        let (symbology, data) = match text.as_bytes() {
            [b']', kind, modifier, ..] if kind.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
                let (symbology, data) = text.split_at(3);
                (Some(symbology.to_owned()), data)
            }
            _ => (None, text),
        };
        if data.is_empty() {
            return Err("a scan with only an identifier was dropped; check the scanner's configuration".into());
        }
        Ok(Scan { data: data.to_owned(), symbology })
    }
}

/// Drops double reads.
#[derive(Debug)]
pub(super) struct Repeats {
    within: Duration,
    last: Option<(Scan, Instant)>,
}

impl Repeats {
    pub(super) fn new(RepeatMs(within): RepeatMs) -> Self {
        Self { within, last: None }
    }

    /// Whether a scan is another article. A code that is read again and again stays the same article.
    pub(super) fn is_new(&mut self, scan: &Scan, now: Instant) -> bool {
        let is_same =
            self.last.as_ref().is_some_and(|(last, at)| last == scan && now.duration_since(*at) < self.within);
        self.last = Some((scan.clone(), now));
        !is_same
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefix_suffix_and_identifier_are_not_part_of_the_code() {
        let affix = |text: &str| Affix::try_from(text.to_owned()).unwrap();
        let form = Form { prefix: affix("#"), suffix: affix("$$") };
        let scan = form.scan(b"#]d2010952\x1d17$$").unwrap();
        assert_eq!((scan.data.as_str(), scan.symbology.as_deref()), ("010952\u{1d}17", Some("]d2")));
        assert_eq!(form.scan(b"42").unwrap().data, "42");
        assert!(form.scan(b"#$$").is_err() && form.scan(b"]E0").is_err());
        assert!(Affix::try_from("\n".to_owned()).is_err());
    }

    #[test]
    fn a_double_read_is_one_article() {
        let mut repeats = Repeats::new(RepeatMs::default());
        let (began, scan) = (Instant::now(), |data: &str| Scan { data: data.into(), symbology: None });
        let mut at = |ms, data: &str| repeats.is_new(&scan(data), began + Duration::from_millis(ms));
        assert!(at(0, "1"));
        assert!(!at(299, "1"), "the same article");
        assert!(!at(598, "1"), "still in front of the scanner");
        assert!(at(898, "1"), "another article");
        assert!(at(899, "2") && at(900, "1"), "two codes in turn");
        let mut all = Repeats::new(RepeatMs::try_from(0).unwrap());
        assert!(all.is_new(&scan("1"), began) && all.is_new(&scan("1"), began));
    }

    proptest! {
        #[test]
        fn every_scan_is_printable_and_bounded(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(scan) = Form::default().scan(&bytes) {
                prop_assert!(!scan.data.is_empty() && scan.data.len() <= bytes.len());
                prop_assert!(scan.data.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == GS));
            }
        }
    }
}
