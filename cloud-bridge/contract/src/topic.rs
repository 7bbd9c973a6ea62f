//! Where messages are published.
//!
//! ```text
//! store-hub/v1/up/SHARD/HUB/WHAT    from a hub; SHARD is HubId::shard
//! store-hub/v1/down/HUB/WHAT        to a hub
//! ```
//!
//! A hub may publish under its own name in `up`, and read what is under its own name in `down`: a broker's access list
//! needs no more than that. The shard stands before the hub so that a worker of HQ's subscribes to its shards alone. A
//! message under another shard than its hub's is dropped, like one under another hub's name.

use crate::name::{HubId, PublicationKind, Shard, Stream};

const UP: &str = "store-hub/v1/up";
const DOWN: &str = "store-hub/v1/down";

/// What HQ subscribes to: everything that any hub sends.
pub const ALL_HUBS: &str = "store-hub/v1/up/+/+/+";

/// What HQ's sender subscribes to: how far each hub is in what HQ sends.
pub const ALL_RECEIVED: &str = "store-hub/v1/up/+/+/received";

/// What HQ subscribes to: how publications are at each hub.
pub const ALL_PUBLICATIONS: &str = "store-hub/v1/up/+/+/publications";

/// What HQ subscribes to for the hubs of one shard.
pub fn of_shard(shard: Shard) -> String {
    format!("{UP}/{shard}/+/+")
}

/// What HQ's sender subscribes to for the hubs of one shard.
pub fn received_of_shard(shard: Shard) -> String {
    format!("{UP}/{shard}/+/received")
}

fn up(hub: &HubId, what: &str) -> String {
    format!("{UP}/{}/{hub}/{what}", hub.shard())
}

/// Where a hub says hello.
pub fn hello(hub: &HubId) -> String {
    up(hub, "hello")
}

/// Where a hub sends a stream.
pub fn stream(hub: &HubId, stream: &Stream) -> String {
    up(hub, stream.as_str())
}

/// Where a hub says how far it is in what HQ sends.
pub fn received(hub: &HubId) -> String {
    up(hub, "received")
}

/// Where the broker says that a hub is gone.
pub fn gone(hub: &HubId) -> String {
    up(hub, "gone")
}

/// Where a hub says what it has now.
pub fn positions(hub: &HubId) -> String {
    up(hub, "positions")
}

/// Where a hub says how it is.
pub fn telemetry(hub: &HubId) -> String {
    up(hub, "telemetry")
}

/// Where a hub asks.
pub fn question(hub: &HubId) -> String {
    up(hub, "question")
}

/// Where HQ answers a hub.
pub fn answer(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/answer")
}

/// Where HQ acknowledges to a hub.
pub fn acknowledgement(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/acknowledgement")
}

/// Where HQ sends a hub what it wants of the store.
pub fn down_batch(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/batch")
}

/// Where HQ announces a publication to a hub, by a retained message.
pub fn announcement(hub: &HubId, kind: &PublicationKind) -> String {
    format!("{DOWN}/{hub}/publication/{kind}")
}

/// What a hub subscribes to for announcements of every kind.
pub fn announcements(hub: &HubId) -> String {
    format!("{DOWN}/{hub}/publication/+")
}

/// Where a hub says how publications are.
pub fn publications(hub: &HubId) -> String {
    up(hub, "publications")
}

/// What a message to a hub is, by its topic.
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

/// Reads a topic that a hub got a message on.
pub fn to_hub(hub: &HubId, topic: &str) -> Option<ToHub> {
    match topic.strip_prefix(DOWN)?.strip_prefix('/')?.strip_prefix(hub.as_str())? {
        "/acknowledgement" => Some(ToHub::Acknowledgement),
        "/batch" => Some(ToHub::Batch),
        "/answer" => Some(ToHub::Answer),
        other => Some(ToHub::Announcement(other.strip_prefix("/publication/")?.parse().ok()?)),
    }
}

/// What a message from a hub is, by its topic.
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

/// Reads a topic that HQ got a message on. `None` if it is of no known form, or names another shard than the hub's.
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
    fn topics_read_back_as_what_they_were_written_for() {
        let hub: HubId = "store-367".parse().unwrap();
        assert_eq!(hello(&hub), "store-hub/v1/up/63/store-367/hello");
        assert_eq!(from_hub(&hello(&hub)), Some(FromHub::Hello(hub.clone())));
        assert_eq!(from_hub(&stream(&hub, &Stream::sales())), Some(FromHub::Batch(hub.clone(), Stream::sales())));
        assert_eq!(from_hub(&gone(&hub)), Some(FromHub::Gone(hub.clone())));
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
    fn a_hub_under_another_shard_is_not_read() {
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
    fn a_name_can_not_climb_out_of_its_topic() {
        for wrong in ["", "a/b", "+", "#", "a b", "ä"] {
            assert!(wrong.parse::<HubId>().is_err(), "{wrong}");
        }
    }
}
