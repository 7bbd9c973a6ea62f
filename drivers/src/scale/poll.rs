//! The driver of every scale: asks, waits for the plate to settle, reconnects. A protocol only says how to ask once.
//!
//! An answer rarely says which request it belongs to. So a request is only sent on a quiet line: if a late answer were
//! taken for the next one, every later weight would be one item behind. A weight is an answer to a request, never the
//! last one seen: the same weight twice is two answers, and a missing answer is no weight.
//!
//! | failure | effect |
//! | --- | --- |
//! | no answer in time | asked again, without a late answer; after three in a row a new line |
//! | an invalid answer | reported; never a weight |
//! | the plate does not settle | [`ScaleError::Unsettled`] after the caller's limit |

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::{
    Scale, ScaleError,
    frames::{Frame, Shape, TooLong},
    weight::{Stable, Unsellable, Weight},
};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    registry::Start,
    supervise::{Abandon, Driver, HANDLE_DROPPED, Handle, Jobs, Reporter, Unanswered, start as supervise},
    transport::Wire,
};

/// How long a scale may take for one answer.
pub(super) const ANSWER: Duration = Duration::from_millis(500);

/// How long the line must be quiet after a request that failed.
const QUIET: Duration = Duration::from_millis(250);

/// The pause between requests while the plate moves.
const MOVING: Duration = Duration::from_millis(50);

/// Unanswered requests in a row before the line is closed.
const PATIENCE: u32 = 3;

/// A protocol of scales.
pub(super) trait Protocol: Send + 'static {
    /// The name, for people who check the scale's settings.
    const NAME: &'static str;

    /// The interval of requests to an idle scale; `None` if a request means a sale.
    const IDLE: Option<Duration> = Some(Duration::from_millis(500));

    /// Asks once. `unit_price` is for scales that compute the price.
    fn ask(
        &mut self,
        wire: &mut dyn Wire,
        unit_price: Option<u32>,
    ) -> impl Future<Output = Result<Weight, Trouble>> + Send;
}

/// Why a request got no weight.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No answer in time.
    Silent,
    /// An answer that the protocol does not have, escaped.
    Garbage(String),
    /// The scale refused; the reason and the remedy.
    Refused(String),
    /// The connection broke.
    Broken(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(format!("the line failed: {error}"))
    }
}

/// Shows bytes that are not an answer.
pub(super) fn garbage(bytes: &[u8]) -> Trouble {
    Trouble::Garbage(format!("`{}`", bytes.escape_ascii()))
}

/// Discards what has arrived without a request.
pub(super) fn purge(wire: &mut dyn Wire) {
    let mut late = [0; 64];
    while let Some(Ok(1..)) = wire.read(&mut late).now_or_never() {}
}

/// Sends a request and reads its answer.
pub(super) async fn exchange(wire: &mut dyn Wire, request: &[u8], shape: Shape) -> Result<Vec<u8>, Trouble> {
    purge(wire);
    let answered = timeout(ANSWER, async {
        wire.write_all(request).await?;
        read(wire, shape).await
    });
    answered.await.map_err(|_| Trouble::Silent)?
}

/// Reads an answer; the caller has the time-out.
pub(super) async fn read(wire: &mut dyn Wire, shape: Shape) -> Result<Vec<u8>, Trouble> {
    let mut frame = Frame::default();
    loop {
        match frame.push(wire.read_u8().await?, shape) {
            None => {}
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(TooLong(bytes))) => return Err(garbage(&bytes)),
        }
    }
}

/// Starts a scale.
pub(super) fn start<P: Protocol, S>(start: Start<'_, S>, protocol: impl FnOnce(S) -> P) -> Arc<dyn Scale> {
    let driver = Polled { device: start.name.clone(), protocol: protocol(start.settings), known: None };
    Arc::new(PolledScale(supervise(start.name, start.address, driver, start.context.events.clone())))
}

/// A request for a stable weight.
struct Weigh {
    limit: Duration,
    unit_price: Option<u32>,
    answer: oneshot::Sender<Result<Stable, ScaleError>>,
}

impl Abandon for Weigh {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

/// A running scale.
struct PolledScale(Handle<Weigh>);

impl Device for PolledScale {
    fn name(&self) -> &DeviceName {
        self.0.device()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

impl Scale for PolledScale {
    fn weigh(&self, limit: Duration, unit_price: Option<u32>) -> Answer<'_, Result<Stable, ScaleError>> {
        Box::pin(async move {
            let device = || self.0.device().to_string();
            let waits = limit + 2 * ANSWER * PATIENCE;
            match self.0.ask(waits, |answer| Weigh { limit, unit_price, answer }).await {
                Ok(weighed) => weighed,
                Err(Unanswered::Full | Unanswered::Broken) => {
                    Err(ScaleError::Offline { device: device(), why: self.0.trouble() })
                }
                Err(Unanswered::TimedOut) => Err(ScaleError::Unsettled { device: device(), waited: waits }),
            }
        })
    }
}

struct Polled<P> {
    device: DeviceName,
    protocol: P,
    /// The last reported weight.
    known: Option<Weight>,
}

impl<P: Protocol> Driver for Polled<P> {
    type Job = Weigh;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Weigh>, report: &Reporter) -> String {
        let (mut silent, mut look) = (0, Instant::now());
        if P::IDLE.is_none() {
            report.ready();
        }
        loop {
            let idle = async {
                match P::IDLE {
                    Some(_) => tokio::time::sleep_until(look).await,
                    None => std::future::pending().await,
                }
            };
            let mut asked = tokio::select! {
                job = jobs.next() => match job {
                    Some(job) => Some(job),
                    None => return HANDLE_DROPPED.into(),
                },
                () = idle => None,
            };
            let began = Instant::now();
            let price = asked.as_ref().and_then(|weigh| weigh.unit_price);
            loop {
                match self.protocol.ask(&mut *wire, price).await {
                    Ok(weight) => {
                        silent = 0;
                        report.ready();
                        self.tell(&weight, report);
                        let Some(weigh) = asked.take() else { break };
                        let device = self.device.to_string();
                        let answer = match Stable::try_from(weight) {
                            Ok(stable) => Ok(stable),
                            Err(Unsellable::Moving) if began.elapsed() < weigh.limit && !weigh.is_abandoned() => {
                                asked = Some(weigh);
                                sleep(MOVING).await;
                                continue;
                            }
                            Err(Unsellable::Moving) => Err(ScaleError::Unsettled { device, waited: weigh.limit }),
                            Err(Unsellable::Unusable(why)) => Err(ScaleError::Unusable { device, why }),
                        };
                        let _ = weigh.answer.send(answer);
                        break;
                    }
                    Err(Trouble::Broken(why)) => return self.give_up(asked, why),
                    Err(Trouble::Silent) => {
                        silent += 1;
                        if silent >= PATIENCE {
                            let why = format!(
                                "it does not answer; check that it is switched on and set to {} with these line \
                                 settings",
                                P::NAME
                            );
                            return self.give_up(asked, why);
                        }
                        quieten(&mut *wire).await;
                    }
                    Err(Trouble::Garbage(got)) => {
                        report.attention(format!(
                            "it answered {got}; check its protocol ({}) and the line settings",
                            P::NAME
                        ));
                        if let Some(weigh) = asked.take() {
                            let (device, protocol) = (self.device.to_string(), P::NAME);
                            let _ = weigh.answer.send(Err(ScaleError::Protocol { device, got, protocol }));
                        }
                        quieten(&mut *wire).await;
                        break;
                    }
                    Err(Trouble::Refused(why)) => {
                        silent = 0;
                        report.ready();
                        if let Some(weigh) = asked.take() {
                            let device = self.device.to_string();
                            let _ = weigh.answer.send(Err(ScaleError::Unusable { device, why }));
                        }
                        break;
                    }
                }
            }
            look = Instant::now() + P::IDLE.unwrap_or_default();
        }
    }

    fn refuse(&mut self, weigh: Weigh, why: &str) {
        let _ = weigh.answer.send(Err(ScaleError::Offline { device: self.device.to_string(), why: why.to_owned() }));
    }
}

impl<P: Protocol> Polled<P> {
    /// Reports a weight that differs from the last one.
    fn tell(&mut self, weight: &Weight, report: &Reporter) {
        if self.known.as_ref() != Some(weight) {
            report.weight(weight.clone());
            self.known = Some(weight.clone());
        }
    }

    /// Tells the caller why the line is closed, before the supervisor learns it.
    fn give_up(&mut self, asked: Option<Weigh>, why: String) -> String {
        // The next connection reports its first weight, even if nothing has changed.
        self.known = None;
        if let Some(asked) = asked {
            self.refuse(asked, &why);
        }
        why
    }
}

/// Discards data until the line is quiet; if it never is, its unanswered requests close it.
async fn quieten(wire: &mut dyn Wire) {
    let mut late = [0; 64];
    let listening = async { while matches!(timeout(QUIET, wire.read(&mut late)).await, Ok(Ok(1..))) {} };
    let _ = timeout(2 * ANSWER, listening).await;
}
