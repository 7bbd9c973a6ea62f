//! The headquarters (HQ) side: stores the hubs' events in a ledger and acknowledges after the commit; sends items and
//! publications to the hubs; serves an API.
//!
//! # What this crate promises
//!
//! - **Once, in order.** An event is stored unchanged, and applied, in the transaction that advances the stream's
//!   cursor ([`Ledger::apply`]). Events before the cursor are compared with the stored ones, dropped and counted.
//!   Events after a gap are ignored: the hub gets the cursor again and goes back to it.
//! - **Acknowledged means committed.** An [`Acknowledgement`](contract::Acknowledgement) is published only after the
//!   ledger's commit.
//! - **A bad event does not block its stream.** Events that are unreadable or inconsistent are quarantined with a
//!   reason, for a person; the cursor advances.
//! - **Everything except events can be rebuilt.** Sales, days, stock and transfers are [projections](projection) of the
//!   events. An event of an unknown kind is kept and projected by a later rebuild.
//! - **A bad message changes nothing.** A message of the wrong hub or version, or with a gap, is dropped and counted.
//!
//! | failure | effect |
//! | --- | --- |
//! | the broker fails | a new connection with back-off; hubs say hello again, or resend after a stall |
//! | the ledger cannot commit | nothing is acknowledged; the hub resends after a stall |
//! | an acknowledgement is lost | the hub resends, everything is a repeat, the cursor is acknowledged again |
//! | a worker was paused and another serves its hubs | its writes are refused: see [`shard`] |
//! | this process is killed | cursor and effects are one transaction; hubs resend what was not acknowledged |
//! | the ledger is restored from a backup, or empty | hubs go back to its cursors, quiet ones within 30 s |
//! | an event is repeated with other content | an alarm; the stored event stays |
//! | two hubs have one name | an error that names both epochs; their events are kept apart by epoch |
//! | a hub's disk was set back or copied | an error; its new events do not replace those received |
//! | a hub's events do not lead to the positions it sent | an alarm; the events' sum is shown |
//! | a hub could not send an event | its [`Placeholder`](contract::Placeholder) is quarantined, for a person |
//! | somebody floods the broker | dropped messages are logged every 10 s |
//!
//! | module | contents |
//! | --- | --- |
//! | [`database`] | SQLite or PostgreSQL, with one set of statements |
//! | [`ledger`] | events and cursors: one transaction per batch |
//! | [`projection`] | tables derived from the events, and their rebuild |
//! | [`report`] | reports for people and programs |
//! | [`ingest`] | from MQTT into the ledger |
//! | [`shard`] | which worker serves which hubs: leases and fences |
//! | `beside` | other messages from hubs: presence, telemetry, positions, questions |
//! | [`presence`] | whether a hub is connected, and since when |
//! | [`positions`] | positions that hubs send before their events, until the events confirm them |
//! | [`transfers`] | goods sent from one store to another, matched across both ledgers |
//! | [`api`] | REST for web shop, ERP and loyalty |
//! | [`metrics`] | figures for the monitoring |
//! | [`feed`] | all events, in the order of commits |
//! | [`webhooks`] | the feed, delivered to subscribers |
//! | [`exports`] | a whole day of sales, as CSV or Parquet |
//! | [`publications`] | publications, such as the catalog |
//! | [`prices`] | prices of stores and moments, by the hubs' engine; parity |
//! | [`down`] | queues of items for hubs, and the publisher |
//! | [`customers`] | one profile for each customer, known to every store; the loyalty programme |
//! | [`gift_cards`] | gift cards and store credit: what is free, what stores hold |
//! | [`routing`] | which store fulfils which part of an order |
//! | [`orders`] | customer orders: placing, routing, quotas, tracking, refunds |
//! | [`locations`] | locations, the claims for them, the certificates of their hubs |

pub mod api;
pub(crate) mod beside;
pub mod customers;
pub mod database;
pub mod down;
pub mod exports;
pub mod feed;
pub mod gift_cards;
pub mod ingest;
pub mod ledger;
pub mod locations;
pub mod metrics;
mod moment;
pub mod orders;
pub mod positions;
pub mod presence;
pub mod prices;
pub mod projection;
pub mod publications;
pub mod report;
pub mod routing;
pub mod shard;
#[cfg(test)]
mod testing;
pub mod transfers;
pub mod webhooks;

pub use database::{Access, Address, DatabaseError, LedgerArguments};
pub use down::{Publisher, Queues};
pub use ingest::{Ingest, IngestStats};
pub use ledger::{Applied, Ledger};
pub use moment::now_ms;
pub use report::Summary;
pub use shard::Leases;
pub use transfers::Uneven;
