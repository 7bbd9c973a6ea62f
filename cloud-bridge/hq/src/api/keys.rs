//! API keys: made, listed, revoked; and who shows which.
//!
//! A key is `shk_`, eight characters by which people know it, `_`, and 256 random bits. Only its digest is stored: what
//! is stored lets nobody in. All keys that are good are held in memory for [`FRESH`], so a revoked key is refused
//! within that time, whichever process revoked it, and made-up keys cost no reading.

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
    /// All keys, for a person.
    ALL = "api_key/all";
    /// Those that are good.
    GOOD = "api_key/good";
    /// Ends one.
    REVOKE = "api_key/revoke";
    /// When it was used.
    USED = "api_key/used";
}

/// How long a reading of the keys is good.
const FRESH: Duration = Duration::from_secs(5);

/// An unknown key may be a new one: then the keys are read again, but no sooner than after this.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the last use of a key is written.
const NOTED: Duration = Duration::from_secs(60);

/// The longest name of a key, in characters.
const MAX_NAME: usize = 64;

const PREFIX: &str = "shk_";

/// A key, for a person.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// The first characters of the key, by which it is known.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made: milliseconds since 1970, UTC.
    pub created_at_ms: i64,
    /// When it was used last, within a minute.
    pub last_used_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// Why a key is not made or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its name.
    #[error("invalid name `{}`: 1 to {MAX_NAME} printable characters", name.escape_debug())]
    Name {
        /// What was given.
        name: String,
    },
    /// It could do nothing.
    #[error("a key needs a scope at least: {}", Scope::ALL.map(Scope::name).join(", "))]
    NoScope,
    /// There is none.
    #[error("no key `{}` that is not revoked already; `store-hub-hq key list` shows them", id.escape_debug())]
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

/// Makes a key; this is the only time that it is seen whole.
///
/// # Errors
/// The name is not one, there is no scope, or it cannot be stored.
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
/// They cannot be read.
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

/// Revokes a key by its first characters, as [`Listed::id`] has them.
///
/// # Errors
/// There is none that is good, or it cannot be stored.
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

/// A key that is good.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its first characters.
    pub(crate) id: String,
    scopes: Vec<Scope>,
}

impl Key {
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// All keys that are good.
pub(super) struct Keys {
    database: Database,
    read: RwLock<Reading>,
    /// One reads at a time.
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

    /// The key that somebody shows, if it is good.
    ///
    /// # Errors
    /// The keys cannot be read.
    pub(super) async fn find(&self, shown: &str) -> Result<Option<Arc<Key>>, DatabaseError> {
        if !shown.starts_with(PREFIX) {
            return Ok(None);
        }
        // What is compared are digests: how long that takes says nothing about a key.
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
            // A scope of a later version allows nothing here.
            let scopes = scopes.split(',').filter_map(|scope| scope.parse().ok()).collect();
            if let Ok(digest) = Digest::try_from(digest) {
                by_digest.insert(digest, Arc::new(Key { id, scopes }));
            }
        }
        Ok(Reading { at: Some(at), by_digest: Arc::new(by_digest) })
    }

    /// Notes that a key was used: at most once in [`NOTED`], beside the request.
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
                tracing::warn!(%error, "could not note when a key was used");
            }
        });
    }
}
