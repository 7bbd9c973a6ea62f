//! The connection to a message broker: what a hub and headquarters both need, and nothing of what they say to each
//! other.
//!
//! # What this crate promises
//!
//! - **One connection, one life.** A [`Link`] is never repaired. At the first error it ends with [`Incoming::Closed`]
//!   and everything its client remembered is gone; whoever holds it connects again and resends from its own records.
//! - **Publishing never blocks.** Without room it says so; [`Incoming::Room`] tells when to try again.
//! - **What the broker takes is kept to.** Its answer to a connection names its largest packet: a larger message is
//!   refused by [`Link::publish`] with both sizes, and the connection goes on. How many messages it takes at once is
//!   kept to by the client.
//! - **A message is a topic, a content type and bytes** ([`Message`]): at QoS 1, kept by the broker if it says so, with a
//!   topic for the answer and data by which that is known if one is asked for. A connection may have a last will.
//! - **Trust is explicit.** TLS trusts the certificates of one PEM file, never the system's. A file without a
//!   certificate is an error.
//! - **An identity can be renewed.** [`Identity::reload`] takes over a new certificate; the next handshake shows it.
//! - **Delays are spread.** [`BackOff`] grows exponentially up to a maximum and is jittered, so that peers that lost a
//!   broker together come back one by one.
//!
//! # States of a connection
//!
//! ```text
//!   connect() --CONNACK--> subscribing --SUBACK--> Ready --> Message, Room ... --any error--> Closed
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the broker is not reached within 10 s, or not trusted | `Closed` with [`LinkError::Connection`] |
//! | the broker is silent for one and a half times 15 s | `Closed` with [`LinkError::Connection`] |
//! | the broker refuses the client, by user, password or certificate | `Closed` with [`LinkError::Refused`] |
//! | another client connects with the same id | `Closed` with [`LinkError::TakenOver`], which names the id |
//! | the broker takes no messages of quality of service 1 | `Closed` with [`LinkError::QualityOfService`] |
//! | the broker refuses a subscription or a message | `Closed` with an error that names it: its access list is wrong |
//! | a packet is larger than the limit | `Closed`; a peer that does not keep the limit is not listened to |
//!
//! | module | holds |
//! | --- | --- |
//! | [`address`] | `mqtts://HOST:PORT` |
//! | [`connection`] | the connection, by rumqttc |
//! | [`message`] | a message and its MQTT 5 properties |
//! | [`trust`] | trust from PEM files |
//! | [`identity`] | certificate and key from PEM files, and their renewal |
//! | [`back_off`] | how long to wait before the next attempt |

pub mod address;
pub mod back_off;
pub mod connection;
pub mod identity;
pub mod message;
pub mod trust;

pub use address::{BadBrokerAddress, BrokerAddress};
pub use back_off::BackOff;
pub use connection::{Broker, Ends, Incoming, Link, LinkError, Login, Unpublished, connect};
pub use identity::Identity;
pub use message::Message;
pub use trust::{TrustError, client_config};
