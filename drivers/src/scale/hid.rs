//! USB HID point-of-sale scales (usage page 8Dh, "HID Point of Sale Usage Tables" 1.02). The scale sends a report by
//! itself whenever it has one: report id, status, unit, exponent of ten, and a value of 16 bits.
//!
//! The first report after the scale was opened may be hours old, and is dropped. A scale that sends on change only is
//! silent while nothing moves, so its latest report counts while the wire stays open; every report that waits is read
//! first.

use futures_util::FutureExt;
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    poll::{ANSWER, Protocol, Trouble, garbage},
    weight::{Weight, WeightUnit},
};
use crate::transport::{Reports, Wire};

/// This protocol has no settings: the reports name the unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {}

/// The protocol.
#[derive(Default)]
pub(super) struct Hid {
    reports: Reports,
    /// The latest weight of this connection.
    latest: Option<Weight>,
    is_open: bool,
}

impl Protocol for Hid {
    const NAME: &'static str = "HID scale";

    async fn ask(&mut self, wire: &mut dyn Wire, _: Option<u32>) -> Result<Weight, Trouble> {
        let asked = self.next(wire).await;
        if matches!(asked, Err(Trouble::Broken(_))) {
            *self = Self::default();
        }
        asked
    }
}

impl Hid {
    async fn next(&mut self, wire: &mut dyn Wire) -> Result<Weight, Trouble> {
        if !self.is_open {
            self.is_open = true;
            if let Ok(first) = timeout(ANSWER, self.reports.next(wire)).await {
                first?;
            }
        }
        let mut report = match timeout(ANSWER, self.reports.next(wire)).await {
            Ok(report) => Some(report?),
            Err(_) => None,
        };
        // The newest of those that wait.
        while let Some(next) = self.reports.next(wire).now_or_never() {
            report = Some(next?);
        }
        match (report, &self.latest) {
            (Some(report), _) => {
                let weight = parse(&report).ok_or_else(|| garbage(&report))?;
                self.latest = Some(weight.clone());
                Ok(weight)
            }
            (None, Some(latest)) => Ok(latest.clone()),
            (None, None) => {
                Err(Trouble::Refused("the scale has sent no weight yet; switch it on and put something on it".into()))
            }
        }
    }
}

/// Parses a report. Pure.
fn parse(report: &[u8]) -> Option<Weight> {
    let [3 | 4, status, unit, exponent, low, high, ..] = report else { return None };
    let (unit, thousandfold) = match unit {
        2 => (WeightUnit::Gram, 3),
        3 => (WeightUnit::Kilogram, 3),
        11 => (WeightUnit::Ounce, 3),
        12 => (WeightUnit::Pound, 3),
        _ => return None,
    };
    let value = i64::from(u16::from_le_bytes([*low, *high]));
    let milli = match i32::from(i8::from_le_bytes([*exponent])) + thousandfold {
        power @ 0..=6 => Some(value * 10_i64.pow(power.unsigned_abs())),
        power @ -3..=-1 => {
            let divisor = 10_i64.pow(power.unsigned_abs());
            (value % divisor == 0).then_some(value / divisor)
        }
        _ => None,
    };
    let number = || Some(Weight::new(milli?, unit, true));
    let alone = Weight { stable: true, ..Weight::status(unit) };
    let weight = match status {
        2 => Weight { zero: true, ..number()? },
        3 => Weight { stable: false, ..number()? },
        4 => number()?,
        5 => Weight { under: true, ..alone },
        6 => Weight { over: true, ..alone },
        // A fault, or the scale must be calibrated or zeroed: a status without a weight.
        1 | 7 | 8 => alone,
        _ => return None,
    };
    Some(weight.sent(report))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::weight::Stable, *};

    #[test]
    fn reports_of_real_scales() {
        let ounces = parse(&[3, 4, 0x0b, 0xff, 0x31, 0]).unwrap();
        assert_eq!((ounces.milli, ounces.unit, ounces.stable), (Some(4900), WeightUnit::Ounce, true));
        let kilograms = parse(&[3, 4, 3, 0xfd, 0xe2, 4]).unwrap();
        assert_eq!((kilograms.milli, kilograms.unit), (Some(1250), WeightUnit::Kilogram));
        assert!(parse(&[3, 2, 3, 0xfd, 0, 0]).unwrap().zero);
        let moving = parse(&[3, 3, 0x0c, 0xfe, 0x7b, 0]).unwrap();
        assert_eq!((moving.milli, moving.stable), (Some(1230), false));
        assert!(parse(&[3, 5, 0x0b, 0xff, 0, 0]).unwrap().under);
        assert!(parse(&[3, 6, 3, 0xfd, 0, 0]).unwrap().over);
    }

    #[test]
    fn a_fault_is_not_a_weight() {
        for status in [1, 5, 6, 7, 8] {
            assert!(Stable::try_from(parse(&[3, status, 3, 0xfd, 0xe2, 4]).unwrap()).is_err(), "{status}");
        }
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(report in prop::collection::vec(any::<u8>(), 0..10)) {
            let _ = parse(&report);
        }
    }
}
