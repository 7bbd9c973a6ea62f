//! MT-SICS, level 0 (Mettler-Toledo "Standard Interface Command Set"): counter and bench scales, often 9600 8N1.
//!
//! ```text
//! host      scale
//!  SI CRLF ->
//!          <-  S S      1.250 kg CRLF     stable
//!          <-  S D     -0.004 kg CRLF     in motion
//!          <-  S + | S - | S I CRLF       over capacity, below zero, not ready
//!          <-  ES | ET | EL CRLF          the command was not understood
//! ```
//!
//! `SI` answers at once, so that a plate that does not settle is noticed here and not by the scale's own time-out.

use serde::Deserialize;

use super::{
    frames::{End, Shape},
    poll::{Protocol, Trouble, exchange, garbage},
    weight::{Weight, WeightUnit, thousandths},
};
use crate::transport::Wire;

const SHAPE: Shape = Shape { start: None, end: End::At(b'\n'), mask: 0x7f };

/// This protocol has no settings: the answers name the unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {}

/// The protocol.
pub(super) struct MtSics;

impl Protocol for MtSics {
    const NAME: &'static str = "MT-SICS";

    async fn ask(&mut self, wire: &mut dyn Wire, _: Option<u32>) -> Result<Weight, Trouble> {
        let answer = exchange(wire, b"SI\r\n", SHAPE).await?;
        parse(&answer).ok_or_else(|| garbage(&answer))
    }
}

/// Parses an answer. Pure.
fn parse(answer: &[u8]) -> Option<Weight> {
    let text = std::str::from_utf8(answer).ok()?;
    let mut words = text.split_ascii_whitespace();
    if words.next() != Some("S") {
        return None;
    }
    let status = Weight::status(WeightUnit::Kilogram);
    let weight = match (words.next()?, words.next(), words.next()) {
        ("+", None, None) => Weight { stable: true, over: true, ..status },
        ("-", None, None) => Weight { stable: true, under: true, ..status },
        ("I", None, None) => status,
        (letter @ ("S" | "D"), Some(number), Some(unit)) => {
            Weight::new(thousandths(number)?, WeightUnit::of(unit)?, letter == "S")
        }
        _ => return None,
    };
    words.next().is_none().then(|| weight.sent(answer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_the_manuals() {
        let grams = parse(b"S S     100.00 g\r\n").unwrap();
        assert_eq!((grams.milli, grams.unit, grams.stable), (Some(100_000), WeightUnit::Gram, true));
        let kilograms = parse(b"S S       1.250 kg\r\n").unwrap();
        assert_eq!((kilograms.milli, kilograms.unit, kilograms.stable), (Some(1250), WeightUnit::Kilogram, true));
        let moving = parse(b"S D      -0.004 kg\r\n").unwrap();
        assert_eq!((moving.milli, moving.stable, moving.under), (Some(-4), false, true));
        assert!(parse(b"S +\r\n").unwrap().over && parse(b"S -\r\n").unwrap().under);
        assert!(!parse(b"S I\r\n").unwrap().stable);
    }

    #[test]
    fn an_invalid_answer_is_not_a_weight() {
        for answer in ["ES\r\n", "S S 1.250\r\n", "S S 1.250 stone\r\n", "S S 1.2505 kg\r\n", "S X 1 kg\r\n", "\n"] {
            assert_eq!(parse(answer.as_bytes()), None, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(answer in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&answer);
        }

        #[test]
        fn near_misses_never_panic(answer in "S [SDI+-] {0,4}-?[0-9.]{0,10} ?(kg|g|lb|oz|x)?\r\n") {
            let _ = parse(answer.as_bytes());
        }
    }
}
