//! Reads records wherever they are, in the engine or in a segment.

use std::{io, ops::RangeInclusive, sync::Arc};

use super::{ARCHIVED, Segment, failed, segment::Bundle};
use crate::{
    Store,
    error::StoreError,
    table::{Key, Number, Order, Record, Table},
};

/// Records per read when a page runs backwards.
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
        // Archiving publishes a segment before it deletes, so a record that has left the engine is found here.
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
        self.archive.read(with.name(), |segments| {
            let place = segments.partition_point(|segment| segment.last < number);
            let Some(segment) = segments.get(place).filter(|segment| segment.first <= number) else { return Ok(None) };
            let bundle = segment.bundle(number).map_err(unread(with.name(), number, segment))?;
            let whole = bundle.as_ref().and_then(|bundle| bundle.whole(&raw_key));
            whole.map(|whole| table.decode_whole(&raw_key, whole)).transpose()
        })
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
        self.archive.read(table.name(), |segments| self.page_through(table, segments, from, order, limit, &mut Err))
    }

    /// [`Self::page_kept`] without the records that can't be read; `damaged` is called with the reason for each. For a
    /// segment that can't be read, it is called once for each block that the page would have included.
    ///
    /// # Errors
    /// The engine or the disk fails.
    pub fn readable_page_kept<V: Record>(
        &self,
        table: &Table<Number, V>,
        from: Option<u64>,
        order: Order,
        limit: usize,
        mut damaged: impl FnMut(StoreError),
    ) -> Result<Vec<V>, StoreError> {
        let (page, faults) = self.archive.read(table.name(), |segments| {
            let mut faults = Vec::new();
            let page = self.page_through(table, segments, from, order, limit, &mut |error| {
                faults.push(error);
                Ok(())
            });
            Ok((page?, faults))
        })?;
        faults.into_iter().for_each(&mut damaged);
        Ok(page)
    }

    fn page_through<V: Record>(
        &self,
        table: &Table<Number, V>,
        segments: &[Arc<Segment>],
        from: Option<u64>,
        order: Order,
        limit: usize,
        damaged: &mut Damaged<'_>,
    ) -> Result<Vec<V>, StoreError> {
        let archived = segments.last().map_or(0, |segment| segment.last);
        let mut page = Vec::new();
        match order {
            Order::Ascending => {
                let from = from.unwrap_or(0);
                page_archived(table, segments, from..=archived, limit, &mut page, damaged)?;
                let (from, rest) = (from.max(archived + 1), limit - page.len());
                page.extend(table.page(&*self.engine, Some(from), order, rest, damaged)?);
            }
            Order::Descending => {
                let from = from.unwrap_or(u64::MAX);
                // A record that is briefly in both places is read from its segment.
                page.extend(table.page_above(&*self.engine, archived, from, limit, &mut *damaged)?);
                let mut next = from.min(archived);
                let oldest = segments.first().map_or(u64::MAX, |segment| segment.first);
                while page.len() < limit && next >= oldest {
                    // Blocks can only be read forwards, so read a range of them and reverse it.
                    let wanted = ((limit - page.len()) as u64).min(PART);
                    let first = next.saturating_sub(wanted - 1).max(oldest);
                    let mut part = Vec::new();
                    page_archived(table, segments, first..=next, usize::MAX, &mut part, damaged)?;
                    page.extend(part.into_iter().rev());
                    next = first - 1;
                }
            }
        }
        Ok(page)
    }

    /// The last archived record of a table; 0 if none.
    pub fn archived_up_to<V: Record>(&self, table: &Table<Number, V>) -> u64 {
        self.archive.segments_of(table.name()).last().map_or(0, |segment| segment.last)
    }

    /// The last deleted record of a table; 0 if none.
    ///
    /// # Errors
    /// The engine fails.
    pub fn given_up_to<V: Record>(&self, table: &Table<Number, V>) -> Result<u64, StoreError> {
        Ok(self.get(&ARCHIVED, table.name())?.unwrap_or_default().given_up)
    }

    /// The size of the archive in bytes.
    pub fn archive_size(&self) -> u64 {
        self.archive.bytes()
    }
}

/// The error for records from `number` on that can't be read. Damaged or missing bytes count as damage to those
/// records, as in the engine; other errors are the disk's.
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

/// Called with the reason why a record can't be read; returns whether to continue.
type Damaged<'d> = dyn FnMut(StoreError) -> Result<(), StoreError> + 'd;

/// Adds records from segments to a page, up to its limit.
fn page_archived<V: Record>(
    table: &Table<Number, V>,
    segments: &[Arc<Segment>],
    numbers: RangeInclusive<u64>,
    limit: usize,
    page: &mut Vec<V>,
    damaged: &mut Damaged<'_>,
) -> Result<(), StoreError> {
    let (from, to) = numbers.into_inner();
    let is_met = |segment: &&Arc<Segment>| segment.first <= to && from <= segment.last;
    for segment in segments.iter().filter(is_met) {
        for bundle in segment.bundles(from, to.min(segment.last)) {
            if page.len() >= limit {
                return Ok(());
            }
            let bundle = bundle.map_err(unread(table.name(), from.max(segment.first), segment));
            match bundle.and_then(|bundle| record_of(table, &bundle)) {
                Ok(record) => page.push(record),
                Err(error @ StoreError::Corrupt { .. }) => damaged(error)?,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// The record that a bundle is stored under.
fn record_of<V: Record>(table: &Table<Number, V>, bundle: &Bundle) -> Result<V, StoreError> {
    let raw_key = table.raw_key(bundle.number);
    let whole = bundle.whole(&raw_key).unwrap_or_else(|| Err("it is missing from the archive".into()));
    table.decode_whole(&raw_key, whole)
}
