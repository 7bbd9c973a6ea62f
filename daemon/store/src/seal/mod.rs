//! Encryption of a store: every value of the engine and every block of the archive is sealed with one key.
//!
//! # What this module promises
//!
//! - **Whoever has the disk without the key reads no record.** Keys of entries (table names, numbers, SKUs, register
//!   names) and sizes stay readable. Backups leave the store in plain form, because another box has another key; they
//!   have an encryption of their own.
//! - **A sealed value is what was written, under the key where it was written.** ChaCha20-Poly1305 (RFC 8439) with a
//!   random nonce, bound to the entry's key. A value that was changed or moved counts as damaged, as a wrong checksum
//!   does. That an older value was put back is not noticed here; sales and audit entries are links of the chain.
//! - **A store is sealed as a whole, from its birth.** Opening it with another key, without one, or an open store with
//!   a key, is refused and says what to do.
//!
//! The random nonce allows 2^32 values under one key with a chance of a repetition below 2^-32, which are 100 years of
//! a large store.
//!
//! | failure | effect |
//! | --- | --- |
//! | the key is lost | the store is lost: restore a backup, which begins a store with the new key |
//! | the system has no random numbers | the commit fails, and the store stops |

use std::{ops::Bound, path::Path, sync::Arc};

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    META,
    engine::{Batch, Engine, EngineError, EngineKind, Entry},
    error::StoreError,
};

/// The first byte of a sealed value. The encodings of open values are smaller.
const SEALED: u8 = 0x5e;

/// What is read in the place of a value that can't be opened: no encoding, so that it counts as damaged.
const DAMAGED: &[u8] = &[0xff];

/// The key of a store.
pub struct SealKey {
    key: LessSafeKey,
    random: SystemRandom,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    /// A key from 32 random bytes; `None` if they are not 32.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
        Some(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    /// Seals bytes for a place.
    pub(crate) fn seal(&self, place: &[u8], open: &[u8]) -> Result<Vec<u8>, EngineError> {
        let failed = |_| EngineError { what: "encrypt a record".into(), why: "no random numbers".into() };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(failed)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + open.len() + CHACHA20_POLY1305.tag_len());
        sealed.push(SEALED);
        sealed.extend(nonce);
        sealed.extend_from_slice(open);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let content = &mut sealed[1 + NONCE_LEN..];
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(place), content).map_err(failed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for a place; `None` if it was changed, moved, or sealed with another key.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let sealed = sealed.strip_prefix(&[SEALED])?;
        let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut content = content.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(place), &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

/// How a store is kept on the disk.
#[derive(Clone, Debug, Default)]
pub struct Medium {
    /// The engine.
    pub engine: EngineKind,
    /// The key; without one the store is not encrypted.
    pub key: Option<Arc<SealKey>>,
}

impl From<EngineKind> for Medium {
    fn from(engine: EngineKind) -> Self {
        Self { engine, key: None }
    }
}

/// An engine whose values are sealed.
pub(crate) struct SealedEngine {
    inner: Arc<dyn Engine>,
    key: Arc<SealKey>,
}

impl SealedEngine {
    fn opened(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        self.key.open(key, value).unwrap_or_else(|| DAMAGED.to_vec())
    }
}

impl Engine for SealedEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.inner.get(key)?.map(|value| self.opened(key, &value)))
    }

    fn get_to_commit(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.inner.get_to_commit(key)?.map(|value| self.opened(key, &value)))
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let mut entries = self.inner.range(from, to, descending, limit)?;
        for (key, value) in &mut entries {
            *value = self.opened(key, value);
        }
        Ok(entries)
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let sealed = batch.into_iter().map(|(key, value)| {
            let value = value.map(|value| self.key.seal(&key, &value)).transpose()?;
            Ok((key, value))
        });
        self.inner.apply(sealed.collect::<Result<_, EngineError>>()?)
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.inner.flush()
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        self.inner.size_on_disk()
    }
}

/// An engine as its medium says.
pub(crate) fn sealed(inner: Arc<dyn Engine>, key: Option<&Arc<SealKey>>) -> Arc<dyn Engine> {
    match key {
        Some(key) => Arc::new(SealedEngine { inner, key: Arc::clone(key) }),
        None => inner,
    }
}

/// Requires that an engine, whose values are as they are on the disk, is sealed with this key, or open without one.
pub(crate) fn check(inner: &dyn Engine, key: Option<&SealKey>, directory: &Path) -> Result<(), StoreError> {
    let place = META.raw_key("format");
    // A new store, or a damaged one: that is found later.
    let Some(value) = inner.get(&place)? else { return Ok(()) };
    let why = match (value.first() == Some(&SEALED), key) {
        (true, None) => "it is encrypted, and there is no key; start the hub by systemd, which has the credential",
        (false, Some(_)) => {
            "it is not encrypted, and there is a key; take a backup without the key, move the store away, and restore \
             the backup with the key"
        }
        (true, Some(key)) if key.open(&place, &value).is_none() => {
            "it is encrypted with another key; put back the key of this box, or move the store away and restore a backup"
        }
        _ => return Ok(()),
    };
    Err(StoreError::Key { directory: directory.display().to_string(), why })
}

#[cfg(test)]
mod tests;
