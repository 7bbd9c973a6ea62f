//! Reading through: a record is where it is, in the engine or in a segment.

use std::{io, ops::Bound, sync::Arc};

use super::{ARCHIVED, Segment, failed};
use crate::{
    Store,
    error::StoreError,
    table::{Key, Number, Order, Record, Table},
};

/// Records read at a time where a page runs backwards.
const PART: u64 = 500;

impl Store {
    /// Reads a record of a table that may be archived.
    ///
    /// # Errors
    /// The engine fails, or the record or its segment can't be read.
    pub fn kept<V: Record>(&self, table: &Table<Number, V>, number: u64) -> Result<Option<V>, StoreError> {
        self.kept_with(table, number, table, number)
    }

    /// Reads a record that was archived with the record `number` of another table, wherever it is now.
    ///
    /// # Errors
    /// As for [`Self::kept`].
    pub fn kept_with<W: Record, K: Key, V: Record>(
        &self,
        with: &Table<Number, W>,
        number: u64,
        table: &Table<K, V>,
        key: K::Of<'_>,
    ) -> Result<Option<V>, StoreError> {
        // Archiving publishes a segment before it deletes: who does not find it in the engine finds it here.
        match table.read(&*self.engine, key)? {
            Some(record) => Ok(Some(record)),
            None => self.archived(with, number, table, key),
        }
    }

    fn archived<W: Record, K: Key, V: Record>(
        &self,
        with: &Table<Number, W>,
        number: u64,
        table: &Table<K, V>,
        key: K::Of<'_>,
    ) -> Result<Option<V>, StoreError> {
        let raw_key = table.raw_key(key);
        let entry = self.archive.read(with.name(), |segments| {
            let place = segments.partition_point(|segment| segment.last < number);
            let Some(segment) = segments.get(place).filter(|segment| segment.first <= number) else { return Ok(None) };
            let shelf = segment.shelf(number).map_err(unread(with.name(), number, segment))?;
            Ok(shelf.into_iter().flat_map(|shelf| shelf.entries).find(|(key, _)| *key == raw_key))
        })?;
        entry.map(|(key, value)| table.decode(&key, &value)).transpose()
    }

    /// [`Store::page`] for a table that may be archived.
    ///
    /// # Errors
    /// As for [`Self::kept`].
    pub fn page_kept<V: Record>(
        &self,
        table: &Table<Number, V>,
        from: Option<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<V>, StoreError> {
        self.archive.read(table.name(), |segments| self.page_through(table, segments, from, order, limit))
    }

    fn page_through<V: Record>(
        &self,
        table: &Table<Number, V>,
        segments: &[Arc<Segment>],
        from: Option<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<V>, StoreError> {
        let archived = segments.last().map_or(0, |segment| segment.last);
        let mut page = Vec::new();
        match order {
            Order::Ascending => {
                let from = from.unwrap_or(0);
                page_archived(table, segments, from, limit, &mut page)?;
                let rest = limit - page.len();
                page.extend(self.page(table, Some(from.max(archived + 1)), order, rest)?);
            }
            Order::Descending => {
                let from = from.unwrap_or(u64::MAX);
                if from > archived {
                    let (first, last) = (table.raw_key(archived + 1), table.raw_key(from));
                    let bounds = (Bound::Included(&first[..]), Bound::Included(&last[..]));
                    let entries = self.engine.range(bounds.0, bounds.1, true, limit)?;
                    for (key, value) in &entries {
                        page.push(table.decode(key, value)?);
                    }
                }
                let mut next = from.min(archived);
                let oldest = segments.first().map_or(u64::MAX, |segment| segment.first);
                while page.len() < limit && next >= oldest {
                    // Blocks are read forwards: a part of them at a time, turned round.
                    let wanted = ((limit - page.len()) as u64).min(PART);
                    let first = next.saturating_sub(wanted - 1).max(oldest);
                    let mut part = Vec::new();
                    let most = usize::try_from(next - first + 1).unwrap_or(usize::MAX);
                    page_archived(table, segments, first, most, &mut part)?;
                    page.extend(part.into_iter().rev());
                    next = first - 1;
                }
            }
        }
        Ok(page)
    }

    /// The last record of a table that is archived; 0 for none.
    pub fn archived_up_to<V: Record>(&self, table: &Table<Number, V>) -> u64 {
        self.archive.shelves(table.name()).last().map_or(0, |segment| segment.last)
    }

    /// The last record of a table that was given up; 0 for none.
    ///
    /// # Errors
    /// The engine fails.
    pub fn given_up_to<V: Record>(&self, table: &Table<Number, V>) -> Result<u64, StoreError> {
        Ok(self.get(&ARCHIVED, table.name())?.unwrap_or_default().given_up)
    }

    /// Bytes of the archive.
    pub fn archive_size(&self) -> u64 {
        self.archive.bytes()
    }
}

/// Why what is kept from `number` on can't be read. Bytes that are damaged or lacking are damage of those records, as it would be in the engine; the disk's own
/// trouble is the disk's.
pub(super) fn unread(table: &'static str, number: u64, segment: &Segment) -> impl Fn(io::Error) -> StoreError {
    let path = segment.path.clone();
    move |error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StoreError::Corrupt {
            table,
            key: number.to_string(),
            why: format!("in the archive's file {}: {error}", path.display()),
        },
        _ => failed("read the archive's file", &path)(error),
    }
}

/// Adds records from segments to a page, from `from` on.
fn page_archived<V: Record>(
    table: &Table<Number, V>,
    segments: &[Arc<Segment>],
    from: u64,
    limit: usize,
    page: &mut Vec<V>,
) -> Result<(), StoreError> {
    for segment in segments.iter().skip_while(|segment| segment.last < from) {
        let left = limit.saturating_sub(page.len());
        if left == 0 {
            break;
        }
        for shelf in segment.shelves(from, segment.last).take(left) {
            let shelf = shelf.map_err(unread(table.name(), from.max(segment.first), segment))?;
            let raw_key = table.raw_key(shelf.number);
            let record = shelf.entries.iter().find(|(key, _)| *key == raw_key);
            let (_, value) = record.ok_or_else(|| StoreError::Corrupt {
                table: table.name(),
                key: shelf.number.to_string(),
                why: "its archive's shelf lacks it".into(),
            })?;
            page.push(table.decode(&raw_key, value)?);
        }
    }
    Ok(())
}
