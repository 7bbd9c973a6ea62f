//! The common part of label printers: print a label, and wait until it is on paper.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use super::{LabelPrinter, MOST_COPIES, PrintError, PrintOutcome};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status, Unconfirmed, Urgent, Work},
    registry::Start,
    sheet::Sheet,
    transport::Wire,
};

/// How long a printer may take to answer a status request.
const STATUS: Duration = Duration::from_secs(5);

/// The interval of status requests while a label is being printed.
const BUSY: Duration = Duration::from_millis(100);

/// The same while the printer needs attention.
const TROUBLE: Duration = Duration::from_secs(1);

/// The longest answer to a status request.
const ANSWER: usize = 512;

/// How long a printer may take to accept a label: on slow serial lines a label takes many seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A language of label printers.
pub(super) trait Dialect: Send + 'static {
    /// The status request.
    const REQUEST: &'static [u8];

    /// Its name and that of the request, for messages.
    const NAMES: (&'static str, &'static str);

    /// A label in this language.
    fn encode(label: &Sheet, copies: u16) -> Vec<u8>;

    /// Reads an answer to the status request, which may still be incomplete.
    fn read(answer: &[u8]) -> Reading;
}

/// An answer to a status request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// More bytes are to come.
    Incomplete,
    /// Not an answer of a printer with this language.
    Wrong,
    /// The printer's state.
    State {
        /// What is wrong and what to do.
        trouble: Status,
        /// It has not printed everything yet.
        is_busy: bool,
    },
}

/// Messages for a person in the store.
pub(super) mod trouble {
    pub(in super::super) const HEAD: &str = "the print head or the cover is open; close it";
    pub(in super::super) const LABELS: &str = "out of labels; insert a new roll";
    pub(in super::super) const RIBBON: &str = "out of ribbon; insert a new ribbon";
    pub(in super::super) const JAM: &str = "labels are jammed; open the printer and remove them";
    pub(in super::super) const HOT: &str = "the print head is too hot; it goes on by itself when it has cooled down";
    pub(in super::super) const COLD: &str = "the print head is too cold; it goes on by itself when it is warm";
    pub(in super::super) const PAUSE: &str = "paused; press the pause button";
    pub(in super::super) const MEMORY: &str = "the printer's memory is full; switch it off and on";
    pub(in super::super) const ERROR: &str = "it reports an error; look at its display, or switch it off and on";
}

/// The settings of a label printer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Its resolution: 203, 300 or 600 dots per inch.
    #[serde(default)]
    dpi: Resolution,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(try_from = "u16")]
enum Resolution {
    #[default]
    Dpi203,
    Dpi300,
    Dpi600,
}

impl TryFrom<u16> for Resolution {
    type Error = String;

    fn try_from(dpi: u16) -> Result<Self, String> {
        match dpi {
            203 => Ok(Self::Dpi203),
            300 => Ok(Self::Dpi300),
            600 => Ok(Self::Dpi600),
            other => Err(format!("dpi = {other}; expected 203, 300 or 600")),
        }
    }
}

/// A running label printer.
struct Running<D: Dialect> {
    printer: Printer<LabelDriver<D>>,
    dots_per_mm: usize,
}

/// Starts a label printer.
pub(super) fn start<D: Dialect>(start: Start<'_, Settings>) -> Arc<dyn LabelPrinter> {
    let dots_per_mm = match start.settings.dpi {
        Resolution::Dpi203 => 8,
        Resolution::Dpi300 => 12,
        Resolution::Dpi600 => 24,
    };
    Arc::new(Running::<D> { printer: Printer::start(start), dots_per_mm })
}

impl<D: Dialect> Device for Running<D> {
    fn name(&self) -> &DeviceName {
        self.printer.name()
    }

    fn health(&self) -> Health {
        self.printer.health()
    }
}

impl<D: Dialect> LabelPrinter for Running<D> {
    fn dots_per_mm(&self) -> usize {
        self.dots_per_mm
    }

    fn print<'a>(&'a self, label: &'a Sheet, copies: u16) -> Answer<'a, Result<PrintOutcome, PrintError>> {
        Box::pin(async move {
            if !(1..=MOST_COPIES).contains(&copies) {
                return Err(PrintError::Invalid { why: format!("{copies} copies; expected 1 to {MOST_COPIES}") });
            }
            if label.dots_per_mm != self.dots_per_mm {
                let (given, own) = (label.dots_per_mm, self.dots_per_mm);
                return Err(PrintError::Invalid {
                    why: format!("the label has {given} dots per millimetre, the printer {own}"),
                });
            }
            self.printer.see_through(Work::Print { data: D::encode(label, copies), lines: 0 }).await
        })
    }
}

/// A dialect as a printer's language.
struct LabelDriver<D>(PhantomData<fn() -> D>);

impl<D> Default for LabelDriver<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<D: Dialect> Language for LabelDriver<D> {
    const JOB: Duration = Duration::from_secs(30);

    fn patience(_: u32) -> Duration {
        PATIENCE
    }

    async fn status(&mut self, wire: &mut dyn Wire) -> Result<Status, Fault> {
        match ask::<D>(wire).await? {
            Some((trouble, _)) => Ok(trouble),
            None => Err(Fault::Broken(silent::<D>())),
        }
    }

    async fn printed(&mut self, wire: &mut dyn Wire, _: u32, urgent: &mut Urgent<'_>) -> Result<Status, Unconfirmed> {
        let mut was_silent = false;
        loop {
            match ask::<D>(wire).await.map_err(Unconfirmed::from)? {
                Some((Some(why), _)) => {
                    urgent.attention(why);
                    sleep(TROUBLE).await;
                }
                Some((None, true)) => sleep(BUSY).await,
                Some((None, false)) if was_silent => {
                    let why = "it did not answer for a while; it may have been switched off".to_owned();
                    return Err(Unconfirmed { why, line_is_lost: false });
                }
                Some((None, false)) => return Ok(None),
                // ZPL printers are silent while they are out of labels or open (ZPL II Programming Guide, ~HS).
                None => {
                    was_silent = true;
                    urgent.attention(&format!("{}; check labels, ribbon and head", silent::<D>()));
                }
            }
        }
    }
}

fn silent<D: Dialect>() -> String {
    let (language, request) = D::NAMES;
    format!("it did not answer a status request ({request}); check that it is a printer for {language} and switched on")
}

/// Requests the state; `None` without an answer in time.
async fn ask<D: Dialect>(wire: &mut dyn Wire) -> Result<Option<(Status, bool)>, Fault> {
    // An answer that came too late is not an answer to this request.
    let mut late = [0; ANSWER];
    while let Ok(read) = timeout(Duration::ZERO, wire.read(&mut late)).await {
        if read? == 0 {
            return Err(Fault::Broken("the connection broke: the printer closed it".into()));
        }
    }
    let asking = timeout(STATUS, async {
        wire.write_all(D::REQUEST).await?;
        wire.flush().await?;
        let mut answer = Vec::new();
        while answer.len() < ANSWER {
            answer.push(wire.read_u8().await?);
            match D::read(&answer) {
                Reading::Incomplete => {}
                Reading::Wrong => break,
                Reading::State { trouble, is_busy } => return Ok(Some((trouble, is_busy))),
            }
        }
        let (language, request) = D::NAMES;
        Err(Fault::Broken(format!("its status ({request}) is not valid; check that it is a printer for {language}")))
    });
    asking.await.unwrap_or(Ok(None))
}
