//! Scanners on a serial line (RS-232, or USB as a virtual COM port): text with a terminator, preceded by an AIM
//! identifier if the scanner is configured to send one.
//!
//! - A scan ends at CR, LF, both, TAB or ETX; empty scans are ignored. STX begins a scan.
//! - A code without a terminator after a pause is dropped and reported: the scanner is misconfigured, or the line was
//!   interrupted. To take it for complete could sell the wrong item, and to keep it would join it with the next.
//! - The AIM symbology identifier (ISO/IEC 15424) is `]`, a letter for the kind of code, and a modifier.
//! - A scan has at most [`MAX_SCAN`] bytes; a longer one is dropped up to its terminator and reported. So is one with
//!   bytes that no code at a checkout has.

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout},
};

use super::{
    RunningScanner,
    payload::{Affix, Form, MAX_SCAN, RepeatMs, Repeats},
};
use crate::{
    device::Device,
    registry::Start,
    supervise::{Driver, Jobs, Reporter, start as supervise},
    transport::Wire,
};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// The maximum pause within a code: far longer than between two bytes of a scanner, far shorter than between two scans.
const PAUSE: Duration = Duration::from_millis(500);

/// The settings, besides the address, which has the line settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(default)]
    prefix: Affix,
    #[serde(default)]
    suffix: Affix,
    #[serde(default)]
    repeat_ms: RepeatMs,
}

/// Starts a scanner.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn Device> {
    let Settings { prefix, suffix, repeat_ms } = start.settings;
    let driver = SerialDriver { form: Form { prefix, suffix }, repeats: Repeats::new(repeat_ms) };
    Arc::new(RunningScanner(supervise(start.name, start.address, driver, start.context.events.clone())))
}

struct SerialDriver {
    form: Form,
    repeats: Repeats,
}

impl Driver for SerialDriver {
    type Job = Infallible;

    async fn run(&mut self, mut wire: Box<dyn Wire>, _: &mut Jobs<Self::Job>, report: &Reporter) -> String {
        report.ready();
        let mut splitter = Splitter::default();
        let mut buffer = [0; 256];
        loop {
            let pause = if splitter.is_within_a_code() { PAUSE } else { Duration::MAX };
            let Ok(read) = timeout(pause, wire.read(&mut buffer)).await else {
                report.attention(splitter.give_up());
                continue;
            };
            match read {
                Ok(0) => return "it was unplugged".into(),
                Ok(length) => {
                    for byte in &buffer[..length] {
                        match splitter.push(*byte) {
                            None => {}
                            Some(read) => match read.and_then(|bytes| self.form.scan(&bytes)) {
                                Ok(scan) => {
                                    report.ready();
                                    if self.repeats.is_new(&scan, Instant::now()) {
                                        report.scan(scan);
                                    }
                                }
                                Err(why) => report.attention(why),
                            },
                        }
                    }
                }
                Err(error) => return format!("the line failed: {error}"),
            }
        }
    }

    fn refuse(&mut self, job: Self::Job, _: &str) {
        match job {}
    }
}

/// Splits bytes into scans. Pure.
#[derive(Default)]
struct Splitter {
    scan: Vec<u8>,
    /// Longer than allowed: dropped up to the terminator.
    overflowed: bool,
}

impl Splitter {
    /// Whether a code has begun and not ended.
    fn is_within_a_code(&self) -> bool {
        !self.scan.is_empty()
    }

    /// Drops an unterminated code; returns the message to report.
    fn give_up(&mut self) -> String {
        let bytes = std::mem::take(self).scan.len();
        format!(
            "a code of {bytes} bytes without a terminator was dropped; configure the scanner to send CR after each code"
        )
    }

    fn push(&mut self, byte: u8) -> Option<Result<Vec<u8>, String>> {
        if byte == STX {
            return self.is_within_a_code().then(|| Err(self.give_up()));
        }
        if !matches!(byte, b'\r' | b'\n' | b'\t' | ETX) {
            if self.scan.len() < MAX_SCAN {
                self.scan.push(byte);
            } else {
                self.overflowed = true;
            }
            return None;
        }
        let scan = std::mem::take(&mut self.scan);
        if std::mem::take(&mut self.overflowed) {
            return Some(Err(format!(
                "a scan of more than {MAX_SCAN} bytes was dropped; configure the scanner to send CR after each code"
            )));
        }
        if scan.is_empty() {
            return None;
        }
        Some(Ok(scan))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Scan, *};

    fn split(bytes: &[u8]) -> Vec<Result<Scan, String>> {
        let mut splitter = Splitter::default();
        let read = bytes.iter().filter_map(|byte| splitter.push(*byte));
        read.map(|bytes| Form::default().scan(&bytes?)).collect()
    }

    #[test]
    fn scans_end_at_any_terminator_and_empty_ones_are_ignored() {
        let scans: Vec<_> =
            split(b"0400008189811\r\n]E096385074\n\r\r]C1x\r").into_iter().map(Result::unwrap).collect();
        let expected = [("0400008189811", None), ("96385074", Some("]E0")), ("x", Some("]C1"))];
        assert_eq!(scans.len(), 3);
        for (scan, (data, symbology)) in scans.into_iter().zip(expected) {
            assert_eq!((scan.data.as_str(), scan.symbology.as_deref()), (data, symbology));
        }
    }

    #[test]
    fn an_overlong_scan_is_dropped_and_the_next_one_read() {
        let bytes = [vec![b'1'; MAX_SCAN + 1], b"\r96385074\r".to_vec()].concat();
        let scans = split(&bytes);
        assert!(scans[0].as_ref().unwrap_err().contains("send CR"));
        assert_eq!(scans[1].as_ref().unwrap().data, "96385074");
    }

    #[test]
    fn line_noise_is_reported_not_sold() {
        assert!(split(b"\x80\xff\r")[0].is_err());
        assert!(split(b"]E0\r")[0].is_err());
    }

    proptest! {
        #[test]
        fn scans_are_always_bounded_and_printable(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            for scan in split(&bytes).into_iter().flatten() {
                prop_assert!(!scan.data.is_empty() && scan.data.len() <= MAX_SCAN);
                prop_assert!(scan.data.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == 0x1d));
            }
        }
    }
}
