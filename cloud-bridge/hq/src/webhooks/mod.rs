//! Webhooks: the feed, carried to whoever wants it, in the manner of Standard Webhooks.
//!
//! # What this module promises
//!
//! - **Each event at least once.** A webhook has a place of its own in the [feed](crate::feed), which moves when its
//!   messages are taken, or wait to be sent again, or are dead letters. A message keeps its id: a receiver that gets
//!   one twice (after a crash here, or an answer that got lost) knows it.
//! - **In the feed's order, but for what is sent again.** What is not taken waits for its next attempt
//!   ([`schedule`]), while others go on.
//! - **Bounded.** When [`WAITING`] messages of a webhook wait, its place in the feed stands still until some are
//!   taken or dead. The feed itself is the queue, and it is in the ledger.
//! - **Nothing is thrown away.** After about a day a message is a dead letter, until somebody has it sent again or
//!   removes the webhook.
//! - **One process at a time** delivers a webhook, by a lease; another takes over when it ends.
//! - **It does not reach inside**: see [`target`].
//!
//! | module | holds |
//! | --- | --- |
//! | `sign` | secrets and signatures |
//! | `schedule` | when a message is sent again |
//! | [`target`] | addresses, and the request |
//! | [`deliver`] | the deliveries |

pub mod deliver;
mod schedule;
mod sign;
pub mod target;
#[cfg(test)]
mod tests;

use data_encoding::BASE32_NOPAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use utoipa::ToSchema;

pub use target::{Reach, Sender, Target};

use crate::{
    database::{Database, DatabaseError, Row, Transaction, statement::statements, value::values},
    feed::Position,
    moment::now_ms,
};

statements! {
    /// A new one.
    INSERT = "webhook/insert";
    /// All, with how many messages wait and are dead.
    ALL = "webhook/all";
    /// Ends one.
    REMOVE = "webhook/remove";
    /// Its messages.
    REMOVE_MESSAGES = "webhook/remove_messages";
    /// Whether there is one.
    EXISTS = "webhook/exists";
    /// Dead letters.
    DEAD = "webhook/dead";
    /// Sends dead letters again.
    REVIVE = "webhook/revive";
    /// Those with something to send that nobody else has.
    READY = "webhook/ready";
    /// Takes or keeps the lease.
    LEASE = "webhook/lease";
    /// What is needed to deliver.
    DELIVERED = "webhook/delivered";
    /// Moves the place in the feed.
    MOVE = "webhook/move";
    /// Messages that are due.
    DUE = "webhook/due";
    /// How many wait.
    WAIT_COUNT = "webhook/waiting";
    /// A message that was not taken.
    KEEP = "webhook/keep";
    /// A message that was not taken again.
    AGAIN = "webhook/again";
    /// A message that was taken at last.
    TAKEN = "webhook/taken";
}

/// Messages of a webhook that wait to be sent again.
pub const WAITING: i64 = 100;

/// The most webhooks.
const MOST: usize = 100;

/// A webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// Its name.
    pub id: String,
    /// Where messages go.
    pub url: String,
    /// Kinds of events that it carries; all if there is none.
    pub kinds: Vec<String>,
    /// Stores whose events it carries; all if there is none.
    pub stores: Vec<String>,
    /// When it was added: milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// Messages that wait to be sent again.
    pub waiting: i64,
    /// Messages that were not taken for about a day.
    pub dead: i64,
    /// When a message was taken last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at_ms: Option<i64>,
    /// Why the last one was not taken, if the last one was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// A message that was not taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Its id: that of its event.
    pub id: String,
    /// What it is, as in `sale.completed`.
    pub kind: String,
    /// How often it was sent.
    pub attempts: i64,
    /// Why it was not taken, the last time.
    pub why: String,
}

/// What somebody wants carried, and where.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where.
    pub target: Target,
    /// Kinds; all if there is none.
    pub kinds: Vec<String>,
    /// Stores; all if there is none.
    pub stores: Vec<String>,
    /// From here on.
    pub from: Position,
}

/// Why a webhook is not added.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There are too many.
    #[error("there are {MOST} webhooks, which is the most; remove one")]
    TooMany,
    /// There is none of that name.
    #[error("no webhook `{}`; `store-hub-hq webhook list` shows them", id.escape_debug())]
    Unknown {
        /// What was given.
        id: String,
    },
    /// The system has no randomness.
    #[error("the system gave no random bytes")]
    Random,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Adds a webhook; gives it with its secret.
///
/// # Errors
/// There are too many, or it cannot be stored.
pub async fn add(transaction: &mut Transaction, wanted: &Wanted) -> Result<(Webhook, String), WebhookError> {
    if all(transaction).await?.len() >= MOST {
        return Err(WebhookError::TooMany);
    }
    let mut bytes = [0; 10];
    SystemRandom::new().fill(&mut bytes).map_err(|_| WebhookError::Random)?;
    let id = format!("wh_{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
    let secret = sign::new_secret().ok_or(WebhookError::Random)?;
    let created_at_ms = now_ms();
    let Wanted { target, kinds, stores, from } = wanted;
    let url = target.to_string();
    let parameters = values![&id, &url, &secret, kinds.join(","), stores.join(","), created_at_ms, from.0, from.1];
    transaction.execute(&INSERT, parameters).await?;
    let (kinds, stores) = (kinds.clone(), stores.clone());
    let webhook =
        Webhook { id, url, kinds, stores, created_at_ms, waiting: 0, dead: 0, taken_at_ms: None, failing: None };
    Ok((webhook, secret))
}

fn split(names: &str) -> Vec<String> {
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn listed(rows: Vec<Row>) -> Result<Vec<Webhook>, DatabaseError> {
    let listed = |row: Row| {
        let (id, url, kinds, stores, created_at_ms, waiting, dead, taken_at_ms, failing) = row.read()?;
        let (kinds, stores): (String, String) = (kinds, stores);
        let (kinds, stores) = (split(&kinds), split(&stores));
        Ok(Webhook { id, url, kinds, stores, created_at_ms, waiting, dead, taken_at_ms, failing })
    };
    rows.into_iter().map(listed).collect()
}

async fn all(transaction: &mut Transaction) -> Result<Vec<Webhook>, DatabaseError> {
    listed(transaction.query(&ALL, values![]).await?)
}

/// All webhooks, the oldest first.
///
/// # Errors
/// They cannot be read.
pub async fn list(database: &Database) -> Result<Vec<Webhook>, DatabaseError> {
    listed(database.read(&ALL, values![]).await?)
}

/// Removes a webhook, with its messages.
///
/// # Errors
/// There is none of that name, or it cannot be removed.
pub async fn remove(transaction: &mut Transaction, id: &str) -> Result<(), WebhookError> {
    if transaction.execute(&REMOVE, values![id]).await? == 0 {
        return Err(WebhookError::Unknown { id: id.to_owned() });
    }
    transaction.execute(&REMOVE_MESSAGES, values![id]).await?;
    Ok(())
}

/// Dead letters of a webhook after one, by id.
///
/// # Errors
/// There is no such webhook, or they cannot be read.
pub async fn dead_letters(
    database: &Database,
    id: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<DeadLetter>, WebhookError> {
    if database.read(&EXISTS, values![id]).await?.is_empty() {
        return Err(WebhookError::Unknown { id: id.to_owned() });
    }
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let letters = database.read(&DEAD, values![id, after, rows]).await?.into_iter().map(|row| {
        let (id, kind, attempts, why) = row.read()?;
        Ok(DeadLetter { id, kind, attempts, why })
    });
    Ok(letters.collect::<Result<_, DatabaseError>>()?)
}

/// Sends dead letters of a webhook again, from the first attempt on: one, or all. Gives how many.
///
/// # Errors
/// There is no such webhook, or it cannot be stored.
pub async fn retry(transaction: &mut Transaction, id: &str, message: Option<&str>) -> Result<u64, WebhookError> {
    if transaction.query(&EXISTS, values![id]).await?.is_empty() {
        return Err(WebhookError::Unknown { id: id.to_owned() });
    }
    Ok(transaction.execute(&REVIVE, values![now_ms(), id, message.unwrap_or_default()]).await?)
}
