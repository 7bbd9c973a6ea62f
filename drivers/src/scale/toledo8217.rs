//! Toledo 8217, the protocol of most checkout scales with a serial line (Mettler-Toledo "8217 Scale Interface"; with a
//! leading zero also known as 8213): usually 9600 baud, 7 data bits, even parity, one stop bit.
//!
//! ```text
//! host   scale
//!  W  ->       weigh
//!      <-  STX 01.234 CR        stable; `N` before CR: net of a tare
//!      <-  STX ? status CR      not valid for a sale: a byte of status bits
//! ```
//!
//! Status bits, from the low end: 0 in motion, 1 over capacity, 2 under zero, 3 outside the zero range, 4 centre of
//! zero (Mettler-Toledo DIVA service manual, 6.1.4.3). Manuals disagree about bits 5 and 6, so they are ignored.

use serde::Deserialize;

use super::{
    frames::{End, Shape},
    poll::{Protocol, Trouble, exchange, garbage},
    weight::{Weight, WeightUnit, thousandths},
};
use crate::transport::Wire;

/// Scales send seven bits; the eighth is the parity bit of a line with the wrong settings.
const SHAPE: Shape = Shape { start: Some(0x02), end: End::At(b'\r'), mask: 0x7f };

/// The settings of a scale with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The scale's unit: its answers do not say it.
    #[serde(default)]
    unit: WeightUnit,
}

/// The protocol.
pub(super) struct Toledo8217(pub(super) Settings);

impl Protocol for Toledo8217 {
    const NAME: &'static str = "Toledo 8217";

    async fn ask(&mut self, wire: &mut dyn Wire, _: Option<u32>) -> Result<Weight, Trouble> {
        let answer = exchange(wire, b"W", SHAPE).await?;
        parse(&answer, self.0.unit).ok_or_else(|| garbage(&answer))
    }
}

/// Parses an answer. Pure.
fn parse(answer: &[u8], unit: WeightUnit) -> Option<Weight> {
    let body = answer.strip_prefix(b"\x02")?.strip_suffix(b"\r")?.trim_ascii();
    if let [b'?', status] = body {
        let bit = |place: u8| status & (1 << place) != 0;
        // Outside the zero range: the scale has not found its zero since it was switched on.
        let (over, under) = (bit(1), bit(2) || bit(3));
        return Some(Weight { stable: !bit(0), zero: bit(4), over, under, ..Weight::status(unit) }.sent(answer));
    }
    let (number, net) = match body.strip_suffix(b"N") {
        Some(number) => (number, true),
        None => (body, false),
    };
    let text = std::str::from_utf8(number).ok()?;
    // Without the decimal point a weight would be wrong by a factor of a thousand. Grams have none.
    if text.contains('.') == (unit == WeightUnit::Gram) || text.contains(['-', '+']) {
        return None;
    }
    Some(Weight { net, ..Weight::new(thousandths(text)?, unit, true) }.sent(answer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::weight::Stable, *};

    fn kilograms(answer: &[u8]) -> Option<Weight> {
        parse(answer, WeightUnit::Kilogram)
    }

    #[test]
    fn answers_of_the_manuals() {
        for (answer, unit, milli, net) in [
            (&b"\x0200.550\r"[..], WeightUnit::Kilogram, 550, false),
            (b"\x0201.250N\r", WeightUnit::Kilogram, 1250, true),
            (b"\x02001.23\r", WeightUnit::Pound, 1230, false),
            (b"\x02001234\r", WeightUnit::Gram, 1_234_000, false),
            (b"\x02 1.2\r", WeightUnit::Kilogram, 1200, false),
        ] {
            let weight = parse(answer, unit).unwrap();
            assert_eq!((weight.milli, weight.unit, weight.net, weight.stable), (Some(milli), unit, net, true));
            assert_eq!(weight.sent, answer.escape_ascii().to_string());
        }
        assert!(kilograms(b"\x0200.000\r").unwrap().zero);
    }

    #[test]
    fn status_bits_are_not_weights() {
        let moving = kilograms(b"\x02?a\r").unwrap();
        assert!(!moving.stable && moving.milli.is_none());
        assert!(kilograms(b"\x02?d\r").unwrap().under);
        assert!(kilograms(b"\x02?b\r").unwrap().over);
        for status in 0..=0x7f {
            let weight = kilograms(&[2, b'?', status, b'\r']);
            assert!(weight.is_none_or(|weight| Stable::try_from(weight).is_err()), "{status:x}");
        }
    }

    #[test]
    fn an_invalid_answer_is_not_a_weight() {
        for answer in ["", "01.234\r", "\x02\r", "\x021.2.3\r", "\x02-1.2\r", "\x0212\r", "\x021.2345\r", "\x02?\r"] {
            assert_eq!(kilograms(answer.as_bytes()), None, "{answer:?}");
        }
        assert_eq!(parse(b"\x0201.234\r", WeightUnit::Gram), None);
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(answer in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = kilograms(&answer);
            let _ = parse(&answer, WeightUnit::Gram);
        }
    }
}
