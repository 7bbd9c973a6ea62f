//! The messages between hubs and headquarters (HQ).
//!
//! # What both ends promise
//!
//! - An event is identified by (hub, epoch, stream, sequence). Sequences count from 1 without gaps; an epoch is drawn
//!   when a hub's store is created.
//! - HQ stores an event in the transaction that advances its cursor, and acknowledges after that commit.
//!   [`Acknowledgement`] is cumulative: HQ has everything up to its cursor. Only an acknowledgement allows the hub to
//!   forget events; a broker's PUBACK does not.
//! - The hub may repeat anything at any time; HQ drops duplicates. HQ may lose its latest events (a restored backup);
//!   it answers with its older cursor, and the hub goes back to it. A hub with nothing to send asks for the cursors
//!   every 30 s, so that an HQ that lost events gets them again.
//! - A hub believes an acknowledgement only up to what it has sent, or knew to be acknowledged when it started. It
//!   sends everything beyond that, and HQ drops duplicates.
//! - A batch carries the [`ChainLink`] of its last event, and HQ's acknowledgement carries the link at its cursor. If
//!   the hub has another link there, its store is not the one HQ knows (its disk was set back or copied): the hub sends
//!   nothing more, its next hello says so, and both raise an alarm.
//! - An event that cannot be sent (its record is damaged, or it is too large for the broker) is replaced by a
//!   [`Placeholder`], which HQ keeps for a person; later events continue.
//! - Items from HQ are applied once, in order, by the same protocol in the other direction; see [`down`].
//! - Every message is JSON of at most [`MAX_MESSAGE`] bytes, compressed if that makes it smaller; its content type
//!   names form and version ([`wire`]). Fields may be added within a version; unknown ones are ignored.
//!
//! # A conversation
//!
//! ```text
//! hub                                             HQ
//!  | -- hello: epoch, streams and their spans -->  |   at every (re)connect, repeated every 5 s until answered;
//!  |                                               |   every 30 s while the hub's store has stopped
//!  | <-- acknowledgement per stream: its cursor -- |   0 for a stream it has never seen
//!  | -- positions ------------------------------>  |   if many events wait: the current positions, before them
//!  | -- batch from cursor + 1 ------------------>  |   a bounded window of batches
//!  | <-- acknowledgement ------------------------- |   after the commit; on a gap: the unchanged cursor
//!  | -- telemetry ------------------------------>  |   the hub's condition, when nothing else waits
//!  | -- question ------------------------------->  |   for what only HQ knows
//!  | <-- answer ---------------------------------- |   at most once, while the hub waits
//!  | -- gone ----------------------------------->  |   from the broker, when the connection ends
//! ```
//!
//! | module | contents |
//! | --- | --- |
//! | [`name`] | hubs and their shards, streams, epochs, sequences |
//! | [`message`] | up: hello, last will, batch, acknowledgement |
//! | [`positions`] | up: current positions, before the events that led to them |
//! | [`telemetry`] | up: the hub's condition |
//! | [`ask`] | questions of a hub, and their answers |
//! | [`down`] | down: batch, acknowledgement, and which items of a batch are due |
//! | [`wire`] | encoding: content type, version, compression |
//! | [`topic`] | topics |
//! | [`kind`] | kinds: name, stream and body |
//! | [`sale`] | up: a completed sale |
//! | [`audit`] | up: an entry of the audit trail |
//! | [`cash`] | up: shifts of tills, movements of cash, business days |
//! | [`stock`] | up: a stock movement, and an epoch's opening stock |
//! | [`enrolment`] | both, over HTTPS: how a box becomes a store's hub, and keeps its identity |
//! | [`item`] | down: an item of the catalog |
//! | [`customer`] | both: customers and the loyalty programme |
//! | [`guide`] | down: the rules of guided selling |
//! | [`gift_card`] | both: the money of gift cards and store credit |
//! | [`operator`] | down: who may sign in at registers |
//! | [`order`] | both: offers of orders, and what became of them |
//! | [`quota`] | both: what the web may sell of a store's stock |
//! | [`transfer`] | both: the notice of goods sent to another store |
//! | `schema` | JSON Schemas of all of them; a feature |
//! | [`publication`] | down: publications: signed manifests, segments, and the hubs' states of them |

pub mod ask;
pub mod audit;
pub mod cash;
pub mod customer;
pub mod down;
pub mod enrolment;
pub mod gift_card;
pub mod guide;
pub mod item;
pub mod kind;
pub mod message;
pub mod name;
pub mod operator;
pub mod order;
pub mod positions;
pub mod publication;
pub mod quota;
pub mod sale;
#[cfg(feature = "schema")]
pub mod schema;
pub mod stock;
pub mod telemetry;
pub mod topic;
pub mod transfer;
pub mod wire;

pub use ask::{Answer, Answered, Asked, Question};
pub use down::{DownAcknowledgement, DownBatch, DownItem, Received, Refusal};
pub use kind::{BadBody, Body, DownKind, EventKind};
pub use message::{
    Acknowledgement, BadMessage, Batch, Event, Gone, Hello, Known, MAX_MESSAGE, MAX_WHY, Placeholder, StreamSpan,
    VERSION,
};
pub use name::{ChainLink, Digest, Epoch, HubId, PublicationKind, SHARDS, Sequence, Shard, Stream};
pub use positions::Positions;
pub use sale::SaleCompleted;
pub use stock::{StockMoved, StockOpened};
pub use telemetry::Telemetry;
pub use wire::{Packed, Wire};
