//! One connection to the broker, over rumqttc. The client's task only polls, so it cannot deadlock with its users, and
//! it is dropped at the first error with everything it remembers: rumqttc resends from memory after a reconnect, which
//! once paired messages with the wrong acknowledgements.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rumqttc::{
    Transport,
    v5::{
        AsyncClient, ConnectionError, Event, MqttOptions, StateError,
        mqttbytes::{
            QoS,
            v5::{ConnAck, ConnectReturnCode, DisconnectReasonCode, Filter, Packet, PubAckReason, SubscribeReasonCode},
        },
    },
};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{address::BrokerAddress, message::Message};

/// The time limit for connecting and the handshake, in seconds.
const CONNECT_SECONDS: u64 = 10;

/// A silent broker is disconnected after one and a half times this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The maximum number of requests queued in the client; when full, publishing is refused until there is room.
const REQUESTS: usize = 64;

/// Messages that the broker may leave unacknowledged, if it allows as many. The client allocates about 70 bytes for
/// each: with its default of 65,535 a connection costs 4.5 MB.
const IN_FLIGHT: u16 = 1024;

/// The maximum number of unread messages; when full, the connection is not read.
const UNREAD: usize = 256;

/// The maximum size of an incoming packet beside its payload: the topic and its properties, in bytes.
const OVERHEAD: usize = 4096;

/// Room that [`Link::payload_limit`] leaves beside topic and payload: for content type, response topic and correlation.
const PROPERTIES: usize = 256;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It could not be established, it broke, or the peer violated the protocol.
    #[error("connection failed: {0}")]
    Connection(String),
    /// The broker closed it.
    #[error("the broker closed the connection ({0})")]
    Closed(String),
    /// The broker closed it because of another client, or without a reason, which some brokers do in that case.
    #[error(
        "the broker closed the connection {told}; if this repeats, another client connects as `{client_id}`: give \
         each its own name"
    )]
    TakenOver {
        /// The MQTT client id of both clients.
        client_id: String,
        /// `as another client took it over`, or `without a reason`.
        told: &'static str,
    },
    /// The broker rejected the client.
    #[error(
        "the broker refused the connection ({0}); check the user name, the password and the certificate in the config, \
         and the broker's access list"
    )]
    Refused(String),
    /// The broker does not support QoS 1.
    #[error("the broker only supports QoS 0; allow at least QoS 1 in its config")]
    QualityOfService,
    /// The broker refused a subscription.
    #[error("the broker refused the subscription to {filter} ({reason}); check its access list")]
    Subscription {
        /// The topic filter.
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

/// An event of the connection.
#[derive(Debug)]
pub enum Incoming {
    /// Connected and subscribed.
    Ready,
    /// A message.
    Message(Message),
    /// The broker accepted a message, so there may be room to publish again.
    Room,
    /// The connection ended, with the reason. Nothing follows.
    Closed(LinkError),
}

/// Why a message was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// The queue is full: retry after [`Incoming::Room`].
    #[error("too many messages wait to be sent")]
    NoRoom,
    /// The message is too large for the broker.
    #[error("message of {bytes} bytes; the broker accepts at most {limit}: raise its maximum packet size")]
    TooLarge {
        /// The payload's size.
        bytes: usize,
        /// The largest payload on this topic.
        limit: usize,
    },
    /// The message is to be retained, but the broker does not support that.
    #[error("the broker does not retain messages; allow retained messages in its config")]
    NotRetained,
}

/// A connection for publishing; ends its task when dropped.
pub struct Link {
    client: AsyncClient,
    poll: JoinHandle<()>,
    max_payload: usize,
    /// The broker's maximum packet size, once known.
    max_packet: Arc<AtomicUsize>,
    /// Whether the broker retains messages.
    retains: Arc<AtomicBool>,
}

impl Link {
    /// Publishes at QoS 1. Refuses what the broker does not accept: a packet beyond its limits would end the
    /// connection.
    ///
    /// # Errors
    /// The queue is full, the message is too large for the broker, or it is to be retained and the broker cannot.
    pub fn publish(&self, message: Message) -> Result<(), Unpublished> {
        let packet = self.max_packet.load(Ordering::Relaxed);
        let (bytes, limit) = (message.payload.len(), self.max_payload.min(packet.saturating_sub(message.overhead())));
        if bytes > limit {
            return Err(Unpublished::TooLarge { bytes, limit });
        }
        if message.retain && !self.retains.load(Ordering::Relaxed) {
            return Err(Unpublished::NotRetained);
        }
        let properties = message.properties();
        let Message { topic, payload, retain, .. } = message;
        let published = self.client.try_publish_with_properties(topic, QoS::AtLeastOnce, retain, payload, properties);
        published.map_err(|_| Unpublished::NoRoom)
    }

    /// The maximum payload on a topic, in bytes, with room for the properties of a [`Message`]. Known once the
    /// connection is [ready](Incoming::Ready).
    pub fn payload_limit(&self, topic: &str) -> usize {
        let packet = self.max_packet.load(Ordering::Relaxed);
        let bare = Message { topic: topic.to_owned(), ..Message::default() };
        self.max_payload.min(packet.saturating_sub(bare.overhead() + PROPERTIES))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.poll.abort();
    }
}

/// A user name and password. The `Debug` form omits the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A broker, and how to authenticate both ends.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Its address.
    pub address: BrokerAddress,
    /// For `mqtts`: the trusted authorities, and the client's certificate.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The login, if the broker asks for one.
    pub login: Option<Login>,
}

/// The parameters of a connection.
#[derive(Clone)]
pub struct Ends {
    /// The broker.
    pub broker: Broker,
    /// The MQTT client id.
    pub client_id: String,
    /// The topic filters to subscribe to; at least one.
    pub subscribe: Vec<String>,
    /// The maximum payload to send or accept, in bytes.
    pub max_payload: usize,
    /// The last will, published by the broker when this connection ends.
    pub will: Option<Message>,
}

/// Begins to connect; events arrive through the receiver.
pub fn connect(ends: Ends) -> (Link, mpsc::Receiver<Incoming>) {
    let Ends { broker: Broker { address, tls, login }, client_id, subscribe, max_payload, will } = ends;
    let mut options = MqttOptions::new(client_id.clone(), address.host, address.port);
    options.set_keep_alive(KEEP_ALIVE).set_clean_start(true).set_connection_timeout(CONNECT_SECONDS);
    options.set_outgoing_inflight_upper_limit(IN_FLIGHT);
    options.set_max_packet_size(Some(u32::try_from(max_payload.saturating_add(OVERHEAD)).unwrap_or(u32::MAX)));
    if let Some(Login { username, password }) = login {
        options.set_credentials(username, password);
    }
    if let Some(tls) = tls.filter(|_| address.tls) {
        options.set_transport(Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(tls)));
    }
    if let Some(will) = will {
        options.set_last_will(will.into_will());
    }
    let (client, mut events) = AsyncClient::new(options, REQUESTS);
    let (tell, incoming) = mpsc::channel(UNREAD);
    let subscriber = client.clone();
    let max_packet = Arc::new(AtomicUsize::new(usize::MAX));
    let retains = Arc::new(AtomicBool::new(true));
    let (heard_max, heard_retains) = (Arc::clone(&max_packet), Arc::clone(&retains));
    let poll = tokio::spawn(async move {
        let mut is_in = false;
        let why = loop {
            let told = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                    is_in = true;
                    match limits(&answer) {
                        Ok(limits) => {
                            heard_max.store(limits.max_packet, Ordering::Relaxed);
                            heard_retains.store(limits.retains, Ordering::Relaxed);
                        }
                        Err(why) => break why,
                    }
                    let wanted = subscribe.iter().map(|filter| Filter::new(filter.clone(), QoS::AtLeastOnce));
                    match subscriber.try_subscribe_many(wanted) {
                        Ok(()) => continue,
                        Err(error) => break LinkError::Connection(error.to_string()),
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => match refused(&subscribe, &answer.return_codes) {
                    None => Incoming::Ready,
                    Some(error) => break error,
                },
                Ok(Event::Incoming(Packet::Publish(message))) => Incoming::Message(Message::arrived(message)),
                Ok(Event::Incoming(Packet::PubAck(answer))) => match answer.reason {
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Incoming::Room,
                    reason => break LinkError::Message(format!("{reason:?}")),
                },
                Ok(_) => continue,
                Err(error) => break cause(error, client_id, is_in),
            };
            if tell.send(told).await.is_err() {
                return;
            }
        };
        let _ = tell.send(Incoming::Closed(why)).await;
    });
    (Link { client, poll, max_payload, max_packet, retains }, incoming)
}

/// The broker's limits.
struct Limits {
    max_packet: usize,
    retains: bool,
}

/// The broker's limits, from its CONNACK. The client itself obeys the receive maximum.
fn limits(answer: &ConnAck) -> Result<Limits, LinkError> {
    let Some(limits) = &answer.properties else { return Ok(Limits { max_packet: usize::MAX, retains: true }) };
    if limits.max_qos == Some(0) {
        return Err(LinkError::QualityOfService);
    }
    let max_packet = limits.max_packet_size.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(Limits { max_packet, retains: limits.retain_available != Some(0) })
}

/// The reason why the client ended the connection.
fn cause(error: ConnectionError, client_id: String, is_in: bool) -> LinkError {
    match error {
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        }) => LinkError::TakenOver { client_id, told: "as another client took it over" },
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string }) => {
            let why = reason_string.map(|why| format!(": {}", why.escape_debug())).unwrap_or_default();
            LinkError::Closed(format!("{reason_code:?}{why}"))
        }
        // mosquitto sends a DISCONNECT without properties, which rumqttc 0.25 takes for unfinished.
        ConnectionError::MqttState(StateError::ConnectionAborted) if is_in => {
            LinkError::TakenOver { client_id, told: "without a reason" }
        }
        ConnectionError::ConnectionRefused(
            code @ (ConnectReturnCode::BadUserNamePassword
            | ConnectReturnCode::NotAuthorized
            | ConnectReturnCode::BadAuthenticationMethod
            | ConnectReturnCode::ClientIdentifierNotValid
            | ConnectReturnCode::Banned),
        ) => LinkError::Refused(format!("{code:?}")),
        error => LinkError::Connection(error.to_string()),
    }
}

/// The first subscription that the broker refused. The broker answers them in order.
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
    async fn an_unreachable_broker_closes_the_connection_with_a_reason() {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = BrokerAddress { host: "127.0.0.1".into(), port, tls: false };
        let broker = Broker { address, tls: None, login: None };
        let subscribe = vec!["a".to_owned()];
        let ends = Ends { broker, client_id: "test".into(), subscribe, max_payload: 1, will: None };
        let (_link, mut incoming) = connect(ends);
        let told = incoming.recv().await;
        assert!(matches!(told, Some(Incoming::Closed(LinkError::Connection(_)))), "{told:?}");
        assert!(incoming.recv().await.is_none());
    }
}
