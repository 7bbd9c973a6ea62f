//! The connection to a message broker, shared by the hub and headquarters and independent of their messages.
//!
//! # What this crate promises
//!
//! - **A connection is never repaired.** At the first error a [`Link`] ends with [`Incoming::Closed`] and everything
//!   its client remembered is dropped; its owner connects again and resends from its own records.
//! - **Publishing never blocks.** Without room it fails; [`Incoming::Room`] says when to retry.
//! - **The broker's limits are obeyed.** Its CONNACK states its maximum packet size: [`Link::publish`] refuses a larger
//!   message with both sizes, and the connection continues. The client obeys the receive maximum.
//! - **A message is a topic, a content type and bytes** ([`Message`]): at QoS 1, retained if it says so, with a
//!   response topic and correlation data if it asks for an answer. A connection may have a last will.
//! - **Trust is explicit.** TLS trusts the certificates of one PEM file, never the system's. A file without a
//!   certificate is an error.
//! - **An identity can be renewed.** [`Identity::reload`] re-reads its files; the next handshake uses the new
//!   certificate.
//! - **Delays are spread.** [`BackOff`] grows exponentially up to a maximum and is jittered, so that clients that lost
//!   a broker together come back one by one.
//!
//! # States of a connection
//!
//! ```text
//!   connect() --CONNACK--> subscribing --SUBACK--> Ready --> Message, Room ... --any error--> Closed
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | the broker is not reached within 10 s, or not trusted | `Closed` with [`LinkError::Connection`] |
//! | the broker is silent for one and a half times 15 s | `Closed` with [`LinkError::Connection`] |
//! | the broker rejects the user, the password or the certificate | `Closed` with [`LinkError::Refused`] |
//! | another client connects with the same id | `Closed` with [`LinkError::TakenOver`], which names the id |
//! | the broker does not support QoS 1 | `Closed` with [`LinkError::QualityOfService`] |
//! | the broker refuses a subscription or a message | `Closed` with an error that names it: its access list is wrong |
//! | a packet is larger than the limit | `Closed`: the peer violates the limit |
//!
//! | module | contents |
//! | --- | --- |
//! | [`address`] | `mqtts://HOST:PORT` |
//! | [`connection`] | the connection, over rumqttc |
//! | [`message`] | a message and its MQTT 5 properties |
//! | [`trust`] | trust from PEM files |
//! | [`pinned`] | trust by the hash of a root certificate |
//! | [`identity`] | certificate and key from PEM files, and their renewal |
//! | [`back_off`] | the delay before the next attempt |

pub mod address;
pub mod back_off;
pub mod connection;
pub mod identity;
pub mod message;
pub mod pinned;
pub mod trust;

pub use address::{BadBrokerAddress, BrokerAddress};
pub use back_off::BackOff;
pub use connection::{Broker, Ends, Incoming, Link, LinkError, Login, Unpublished, connect};
pub use identity::Identity;
pub use message::Message;
pub use trust::{TrustError, client_config};
