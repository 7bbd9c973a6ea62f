//! Messages from hubs other than events: hello and last will, telemetry, current positions, questions.
//!
//! | message | handling |
//! | --- | --- |
//! | hello, last will | the hub's presence is kept, and written every few seconds ([`crate::presence`]) |
//! | telemetry | the hub's newest sample is kept, and written every few seconds |
//! | positions | stored in the ledger immediately ([`crate::positions`]) |
//! | question | answered from the ledger, on the hub's own answer topic only |
//!
//! None of them is acknowledged: a hub repeats them or does without. An unreadable message is dropped and counted; a
//! failure of the ledger is counted separately.

use std::collections::{BTreeMap, VecDeque};

use contract::{
    Answer, Answered, Asked, Gone, Hello, HubId, Packed, Positions, Telemetry, Wire,
    topic::{self, FromHub},
};
use link::{Link, Message, Unpublished};

use crate::{
    database::DatabaseError,
    ledger::{Ledger, fleet::Sampled, now_ms},
    presence::Presence,
};

/// The maximum number of hubs kept in memory.
const MOST_HUBS: usize = 10_000;

/// The maximum number of answers waiting to be sent; when full, the oldest is dropped, as its hub will wait the least.
const ANSWERS: usize = 256;

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// It is unreadable, or was published by the wrong hub.
    #[error("{0}")]
    Garbage(String),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] DatabaseError),
}

/// See the module.
pub(crate) struct Beside {
    ledger: Ledger,
    presence: BTreeMap<HubId, Presence>,
    /// Presences not written yet.
    changed: BTreeMap<HubId, Presence>,
    /// Samples not written yet.
    samples: BTreeMap<HubId, Sampled>,
    answers: VecDeque<Message>,
}

impl Beside {
    pub(crate) fn on(ledger: Ledger) -> Self {
        let (presence, changed, samples) = Default::default();
        Self { ledger, presence, changed, samples, answers: VecDeque::new() }
    }

    /// Loads what is known of hubs that another worker, or this one before a restart, served.
    pub(crate) async fn remember(&mut self) -> Result<(), DatabaseError> {
        self.presence = self.ledger.presence().await?.into_iter().take(MOST_HUBS).collect();
        self.presence.extend(self.changed.clone());
        Ok(())
    }

    /// Handles a hello.
    pub(crate) fn hello(&mut self, hello: &Hello) {
        let known = self.presence.get(&hello.hub).cloned();
        if known.is_some() || self.presence.len() < MOST_HUBS {
            self.note(&hello.hub, Presence::after_hello(known, hello.connection, now_ms()));
        }
    }

    fn note(&mut self, hub: &HubId, presence: Presence) {
        self.presence.insert(hub.clone(), presence.clone());
        self.changed.insert(hub.clone(), presence);
    }

    /// Handles a message other than a batch.
    pub(crate) async fn take(&mut self, what: FromHub, message: &Message) -> Result<(), NotTaken> {
        match what {
            FromHub::Gone(hub) => {
                let gone: Gone = read(message)?;
                own(&hub, &gone.hub)?;
                let after = self.presence.get(&hub).and_then(|known| known.after_will(gone.connection, now_ms()));
                if let Some(presence) = after {
                    self.note(&hub, presence);
                }
                Ok(())
            }
            FromHub::Telemetry(hub) => {
                let telemetry: Telemetry = read(message)?;
                own(&hub, &telemetry.hub)?;
                self.sampled(telemetry);
                Ok(())
            }
            FromHub::Positions(hub) => {
                let positions: Positions = read(message)?;
                own(&hub, &positions.hub)?;
                Ok(self.ledger.told(&positions).await?)
            }
            FromHub::Question(hub) => self.answer(&hub, message).await,
            FromHub::Hello(_) | FromHub::Received(_) | FromHub::Publications(_) | FromHub::Batch(..) => Ok(()),
        }
    }

    fn sampled(&mut self, telemetry: Telemetry) {
        let Telemetry { hub, epoch, samples, dropped } = telemetry;
        let Some(sample) = samples.into_iter().next_back() else { return };
        if self.samples.len() < MOST_HUBS || self.samples.contains_key(&hub) {
            self.samples.insert(hub, Sampled { epoch, received_at_ms: now_ms(), dropped, sample });
        }
    }

    async fn answer(&mut self, hub: &HubId, message: &Message) -> Result<(), NotTaken> {
        let asked: Asked = read(message)?;
        own(hub, &asked.hub)?;
        let to = topic::answer(hub);
        if message.response_topic.as_ref() != Some(&to) {
            let why = "a question must name the hub's own answer topic";
            return Err(NotTaken::Garbage(why.to_owned()));
        }
        let (answer, failed) = match self.ledger.answer(&asked).await {
            Ok(answer) => (answer, Ok(())),
            Err(error) => (Answer::Unable("could not read the ledger".to_owned()), Err(error.into())),
        };
        let answered = |answer| Answered { hub: hub.clone(), answer };
        let encoded = answered(answer).encode().or_else(|error| answered(Answer::Unable(error.to_string())).encode());
        let Packed { content_type, payload } = encoded.map_err(|error| NotTaken::Garbage(error.to_string()))?;
        if self.answers.len() == ANSWERS {
            self.answers.pop_front();
        }
        let (correlation, expires) = (message.correlation.clone(), message.expires);
        self.answers.push_back(Message { correlation, expires, ..Message::new(to, content_type, payload) });
        failed
    }

    /// Writes presences and samples. Failed writes are retried.
    pub(crate) async fn note_down(&mut self) -> Result<(), DatabaseError> {
        if !self.changed.is_empty() {
            self.ledger.note_presence(&self.changed).await?;
            self.changed.clear();
        }
        if !self.samples.is_empty() {
            self.ledger.note_samples(&self.samples).await?;
            self.samples.clear();
        }
        Ok(())
    }

    /// Sends answers while there is room.
    pub(crate) fn send(&mut self, link: &Link) {
        while let Some(answer) = self.answers.pop_front() {
            match link.publish(answer.clone()) {
                Ok(()) => {}
                Err(Unpublished::NoRoom) => {
                    self.answers.push_front(answer);
                    return;
                }
                Err(error) => tracing::warn!(topic = answer.topic, %error, "could not send an answer"),
            }
        }
    }
}

fn read<W: Wire>(message: &Message) -> Result<W, NotTaken> {
    let read = W::decode(message.content_type.as_deref(), &message.payload);
    read.map_err(|error| NotTaken::Garbage(error.to_string()))
}

fn own(in_topic: &HubId, in_message: &HubId) -> Result<(), NotTaken> {
    let foreign = || NotTaken::Garbage("message and topic name different hubs".to_owned());
    if in_topic == in_message { Ok(()) } else { Err(foreign()) }
}
