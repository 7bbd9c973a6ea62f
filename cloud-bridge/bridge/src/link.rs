//! One connection to the broker, by rumqttc, fenced: its task does nothing but poll, so that nothing it waits for can wait for it; it is
//! thrown away whole at the first error, with whatever its client still remembers (rumqttc resends from memory after a reconnect, which
//! once paired messages with the wrong acknowledgements).

use std::{sync::Arc, time::Duration};

use rumqttc::{
    Transport,
    v5::{
        AsyncClient, Event, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{Packet, PubAckReason, SubscribeReasonCode},
        },
    },
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::address::BrokerAddress;

/// How long connecting and the handshake may take, in seconds.
const CONNECT_SECONDS: u64 = 10;

/// A silent broker is given up after one and a half times this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Requests that may wait inside the client; past it publishing is tried again later.
const REQUESTS: usize = 64;

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
    Closed(String),
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
pub struct LinkEnds {
    /// The broker.
    pub broker: BrokerAddress,
    /// For `mqtts`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The MQTT client id.
    pub client_id: String,
    /// The topic filter to subscribe to.
    pub subscribe: String,
    /// The largest packet taken, in bytes.
    pub max_packet: u32,
}

/// Begins to connect; what happens is told through the receiver.
pub fn connect(ends: LinkEnds) -> (Link, mpsc::Receiver<Incoming>) {
    let mut options = MqttOptions::new(ends.client_id, ends.broker.host.clone(), ends.broker.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_start(true).set_connection_timeout(CONNECT_SECONDS);
    options.set_max_packet_size(Some(ends.max_packet));
    if let Some(tls) = ends.tls.filter(|_| ends.broker.tls) {
        options.set_transport(Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(tls)));
    }
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let (tell, incoming) = mpsc::channel(256);
    let (subscriber, filter) = (client.clone(), ends.subscribe);
    let poll = tokio::spawn(async move {
        let why = loop {
            let told = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    match subscriber.try_subscribe(filter.clone(), QoS::AtLeastOnce) {
                        Ok(()) => continue,
                        Err(error) => break error.to_string(),
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if !answer.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_))) {
                        break format!("the broker refused the subscription to {filter}; check its access list");
                    }
                    Incoming::Ready
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let topic = String::from_utf8_lossy(&message.topic).into_owned();
                    Incoming::Message { topic, payload: message.payload.to_vec() }
                }
                Ok(Event::Incoming(Packet::PubAck(answer))) => match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Incoming::Room,
                    reason => break format!("the broker refused a message ({reason:?}); check its access list"),
                },
                Ok(Event::Incoming(Packet::Disconnect(notice))) => {
                    break format!("the broker closed the connection ({:?})", notice.reason_code);
                }
                Ok(_) => continue,
                Err(error) => break error.to_string(),
            };
            if tell.send(told).await.is_err() {
                return;
            }
        };
        let _ = tell.send(Incoming::Closed(why)).await;
    });
    (Link { client, poll }, incoming)
}
