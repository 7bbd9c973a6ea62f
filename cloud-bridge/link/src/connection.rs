//! One connection to the broker, by rumqttc, fenced: its task only polls, so that nothing it waits for can wait for it,
//! and it is thrown away whole at the first error, with whatever its client still remembers (rumqttc resends from
//! memory after a reconnect, which once paired messages with the wrong acknowledgements).

use std::{sync::Arc, time::Duration};

use rumqttc::{
    Transport,
    v5::{
        AsyncClient, Event, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{Filter, Packet, PubAckReason, SubscribeReasonCode},
        },
    },
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::address::BrokerAddress;

/// How long connecting and the handshake may take, in seconds.
const CONNECT_SECONDS: u64 = 10;

/// A silent broker is given up after one and a half times this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Requests that may wait inside the client; beyond it publishing is refused until there is room.
const REQUESTS: usize = 64;

/// Messages that wait here for whoever reads them; beyond it the connection is not read.
const UNREAD: usize = 256;

/// What a packet may have beside its payload: the topic and its properties, in bytes.
const OVERHEAD: usize = 4096;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It could not be made, or broke, or the peer does not keep to the protocol.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The broker closed it.
    #[error("the broker closed the connection ({0})")]
    Closed(String),
    /// The broker refused a subscription.
    #[error("the broker refused the subscription to {filter} ({reason}); check its access list")]
    Subscription {
        /// To what.
        filter: String,
        /// The broker's reason code.
        reason: String,
    },
    /// The broker refused a message.
    #[error("the broker refused a message ({0}); check its access list")]
    Message(String),
    /// The connection's task ended without a reason.
    #[error("the connection's task ended unexpectedly")]
    TaskEnded,
}

/// What comes from the broker.
#[derive(Debug)]
pub enum Incoming {
    /// Connected and subscribed: messages may flow.
    Ready,
    /// A message.
    Message {
        /// Where it was published.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// The broker took something: there may be room to publish again.
    Room,
    /// The connection is over, for this reason. Nothing follows.
    Closed(LinkError),
}

/// A connection: publishes, and ends its task when dropped.
pub struct Link {
    client: AsyncClient,
    poll: JoinHandle<()>,
}

impl Link {
    /// Publishes at QoS 1. False if there is no room now: try again after [`Incoming::Room`].
    pub fn publish(&self, topic: String, payload: Vec<u8>) -> bool {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).is_ok()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.poll.abort();
    }
}

/// Who connects to where, and what it listens to.
#[derive(Clone)]
pub struct Ends {
    /// The broker.
    pub broker: BrokerAddress,
    /// For `mqtts`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The MQTT client id.
    pub client_id: String,
    /// The topic filters to subscribe to; at least one.
    pub subscribe: Vec<String>,
    /// The largest payload that is sent or taken, in bytes.
    pub max_payload: usize,
}

/// Begins to connect; what happens is told through the receiver.
pub fn connect(ends: Ends) -> (Link, mpsc::Receiver<Incoming>) {
    let mut options = MqttOptions::new(ends.client_id, ends.broker.host.clone(), ends.broker.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_start(true).set_connection_timeout(CONNECT_SECONDS);
    options.set_max_packet_size(Some(u32::try_from(ends.max_payload.saturating_add(OVERHEAD)).unwrap_or(u32::MAX)));
    if let Some(tls) = ends.tls.filter(|_| ends.broker.tls) {
        options.set_transport(Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(tls)));
    }
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let (tell, incoming) = mpsc::channel(UNREAD);
    let (subscriber, filters) = (client.clone(), ends.subscribe);
    let poll = tokio::spawn(async move {
        let why = loop {
            let told = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    let wanted = filters.iter().map(|filter| Filter::new(filter.clone(), QoS::AtLeastOnce));
                    match subscriber.try_subscribe_many(wanted) {
                        Ok(()) => continue,
                        Err(error) => break LinkError::Connection(error.to_string()),
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => match refused(&filters, &answer.return_codes) {
                    None => Incoming::Ready,
                    Some(error) => break error,
                },
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let topic = String::from_utf8_lossy(&message.topic).into_owned();
                    Incoming::Message { topic, payload: message.payload.to_vec() }
                }
                Ok(Event::Incoming(Packet::PubAck(answer))) => match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Incoming::Room,
                    reason => break LinkError::Message(format!("{reason:?}")),
                },
                Ok(Event::Incoming(Packet::Disconnect(notice))) => {
                    break LinkError::Closed(format!("{:?}", notice.reason_code));
                }
                Ok(_) => continue,
                Err(error) => break LinkError::Connection(error.to_string()),
            };
            if tell.send(told).await.is_err() {
                return;
            }
        };
        let _ = tell.send(Incoming::Closed(why)).await;
    });
    (Link { client, poll }, incoming)
}

/// The first subscription that the broker did not grant. It answers them in order.
fn refused(filters: &[String], codes: &[SubscribeReasonCode]) -> Option<LinkError> {
    let mut codes = codes.iter();
    filters.iter().find_map(|filter| {
        let reason = match codes.next() {
            Some(SubscribeReasonCode::Success(_)) => return None,
            Some(reason) => format!("{reason:?}"),
            None => "no answer".to_owned(),
        };
        Some(LinkError::Subscription { filter: filter.clone(), reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subscription_must_be_granted() {
        let filters = ["a".to_owned(), "b".to_owned()];
        let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
        assert_eq!(refused(&filters, &[granted, granted]), None);
        for codes in [&[granted][..], &[granted, SubscribeReasonCode::NotAuthorized]] {
            let error = refused(&filters, codes).unwrap();
            assert!(matches!(error, LinkError::Subscription { filter, .. } if filter == "b"));
        }
    }

    #[tokio::test]
    async fn a_broker_that_is_not_there_closes_the_connection_with_a_reason() {
        // A port that was free a moment ago, with nobody behind it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let broker = BrokerAddress { host: "127.0.0.1".into(), port, tls: false };
        let subscribe = vec!["a".to_owned()];
        let ends = Ends { broker, tls: None, client_id: "test".into(), subscribe, max_payload: 1 };
        let (_link, mut incoming) = connect(ends);
        let told = incoming.recv().await;
        assert!(matches!(told, Some(Incoming::Closed(LinkError::Connection(_)))), "{told:?}");
        assert!(incoming.recv().await.is_none());
    }
}
