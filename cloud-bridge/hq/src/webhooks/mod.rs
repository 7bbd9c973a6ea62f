//! Webhooks: the feed, delivered to subscribers according to Standard Webhooks.
//!
//! # What this module promises
//!
//! - **Each event at least once.** A webhook has its own place in the [feed](crate::feed). It advances when messages
//!   are accepted, stored for a retry, or dead letters. A repeated message (after a crash, or a lost answer) has the
//!   same id, so receivers can detect it.
//! - **In the feed's order, except for retries.** A message that is not accepted waits for its next attempt
//!   ([`schedule`]) while later ones continue.
//! - **Bounded.** When [`WAITING`] messages of a webhook wait, its place in the feed stops until some are accepted or
//!   dead. The feed itself is the queue, and it is in the ledger.
//! - **Nothing is thrown away.** After about a day a message becomes a dead letter, until somebody retries it or
//!   removes the webhook.
//! - **One process at a time** delivers a webhook, by a lease; another takes over when it expires.
//! - **Internal addresses are refused**: see [`target`].
//!
//! | module | contents |
//! | --- | --- |
//! | `sign` | secrets and signatures |
//! | `schedule` | the times of retries |
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
    /// Adds a webhook.
    INSERT = "webhook/insert";
    /// All webhooks, with their numbers of waiting and dead messages.
    ALL = "webhook/all";
    /// Removes a webhook.
    REMOVE = "webhook/remove";
    /// Removes its messages.
    REMOVE_MESSAGES = "webhook/remove_messages";
    /// Whether a webhook exists.
    EXISTS = "webhook/exists";
    /// Dead letters.
    DEAD = "webhook/dead";
    /// Retries dead letters.
    REVIVE = "webhook/revive";
    /// Webhooks with messages to send that no other process has leased.
    READY = "webhook/ready";
    /// Takes or renews a lease.
    LEASE = "webhook/lease";
    /// A webhook's data for delivery.
    DELIVERED = "webhook/delivered";
    /// Advances the place in the feed.
    MOVE = "webhook/move";
    /// Messages that are due.
    DUE = "webhook/due";
    /// The number of waiting messages.
    WAIT_COUNT = "webhook/waiting";
    /// Stores a message that was not accepted.
    KEEP = "webhook/keep";
    /// Stores another failed attempt.
    AGAIN = "webhook/again";
    /// Deletes a message that was accepted.
    TAKEN = "webhook/taken";
}

/// The maximum number of messages of a webhook that wait for a retry.
pub const WAITING: i64 = 100;

/// The maximum number of webhooks.
const MOST: usize = 100;

/// A webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// The id.
    pub id: String,
    /// The address.
    pub url: String,
    /// The kinds of its events; empty for all.
    pub kinds: Vec<String>,
    /// The stores of its events; empty for all.
    pub stores: Vec<String>,
    /// When it was added: milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// The number of messages waiting for a retry.
    pub waiting: i64,
    /// The number of dead letters.
    pub dead: i64,
    /// When a message was last accepted: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at_ms: Option<i64>,
    /// Why the last message was not accepted; absent if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// A message that was never accepted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// The message's id, which is its event's.
    pub id: String,
    /// The kind, such as `sale.completed`.
    pub kind: String,
    /// The number of attempts.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub why: String,
}

/// A webhook to add.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The address.
    pub target: Target,
    /// The kinds of events; empty for all.
    pub kinds: Vec<String>,
    /// The stores; empty for all.
    pub stores: Vec<String>,
    /// The place in the feed to begin after.
    pub from: Position,
}

/// Why a command about webhooks failed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The maximum number is reached.
    #[error("there are {MOST} webhooks, which is the most; remove one")]
    TooMany,
    /// The webhook is unknown.
    #[error("no webhook `{}`; `store-hub-hq webhook list` shows them", id.escape_debug())]
    Unknown {
        /// The id.
        id: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Adds a webhook; returns it with its secret.
///
/// # Errors
/// The maximum number is reached, or the database failed.
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
/// The database failed.
pub async fn list(database: &Database) -> Result<Vec<Webhook>, DatabaseError> {
    listed(database.read(&ALL, values![]).await?)
}

/// Removes a webhook and its messages.
///
/// # Errors
/// It is unknown, or the database failed.
pub async fn remove(transaction: &mut Transaction, id: &str) -> Result<(), WebhookError> {
    if transaction.execute(&REMOVE, values![id]).await? == 0 {
        return Err(WebhookError::Unknown { id: id.to_owned() });
    }
    transaction.execute(&REMOVE_MESSAGES, values![id]).await?;
    Ok(())
}

/// The dead letters of a webhook after one, by id.
///
/// # Errors
/// The webhook is unknown, or the database failed.
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

/// Retries one or all dead letters of a webhook from the first attempt on; returns their number.
///
/// # Errors
/// The webhook is unknown, or the database failed.
pub async fn retry(transaction: &mut Transaction, id: &str, message: Option<&str>) -> Result<u64, WebhookError> {
    if transaction.query(&EXISTS, values![id]).await?.is_empty() {
        return Err(WebhookError::Unknown { id: id.to_owned() });
    }
    Ok(transaction.execute(&REVIVE, values![now_ms(), id, message.unwrap_or_default()]).await?)
}
