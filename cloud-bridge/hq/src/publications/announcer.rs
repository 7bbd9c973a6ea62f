//! Announcements to hubs, and their reports.
//!
//! The broker retains the last report of each hub, so none is lost while the announcer is away. A report that the
//! database does not take waits here and is tried again at every look.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contract::{
    HubId, MAX_MESSAGE, PublicationKind, Wire,
    publication::{ANNOUNCEMENT, PublicationStates},
    topic::{self, FromHub},
};
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Message, Unpublished, connect};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};

use super::rows::{Outgoing, Publications};

/// The interval of checks for new publications.
const LOOK: Duration = Duration::from_secs(1);

/// Announces publications to hubs until they settle them; stops when dropped.
pub struct Announcer(JoinHandle<()>);

impl Announcer {
    /// Starts on the current runtime.
    pub fn start(broker: Broker, publications: Publications) -> Self {
        Self(tokio::spawn(
            Runner { broker, publications, announced: HashSet::new(), reports: VecDeque::new(), told: None }.run(),
        ))
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Runner {
    broker: Broker,
    publications: Publications,
    /// The announcements sent on this connection.
    announced: HashSet<(PublicationKind, HubId, u64)>,
    /// The last report of each hub that is not stored yet.
    reports: VecDeque<PublicationStates>,
    /// The last reported error.
    told: Option<String>,
}

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::default();
        loop {
            let (link, mut incoming) = connect(Ends {
                broker: self.broker.clone(),
                client_id: "hq-announce".into(),
                subscribe: vec![topic::ALL_PUBLICATIONS.into()],
                will: None,
                max_payload: MAX_MESSAGE,
            });
            self.announced.clear();
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut ready = false;
            let why = loop {
                tokio::select! {
                    told = incoming.recv() => match told {
                        None => break LinkError::TaskEnded,
                        Some(Incoming::Closed(why)) => break why,
                        Some(Incoming::Ready) => ready = true,
                        Some(Incoming::Room) => back_off.reset(),
                        Some(Incoming::Message(message)) => self.hear(&message),
                    },
                    _ = look.tick() => {}
                }
                self.store_reports().await;
                if ready {
                    self.announce(&link).await;
                }
            };
            tracing::warn!(broker = %self.broker.address, %why, "disconnected from the broker; announcements wait");
            drop(link);
            sleep(back_off.next_delay()).await;
        }
    }

    /// Sends announcements not sent on this connection, while there is room.
    async fn announce(&mut self, link: &Link) {
        let unsettled = match self.publications.unsettled().await {
            Ok(unsettled) => unsettled,
            Err(error) => return self.trouble(&error),
        };
        for Outgoing { kind, version, hub, document } in unsettled {
            let key = (kind.clone(), hub.clone(), version);
            if self.announced.contains(&key) {
                continue;
            }
            let topic = topic::announcement(&hub, &kind);
            let message = Message::new(topic, ANNOUNCEMENT.into(), document.into_bytes());
            match link.publish(Message { retain: true, ..message }) {
                Ok(()) => drop(self.announced.insert(key)),
                Err(Unpublished::NoRoom) => return,
                Err(error) => self.trouble(&error),
            }
        }
    }

    fn hear(&mut self, message: &Message) {
        let Message { topic, content_type, payload, .. } = message;
        let states = PublicationStates::decode(content_type.as_deref(), payload);
        let states = match (topic::from_hub(topic), states) {
            (Some(FromHub::Publications(hub)), Ok(states)) if states.hub == hub => states,
            (_, Err(error)) => return self.trouble(&error),
            _ => {
                return tracing::warn!(topic = %topic.escape_debug(), "dropped a message of another hub");
            }
        };
        let order = |states: &PublicationStates| (states.epoch, states.revision);
        match self.reports.iter_mut().find(|waiting| waiting.hub == states.hub) {
            Some(waiting) if order(waiting) > order(&states) => {}
            Some(waiting) => *waiting = states,
            None => self.reports.push_back(states),
        }
    }

    /// Stores the reports that wait.
    async fn store_reports(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now_ms = i64::try_from(now).unwrap_or(i64::MAX);
        while let Some(states) = self.reports.pop_front() {
            if let Err(error) = self.publications.heard(&states, now_ms).await {
                // Behind the others: one that can never be stored must not hold them up.
                self.reports.push_back(states);
                return self.trouble(&error);
            }
        }
    }

    fn trouble(&mut self, why: &dyn std::error::Error) {
        let why = why.to_string();
        if self.told.as_ref() != Some(&why) {
            tracing::warn!(%why, "could not announce publications");
            self.told = Some(why);
        }
    }
}
