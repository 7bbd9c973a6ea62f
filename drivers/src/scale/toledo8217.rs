//! Toledo 8217, the protocol of most checkout scales with a serial line (Mettler-Toledo "8217 Scale Interface"; also
//! known as 8213-compatible mode): usually 9600 baud, 7 data bits, even parity, one stop bit.
//!
//! ```text
//! host   scale
//!  W  ->       weigh
//!      <-  STX 01.234 CR        stable: digits with the scale's decimal point
//!      <-  STX ? status CR      not valid for a sale: a byte of status bits
//! ```
//!
//! Status bits, from the low end: 0 in motion, 1 over capacity, 2 under zero, 3 outside the zero range, 4 centre of
//! zero, 5 net weight, 6 always set, 7 even parity (PSC Magellan 8500 service manual, Mettler-Toledo DIVA, §6.1.4.3).
//!
//! An answer does not say which request it belongs to. So a request is only sent on a quiet line: if a late answer were
//! taken for the next one, every later weight would be one item behind.
//!
//! | failure | effect |
//! | --- | --- |
//! | no answer within 0.5 s | a late answer is discarded, then the scale is asked again; after three failures in a row the line is opened again |
//! | an invalid answer | reported; asked again; never a weight |
//! | the plate does not settle | [`ScaleError::Unsettled`] after 2 s |

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{Reading, Scale, ScaleError, Weight, WeightUnit};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    registry::Start,
    supervise::{Abandon, Driver, HANDLE_DROPPED, Handle, Jobs, Reporter, Unanswered, start as supervise},
    transport::Wire,
};

const STX: u8 = 0x02;
const CR: u8 = 0x0d;

/// How long a scale may take to answer.
const ANSWER: Duration = Duration::from_millis(500);

/// How long a plate may take to settle.
const SETTLE: Duration = Duration::from_secs(2);

/// How long the line must be quiet after a request that failed.
const QUIET: Duration = Duration::from_millis(250);

/// The pause between requests while the plate moves.
const MOVING: Duration = Duration::from_millis(50);

/// The interval of requests to an idle scale.
const LOOK: Duration = Duration::from_millis(500);

/// Unanswered requests in a row before the line is closed.
const PATIENCE: u32 = 3;

/// The maximum length of an answer: STX, a sign, seven digits with a point, a unit letter, CR.
const MAX_ANSWER: usize = 16;

/// The settings of a scale with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The scale's unit.
    #[serde(default)]
    unit: WeightUnit,
}

/// A running scale.
struct ToledoScale(Handle<Weigh>);

/// The caller that waits for the weight.
type Weigh = oneshot::Sender<Result<Weight, ScaleError>>;

impl Abandon for Weigh {
    fn is_abandoned(&self) -> bool {
        self.is_closed()
    }
}

/// Starts a scale.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn Scale> {
    let driver = ToledoDriver { device: start.name.clone(), unit: start.settings.unit };
    Arc::new(ToledoScale(supervise(start.name, start.address, driver, start.context.events.clone())))
}

impl Device for ToledoScale {
    fn name(&self) -> &DeviceName {
        self.0.device()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

impl Scale for ToledoScale {
    fn weigh(&self) -> Answer<'_, Result<Weight, ScaleError>> {
        Box::pin(async {
            let device = || self.0.device().to_string();
            match self.0.ask(SETTLE + 2 * ANSWER, |answer| answer).await {
                Ok(weighed) => weighed,
                Err(Unanswered::Full | Unanswered::Broken) => {
                    Err(ScaleError::Offline { device: device(), why: self.0.trouble() })
                }
                Err(Unanswered::TimedOut) => Err(ScaleError::Unsettled { device: device(), waited_ms: 3000 }),
            }
        })
    }
}

struct ToledoDriver {
    device: DeviceName,
    unit: WeightUnit,
}

impl Driver for ToledoDriver {
    type Job = Weigh;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Weigh>, report: &Reporter) -> String {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut known, mut silent) = (None, 0);
        loop {
            let asked = tokio::select! {
                job = jobs.next() => match job {
                    Some(job) => Some(job),
                    None => return HANDLE_DROPPED.into(),
                },
                _ = look.tick() => None,
            };
            let end = Instant::now() + SETTLE;
            let mut asked = asked;
            loop {
                let reading = match ask(&mut *wire, self.unit).await {
                    Ok(reading) => reading,
                    Err(Asked::Broken(why)) => {
                        self.give_up(asked, &why);
                        return why;
                    }
                    Err(Asked::Silent) => {
                        silent += 1;
                        if silent >= PATIENCE {
                            let why = "it does not answer; check that it is switched on and set to Toledo 8217 with these line settings";
                            self.give_up(asked, why);
                            return why.into();
                        }
                        quieten(&mut *wire).await;
                        continue;
                    }
                    Err(Asked::Garbage(got)) => {
                        report.attention(format!(
                            "it answered {got}; check its protocol (Toledo 8217) and the line settings"
                        ));
                        if let Some(asked) = asked.take() {
                            let _ = asked.send(Err(ScaleError::Protocol { device: self.device.to_string(), got }));
                        }
                        quieten(&mut *wire).await;
                        break;
                    }
                };
                silent = 0;
                report.ready();
                if known.as_ref() != Some(&reading) {
                    report.weight(reading.clone());
                    known = Some(reading.clone());
                }
                let Some(waiting) = asked.take() else { break };
                let device = self.device.to_string();
                let answer = match reading {
                    Reading::Stable { weight } => Ok(weight),
                    Reading::Unusable { why } => Err(ScaleError::Unusable { device, why }),
                    Reading::Motion if Instant::now() < end => {
                        asked = Some(waiting);
                        sleep(MOVING).await;
                        continue;
                    }
                    Reading::Motion => Err(ScaleError::Unsettled { device, waited_ms: 2000 }),
                };
                let _ = waiting.send(answer);
                break;
            }
        }
    }

    fn refuse(&mut self, job: Weigh, why: &str) {
        let _ = job.send(Err(ScaleError::Offline { device: self.device.to_string(), why: why.to_owned() }));
    }
}

impl ToledoDriver {
    /// Tells the caller why the line is closed, before the supervisor learns it.
    fn give_up(&mut self, asked: Option<Weigh>, why: &str) {
        if let Some(asked) = asked {
            self.refuse(asked, why);
        }
    }
}

/// Discards data until the line is quiet; if it never is, its unanswered requests close it.
async fn quieten(wire: &mut dyn Wire) {
    let mut late = [0; 64];
    let listening = async { while matches!(timeout(QUIET, wire.read(&mut late)).await, Ok(Ok(1..))) {} };
    let _ = timeout(2 * ANSWER, listening).await;
}

/// Why a request got no reading.
enum Asked {
    Silent,
    Garbage(String),
    Broken(String),
}

async fn ask(wire: &mut dyn Wire, unit: WeightUnit) -> Result<Reading, Asked> {
    let broken = |error: std::io::Error| Asked::Broken(format!("the line failed: {error}"));
    let mut late = [0; 64];
    while let Some(Ok(1..)) = wire.read(&mut late).now_or_never() {}
    let answer = timeout(ANSWER, async {
        wire.write_all(b"W").await.map_err(broken)?;
        let mut answer = Vec::with_capacity(MAX_ANSWER);
        loop {
            // Scales send seven bits; the eighth is the parity bit of a line with the wrong settings.
            let byte = wire.read_u8().await.map_err(broken)? & 0x7f;
            if byte == CR {
                return Ok(answer);
            }
            if byte == STX {
                answer.clear();
            }
            answer.push(byte);
            if answer.len() > MAX_ANSWER {
                return Err(Asked::Garbage(format!("`{}` and more", answer.escape_ascii())));
            }
        }
    });
    let answer = answer.await.map_err(|_| Asked::Silent)??;
    parse(&answer, unit).ok_or_else(|| Asked::Garbage(format!("`{}`", answer.escape_ascii())))
}

/// Parses an answer without its CR. Pure.
fn parse(answer: &[u8], unit: WeightUnit) -> Option<Reading> {
    let body = answer.strip_prefix(&[STX])?.trim_ascii();
    if let [b'?', status] = body {
        return Some(refused(*status));
    }
    let body = body.strip_suffix(b"N").unwrap_or(body);
    let text = std::str::from_utf8(body).ok()?;
    // Without the decimal point a weight would be wrong by a factor of a thousand.
    let (whole, part) = text.split_once('.')?;
    let digits = |text: &str, most| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.is_empty() || !digits(whole, 4) || !digits(part, 3) {
        return None;
    }
    let milli = format!("{whole}{part:0<3}").parse().ok()?;
    let weight = Weight { milli, unit };
    Some(if milli == 0 { Reading::Unusable { why: "the plate is empty".into() } } else { Reading::Stable { weight } })
}

fn refused(status: u8) -> Reading {
    let bit = |place: u8| status & (1 << place) != 0;
    let unusable = |why: &str| Reading::Unusable { why: why.to_owned() };
    // Motion first: a bouncing plate is briefly below zero or over capacity, and the driver must wait for it.
    if bit(0) {
        Reading::Motion
    } else if bit(1) {
        unusable("over capacity; take something off")
    } else if bit(2) {
        unusable("below zero; clear the plate and press zero")
    } else if bit(3) {
        unusable("outside its zero range; clear the plate and switch it off and on")
    } else if bit(4) {
        unusable("the plate is empty")
    } else {
        unusable("no weight; clear the plate and try again")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kilograms(answer: &[u8]) -> Option<Reading> {
        parse(answer, WeightUnit::Kilogram)
    }

    #[test]
    fn weights_keep_the_scales_unit_and_resolution() {
        for (answer, milli) in [
            (&b"\x0201.234"[..], 1234),
            (b"\x0200.005", 5),
            (b"\x02 1.2", 1200),
            (b"\x0212.0", 12_000),
            (b"\x0200.340N", 340),
        ] {
            let weight = Weight { milli, unit: WeightUnit::Kilogram };
            assert_eq!(kilograms(answer), Some(Reading::Stable { weight }));
        }
        for (answer, milli) in [(&b"\x0201.00"[..], 1000), (b"\x0225.005", 25_005)] {
            let weight = Weight { milli, unit: WeightUnit::Pound };
            assert_eq!(parse(answer, WeightUnit::Pound), Some(Reading::Stable { weight }));
        }
    }

    #[test]
    fn an_empty_plate_is_not_a_weight() {
        assert!(matches!(kilograms(b"\x0200.000"), Some(Reading::Unusable { .. })));
    }

    #[test]
    fn status_bits_become_instructions() {
        assert_eq!(kilograms(b"\x02?A"), Some(Reading::Motion));
        assert!(matches!(kilograms(b"\x02?B"), Some(Reading::Unusable { why }) if why.contains("take something off")));
        assert!(matches!(kilograms(b"\x02?D"), Some(Reading::Unusable { why }) if why.contains("press zero")));
    }

    #[test]
    fn an_invalid_answer_is_not_a_reading() {
        for answer in [
            &b""[..],
            b"01.234",
            b"\x02",
            b"\x021.2.3",
            b"\x02-1.2",
            b"\x0212",
            b"\x0212.",
            b"\x0299999",
            b"\x021.2345",
            b"\x02?",
        ] {
            assert_eq!(kilograms(answer), None, "{}", answer.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(answer in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = kilograms(&answer);
            let _ = parse(&answer, WeightUnit::Pound);
        }

        #[test]
        fn every_weight_round_trips(milli in 1_u32..9_999_999, pounds in any::<bool>()) {
            let unit = if pounds { WeightUnit::Pound } else { WeightUnit::Kilogram };
            let answer = format!("\x02{:02}.{:03}", milli / 1000, milli % 1000);
            let weight = Weight { milli, unit };
            prop_assert_eq!(parse(answer.as_bytes(), unit), Some(Reading::Stable { weight }));
        }
    }
}
