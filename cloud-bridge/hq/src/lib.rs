//! Headquarters' half of the bridge: takes what hubs send into a ledger, once in effect, and acknowledges after the
//! commit; sends hubs what HQ wants of their stores.
//!
//! # What this crate promises
//!
//! - **Once, in order.** An event is stored as it came, and applied, in the transaction that moves the stream's cursor
//!   past it ([`Ledger::apply`]). What is behind the cursor is compared with what is there, dropped and counted; what is
//!   ahead of it (a gap) is not touched: the hub hears the cursor again and goes back to it.
//! - **Acknowledged means committed.** An [`Acknowledgement`](contract::Acknowledgement) is published after the
//!   ledger's commit, never before.
//! - **A bad event does not block its stream.** What cannot be read, or does not add up, is in quarantine with the
//!   reason, for a person; the cursor moves on.
//! - **Everything but events can be made again.** Sales, days, stock and transfers are [projections](projection) of the
//!   events. A kind of event that HQ does not know yet is kept, and projected by the next rebuild.
//! - **A bad message changes nothing.** From the wrong hub, of another version, or with a gap, it is dropped and
//!   counted.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the broker | a new connection with back-off; hubs say hello again, or resend after a stall |
//! | the ledger cannot commit | nothing is acknowledged; the hub sends again after a stall |
//! | an acknowledgement is lost | the hub sends again, everything is a repeat, the cursor is acknowledged again |
//! | a worker was paused, and another has its hubs | it stores nothing of theirs: see [`shard`] |
//! | this process dies | cursor and effects are in one transaction; hubs resend what was not acknowledged |
//! | the ledger is restored from a backup, or is empty | its cursors are older; hubs follow them back, a quiet one within 30 s |
//! | an event arrives again and says something else | an alarm; what is there stays |
//! | two hubs have one name | an error that names both epochs; what each sends is kept apart by its epoch |
//! | a hub's disk was set back, or copied, and sold on | an error; what it numbered anew is not taken for what was heard |
//! | a hub's events do not add up to the positions it told | an alarm; what the events say is shown |
//! | a hub could not send an event | its [`Placeholder`](contract::Placeholder) is in quarantine, for a person |
//! | somebody floods the broker | dropped messages are logged every 10 s; who may publish for a hub fills the disk with its events |
//!
//! | module | holds |
//! | --- | --- |
//! | [`database`] | SQLite or PostgreSQL, by one set of statements |
//! | [`ledger`] | events and cursors: one transaction a batch |
//! | [`projection`] | what events say, in rows; all of it again |
//! | [`report`] | what the ledger says, for people and programs |
//! | [`ingest`] | from MQTT into a ledger |
//! | [`shard`] | which worker serves which hubs: leases and fences |
//! | `beside` | what hubs say beside their events: presence, samples, positions, questions |
//! | [`presence`] | whether a hub is connected, and since when |
//! | [`positions`] | what hubs tell ahead of their events, until those confirm it |
//! | [`transfers`] | what left one store for another, followed from one ledger into the other |
//! | [`api`] | REST for web shop, ERP and loyalty |
//! | [`feed`] | every event, in the order of commits |
//! | [`webhooks`] | the feed, carried to whoever wants it |
//! | [`exports`] | a whole day of sales, as CSV or Parquet |
//! | [`publications`] | what HQ publishes whole, such as the catalog |
//! | [`down`] | queues of what HQ sends, and the publisher |
//! | [`routing`] | which store gets which part of an order |

pub mod api;
pub(crate) mod beside;
pub mod database;
pub mod down;
pub mod exports;
pub mod feed;
pub mod ingest;
pub mod ledger;
mod moment;
pub mod positions;
pub mod presence;
pub mod projection;
pub mod publications;
pub mod report;
pub mod routing;
pub mod shard;
#[cfg(test)]
mod testing;
pub mod transfers;
pub mod webhooks;

pub use database::{Access, Address, DatabaseError};
pub use down::{Publisher, Queues};
pub use ingest::{Ingest, IngestStats};
pub use ledger::{Applied, Ledger};
pub use report::Summary;
pub use shard::Leases;
pub use transfers::Uneven;
