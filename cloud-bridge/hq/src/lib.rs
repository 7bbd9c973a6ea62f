//! Headquarters' half of the bridge: takes what hubs send into a ledger, once in effect, and acknowledges after the
//! commit; sends hubs what HQ wants of their stores.
//!
//! # What this crate promises
//!
//! - **Once, in order.** An event is applied in the transaction that moves the stream's cursor past it
//!   ([`Ledger::apply`]). What is behind the cursor is dropped and counted; what is ahead of it (a gap) is not touched:
//!   the hub hears the cursor again and goes back to it.
//! - **Acknowledged means committed.** An [`Acknowledgement`](contract::Acknowledgement) is published after the
//!   ledger's commit, never before.
//! - **A bad event does not block its stream.** What cannot be read, or does not add up, is kept in quarantine with the
//!   reason, for a person; the cursor moves on.
//! - **A bad message changes nothing.** From the wrong hub, of another version, or with a gap, it is dropped and
//!   counted.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the broker | a new connection with back-off; hubs say hello again, or resend after a stall |
//! | the ledger cannot commit | nothing is acknowledged; the hub sends again after a stall |
//! | an acknowledgement is lost | the hub sends again, everything is a repeat, the cursor is acknowledged again |
//! | this process dies | cursor and effects are in one transaction; hubs resend what was not acknowledged |
//! | the ledger is restored from a backup, or is empty | its cursors are older; hubs follow them back, a quiet one within 30 s |
//! | two hubs have one name | an error that names both epochs; what each sends is kept apart by its epoch |
//! | a hub's disk was set back, or copied, and sold on | an error; what it numbered anew is not taken for what was heard |
//! | a hub could not send an event | its [`Placeholder`](contract::Placeholder) is in quarantine, for a person |
//! | somebody floods the broker | bounded: dropped messages are logged every 10 s, quarantine keeps 1,000 events and 4 MiB |
//!
//! | module | holds |
//! | --- | --- |
//! | [`database`] | SQLite or PostgreSQL, by one set of statements |
//! | [`ledger`] | the trait that PostgreSQL will implement, and the ledger in memory |
//! | [`ingest`] | from MQTT into a ledger |
//! | [`transfers`] | what left one store for another, followed from one ledger into the other |
//! | [`export`] | every applied sale as a line of JSON |
//! | [`down`] | queues of what HQ sends, and the publisher |
//! | [`routing`] | which store gets which part of an order |

pub mod database;
pub mod down;
pub mod export;
pub mod ingest;
pub mod ledger;
pub mod routing;
#[cfg(test)]
mod testing;
pub mod transfers;

pub use down::{MemoryQueues, Publisher, Queues};
pub use export::Exported;
pub use ingest::{Ingest, IngestStats};
pub use ledger::{Applied, Ledger, LedgerError, MemoryLedger, Summary};
pub use transfers::Uneven;
