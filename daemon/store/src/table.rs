//! Typed tables over the engine's bytes.
//!
//! A key on disk is the table's name, a zero byte and the key's own bytes, which sort as the keys do. The module
//! `value` defines the stored values.

use std::{marker::PhantomData, ops::Bound};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    MAX_RECORD,
    chain::Link,
    engine::{Engine, each_entry_of},
    error::StoreError,
    parts,
    value::{self, SEAL, Value},
};

/// A storable type: anything that serde can write and read back.
pub trait Record: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Record for T {}

/// A type of key: its form in the API, and bytes that sort in the same order.
pub trait Key {
    /// The key in the API.
    type Of<'a>: Copy;
    /// The key's bytes.
    fn bytes(key: Self::Of<'_>) -> Vec<u8>;
}

/// Keys that are text.
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

/// Keys of a text and a number, sorted by text and then by number. The text has no zero byte.
pub enum NameNumber {}

impl Key for NameNumber {
    type Of<'a> = (&'a str, u64);
    fn bytes((name, number): (&str, u64)) -> Vec<u8> {
        [name.as_bytes(), &[0], &number.to_be_bytes()].concat()
    }
}

/// Keys of two texts, sorted by the first and then by the second. The first has no zero byte.
pub enum NameName {}

impl Key for NameName {
    type Of<'a> = (&'a str, &'a str);
    fn bytes((first, second): (&str, &str)) -> Vec<u8> {
        [first.as_bytes(), &[0], second.as_bytes()].concat()
    }
}

/// The direction of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest key first.
    Ascending,
    /// Highest key first.
    Descending,
}

/// A table without the types of its keys and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// The name.
    pub name: &'static str,
    /// Whether its records are links of the [`chain`](crate::chain).
    pub is_linked: bool,
}

/// A table with records `V` under keys `K`.
pub struct Table<K, V> {
    info: TableInfo,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Record> Table<K, V> {
    /// A table with this name, which is unique in the store and never changes.
    pub const fn new(name: &'static str) -> Self {
        Self { info: TableInfo { name, is_linked: false }, types: PhantomData }
    }

    /// A table whose records never change: each is a link of the [`chain`](crate::chain). Its name must be passed to
    /// [`Store::open`](crate::Store::open).
    pub const fn linked(name: &'static str) -> Self {
        Self { info: TableInfo { name, is_linked: true }, types: PhantomData }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.info.name
    }

    /// Whether its records are links of the [`chain`](crate::chain).
    pub const fn is_linked(&self) -> bool {
        self.info.is_linked
    }

    /// The table without its types.
    pub const fn info(&self) -> TableInfo {
        self.info
    }

    pub(crate) fn raw_key(&self, key: K::Of<'_>) -> Vec<u8> {
        [self.name().as_bytes(), &[0], &K::bytes(key)].concat()
    }

    /// The value of a record under its raw key. `link` makes its place in the chain from its JSON, if it has one.
    pub(crate) fn encode(
        &self,
        raw_key: &[u8],
        record: &V,
        link: impl FnOnce(&[u8]) -> Option<Link>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; SEAL];
        serde_json::to_writer(&mut bytes, record).map_err(|error| self.corrupt(b"(new)", error.to_string()))?;
        if bytes.len() > MAX_RECORD {
            return Err(StoreError::TooLarge { table: self.name(), bytes: bytes.len() });
        }
        let json = &bytes[SEAL..];
        Ok(match link(json) {
            Some(link) => Value { link: Some(link), json }.encode(raw_key),
            None => value::of_json(raw_key, bytes),
        })
    }

    /// Decodes a record from its joined value.
    pub(crate) fn decode(&self, raw_key: &[u8], whole: &[u8]) -> Result<V, StoreError> {
        Value::of(raw_key, whole)
            .and_then(|value| serde_json::from_slice(value.json).map_err(|error| error.to_string()))
            .map_err(|why| self.corrupt(raw_key, why))
    }

    /// Decodes a record from the engine's value and its parts; `None` if it was deleted meanwhile.
    pub(crate) fn decode_stored(
        &self,
        engine: &dyn Engine,
        raw_key: &[u8],
        stored: &[u8],
    ) -> Result<Option<V>, StoreError> {
        match parts::read(engine, raw_key, stored)? {
            Some(whole) => self.decode_whole(raw_key, whole).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn decode_whole(&self, raw_key: &[u8], whole: parts::Whole<'_>) -> Result<V, StoreError> {
        self.decode(raw_key, &whole.map_err(|why| self.corrupt(raw_key, why))?)
    }

    pub(crate) fn read(&self, engine: &dyn Engine, key: K::Of<'_>) -> Result<Option<V>, StoreError> {
        let raw_key = self.raw_key(key);
        match engine.get(&raw_key)? {
            Some(stored) => self.decode_stored(engine, &raw_key, &stored),
            None => Ok(None),
        }
    }

    /// The bounds of the table's keys, both exclusive.
    pub(crate) fn span(&self) -> (Vec<u8>, Vec<u8>) {
        ([self.name().as_bytes(), &[0]].concat(), [self.name().as_bytes(), &[1]].concat())
    }

    /// Passes every record in key order, or the reason why it can't be read.
    pub(crate) fn each(
        &self,
        engine: &dyn Engine,
        mut take: impl FnMut(Result<V, StoreError>),
    ) -> Result<(), StoreError> {
        let (first, end) = self.span();
        each_entry_of(engine, Bound::Included(&first), Bound::Excluded(&end), 1_000, |part| {
            for (key, value) in part {
                if let Some(record) = self.decode_stored(engine, key, value).transpose() {
                    take(record);
                }
            }
            Ok(())
        })
    }

    /// At most `limit` records from `from` (included) on. `damaged` is called with the reason for each record that
    /// can't be read, and returns whether to continue.
    pub(crate) fn page(
        &self,
        engine: &dyn Engine,
        from: Option<K::Of<'_>>,
        order: Order,
        limit: usize,
        damaged: impl FnMut(StoreError) -> Result<(), StoreError>,
    ) -> Result<Vec<V>, StoreError> {
        let (first, end) = self.span();
        let (mut low, mut high) = (Bound::Included(first), Bound::Excluded(end));
        match (from.map(|key| self.raw_key(key)), order) {
            (None, _) => {}
            (Some(start), Order::Ascending) => low = Bound::Included(start),
            (Some(start), Order::Descending) => high = Bound::Included(start),
        }
        self.page_between(engine, low, high, order, limit, damaged)
    }

    fn page_between(
        &self,
        engine: &dyn Engine,
        mut low: Bound<Vec<u8>>,
        mut high: Bound<Vec<u8>>,
        order: Order,
        limit: usize,
        mut damaged: impl FnMut(StoreError) -> Result<(), StoreError>,
    ) -> Result<Vec<V>, StoreError> {
        let mut page = Vec::new();
        loop {
            let wanted = limit - page.len();
            let bounds = [&low, &high].map(|bound| bound.as_ref().map(Vec::as_slice));
            let entries = engine.range(bounds[0], bounds[1], order == Order::Descending, wanted)?;
            for (key, stored) in &entries {
                match self.decode_stored(engine, key, stored) {
                    Ok(record) => page.extend(record),
                    Err(error @ StoreError::Corrupt { .. }) => damaged(error)?,
                    Err(error) => return Err(error),
                }
            }
            let is_end = entries.len() < wanted || page.len() == limit;
            let Some((last, _)) = entries.into_iter().next_back().filter(|_| !is_end) else { return Ok(page) };
            match order {
                Order::Ascending => low = Bound::Excluded(last),
                Order::Descending => high = Bound::Excluded(last),
            }
        }
    }

    pub(crate) fn corrupt(&self, raw_key: &[u8], why: String) -> StoreError {
        StoreError::Corrupt { table: self.name(), key: raw_key.escape_ascii().to_string(), why }
    }
}

impl<V: Record> Table<Number, V> {
    /// At most `limit` records with numbers above `floor`, from `from` (included) downwards.
    pub(crate) fn page_above(
        &self,
        engine: &dyn Engine,
        floor: u64,
        from: u64,
        limit: usize,
        damaged: impl FnMut(StoreError) -> Result<(), StoreError>,
    ) -> Result<Vec<V>, StoreError> {
        if from <= floor {
            return Ok(Vec::new());
        }
        let (low, high) = (Bound::Excluded(self.raw_key(floor)), Bound::Included(self.raw_key(from)));
        self.page_between(engine, low, high, Order::Descending, limit, damaged)
    }
}
