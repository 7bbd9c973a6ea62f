//! USB HID point-of-sale scanners (usage page 8Ch, "HID Point of Sale Usage Tables" 1.02).
//!
//! ```text
//! report id 2:  02, length, AIM identifier (3), data (56), vendor's own identifier, reserved, flags (bit 0: continued)
//! report id 1:  01, length, data                  some vendors, without an identifier of its own
//! ```
//!
//! A long code comes in several reports, whose identifier is in the first. Some devices place the identifier one byte
//! later. A code that does not continue in time is dropped and reported: half a code could be another item's.

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::time::{Instant, timeout};

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

/// How long the next report of a code may take.
const PAUSE: Duration = Duration::from_millis(500);

/// The settings.
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
    let driver = HidDriver { form: Form { prefix, suffix }, repeats: Repeats::new(repeat_ms) };
    Arc::new(RunningScanner(supervise(start.name, start.address, driver, start.context.events.clone())))
}

struct HidDriver {
    form: Form,
    repeats: Repeats,
}

impl Driver for HidDriver {
    type Job = Infallible;

    async fn run(&mut self, mut wire: Box<dyn Wire>, _: &mut Jobs<Self::Job>, report: &Reporter) -> String {
        report.ready();
        let (mut reports, mut code) = (Reports::default(), Code::default());
        loop {
            let pause = if code.is_open() { PAUSE } else { Duration::MAX };
            let read = match timeout(pause, reports.next(&mut *wire)).await {
                Ok(Ok(bytes)) => code.push(&bytes),
                Ok(Err(error)) => return error.to_string(),
                Err(_) => {
                    code = Code::default();
                    report.attention("half a code was dropped; check the scanner's cable");
                    continue;
                }
            };
            match read.map(|read| read.and_then(|bytes| self.form.scan(&bytes))) {
                None => {}
                Some(Ok(scan)) => {
                    report.ready();
                    if self.repeats.is_new(&scan, Instant::now()) {
                        report.scan(scan);
                    }
                }
                Some(Err(why)) => report.attention(why),
            }
        }
    }

    fn refuse(&mut self, job: Self::Job, _: &str) {
        match job {}
    }
}

/// A code in progress. Pure.
#[derive(Default)]
struct Code(Vec<u8>);

impl Code {
    fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// Adds a report; returns the code with its identifier once it is complete.
    fn push(&mut self, report: &[u8]) -> Option<Result<Vec<u8>, String>> {
        let [id @ (1 | 2), length, rest @ ..] = report else {
            return Some(Err("a report that is not a scan was dropped; check the scanner's USB mode".into()));
        };
        let length = usize::from(*length);
        let (identifier, data) = match (id, rest) {
            (2, [b']', ..]) => rest.split_at_checked(3)?,
            (2, [_, b']', kind, modifier, data @ ..]) => (&[b']', *kind, *modifier][..], data),
            (2, [_, _, _, data @ ..]) => (&[][..], data),
            _ => (&[][..], rest),
        };
        let Some(data) = data.get(..length) else {
            *self = Self::default();
            return Some(Err("a report that is shorter than it says was dropped; check the scanner's cable".into()));
        };
        if self.0.is_empty() {
            self.0.extend_from_slice(identifier);
        }
        self.0.extend_from_slice(data);
        if self.0.len() > MAX_SCAN {
            *self = Self::default();
            return Some(Err(format!("a scan of more than {MAX_SCAN} bytes was dropped")));
        }
        let is_continued = *id == 2 && report.len() >= 64 && report.last().is_some_and(|flags| flags & 1 == 1);
        if is_continued {
            return None;
        }
        let mut code = std::mem::take(&mut self.0);
        // The suffix of the scanner's serial mode.
        while code.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n' | b'\t')) {
            code.pop();
        }
        Some(Ok(code))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(identifier: &[u8], data: &[u8], is_continued: bool) -> Vec<u8> {
        let mut report = vec![2, u8::try_from(data.len()).unwrap()];
        report.extend_from_slice(identifier);
        report.extend_from_slice(data);
        report.resize(64, 0);
        report[63] = u8::from(is_continued);
        report
    }

    #[test]
    fn a_scan_in_one_report() {
        let read = Code::default().push(&report(b"]E0", b"4006381333931\r", false)).unwrap().unwrap();
        assert_eq!(read, b"]E04006381333931");
        let later = Code::default().push(&report(b"\0]E0", b"4006381333931", false)).unwrap().unwrap();
        assert_eq!(later, b"]E04006381333931");
        let other = Code::default().push(&[&[1, 2][..], b"42", &[0; 60]].concat()).unwrap().unwrap();
        assert_eq!(other, b"42");
    }

    #[test]
    fn a_long_code_comes_in_several_reports() {
        let mut code = Code::default();
        assert_eq!(code.push(&report(b"]Q3", &[b'1'; 56], true)), None);
        assert!(code.is_open());
        let read = code.push(&report(b"]Q3", b"2345", false)).unwrap().unwrap();
        assert_eq!((read.len(), &read[..4], &read[59..]), (63, &b"]Q31"[..], &b"2345"[..]));
    }

    proptest! {
        #[test]
        fn any_reports_are_bounded_and_never_panic(
            reports in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..40),
        ) {
            let mut code = Code::default();
            for report in reports {
                if let Some(Ok(read)) = code.push(&report) {
                    prop_assert!(read.len() <= MAX_SCAN);
                }
                prop_assert!(code.0.len() <= MAX_SCAN);
            }
        }
    }
}
