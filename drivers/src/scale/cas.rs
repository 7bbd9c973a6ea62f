//! CAS (PD-II type 6, AP-1; also Samsung ER-670 mode): a dialogue of ENQ and DC1, usually 9600 8N1.
//!
//! ```text
//! host   scale
//!  ENQ ->
//!       <-  ACK (NAK: ask again)
//!  DC1 ->
//!       <-  SOH STX S ' ' "01.250" "kg" BCC ETX EOT      stable; U: in motion; '-': negative; F: over capacity
//! ```
//!
//! BCC is the exclusive or of the bytes from the status to the unit (CAS AP-1 interface note).

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    frames::{End, Shape},
    poll::{ANSWER, Protocol, Trouble, exchange, garbage, purge},
    weight::{Weight, WeightUnit, thousandths},
};
use crate::transport::Wire;

/// The check byte may have any value, so the end is found by the length.
const SHAPE: Shape = Shape { start: Some(0x01), end: End::After(15), mask: 0xff };

const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const DC1: u8 = 0x11;
const NAK: u8 = 0x15;

/// This protocol has no settings: the answers name the unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {}

/// The protocol.
pub(super) struct Cas;

impl Protocol for Cas {
    const NAME: &'static str = "CAS type 6";

    async fn ask(&mut self, wire: &mut dyn Wire, _: Option<u32>) -> Result<Weight, Trouble> {
        purge(wire);
        let ready = timeout(ANSWER, async {
            wire.write_all(&[ENQ]).await?;
            loop {
                match wire.read_u8().await? {
                    ACK => return Ok(()),
                    NAK => wire.write_all(&[ENQ]).await?,
                    other => return Err(garbage(&[other])),
                }
            }
        });
        ready.await.map_err(|_| Trouble::Silent)??;
        let answer = exchange(wire, &[DC1], SHAPE).await?;
        parse(&answer).ok_or_else(|| garbage(&answer))
    }
}

/// Parses an answer. Pure.
fn parse(answer: &[u8]) -> Option<Weight> {
    let [1, 2, body @ .., check, 3, 4] = answer else { return None };
    if body.len() != 10 || body.iter().fold(0, |sum, byte| sum ^ byte) != *check {
        return None;
    }
    let text = std::str::from_utf8(body).ok().filter(|text| text.is_ascii())?;
    let (status, rest) = text.split_at(1);
    let (sign, rest) = rest.split_at(1);
    let (number, unit) = rest.split_at(6);
    let (unit, stable) = (WeightUnit::of(unit.trim())?, status == "S");
    if !stable && status != "U" {
        return None;
    }
    let weight = match sign {
        "F" if number == "FFFFFF" => Weight { stable, over: true, ..Weight::status(unit) },
        "-" => Weight::new(-thousandths(number)?, unit, stable),
        " " => Weight::new(thousandths(number)?, unit, stable),
        _ => return None,
    };
    Some(weight.sent(answer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_the_manuals() {
        let weight = parse(b"\x01\x02S 01.250kg\x67\x03\x04").unwrap();
        assert_eq!((weight.milli, weight.unit, weight.stable), (Some(1250), WeightUnit::Kilogram, true));
        let moving = parse(b"\x01\x02U 00.310kg\x65\x03\x04").unwrap();
        assert_eq!((moving.milli, moving.stable), (Some(310), false));
        let below = parse(b"\x01\x02S-00.105kg\x68\x03\x04").unwrap();
        assert_eq!((below.milli, below.under), (Some(-105), true));
        assert!(parse(b"\x01\x02SFFFFFFFkg\x19\x03\x04").unwrap().over);
    }

    #[test]
    fn a_wrong_check_byte_is_not_a_weight() {
        assert_eq!(parse(b"\x01\x02S 01.250kg\x66\x03\x04"), None);
    }

    proptest! {
        #[test]
        fn a_single_wrong_bit_is_noticed(place in 2_usize..13, bit in 0_u8..8) {
            let mut answer = *b"\x01\x02S 01.250kg\x67\x03\x04";
            answer[place] ^= 1 << bit;
            prop_assert_eq!(parse(&answer), None);
        }

        #[test]
        fn the_parser_never_panics(answer in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = parse(&answer);
        }

        #[test]
        fn well_formed_frames_never_panic(body in prop::collection::vec(any::<u8>(), 10)) {
            let check = body.iter().fold(0, |sum, byte| sum ^ byte);
            let _ = parse(&[&[1, 2][..], &body, &[check, 3, 4]].concat());
        }
    }
}
