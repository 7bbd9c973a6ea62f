//! NCI, also known as Weigh-Tronix SCP-01 and SCP-02 (the latter for cash registers): usually 9600 7E1.
//!
//! ```text
//! host   scale
//!  W CR ->
//!       <-  LF 0001.25LB CR LF 00 CR ETX       SCP-01: weight, then status
//!       <-  LF 02.250KG CR LF S00 CR ETX       SCP-02
//!       <-  LF S02 CR ETX                      SCP-02 while the weight is not valid
//!       <-  LF ? CR ETX                        unknown command
//! ```
//!
//! The first status byte has bit 0 in motion and bit 1 at zero, the second bit 0 below zero and bit 1 over capacity,
//! the third bit 2 net (Avery Weigh-Tronix 7821, DIVA 6.1.3). Some Brecknell manuals print the first byte inverted:
//! `inverted = true`.

use serde::Deserialize;

use super::{
    frames::{End, Shape},
    poll::{Protocol, Trouble, exchange, garbage},
    weight::{Weight, WeightUnit, thousandths},
};
use crate::transport::Wire;

const SHAPE: Shape = Shape { start: None, end: End::At(0x03), mask: 0x7f };

/// The settings of a scale with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Motion and zero have the opposite sense.
    #[serde(default)]
    inverted: bool,
}

/// The protocol.
pub(super) struct Nci(pub(super) Settings);

impl Protocol for Nci {
    const NAME: &'static str = "NCI SCP-01";

    async fn ask(&mut self, wire: &mut dyn Wire, _: Option<u32>) -> Result<Weight, Trouble> {
        let answer = exchange(wire, b"W\r", SHAPE).await?;
        parse(&answer, self.0.inverted).ok_or_else(|| garbage(&answer))
    }
}

/// Parses an answer. Pure.
fn parse(answer: &[u8], inverted: bool) -> Option<Weight> {
    let text = std::str::from_utf8(answer.strip_suffix(b"\x03")?).ok()?;
    let mut lines = text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
    let (first, second) = (lines.next()?, lines.next());
    if lines.next().is_some() || first == "?" {
        return None;
    }
    let (shown, status) = match second {
        Some(status) => (Some(first), status),
        None => (None, first),
    };
    let status = status.strip_prefix('S').unwrap_or(status).as_bytes();
    // Bits 4 and 5 are always set, so that status bytes are printable.
    let [first, second, more @ ..] = status else { return None };
    if more.len() > 2 || status.iter().any(|byte| byte & 0x30 != 0x30) {
        return None;
    }
    let sense = if inverted { first ^ 3 } else { *first };
    let flags = |weight: Weight| Weight {
        stable: sense & 1 == 0,
        zero: weight.zero || sense & 2 != 0,
        under: weight.under || second & 1 != 0,
        over: weight.over || second & 2 != 0,
        net: more.first().is_some_and(|third| third & 4 != 0),
        ..weight
    };
    let weight = match shown {
        Some(shown) if shown.starts_with('^') => Weight { over: true, ..Weight::status(WeightUnit::Pound) },
        Some(shown) if shown.starts_with(['_', '-']) => Weight { under: true, ..Weight::status(WeightUnit::Pound) },
        Some(shown) => number(shown)?,
        None => Weight::status(WeightUnit::Pound),
    };
    Some(flags(weight).sent(answer))
}

/// A number with its unit; pounds and ounces become ounces.
fn number(shown: &str) -> Option<Weight> {
    let units = shown.find(|sign: char| sign.is_ascii_alphabetic())?;
    let (digits, unit) = shown.split_at(units);
    if let Some((unit, ounces)) = unit.split_once(' ') {
        let ounces = ounces.trim().to_ascii_lowercase();
        let ounces = thousandths(ounces.strip_suffix("oz")?)?;
        let pounds = (WeightUnit::of(unit)? == WeightUnit::Pound).then(|| thousandths(digits))??;
        return Some(Weight::new(pounds * 16 + ounces, WeightUnit::Ounce, true));
    }
    Some(Weight::new(thousandths(digits)?, WeightUnit::of(unit)?, true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::weight::Stable, *};

    fn read(answer: &str) -> Option<Weight> {
        parse(answer.as_bytes(), false)
    }

    #[test]
    fn answers_of_the_manuals() {
        let pounds = read("\n0001.25LB\r\n00\r\x03").unwrap();
        assert_eq!((pounds.milli, pounds.unit, pounds.stable), (Some(1250), WeightUnit::Pound, true));
        let kilograms = read("\n02.250KG\r\nS00\r\x03").unwrap();
        assert_eq!((kilograms.milli, kilograms.unit, kilograms.stable), (Some(2250), WeightUnit::Kilogram, true));
        assert!(!read("\n01.250KG\r\n10\r\x03").unwrap().stable);
        let over = read("\nS02\r\x03").unwrap();
        assert!(over.over && over.milli.is_none());
        let ounces = read("\n01lb 04.5oz\r\n00\r\x03").unwrap();
        assert_eq!((ounces.milli, ounces.unit), (Some(20_500), WeightUnit::Ounce));
        assert!(read("\n^^^^^^^LB\r\n00\r\x03").unwrap().over);
        assert_eq!(read("\n?\r\x03"), None);
    }

    #[test]
    fn motion_and_zero_can_be_inverted() {
        let answer = "\n01.250KG\r\n30\r\x03".as_bytes();
        assert!(!parse(answer, false).unwrap().stable);
        let weight = parse(answer, true).unwrap();
        assert!(weight.stable && Stable::try_from(weight).is_ok());
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(mut answer in prop::collection::vec(any::<u8>(), 0..40), inverted in any::<bool>()) {
            answer.push(3);
            let _ = parse(&answer, inverted);
        }

        #[test]
        fn near_misses_never_panic(answer in "\n?[0-9.^_-]{0,8}(LB|KG|lb [0-9.]{0,4}oz|é)?\r?\n?S?[ -~]{0,5}\r?\x03") {
            let _ = read(&answer);
        }
    }
}
