//! Where messages are published. A hub may publish under its own `up` and read its own `down`: a broker's access list
//! needs no more than that.

use crate::name::{HubId, Stream};

const ROOT: &str = "store-hub/v1";

/// What HQ subscribes to: everything that any hub sends.
pub const ALL_HUBS: &str = "store-hub/v1/+/up/+";

/// What HQ's sender subscribes to: how far each hub is.
pub const ALL_RECEIVED: &str = "store-hub/v1/+/up/received";

/// Where a hub says hello.
pub fn hello(hub: &HubId) -> String {
    format!("{ROOT}/{hub}/up/hello")
}

/// Where a hub sends a stream.
pub fn stream(hub: &HubId, stream: &Stream) -> String {
    format!("{ROOT}/{hub}/up/{stream}")
}

/// Where HQ acknowledges to a hub.
pub fn acknowledgement(hub: &HubId) -> String {
    format!("{ROOT}/{hub}/down/acknowledgement")
}

/// Where HQ sends a hub what it wants of the store.
pub fn down_batch(hub: &HubId) -> String {
    format!("{ROOT}/{hub}/down/batch")
}

/// Where a hub says how far it is in what HQ sends.
pub fn received(hub: &HubId) -> String {
    format!("{ROOT}/{hub}/up/received")
}

/// What a message to a hub is, by its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToHub {
    /// An [`Acknowledgement`](crate::Acknowledgement).
    Acknowledgement,
    /// A [`DownBatch`](crate::DownBatch).
    Batch,
}

/// Reads a topic that a hub got a message on.
pub fn to_hub(hub: &HubId, topic: &str) -> Option<ToHub> {
    match topic.strip_prefix(ROOT)?.strip_prefix('/')?.strip_prefix(hub.as_str())? {
        "/down/acknowledgement" => Some(ToHub::Acknowledgement),
        "/down/batch" => Some(ToHub::Batch),
        _ => None,
    }
}

/// What a message from a hub is, by its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromHub {
    /// A [`Hello`](crate::Hello).
    Hello(HubId),
    /// A [`DownAcknowledgement`](crate::DownAcknowledgement).
    Received(HubId),
    /// A [`Batch`](crate::Batch).
    Batch(HubId, Stream),
}

/// Reads a topic that HQ got a message on.
pub fn from_hub(topic: &str) -> Option<FromHub> {
    let (hub, what) = topic.strip_prefix(ROOT)?.strip_prefix('/')?.split_once("/up/")?;
    let hub = hub.parse().ok()?;
    match what {
        "hello" => Some(FromHub::Hello(hub)),
        "received" => Some(FromHub::Received(hub)),
        stream => Some(FromHub::Batch(hub, stream.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back_as_what_they_were_written_for() {
        let hub: HubId = "store-367".parse().unwrap();
        assert_eq!(from_hub(&hello(&hub)), Some(FromHub::Hello(hub.clone())));
        assert_eq!(from_hub(&stream(&hub, &Stream::sales())), Some(FromHub::Batch(hub.clone(), Stream::sales())));
        assert_eq!(from_hub(&received(&hub)), Some(FromHub::Received(hub.clone())));
        assert_eq!(to_hub(&hub, &acknowledgement(&hub)), Some(ToHub::Acknowledgement));
        assert_eq!(to_hub(&hub, &down_batch(&hub)), Some(ToHub::Batch));
        for foreign in ["", "store-hub/v1/store-3671/down/batch", "store-hub/v1/store-36/down/batch", &received(&hub)] {
            assert_eq!(to_hub(&hub, foreign), None, "{foreign}");
        }
        for foreign in [
            "",
            "store-hub/v1",
            "store-hub/v1//up/hello",
            "store-hub/v2/a/up/hello",
            &acknowledgement(&hub),
            "store-hub/v1/a/up/b/c",
        ] {
            assert_eq!(from_hub(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_name_can_not_climb_out_of_its_topic() {
        for wrong in ["", "a/b", "+", "#", "a b", "ä"] {
            assert!(wrong.parse::<HubId>().is_err(), "{wrong}");
        }
    }
}
