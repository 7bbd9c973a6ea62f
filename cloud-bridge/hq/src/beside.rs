//! What hubs say beside their events: that they are connected or gone, how they are, what they have now, and what they
//! ask.
//!
//! | message | what is done |
//! | --- | --- |
//! | hello, last will | who is connected is kept, and written every few seconds ([`crate::presence`]) |
//! | telemetry | the newest sample of each hub is kept, and written every few seconds |
//! | positions | kept in the ledger at once, ahead of the events ([`crate::positions`]) |
//! | question | answered from the ledger, to the hub's own topic for answers and no other |
//!
//! None of it has an acknowledgement: a hub says all of it again, or does without.

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

/// The most hubs of which something is kept in memory.
const MOST_HUBS: usize = 10_000;

/// Answers that may wait to be sent; without room the oldest goes, as its hub waits the least.
const ANSWERS: usize = 256;

/// See the module.
pub(crate) struct Beside {
    ledger: Ledger,
    presence: BTreeMap<HubId, Presence>,
    /// Still to be written.
    changed: BTreeMap<HubId, Presence>,
    /// Still to be written.
    samples: BTreeMap<HubId, Sampled>,
    answers: VecDeque<Message>,
}

impl Beside {
    pub(crate) fn on(ledger: Ledger) -> Self {
        let (presence, changed, samples) = Default::default();
        Self { ledger, presence, changed, samples, answers: VecDeque::new() }
    }

    /// Takes up what is known of hubs that were another worker's, or this one's before it ended.
    pub(crate) async fn remember(&mut self) -> Result<(), DatabaseError> {
        self.presence = self.ledger.presence().await?.into_iter().take(MOST_HUBS).collect();
        self.presence.extend(self.changed.clone());
        Ok(())
    }

    /// A hub said hello.
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

    /// Takes a message that is none of events.
    pub(crate) async fn take(&mut self, what: FromHub, message: &Message) -> Result<(), String> {
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
                self.ledger.told(&positions).await.map_err(|error| error.to_string())
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

    async fn answer(&mut self, hub: &HubId, message: &Message) -> Result<(), String> {
        let asked: Asked = read(message)?;
        own(hub, &asked.hub)?;
        let to = topic::answer(hub);
        if message.response_topic.as_ref() != Some(&to) {
            return Err("a question must name the hub's own topic for the answer".to_owned());
        }
        let answer = self.ledger.answer(&asked).await.unwrap_or_else(|error| {
            tracing::error!(%hub, %error, "could not answer a question");
            Answer::Unable("the ledger cannot be read".to_owned())
        });
        let answered = |answer| Answered { hub: hub.clone(), answer };
        let encoded = answered(answer).encode().or_else(|error| answered(Answer::Unable(error.to_string())).encode());
        let Packed { content_type, payload } = encoded.map_err(|error| error.to_string())?;
        if self.answers.len() == ANSWERS {
            self.answers.pop_front();
        }
        let (correlation, expires) = (message.correlation.clone(), message.expires);
        self.answers.push_back(Message { correlation, expires, ..Message::new(to, content_type, payload) });
        Ok(())
    }

    /// Writes what is still to be written. What cannot be is tried again.
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

    /// Sends answers, as far as there is room.
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

fn read<W: Wire>(message: &Message) -> Result<W, String> {
    W::decode(message.content_type.as_deref(), &message.payload).map_err(|error| error.to_string())
}

fn own(in_topic: &HubId, in_message: &HubId) -> Result<(), String> {
    if in_topic == in_message { Ok(()) } else { Err("the hub in the message is not the one in the topic".to_owned()) }
}
