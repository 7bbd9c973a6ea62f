//! Dialog 06, the dialogue of checkout scales that compute the price: usually 9600 7O1 (Dialog 02: 2400, Dialog 04:
//! 4800). The register sends the unit price; the scale answers with weight, unit price and total once for each load.
//!
//! ```text
//! host                               scale
//!  EOT STX 01 ESC 000199 ESC ETX ->                    unit price
//!                                <-  ACK | NAK | 11 (challenge)
//!  EOT, then EOT ENQ             ->                    ask for the result
//!                                <-  STX 02 ESC 3 ESC 01250 ESC 000199 ESC 000249 ETX
//!                                 |  STX 09 ESC code ETX
//!  EOT                           ->
//! ```
//!
//! Codes 20 and 22 mean in motion: ask for the result again. Everything else restarts. 21 means that nothing has moved
//! since the last weighing, by which the scale prevents that one load is sold twice.
//!
//! After power-on and every 50 weighings the scale challenges the register (record 11). The answer needs a polynomial
//! that is the manufacturer's secret: `polynomial_file` names a file with its 17 bits in hexadecimal ([`challenge`]).

mod challenge;

use std::{path::PathBuf, sync::Arc};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use self::challenge::Polynomial;
use super::{
    Scale,
    frames::{End, Shape},
    poll::{self, ANSWER, Protocol, Trouble, garbage, purge, read},
    weight::{Weight, WeightUnit},
};
use crate::{
    registry::{SetupError, Start},
    transport::Wire,
};

const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;

/// The rest of a record after its STX.
const RECORD: Shape = Shape { start: None, end: End::At(ETX), mask: 0x7f };

/// The settings of a scale with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The digits of a unit price: 5 or 6 (default).
    #[serde(default)]
    price_digits: PriceDigits,
    /// The file with the polynomial of the challenge.
    #[serde(default)]
    polynomial_file: Option<PathBuf>,
}

/// The digits of a unit price.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
struct PriceDigits(u8);

impl Default for PriceDigits {
    fn default() -> Self {
        Self(6)
    }
}

impl TryFrom<u8> for PriceDigits {
    type Error = String;

    fn try_from(digits: u8) -> Result<Self, String> {
        match digits {
            5 | 6 => Ok(Self(digits)),
            _ => Err(format!("Invalid price_digits {digits}: expected 5 or 6")),
        }
    }
}

/// Starts a scale.
pub(super) fn start(start: Start<'_, Settings>) -> Result<Arc<dyn Scale>, SetupError> {
    let polynomial = match &start.settings.polynomial_file {
        Some(file) => Some(Polynomial::read(file).map_err(|why| SetupError::NotStarted { why })?),
        None => None,
    };
    Ok(poll::start(start, |settings| Dialog06 { digits: settings.price_digits.0, polynomial, is_measuring: false }))
}

/// The protocol.
struct Dialog06 {
    digits: u8,
    polynomial: Option<Polynomial>,
    /// The price was accepted, and the plate moves: only the result is asked for again.
    is_measuring: bool,
}

/// What the scale says.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Accepted,
    Rejected,
    /// A record without its STX and ETX.
    Record(Vec<u8>),
}

impl Protocol for Dialog06 {
    const NAME: &'static str = "Dialog 06";

    /// A request sells the load.
    const IDLE: Option<std::time::Duration> = None;

    async fn ask(&mut self, wire: &mut dyn Wire, unit_price: Option<u32>) -> Result<Weight, Trouble> {
        let Some(price) = unit_price.filter(|price| *price > 0 && *price < 10_u32.pow(self.digits.into())) else {
            let digits = self.digits;
            let why = format!("this scale computes the price; send a `unit_price` of 1 to {digits} digits");
            return Err(Trouble::Refused(why));
        };
        if !std::mem::take(&mut self.is_measuring) {
            self.offer(wire, price).await?;
        }
        let Reply::Record(record) = request(wire, &[EOT, ENQ]).await? else {
            return Err(Trouble::Refused("the scale has no result; put the goods on the plate again".into()));
        };
        match result(&record).ok_or_else(|| garbage(&record))? {
            Outcome::Weighed(weight) if weight.unit_price == price => Ok(weight.weight.sent(&record)),
            Outcome::Weighed(_) => Err(garbage(&record)),
            Outcome::Moving => {
                self.is_measuring = true;
                Ok(Weight::status(WeightUnit::Kilogram).sent(&record))
            }
            Outcome::Refused(why) => Err(Trouble::Refused(why)),
            Outcome::Status(flags) => Ok(flags.sent(&record)),
        }
    }
}

impl Dialog06 {
    /// Sends the unit price; answers a challenge on the way.
    async fn offer(&self, wire: &mut dyn Wire, price: u32) -> Result<(), Trouble> {
        let digits = usize::from(self.digits);
        let offer = [&[EOT, 2][..], format!("01\x1b{price:0digits$}\x1b").as_bytes(), &[ETX]].concat();
        for _ in 0..2 {
            match request(wire, &offer).await? {
                Reply::Accepted => return Ok(()),
                Reply::Rejected => {
                    let why = "the scale refused the unit price; check `price_digits` and the scale's settings";
                    return Err(Trouble::Refused(why.into()));
                }
                Reply::Record(record) => self.answer_challenge(wire, &record).await?,
            }
        }
        Err(Trouble::Refused("the scale challenges again after a valid answer; switch it off and on".into()))
    }

    async fn answer_challenge(&self, wire: &mut dyn Wire, record: &[u8]) -> Result<(), Trouble> {
        let Some(random) = challenge::asked(record) else { return Err(garbage(record)) };
        let Some(polynomial) = self.polynomial else {
            let why = "the scale asks for its check numbers; set `polynomial_file`, which its manufacturer provides";
            return Err(Trouble::Refused(why.into()));
        };
        let answer = polynomial.answer(challenge::number(), random);
        let sent = [&[EOT, 2][..], format!("10\x1b{answer}").as_bytes(), &[ETX]].concat();
        if request(wire, &sent).await? != Reply::Accepted {
            return Err(Trouble::Refused("the scale refused the answer to its challenge".into()));
        }
        match request(wire, &[EOT, ENQ]).await? {
            Reply::Record(verdict) if verdict == b"11\x1b1" => Ok(()),
            Reply::Record(verdict) if verdict == b"11\x1b0" => {
                Err(Trouble::Refused("the scale refused the check numbers; check the file `polynomial_file`".into()))
            }
            Reply::Record(other) => Err(garbage(&other)),
            Reply::Accepted | Reply::Rejected => Err(garbage(&[ACK])),
        }
    }
}

/// Sends a request, reads the reply, and acknowledges it by EOT, which the scale waits for.
async fn request(wire: &mut dyn Wire, bytes: &[u8]) -> Result<Reply, Trouble> {
    purge(wire);
    let replied = timeout(ANSWER, async {
        wire.write_all(bytes).await?;
        let reply = match wire.read_u8().await? & RECORD.mask {
            ACK => Reply::Accepted,
            NAK => Reply::Rejected,
            2 => {
                let mut record = read(wire, RECORD).await?;
                record.pop();
                Reply::Record(record)
            }
            other => return Err(garbage(&[other])),
        };
        wire.write_all(&[EOT]).await?;
        Ok(reply)
    });
    replied.await.map_err(|_| Trouble::Silent)?
}

/// What a record means.
enum Outcome {
    Weighed(Priced),
    Moving,
    Status(Weight),
    Refused(String),
}

struct Priced {
    weight: Weight,
    unit_price: u32,
}

/// Parses record 02 or 09. Pure.
fn result(record: &[u8]) -> Option<Outcome> {
    let text = std::str::from_utf8(record).ok()?;
    let fields: Vec<&str> = text.split('\x1b').collect();
    let digits = |text: &str| {
        let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<i64>().ok())?
    };
    match fields.as_slice() {
        ["02", unit, weight, price, amount] => {
            let (unit, each) = match *unit {
                "1" => (WeightUnit::Pound, 10),
                "2" => (WeightUnit::Pound, 5),
                "3" => (WeightUnit::Kilogram, 1),
                // Pounds and eighths of ounces can't be priced per pound in thousandths.
                _ => return None,
            };
            let weight = Weight::new(digits(weight)? * each, unit, true);
            let unit_price = u32::try_from(digits(price)?).ok()?;
            Some(Outcome::Weighed(Priced { weight: Weight { amount: Some(digits(amount)?), ..weight }, unit_price }))
        }
        ["09", code] => {
            let still = Weight { stable: true, ..Weight::status(WeightUnit::Kilogram) };
            let refused = |why: &str| Outcome::Refused(why.to_owned());
            Some(match *code {
                "20" | "22" => Outcome::Moving,
                "21" => refused("nothing has moved since the last weighing; take the goods off and put them on again"),
                "30" => refused("less than the scale's minimum weight"),
                "31" => Outcome::Status(Weight { under: true, ..still }),
                "32" => Outcome::Status(Weight { over: true, ..still }),
                "11" => refused("the scale refused the unit price"),
                "00" => refused("the scale has no result; put the goods on the plate again"),
                code if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Outcome::Refused(format!("the scale reports error {code}; weigh again"))
                }
                _ => return None,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_result_has_weight_unit_price_and_amount() {
        let Some(Outcome::Weighed(priced)) = result(b"02\x1b3\x1b01250\x1b000199\x1b000249") else { panic!() };
        let Priced { weight, unit_price } = priced;
        assert_eq!((weight.milli, weight.unit, weight.stable), (Some(1250), WeightUnit::Kilogram, true));
        assert_eq!((weight.amount, unit_price), (Some(249), 199));
        let Some(Outcome::Weighed(priced)) = result(b"02\x1b1\x1b00125\x1b000199\x1b000249") else { panic!() };
        assert_eq!((priced.weight.milli, priced.weight.unit), (Some(1250), WeightUnit::Pound));
    }

    #[test]
    fn error_codes_are_instructions() {
        assert!(matches!(result(b"09\x1b20"), Some(Outcome::Moving)));
        assert!(matches!(result(b"09\x1b21"), Some(Outcome::Refused(why)) if why.contains("put them on again")));
        assert!(matches!(result(b"09\x1b32"), Some(Outcome::Status(weight)) if weight.over));
        assert!(matches!(result(b"09\x1b99"), Some(Outcome::Refused(why)) if why.contains("99")));
        assert!(result(b"02\x1b0\x1b01250\x1b000199\x1b000249").is_none());
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(record in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = result(&record);
            let _ = challenge::asked(&record);
        }

        #[test]
        fn near_misses_never_panic(record in "(02|09|11)(\x1b[0-9A-F]{0,10}){0,5}") {
            let _ = result(record.as_bytes());
            let _ = challenge::asked(record.as_bytes());
        }
    }
}
