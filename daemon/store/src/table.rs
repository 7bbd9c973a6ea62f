//! Typed tables over the engine's bytes.
//!
//! A key on disk is the table's name, a zero byte, and the key's own bytes, which sort as the keys do. A value is one byte that names
//! its encoding, and the record in it:
//!
//! | encoding | since format | value |
//! | --- | --- | --- |
//! | 1 | 1 | JSON |
//! | 2 | 2 | CRC-32 (IEEE) of the key and the JSON, little-endian; JSON |
//! | 3 | 3 | CRC-32 of the key and all that follows; a [`Link`] of the chain; JSON |
//!
//! Records are written in the newest encoding of their kind (2, or 3 for those in the chain) and read in every one. The checksum covers
//! the key, so that a value under another's key is found out too. JSON, because its fields may grow as long as old records can still be read.

use std::{marker::PhantomData, ops::Bound};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    MAX_RECORD,
    chain::{LINK, Link},
    engine::Engine,
    error::StoreError,
    home::each_entry_of,
};

/// Bare JSON.
const JSON: u8 = 1;
/// A checksum, then JSON.
const CHECKED_JSON: u8 = 2;
/// A checksum, a link, then JSON.
const LINKED_JSON: u8 = 3;
/// Bytes of the encoding and the checksum.
const HEAD: usize = 5;

fn checksum(raw_key: &[u8], rest: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(raw_key);
    hasher.update(rest);
    hasher.finalize().to_le_bytes()
}

/// Fills the head of a value in.
fn seal(raw_key: &[u8], encoding: u8, bytes: &mut [u8]) {
    let (head, rest) = bytes.split_at_mut(HEAD);
    head[0] = encoding;
    head[1..].copy_from_slice(&checksum(raw_key, rest));
}

/// A value taken apart, its checksum found right.
pub(crate) struct Value<'v> {
    /// Its place in the chain, if it has one.
    pub(crate) link: Option<Link>,
    /// The record.
    pub(crate) json: &'v [u8],
}

impl<'v> Value<'v> {
    pub(crate) fn of(raw_key: &[u8], value: &'v [u8]) -> Result<Self, String> {
        match value {
            [CHECKED_JSON | LINKED_JSON, a, b, c, d, rest @ ..] if checksum(raw_key, rest) != [*a, *b, *c, *d] => {
                Err("its checksum is wrong".into())
            }
            [JSON, json @ ..] | [CHECKED_JSON, _, _, _, _, json @ ..] => Ok(Self { link: None, json }),
            [LINKED_JSON, _, _, _, _, rest @ ..] => {
                let (link, json) = rest.split_first_chunk::<LINK>().ok_or("its link is cut off")?;
                Ok(Self { link: Some(Link::read(link)), json })
            }
            [CHECKED_JSON, ..] => Err("its checksum is wrong".into()),
            [encoding, ..] => Err(format!("its encoding {encoding} is unknown")),
            [] => Err("it is empty".into()),
        }
    }

    /// As it is stored under its key.
    pub(crate) fn encode(&self, raw_key: &[u8]) -> Vec<u8> {
        let link = self.link.as_ref().map(Link::bytes);
        let encoding = if link.is_some() { LINKED_JSON } else { CHECKED_JSON };
        let mut bytes = vec![0; HEAD];
        bytes.extend(link.iter().flatten());
        bytes.extend(self.json);
        seal(raw_key, encoding, &mut bytes);
        bytes
    }
}

/// The name of the table that a raw key is of.
pub(crate) fn table_of(raw_key: &[u8]) -> Option<&str> {
    let (name, _) = raw_key.split_at_checked(raw_key.iter().position(|byte| *byte == 0)?)?;
    let is_name = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    is_name.then(|| str::from_utf8(name).unwrap_or_default())
}

/// Whether an entry is a record of some table, whole and as it was written; gives it taken apart.
pub(crate) fn verify<'v>(raw_key: &[u8], value: &'v [u8]) -> Result<Value<'v>, String> {
    let shown = raw_key.escape_ascii();
    if table_of(raw_key).is_none() {
        return Err(format!("the entry {shown} is of no table"));
    }
    let damaged = |why: String| format!("the record {shown} can't be read: {why}");
    let value = Value::of(raw_key, value).map_err(damaged)?;
    serde_json::from_slice::<serde::de::IgnoredAny>(value.json).map_err(|error| damaged(error.to_string()))?;
    Ok(value)
}

/// What may be stored: anything that serde can write and read back.
pub trait Record: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Record for T {}

/// A kind of key: what callers give, and bytes that sort as the keys do.
pub trait Key {
    /// What callers give.
    type Of<'a>: Copy;
    /// Its bytes.
    fn bytes(key: Self::Of<'_>) -> Vec<u8>;
}

/// Keys that are texts.
pub enum Name {}

impl Key for Name {
    type Of<'a> = &'a str;
    fn bytes(key: &str) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

/// Keys that are numbers.
pub enum Number {}

impl Key for Number {
    type Of<'a> = u64;
    fn bytes(key: u64) -> Vec<u8> {
        key.to_be_bytes().to_vec()
    }
}

/// A text and a number: all of a text stand together, in the order of the numbers. The text holds no zero byte.
pub enum NameNumber {}

impl Key for NameNumber {
    type Of<'a> = (&'a str, u64);
    fn bytes((name, number): (&str, u64)) -> Vec<u8> {
        [name.as_bytes(), &[0], &number.to_be_bytes()].concat()
    }
}

/// Two texts: all of the first stand together. The first holds no zero byte.
pub enum NameName {}

impl Key for NameName {
    type Of<'a> = (&'a str, &'a str);
    fn bytes((first, second): (&str, &str)) -> Vec<u8> {
        [first.as_bytes(), &[0], second.as_bytes()].concat()
    }
}

/// Which end of a table a page begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest key first.
    Ascending,
    /// Highest key first.
    Descending,
}

/// A table of records `V` by keys `K`.
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Record> Table<K, V> {
    /// A table by its name, which is unique in the store and never changes.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn raw_key(&self, key: K::Of<'_>) -> Vec<u8> {
        [self.name.as_bytes(), &[0], &K::bytes(key)].concat()
    }

    /// The value of a record under its raw key, at a place in the chain made from its JSON if `link` makes one.
    pub(crate) fn encode(
        &self,
        raw_key: &[u8],
        record: &V,
        link: impl FnOnce(&[u8]) -> Option<Link>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; HEAD];
        serde_json::to_writer(&mut bytes, record).map_err(|error| self.corrupt(b"(new)", error.to_string()))?;
        let json = &bytes[HEAD..];
        match link(json) {
            Some(link) => bytes = Value { link: Some(link), json }.encode(raw_key),
            None => seal(raw_key, CHECKED_JSON, &mut bytes),
        }
        if bytes.len() > MAX_RECORD {
            return Err(StoreError::TooLarge { table: self.name, bytes: bytes.len() });
        }
        Ok(bytes)
    }

    pub(crate) fn decode(&self, raw_key: &[u8], value: &[u8]) -> Result<V, StoreError> {
        Value::of(raw_key, value)
            .and_then(|value| serde_json::from_slice(value.json).map_err(|error| error.to_string()))
            .map_err(|why| self.corrupt(raw_key, why))
    }

    pub(crate) fn read(&self, engine: &dyn Engine, key: K::Of<'_>) -> Result<Option<V>, StoreError> {
        let raw_key = self.raw_key(key);
        engine.get(&raw_key)?.map(|value| self.decode(&raw_key, &value)).transpose()
    }

    /// The table's keys lie between these two, neither of which is one of them.
    pub(crate) fn span(&self) -> (Vec<u8>, Vec<u8>) {
        ([self.name.as_bytes(), &[0]].concat(), [self.name.as_bytes(), &[1]].concat())
    }

    /// Gives every record in the order of its keys; of one that can't be read, why.
    pub(crate) fn each(
        &self,
        engine: &dyn Engine,
        mut take: impl FnMut(Result<V, StoreError>),
    ) -> Result<(), StoreError> {
        let (first, end) = self.span();
        each_entry_of(engine, Bound::Included(&first), Bound::Excluded(&end), 1_000, |part| {
            for (key, value) in part {
                take(self.decode(key, value));
            }
            Ok(())
        })
    }

    pub(crate) fn page(
        &self,
        engine: &dyn Engine,
        from: Option<K::Of<'_>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<V>, StoreError> {
        let (first, end) = self.span();
        let start = from.map(|key| self.raw_key(key));
        let (low, high) = match (&start, order) {
            (None, _) => (Bound::Included(&first[..]), Bound::Excluded(&end[..])),
            (Some(start), Order::Ascending) => (Bound::Included(&start[..]), Bound::Excluded(&end[..])),
            (Some(start), Order::Descending) => (Bound::Included(&first[..]), Bound::Included(&start[..])),
        };
        let entries = engine.range(low, high, order == Order::Descending, limit)?;
        entries.iter().map(|(key, value)| self.decode(key, value)).collect()
    }

    fn corrupt(&self, raw_key: &[u8], why: String) -> StoreError {
        StoreError::Corrupt { table: self.name, key: raw_key.escape_ascii().to_string(), why }
    }
}
