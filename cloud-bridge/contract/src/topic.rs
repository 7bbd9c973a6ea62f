//! Topics.
//!
//! ```text
//! store-hub/v1/up/SHARD/HUB/WHAT    from a hub; SHARD is HubId::shard
//! store-hub/v1/down/HUB/WHAT        to a hub
//! ```
//!
//! A hub may publish under its own name in `up` and read under its own name in `down`; a broker's access list needs no
//! more. The shard precedes the hub so that a worker of HQ can subscribe to its shards only. A message under the wrong
//! shard is dropped, like one under another hub's name.

use crate::name::{HubId, PublicationKind, Shard, Stream};

const UP: &str = "store-hub/v1/up";
const DOWN: &str = "store-hub/v1/down";

/// HQ's subscription to everything from all hubs.
pub const ALL_HUBS: &str = "store-hub/v1/up/+/+/+";

/// The subscription of HQ's sender to the acknowledgements of all hubs.
pub const ALL_RECEIVED: &str = "store-hub/v1/up/+/+/received";

/// HQ's subscription to the publication states of all hubs.
pub const ALL_PUBLICATIONS: &str = "store-hub/v1/up/+/+/publications";

/// HQ's subscription to the hubs of one shard.
pub fn of_shard(shard: Shard) -> String {
    format!("{UP}/{shard}/+/+")
}

/// The subscription of HQ's sender to the hubs of one shard.
pub fn received_of_shard(shard: Shard) -> String {
    format!("{UP}/{shard}/+/received")
}

fn up(hub: &HubId, what: &str) -> String {
    format!("{UP}/{}/{hub}/{what}", hub.shard())
}

/// The topic of a hub's hello.
pub fn hello(hub: &HubId) -> String {
    up(hub, "hello")
}

/// The topic of a hub's stream.
pub fn stream(hub: &HubId, stream: &Stream) -> String {
    up(hub, stream.as_str())
}

/// The topic of a hub's acknowledgements.
pub fn received(hub: &HubId) -> String {
    up(hub, "received")
}

/// The topic of a hub's last will.
pub fn gone(hub: &HubId) -> String {
    up(hub, "gone")
}

/// The topic of a hub's current positions.
pub fn positions(hub: &HubId) -> String {
    up(hub, "positions")
}

/// The topic of a hub's telemetry.
pub fn telemetry(hub: &HubId) -> String {
    up(hub, "telemetry")
}

/// The topic of a hub's questions.
pub fn question(hub: &HubId) -> String {
    up(hub, "question")
}

/// The topic of HQ's answers to a hub.
pub fn answer(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/answer")
}

/// The topic of HQ's acknowledgements to a hub.
pub fn acknowledgement(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/acknowledgement")
}

/// The topic of HQ's batches to a hub.
pub fn down_batch(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/batch")
}

/// The topic of HQ's retained announcement of a publication to a hub.
pub fn announcement(hub: &HubId, kind: &PublicationKind) -> String {
    format!("{DOWN}/{hub}/publication/{kind}")
}

/// A hub's subscription to announcements of every kind.
pub fn announcements(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/publication/+")
}

/// The topic of a hub's publication states.
pub fn publications(hub: &HubId) -> String {
    up(hub, "publications")
}

/// A message to a hub, by topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToHub {
    /// An [`Acknowledgement`](crate::Acknowledgement).
    Acknowledgement,
    /// A [`DownBatch`](crate::DownBatch).
    Batch,
    /// An [`Answered`](crate::Answered).
    Answer,
    /// A signed [`Announcement`](crate::publication::Announcement).
    Announcement(PublicationKind),
}

/// Parses the topic of a message to a hub.
pub fn to_hub(hub: &HubId, topic: &str) -> Option<ToHub> {
    match topic.strip_prefix(DOWN)?.strip_prefix('/')?.strip_prefix(hub.as_str())? {
        "/acknowledgement" => Some(ToHub::Acknowledgement),
        "/batch" => Some(ToHub::Batch),
        "/answer" => Some(ToHub::Answer),
        other => Some(ToHub::Announcement(other.strip_prefix("/publication/")?.parse().ok()?)),
    }
}

/// A message from a hub, by topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromHub {
    /// A [`Hello`](crate::Hello).
    Hello(HubId),
    /// A [`Gone`](crate::Gone).
    Gone(HubId),
    /// A [`DownAcknowledgement`](crate::DownAcknowledgement).
    Received(HubId),
    /// [`Positions`](crate::Positions).
    Positions(HubId),
    /// [`Telemetry`](crate::Telemetry).
    Telemetry(HubId),
    /// An [`Asked`](crate::Asked).
    Question(HubId),
    /// [`PublicationStates`](crate::publication::PublicationStates).
    Publications(HubId),
    /// A [`Batch`](crate::Batch).
    Batch(HubId, Stream),
}

impl FromHub {
    /// Whose message it is.
    pub fn hub(&self) -> &HubId {
        match self {
            Self::Hello(hub)
            | Self::Gone(hub)
            | Self::Received(hub)
            | Self::Positions(hub)
            | Self::Telemetry(hub)
            | Self::Question(hub)
            | Self::Publications(hub)
            | Self::Batch(hub, _) => hub,
        }
    }
}

/// Parses the topic of a message from a hub. `None` if it is unknown, or names a shard that is not the hub's.
pub fn from_hub(topic: &str) -> Option<FromHub> {
    let (shard, rest) = topic.strip_prefix(UP)?.strip_prefix('/')?.split_once('/')?;
    let (hub, what) = rest.split_once('/')?;
    let hub: HubId = hub.parse().ok()?;
    if shard != hub.shard().to_string() {
        return None;
    }
    match what {
        "hello" => Some(FromHub::Hello(hub)),
        "gone" => Some(FromHub::Gone(hub)),
        "received" => Some(FromHub::Received(hub)),
        "positions" => Some(FromHub::Positions(hub)),
        "telemetry" => Some(FromHub::Telemetry(hub)),
        "question" => Some(FromHub::Question(hub)),
        "publications" => Some(FromHub::Publications(hub)),
        stream => Some(FromHub::Batch(hub, stream.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back() {
        let hub: HubId = "store-367".parse().unwrap();
        assert_eq!(hello(&hub), "store-hub/v1/up/63/store-367/hello");
        assert_eq!(from_hub(&hello(&hub)), Some(FromHub::Hello(hub.clone())));
        assert_eq!(from_hub(&stream(&hub, &Stream::sales())), Some(FromHub::Batch(hub.clone(), Stream::sales())));
        assert_eq!(from_hub(&gone(&hub)), Some(FromHub::Gone(hub.clone())));
        assert_eq!(from_hub(&stream(&hub, &Stream::sales())).unwrap().hub(), &hub);
        assert_eq!(from_hub(&received(&hub)), Some(FromHub::Received(hub.clone())));
        assert_eq!(from_hub(&positions(&hub)), Some(FromHub::Positions(hub.clone())));
        assert_eq!(from_hub(&telemetry(&hub)), Some(FromHub::Telemetry(hub.clone())));
        assert_eq!(from_hub(&question(&hub)), Some(FromHub::Question(hub.clone())));
        assert_eq!(to_hub(&hub, &answer(&hub)), Some(ToHub::Answer));
        assert_eq!(to_hub(&hub, &acknowledgement(&hub)), Some(ToHub::Acknowledgement));
        assert_eq!(to_hub(&hub, &down_batch(&hub)), Some(ToHub::Batch));
        assert_eq!(from_hub(&publications(&hub)), Some(FromHub::Publications(hub.clone())));
        let kind: PublicationKind = "catalog".parse().unwrap();
        assert_eq!(to_hub(&hub, &announcement(&hub, &kind)), Some(ToHub::Announcement(kind)));
        for foreign in ["", "store-hub/v1/down/store-3671/batch", "store-hub/v1/down/store-36/batch", &received(&hub)] {
            assert_eq!(to_hub(&hub, foreign), None, "{foreign}");
        }
        for foreign in [
            "",
            "store-hub/v1/up",
            "store-hub/v1/up/3//hello",
            "store-hub/v2/up/3/a/hello",
            "store-hub/v1/up/3/a/b/c",
            &acknowledgement(&hub),
        ] {
            assert_eq!(from_hub(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_hub_under_another_shard_is_ignored() {
        let hub: HubId = "a".parse().unwrap();
        for shard in Shard::all() {
            let topic = format!("store-hub/v1/up/{shard}/a/hello");
            assert_eq!(from_hub(&topic).is_some(), shard == hub.shard(), "{topic}");
        }
        for shard in ["", "+3", "03", "64", "3/3"] {
            let topic = format!("store-hub/v1/up/{shard}/a/hello");
            assert_eq!(from_hub(&topic), None, "{topic}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_topic() {
        for wrong in ["", "a/b", "+", "#", "a b", "ä"] {
            assert!(wrong.parse::<HubId>().is_err(), "{wrong}");
        }
    }
}
