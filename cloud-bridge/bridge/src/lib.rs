//! The hub's half of the bridge to headquarters (HQ). Up: outbox -> MQTT -> acknowledgement -> trim. Down: batch ->
//! inbox -> acknowledgement.
//!
//! # What this crate promises
//!
//! - **Nothing is lost and nothing has its effect twice**, whatever the link does: the window of what was sent and not
//!   acknowledged is kept here, from the outbox; the MQTT client's memory is never a queue and a broker's PUBACK means
//!   nothing. Every connection begins with a [`Hello`](contract::Hello) and goes on from HQ's own cursor.
//! - **What HQ sends is applied once, in order, or refused once with a reason.** The [`Inbox`] stores effects, refusals
//!   and cursor in one commit; only then is HQ told. Every connection begins with the hub's own cursor.
//! - **HQ's word counts for what was sent.** An acknowledgement of events that this hub has not sent yet does not
//!   keep it from sending them; of an acknowledgement of events that it never had, a person hears.
//! - **The newest state comes first.** If more than 200 events wait when HQ is reached, HQ hears the current
//!   positions of the items that they touch ahead of the first of them. Then money: sales before other movements, whose
//!   sums HQ has been told. How the hub is ([`Samples`]) goes last.
//! - **HQ can be asked** ([`Ask`]): one answer, or a clear "not now"; without a line at once.
//! - **Announcements of publications** go to the inbox as they come, and what the inbox says of publications goes to HQ,
//!   whole, at every connection and when it changes.
//! - **The broker's limits are kept.** Batches are cut to its largest packet.
//! - **Bounded.** At most [`window::IN_FLIGHT`] events are on their way; what waits beyond that waits in the outbox, on
//!   disk. A few batches from HQ wait to be applied; more are dropped, and sent again by HQ.
//! - **It disturbs nobody.** Reading the outbox happens off the runtime's threads, publishing never blocks, and a dead
//!   WAN costs one attempt at connecting every few seconds.
//!
//! # States
//!
//! ```text
//!   Connecting --CONNACK, SUBACK--> Greeting --HQ's cursor for a stream--> Flowing (that stream)
//!       ^                              | hello again every 5 s                | batches from cursor + 1, hello every 30 s
//!       +---- any error: new client, jittered back-off 0.2 s .. 10 s ---------+ no progress for 3 s: again from there
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the WAN | the client is thrown away; the backlog grows in the outbox; a new connection begins with hello |
//! | a batch or an acknowledgement is lost | after 3 s without progress everything after HQ's cursor is sent again |
//! | HQ comes back from a backup | its cursor is lower; the window follows it back, as far as the outbox reaches |
//! | HQ's cursor is behind what the outbox kept | reported in [`BridgeStatus`]; nothing is skipped silently |
//! | HQ forgets what it had while the hub is quiet | its answer to the next hello says so; everything kept is sent again |
//! | HQ has more than the hub (its disk was set back) | an alarm; the stream waits for a person |
//! | HQ heard other events than the hub has (its disk was set back, or copied, and sold on) | alarms at both ends; the stream waits for a person |
//! | an event is larger than the broker takes | HQ gets a placeholder in its place; an alarm with both sizes |
//! | another hub has the same name | both are thrown off in turn; the reason names the client id, an alarm the other epoch |
//! | the broker is reached, but no HQ answers | said in [`BridgeStatus`] after 10 s |
//! | a hostile or garbled message | ignored and counted |
//! | the hub's disk, so that its store stops | what is in the outbox goes on to HQ; hello says why, again every 5 s |
//! | the line, the hub or the broker, so that the connection ends | the broker publishes the hub's last will: HQ knows that it is gone |
//! | current positions are lost on the way | the events bring the same figures, later |
//! | the hub dies | at the next start hello asks HQ for its cursors, and HQ hears those of the inbox |
//! | a batch from HQ cannot be committed, or applying it panics | nothing is acknowledged; HQ sends it again |
//! | an item from HQ cannot be applied | HQ keeps the reason for a person; the items after it are applied |
//! | a batch from HQ is repeated, or does not follow | nothing is applied; HQ hears the cursor and goes on from it |

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
pub use inbox::{Inbox, InboxError};
pub use outbox::{Backlog, Outbox, OutboxError, Span};
pub use run::{Bridge, BridgeConfig, BridgeStatus, start};
pub use telemetry::Samples;
