//! API keys.
//!
//! A key is `shk_`, eight characters that identify it, `_`, and 256 random bits. Only its digest is stored, which is
//! useless to a thief. Valid keys are cached for [`FRESH`]: a revoked key is refused within that time in every process,
//! and invented keys cost no database access.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};

use super::scope::Scope;
use crate::{
    database::{Database, DatabaseError, statement::statements, value::values},
    moment::now_ms,
};

statements! {
    /// A new key.
    INSERT = "api_key/insert";
    /// All keys, for people.
    ALL = "api_key/all";
    /// All valid keys.
    GOOD = "api_key/good";
    /// Revokes a key.
    REVOKE = "api_key/revoke";
    /// Records when a key was used.
    USED = "api_key/used";
}

/// How long the cached keys are used.
const FRESH: Duration = Duration::from_secs(5);

/// An unknown key may be new: then the keys are read again, but not more often than this.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the last use of a key is written.
const NOTED: Duration = Duration::from_secs(60);

/// The maximum length of a key's name, in characters.
const MAX_NAME: usize = 64;

const PREFIX: &str = "shk_";

/// A key, for people.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// The characters that identify the key.
    pub id: String,
    /// Its owner.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// When it was created: milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// When it was last used, to the minute.
    pub last_used_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// Why a key cannot be created or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The name is invalid.
    #[error("invalid name `{}`: 1 to {MAX_NAME} printable characters", name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// No scope was given.
    #[error("a key needs a scope at least: {}", Scope::ALL.map(Scope::name).join(", "))]
    NoScope,
    /// The key is unknown.
    #[error("no key `{}` that is not revoked already; `store-hub-hq key list` shows them", id.escape_debug())]
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

/// Creates a key. This is the only time that it is visible.
///
/// # Errors
/// The name is invalid, the key would have no scope, or it could not be stored.
pub async fn add(database: &Database, name: &str, scopes: &[Scope]) -> Result<String, KeyError> {
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(KeyError::Name { name: name.to_owned() });
    }
    if scopes.is_empty() {
        return Err(KeyError::NoScope);
    }
    let (mut id, mut secret) = ([0; 5], [0; 32]);
    let random = SystemRandom::new();
    random.fill(&mut id).and_then(|()| random.fill(&mut secret)).map_err(|_| KeyError::Random)?;
    let id = format!("{PREFIX}{}", BASE32_NOPAD.encode(&id).to_ascii_lowercase());
    let key = format!("{id}_{}", BASE64URL_NOPAD.encode(&secret));
    let mut scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let mut transaction = database.transaction().await?;
    transaction.execute(&INSERT, values![id, name, scopes.join(","), &digest_of(&key)[..], now_ms()]).await?;
    transaction.commit().await?;
    Ok(key)
}

/// All keys, the oldest first.
///
/// # Errors
/// The database failed.
pub async fn list(database: &Database) -> Result<Vec<Listed>, DatabaseError> {
    let rows = database.read(&ALL, values![]).await?;
    let listed = rows.into_iter().map(|row| {
        let (id, name, scopes, created_at_ms, last_used_at_ms, revoked_at_ms) = row.read()?;
        let scopes: String = scopes;
        let scopes = scopes.split(',').map(str::to_owned).collect();
        Ok(Listed { id, name, scopes, created_at_ms, last_used_at_ms, revoked_at_ms })
    });
    listed.collect()
}

/// Revokes a key by its [`Listed::id`].
///
/// # Errors
/// No valid key has this id, or the database failed.
pub async fn revoke(database: &Database, id: &str) -> Result<(), KeyError> {
    let mut transaction = database.transaction().await?;
    if transaction.execute(&REVOKE, values![now_ms(), id]).await? == 0 {
        return Err(KeyError::Unknown { id: id.to_owned() });
    }
    Ok(transaction.commit().await?)
}

type Digest = [u8; 32];

fn digest_of(key: &str) -> Digest {
    let mut whole = [0; 32];
    whole.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    whole
}

/// A valid key.
#[derive(Debug)]
pub(crate) struct Key {
    /// The characters that identify it.
    pub(crate) id: String,
    scopes: Vec<Scope>,
}

impl Key {
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The valid keys.
pub(super) struct Keys {
    database: Database,
    read: RwLock<Reading>,
    /// Held by the one task that reads.
    reading: tokio::sync::Mutex<()>,
    noted: Mutex<HashMap<String, Instant>>,
}

#[derive(Clone, Default)]
struct Reading {
    at: Option<Instant>,
    by_digest: Arc<HashMap<Digest, Arc<Key>>>,
}

impl Reading {
    fn is_older_than(&self, age: Duration) -> bool {
        self.at.is_none_or(|at| at.elapsed() >= age)
    }
}

impl Keys {
    pub(super) fn new(database: Database) -> Self {
        Self { database, read: RwLock::default(), reading: tokio::sync::Mutex::default(), noted: Mutex::default() }
    }

    /// The key of a request, if it is valid.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn find(&self, shown: &str) -> Result<Option<Arc<Key>>, DatabaseError> {
        if !shown.starts_with(PREFIX) {
            return Ok(None);
        }
        // Digests are compared, so timing reveals nothing about a key.
        let digest = digest_of(shown);
        let found = |reading: &Reading| reading.by_digest.get(&digest).cloned();
        let known = self.known();
        let limit = if found(&known).is_some() { FRESH } else { AGAIN };
        if !known.is_older_than(limit) {
            return Ok(found(&known));
        }
        let _alone = self.reading.lock().await;
        let known = self.known();
        if !known.is_older_than(limit) {
            return Ok(found(&known));
        }
        let read = self.read_all().await?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        Ok(found(&read))
    }

    fn known(&self) -> Reading {
        self.read.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_all(&self) -> Result<Reading, DatabaseError> {
        let at = Instant::now();
        let mut by_digest = HashMap::new();
        for row in self.database.read(&GOOD, values![]).await? {
            let (id, scopes, digest): (String, String, Vec<u8>) = row.read()?;
            // Scopes of later versions allow nothing here.
            let scopes = scopes.split(',').filter_map(|scope| scope.parse().ok()).collect();
            if let Ok(digest) = Digest::try_from(digest) {
                by_digest.insert(digest, Arc::new(Key { id, scopes }));
            }
        }
        Ok(Reading { at: Some(at), by_digest: Arc::new(by_digest) })
    }

    /// Records the use of a key, at most once in [`NOTED`], in the background.
    pub(super) fn note(&self, key: &Key) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key.id).is_some_and(|at| at.elapsed() < NOTED) {
            return;
        }
        noted.insert(key.id.clone(), Instant::now());
        drop(noted);
        let (database, id) = (self.database.clone(), key.id.clone());
        tokio::spawn(async move {
            let write = async {
                let mut transaction = database.transaction().await?;
                transaction.execute(&USED, values![now_ms(), id]).await?;
                transaction.commit().await
            };
            if let Err(error) = write.await {
                tracing::warn!(%error, "could not record the use of a key");
            }
        });
    }
}
