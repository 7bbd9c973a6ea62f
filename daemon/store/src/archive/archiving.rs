//! Moves records into the archive, and deletes segments.

use std::{
    fs, io,
    ops::Bound,
    sync::{Arc, PoisonError},
};

use super::{
    ARCHIVED, Archived, EntryKey, SEGMENT, Segment, failed, file_name,
    read::unread,
    segment::{self, Bundle},
};
use crate::{
    Store,
    chain::{BASE, HEADS, Head},
    engine::Entry,
    error::StoreError,
    files::{Access, replace_with},
    parts,
    room::Purpose,
    table::{Number, Record, Table},
    value::Value,
};

/// Records deleted per commit.
const PART: usize = 500;

impl Store {
    /// Moves the oldest records of a table up to `up_to` into the archive, [`SEGMENT`] at a time, each with its
    /// `companions`; returns how many. An incomplete segment stays in the engine. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full, or a record can't be read; the records that were not moved stay in the engine.
    pub fn archive<V: Record>(
        &self,
        table: &Table<Number, V>,
        up_to: u64,
        companions: impl Fn(&V) -> Vec<EntryKey>,
    ) -> Result<u64, StoreError> {
        let mut moved = 0;
        self.delete_archived(table)?;
        while self.archived_up_to(table) + SEGMENT <= up_to {
            moved += self.write_segment(table, &companions)?;
            self.delete_archived(table)?;
        }
        Ok(moved)
    }

    /// Writes the next segment and publishes it.
    fn write_segment<V: Record>(
        &self,
        table: &Table<Number, V>,
        companions: &impl Fn(&V) -> Vec<EntryKey>,
    ) -> Result<u64, StoreError> {
        let Some(directory) = &self.archive.directory else { return Ok(0) };
        // Archiving frees space in the end, but needs some first; it must not take the last of it.
        self.committer.takes(Purpose::Ordinary)?;
        let _at_work = self.archive.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let first = self.archived_up_to(table) + 1;
        let last = first + SEGMENT - 1;
        let path = directory.join(file_name(table.name(), first, last));
        let bundles = (first..=last).map(|number| self.bundle(table, number, companions).map_err(io::Error::other));
        let failed = failed("write the archive's file", &path);
        replace_with(&path, Access::Usual, |file, _| segment::write(file, bundles, self.archive.key.as_deref()))
            .map_err(&failed)?;
        let segment = Arc::new(Segment::open(&path, self.archive.key.clone()).map_err(&failed)?);
        self.archive.publish(table.name(), |segments| segments.push(segment));
        Ok(SEGMENT)
    }

    fn bundle<V: Record>(
        &self,
        table: &Table<Number, V>,
        number: u64,
        companions: &impl Fn(&V) -> Vec<EntryKey>,
    ) -> Result<Bundle, StoreError> {
        let raw_key = table.raw_key(number);
        let missing =
            || StoreError::Corrupt { table: table.name(), key: number.to_string(), why: "it is missing".into() };
        let stored = self.engine.get(&raw_key)?.ok_or_else(missing)?;
        let record = table.decode_stored(&*self.engine, &raw_key, &stored)?.ok_or_else(missing)?;
        let mut entries = Vec::new();
        self.add_entries(raw_key, stored, &mut entries)?;
        for EntryKey(key) in companions(&record) {
            if let Some(stored) = self.engine.get(&key)? {
                self.add_entries(key, stored, &mut entries)?;
            }
        }
        Ok(Bundle { number, entries })
    }

    /// Adds the value stored under a key, and its parts.
    fn add_entries(&self, raw_key: Vec<u8>, stored: Vec<u8>, entries: &mut Vec<Entry>) -> Result<(), StoreError> {
        let count = parts::count(&raw_key, &stored);
        let keys: Vec<_> = parts::keys(&raw_key, 0..count).collect();
        entries.push((raw_key, stored));
        for key in keys {
            if let Some(part) = self.engine.get(&key)? {
                entries.push((key, part));
            }
        }
        Ok(())
    }

    /// Deletes the archived records from the engine. Records that can't be compared, because their segment is damaged
    /// or lost, stay in the engine.
    fn delete_archived<V: Record>(&self, table: &Table<Number, V>) -> Result<(), StoreError> {
        let (mut after, _) = table.span();
        loop {
            let archived = self.archived_up_to(table);
            let end = table.raw_key(archived);
            let left = self.engine.range(Bound::Excluded(&after), Bound::Included(&end), false, PART)?;
            let (Some((first, _)), Some((last, _))) = (left.first(), left.last()) else { return Ok(()) };
            let number = |key: &[u8]| key.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            let (entries, name) = (self.archived_keys(table, number(first), number(last))?, table.name());
            after.clone_from(last);
            if entries.is_empty() {
                continue;
            }
            self.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
                let known = transaction.get(&ARCHIVED, name)?.unwrap_or_default();
                transaction.put(&ARCHIVED, name, &Archived { last: archived.max(known.last), ..known })?;
                for key in entries {
                    transaction.delete_raw(key);
                }
                Ok::<_, StoreError>(())
            })?;
        }
    }

    /// The keys of all entries in segments in a range of numbers that are in the engine too. They are about to be
    /// deleted there, so each must be identical.
    fn archived_keys<V: Record>(
        &self,
        table: &Table<Number, V>,
        low: u64,
        high: u64,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut keys = Vec::new();
        let segments = self.archive.segments_of(table.name());
        for segment in segments.iter().filter(|segment| segment.first <= high && low <= segment.last) {
            for bundle in segment.bundles(low.max(segment.first), high.min(segment.last)) {
                let bundle = match bundle {
                    Ok(bundle) => bundle,
                    Err(error) => {
                        tracing::warn!(path = %segment.path.display(), %error, "some records stay in the engine");
                        continue;
                    }
                };
                for (key, value) in bundle.entries {
                    match self.engine.get(&key)? {
                        Some(found) if found == value => keys.push(key),
                        // A different value under the same key means that the segment belongs to another store. Delete
                        // nothing.
                        Some(_) => {
                            return Err(StoreError::Corrupt {
                                table: table.name(),
                                key: key.escape_ascii().to_string(),
                                why: format!("the archive's file {} has another value for it", segment.path.display()),
                            });
                        }
                        None => {}
                    }
                }
            }
        }
        Ok(keys)
    }

    /// Deletes the oldest segments of a table, and older records of the other linked tables, while `may_go` is true of
    /// their last record; returns how many records.
    ///
    /// # Errors
    /// The disk fails.
    pub fn give_up<V: Record>(&self, table: &Table<Number, V>, may_go: impl Fn(&V) -> bool) -> Result<u64, StoreError> {
        let mut given_up = 0;
        loop {
            let segments = self.archive.segments_of(table.name());
            // A segment that can't be read has no known age; it goes with the next one, which is younger.
            let ages = |(place, segment): (usize, &Arc<Segment>)| Some((place, self.kept(table, segment.last).ok()??));
            let Some((place, last)) = segments.iter().enumerate().find_map(ages) else { break };
            let (going, segment) = (&segments[..=place], &segments[place]);
            if !may_go(&last) {
                break;
            }
            let bundle = segment.bundle(segment.last).map_err(unread(table.name(), segment.last, segment))?;
            // The new beginning of the chain.
            let links = bundle.iter().flat_map(|bundle| {
                bundle.entries.iter().filter_map(|(key, _)| Value::of(key, &bundle.whole(key)?.ok()?).ok()?.link)
            });
            let link = links.max_by_key(|link| link.number);
            let (number, base) = (segment.last, link.map_or(0, |link| link.number));
            let name = table.name();
            self.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
                let known = transaction.get(&ARCHIVED, name)?.unwrap_or_default();
                transaction.put(&ARCHIVED, name, &Archived { given_up: number, ..known })?;
                if let Some(link) = link {
                    transaction.put(&HEADS, BASE, &Head::from(link))?;
                }
                Ok::<_, StoreError>(())
            })?;
            self.forget_before(table.name(), base)?;
            // A backup is copying segments; try again later.
            let Ok(_at_work) = self.archive.at_work.try_lock() else { return Ok(given_up) };
            self.archive.publish(table.name(), |segments| drop(segments.drain(..=place)));
            for segment in going {
                match fs::remove_file(&segment.path) {
                    Err(error) if segment.lost.is_none() || error.kind() != io::ErrorKind::NotFound => {
                        return Err(failed("remove the archive's file", &segment.path)(error));
                    }
                    _ => given_up += segment.last - segment.first + 1,
                }
            }
        }
        Ok(given_up)
    }

    /// Deletes the records of the other linked tables from before the chain's new base, because nothing proves them any
    /// more. If this is interrupted, the next deletion completes it.
    fn forget_before(&self, given_up: &str, base: u64) -> Result<(), StoreError> {
        for table in self.linked.iter().filter(|table| **table != given_up) {
            let (first, end) = Table::<Number, serde_json::Value>::new(table).span();
            loop {
                let part = self.engine.range(Bound::Included(&first), Bound::Excluded(&end), false, PART)?;
                // In the order of their links; a record that can't be read goes with its neighbours.
                let mut old = None;
                for (place, (key, stored)) in part.iter().enumerate() {
                    if let Some(Ok(whole)) = parts::read(&*self.engine, key, stored)?
                        && let Ok(Value { link: Some(link), .. }) = Value::of(key, &whole)
                        && link.number <= base
                    {
                        old = Some(place);
                    }
                }
                let Some(old) = old else { break };
                let keys: Vec<_> = part.into_iter().take(old + 1).map(|(key, _)| key).collect();
                self.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
                    for key in keys {
                        transaction.delete_raw(key);
                    }
                    Ok::<_, StoreError>(())
                })?;
            }
        }
        Ok(())
    }
}
