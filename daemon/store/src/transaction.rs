//! What a commit reads, and what it writes until its group is stored.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

use crate::{
    META, RESTORED,
    cache::Cache,
    chain::{HEAD, HEADS},
    engine::{Engine, EngineError},
    error::StoreError,
    parts,
    table::{Key, Record, Table},
    value,
};

/// Changes not yet in the engine.
pub(crate) type Overlay = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// The committer's knowledge of the tables.
pub(crate) struct Tables {
    /// The tables whose records are links of the chain.
    linked: Vec<&'static str>,
    /// The tables that may have a record in parts; records of other tables need no check for old parts.
    in_parts: RefCell<BTreeSet<String>>,
}

impl Tables {
    pub(crate) fn of(engine: &dyn Engine, linked: &[&'static str]) -> Result<Self, EngineError> {
        Ok(Self { linked: linked.to_vec(), in_parts: RefCell::new(parts::tables(engine)?) })
    }
}

/// A commit's view of the store.
#[derive(Clone, Copy)]
pub(crate) struct View<'g> {
    pub(crate) engine: &'g dyn Engine,
    pub(crate) tables: &'g Tables,
    pub(crate) cache: &'g RefCell<Cache>,
    /// The changes of earlier commits of the group.
    pub(crate) group: &'g Overlay,
}

impl View<'_> {
    /// Passes the value of a key to `take` without copying it.
    fn get<T>(
        &self,
        raw_key: &[u8],
        take: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if let Some(written) = self.group.get(raw_key) {
            return written.as_deref().map(take).transpose();
        }
        let mut cache = self.cache.borrow_mut();
        if let Some(known) = cache.get(raw_key) {
            return take(known).map(Some);
        }
        let Some(value) = self.engine.get_to_commit(raw_key)? else { return Ok(None) };
        let taken = take(&value)?;
        cache.keep(raw_key.to_vec(), value);
        Ok(Some(taken))
    }
}

/// One commit's view of the store, and its changes.
pub struct Transaction<'g> {
    view: View<'g>,
    own: Overlay,
    /// The outbox streams that this commit appended to, with their new heads.
    pub(crate) heads: Vec<(String, u64)>,
}

/// The result of a commit that did not refuse.
pub(crate) struct Changes {
    pub(crate) overlay: Overlay,
    pub(crate) heads: Vec<(String, u64)>,
}

/// A record as found.
enum Found<V> {
    Decoded(V),
    /// Its beginning: its parts must still be read.
    Head(Vec<u8>),
}

impl<'g> Transaction<'g> {
    pub(crate) fn begin(view: View<'g>) -> Self {
        Self { view, own: Overlay::new(), heads: Vec::new() }
    }

    /// Reads a record, including the changes of this commit and of earlier ones in its group.
    ///
    /// # Errors
    /// The engine fails or the record can't be read.
    pub fn get<K: Key, V: Record>(&self, table: &Table<K, V>, key: K::Of<'_>) -> Result<Option<V>, StoreError> {
        let raw_key = table.raw_key(key);
        let found = self.stored(&raw_key, |value| {
            if value::is_head(value) {
                Ok(Found::Head(value.to_vec()))
            } else {
                table.decode(&raw_key, value).map(Found::Decoded)
            }
        })?;
        match found {
            None => Ok(None),
            Some(Found::Decoded(record)) => Ok(Some(record)),
            Some(Found::Head(head)) => {
                let part = |key: &[u8]| self.stored(key, |value| Ok(value.to_vec()));
                table.decode_whole(&raw_key, parts::join(&raw_key, &head, part)?).map(Some)
            }
        }
    }

    /// Passes the value under a key to `take` without copying it.
    fn stored<T>(
        &self,
        raw_key: &[u8],
        take: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.own.get(raw_key) {
            Some(written) => written.as_deref().map(take).transpose(),
            None => self.view.get(raw_key, take),
        }
    }

    /// Writes a record; in a linked table as the next link of the [`chain`](crate::chain).
    ///
    /// # Errors
    /// It is larger than [`MAX_RECORD`](crate::MAX_RECORD); the table is linked and has a record under this key, or was
    /// not declared when the store was opened; or the engine fails.
    pub fn put<K: Key, V: Record>(
        &mut self,
        table: &Table<K, V>,
        key: K::Of<'_>,
        record: &V,
    ) -> Result<(), StoreError> {
        if table.is_linked() != self.view.tables.linked.contains(&table.name()) {
            return Err(StoreError::OtherTable { table: table.name() });
        }
        let raw_key = table.raw_key(key);
        let whole = if table.is_linked() {
            if self.stored(&raw_key, |_| Ok(()))?.is_some() {
                return Err(StoreError::StoredAlready { table: table.name(), key: raw_key.escape_ascii().to_string() });
            }
            let mut head = self.get(&HEADS, HEAD)?.unwrap_or_default();
            let whole = table.encode(&raw_key, record, |json| Some(head.append(&raw_key, json)))?;
            self.put(&HEADS, HEAD, &head)?;
            whole
        } else {
            table.encode(&raw_key, record, |_| None)?
        };
        self.retract(&raw_key);
        let entries = parts::split(raw_key, whole);
        if entries.len() > 1 {
            self.view.tables.in_parts.borrow_mut().insert(table.name().to_owned());
        }
        self.own.extend(entries.into_iter().map(|(key, value)| (key, Some(value))));
        Ok(())
    }

    /// Deletes a record if it exists.
    pub fn delete<K: Key, V: Record>(&mut self, table: &Table<K, V>, key: K::Of<'_>) {
        self.delete_raw(table.raw_key(key));
    }

    /// Removes the note that the store was restored: the hub acts on it in this commit.
    pub fn settle_restored(&mut self) {
        self.delete(&META, RESTORED);
    }

    pub(crate) fn delete_raw(&mut self, raw_key: Vec<u8>) {
        self.retract(&raw_key);
        self.own.insert(raw_key, None);
    }

    /// Removes the parts of a record that this commit wrote.
    fn retract(&mut self, raw_key: &[u8]) {
        let written = self.own.get(raw_key).and_then(Option::as_deref);
        let count = written.map_or(0, |stored| parts::count(raw_key, stored));
        for key in parts::keys(raw_key, 0..count) {
            self.own.remove(&key);
        }
    }

    /// Returns the changes, with the deletion of the old parts that new records do not need.
    pub(crate) fn end(self) -> Result<Changes, StoreError> {
        let Self { view, own: mut overlay, heads } = self;
        let in_parts = view.tables.in_parts.borrow();
        let mut left = Vec::new();
        if !in_parts.is_empty() {
            for (raw_key, written) in &overlay {
                if value::table_of(raw_key).is_some_and(|table| in_parts.contains(table)) {
                    let former = view.get(raw_key, |stored| Ok(parts::count(raw_key, stored)))?.unwrap_or(0);
                    let kept = written.as_deref().map_or(0, |stored| parts::count(raw_key, stored));
                    left.extend(parts::keys(raw_key, kept..former));
                }
            }
        }
        overlay.extend(left.into_iter().map(|key| (key, None)));
        Ok(Changes { overlay, heads })
    }
}
