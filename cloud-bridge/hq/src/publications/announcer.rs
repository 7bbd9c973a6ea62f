//! Announcements to hubs, and what hubs answer.

use std::{
    collections::HashSet,
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

/// How often the database is looked at for what is new.
const LOOK: Duration = Duration::from_secs(1);

/// Announces what hubs are to have until they have said what became of it; stops when dropped.
pub struct Announcer(JoinHandle<()>);

impl Announcer {
    /// Starts on the current runtime.
    pub fn start(broker: Broker, publications: Publications) -> Self {
        Self(tokio::spawn(Runner { broker, publications, announced: HashSet::new(), told: None }.run()))
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
    /// What was announced on this connection.
    announced: HashSet<(PublicationKind, HubId, u64)>,
    /// The trouble that was told last.
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
                        Some(Incoming::Message(message)) => self.hear(&message).await,
                    },
                    _ = look.tick() => {}
                }
                if ready {
                    self.announce(&link).await;
                }
            };
            tracing::warn!(broker = %self.broker.address, %why, "disconnected from the broker; nothing is announced");
            drop(link);
            sleep(back_off.next_delay()).await;
        }
    }

    /// Announces what was not announced on this connection, as far as there is room.
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

    async fn hear(&mut self, message: &Message) {
        let Message { topic, content_type, payload, .. } = message;
        let states = PublicationStates::decode(content_type.as_deref(), payload);
        let states = match (topic::from_hub(topic), states) {
            (Some(FromHub::Publications(hub)), Ok(states)) if states.hub == hub => states,
            (_, Err(error)) => return self.trouble(&error),
            _ => return tracing::warn!(topic = %topic.escape_debug(), "dropped a message: its hub is not the topic's"),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        if let Err(error) = self.publications.heard(&states, i64::try_from(now).unwrap_or(i64::MAX)).await {
            // The hub says it again when something changes, or at its next connection.
            self.trouble(&error);
        }
    }

    fn trouble(&mut self, why: &dyn std::error::Error) {
        let why = why.to_string();
        if self.told.as_ref() != Some(&why) {
            tracing::warn!(%why, "publications are in trouble");
            self.told = Some(why);
        }
    }
}
