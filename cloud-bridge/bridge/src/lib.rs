//! The hub's side of the connection to headquarters (HQ). Up: outbox -> MQTT -> acknowledgement -> trim. Down: batch ->
//! inbox -> acknowledgement.
//!
//! # What this crate promises
//!
//! - **No event is lost or takes effect twice**, whatever happens to the connection. The window of unacknowledged
//!   events is kept here and refilled from the outbox; the MQTT client's memory is never a queue, and a broker's PUBACK
//!   is ignored. Every connection begins with a [`Hello`](contract::Hello) and continues from HQ's cursor.
//! - **Each item from HQ is applied once, in order, or refused once with a reason.** The [`Inbox`] stores effects,
//!   refusals and cursor in one commit, and HQ is told afterwards. Every connection begins with the hub's cursor.
//! - **An acknowledgement counts only for what was sent.** An acknowledgement of unsent events does not prevent their
//!   being sent; one of events that the hub never had raises an alarm.
//! - **The newest state comes first.** If more than 200 events wait when HQ is reached, HQ first receives the current
//!   positions of the items that they touch. Then come sales, then other movements, whose sums HQ already has.
//!   Telemetry ([`Samples`]) comes last.
//! - **HQ can be asked** ([`Ask`]): one answer, or an error; without a connection immediately.
//! - **Announcements of publications** go to the inbox, and the inbox's publication states go to HQ, complete, on every
//!   connection and every change.
//! - **The broker's limits are obeyed.** Batches are cut to its maximum packet size.
//! - **Bounded.** At most [`window::IN_FLIGHT`] events are unacknowledged; the rest waits in the outbox, on disk. A few
//!   batches from HQ wait to be applied; more are dropped, and HQ repeats them.
//! - **No side effects on the store.** The outbox is read off the runtime's threads, publishing never blocks, and an
//!   unreachable HQ costs one connection attempt every few seconds.
//!
//! # States
//!
//! ```text
//!   Connecting --CONNACK, SUBACK--> Greeting --HQ's cursor for a stream--> Flowing (that stream)
//!       ^                              | hello again every 5 s                | batches from cursor + 1, hello every
//!       30 s +---- any error: new client, jittered back-off 0.2 s .. 10 s ---------+ no progress for 3 s: again from
//!       there
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | the WAN fails | the client is dropped; the outbox grows; a new connection begins with hello |
//! | a batch or an acknowledgement is lost | after 3 s without progress the bridge resends from HQ's cursor |
//! | HQ is restored from a backup | its cursor is lower; the window goes back to it, as far as the outbox reaches |
//! | HQ's cursor is before the outbox | reported in [`BridgeStatus`]; nothing is skipped silently |
//! | HQ loses events while the hub is quiet | its answer to the next hello is lower; everything after it is resent |
//! | HQ has more events than the hub (its disk was set back) | an alarm; the stream waits for a person |
//! | HQ has other events (the disk was set back or copied) | alarms at both ends; the stream waits for a person |
//! | an event is too large for the broker | HQ gets a placeholder; an alarm with both sizes |
//! | another hub has the same name | each disconnects the other; the error names the client id, an alarm the epoch |
//! | the broker is connected, but no HQ answers | in [`BridgeStatus`] after 10 s |
//! | a hostile or garbled message | ignored and counted |
//! | the hub's store stops | the outbox is still sent; hello gives the reason, every 5 s |
//! | the connection ends for any reason | the broker publishes the hub's last will |
//! | current positions are lost | the events lead to the same positions, later |
//! | the hub is killed | the next start begins with hello and the inbox's cursors |
//! | a batch from HQ cannot be committed, or applying it panics | it is not acknowledged; HQ sends it again |
//! | an item from HQ cannot be applied | HQ keeps the reason for a person; later items are applied |
//! | a batch from HQ is repeated, or does not follow | nothing is applied; HQ gets the cursor and continues from it |

mod alarms;
mod ask;
mod flow;
pub mod inbox;
pub mod outbox;
mod publications;
mod run;
mod telemetry;
pub mod window;

pub use ask::{Ask, NotNow};
pub use inbox::{Inbox, InboxError, PublicationsNow};
pub use outbox::{Backlog, Outbox, OutboxError, Span};
pub use run::{Bridge, BridgeConfig, BridgeStatus, start};
pub use telemetry::Samples;
