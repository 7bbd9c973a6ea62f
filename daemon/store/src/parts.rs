//! Large records: a record that exceeds the engine's largest value is split into parts.
//!
//! The entry under the record's own key has the beginning of the record and the number of parts. Each part is an entry
//! with the key `continuation`, a zero byte, the record's whole key, and the part's number as big-endian u16. All are
//! written in one batch, which also deletes the old record's parts that the new one does not need.
//!
//! | failure | effect |
//! | --- | --- |
//! | power | the record has all its parts, or is unchanged: they are one batch |
//! | the record changes while its parts are read | the parts do not match, and the record is read again |
//! | a part is damaged, missing or of another record | the record can't be read, and the check reports why |
//! | a part is left without its record | the check reports it |

use std::{borrow::Cow, collections::BTreeSet, ops::Bound};

use crate::{
    MAX_RECORD,
    engine::{Engine, EngineError, Entry},
    value::{self, COUNT, SEAL, Stored, Value},
};

/// The maximum size of the engine's values, in bytes. A page of sled holds up to 20 of them and must stay below the
/// size that sled stores outside of its log (see the module `sled_engine`).
pub(crate) const MAX_VALUE: usize = 32 * 1024;

/// The name of the parts' key space.
pub(crate) const TABLE: &str = "continuation";

/// Bytes of a record in its first entry.
const BEGINNING: usize = MAX_VALUE - SEAL - COUNT;

/// Bytes of a record per part.
const PART: usize = MAX_VALUE - SEAL;

/// The maximum number of parts of a record.
#[allow(clippy::cast_possible_truncation)] // 129
const MOST: u16 = MAX_RECORD.div_ceil(PART) as u16;

/// The key of a part.
fn key(raw_key: &[u8], number: u16) -> Vec<u8> {
    [TABLE.as_bytes(), &[0], raw_key, &number.to_be_bytes()].concat()
}

/// The keys of a record's parts.
pub(crate) fn keys(raw_key: &[u8], numbers: std::ops::Range<u16>) -> impl Iterator<Item = Vec<u8>> {
    numbers.map(move |number| key(raw_key, number))
}

/// The key of a part's record and the part's number, from the part's key.
pub(crate) fn owner(part_key: &[u8]) -> Option<(&[u8], u16)> {
    let rest = part_key.strip_prefix(TABLE.as_bytes())?.strip_prefix(&[0])?;
    let (owner, number) = rest.split_last_chunk()?;
    value::table_of(owner).map(|_| (owner, u16::from_be_bytes(*number)))
}

/// Whether a key is that of a part.
pub(crate) fn is_part(raw_key: &[u8]) -> bool {
    value::table_of(raw_key) == Some(TABLE)
}

/// The entries of a value: one, or its beginning and its parts.
pub(crate) fn split(raw_key: Vec<u8>, whole: Vec<u8>) -> Vec<Entry> {
    if whole.len() <= MAX_VALUE {
        return vec![(raw_key, whole)];
    }
    let (beginning, rest) = whole.split_at(BEGINNING);
    let part = |(number, bytes)| {
        let key = key(&raw_key, number);
        let value = value::of_part(&key, bytes);
        (key, value)
    };
    let parts: Vec<_> = (0..).zip(rest.chunks(PART)).map(part).collect();
    let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);
    let head = value::of_head(&raw_key, count, beginning);
    std::iter::once((raw_key, head)).chain(parts).collect()
}

/// The maximum number of parts of a stored value; for a damaged value, the maximum of any.
pub(crate) fn count(raw_key: &[u8], stored: &[u8]) -> u16 {
    match Stored::of(raw_key, stored) {
        Ok(Stored::Head { parts, .. }) => parts.min(MOST),
        Ok(_) => 0,
        Err(_) => MOST,
    }
}

/// A value joined from its parts, or the damage.
pub(crate) type Whole<'v> = Result<Cow<'v, [u8]>, String>;

/// Joins a stored value with its parts, which `part` returns by their keys.
pub(crate) fn join<'v, E>(
    raw_key: &[u8],
    stored: &'v [u8],
    mut part: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, E>,
) -> Result<Whole<'v>, E> {
    if !value::is_head(stored) {
        return Ok(Ok(Cow::Borrowed(stored)));
    }
    let (count, beginning) = match Stored::of(raw_key, stored) {
        Ok(Stored::Head { parts: count @ 1..=MOST, beginning }) => (count, beginning),
        Ok(_) => return Ok(Err("its number of parts is invalid".into())),
        Err(why) => return Ok(Err(why)),
    };
    let mut whole = beginning.to_vec();
    for (number, key) in (1..).zip(keys(raw_key, 0..count)) {
        let Some(found) = part(&key)? else { return Ok(Err(format!("part {number} of {count} is missing"))) };
        match Stored::of(&key, &found) {
            Ok(Stored::Part(bytes)) => whole.extend_from_slice(bytes),
            Ok(_) => return Ok(Err(format!("part {number} of {count} is not a part"))),
            Err(why) => return Ok(Err(format!("part {number} of {count}: {why}"))),
        }
    }
    // The parts may have been written at different times.
    Ok(Value::of(raw_key, &whole).map(drop).map(|()| Cow::Owned(whole)))
}

/// The joined value of a record for which the engine returned `stored`; `None` if it was deleted meanwhile.
pub(crate) fn read<'v>(
    engine: &dyn Engine,
    raw_key: &[u8],
    stored: impl Into<Cow<'v, [u8]>>,
) -> Result<Option<Whole<'v>>, EngineError> {
    let mut stored = stored.into();
    if !value::is_head(&stored) {
        return Ok(Some(Ok(stored)));
    }
    loop {
        match join(raw_key, &stored, |key| engine.get(key))? {
            Ok(whole) => return Ok(Some(Ok(Cow::Owned(whole.into_owned())))),
            Err(why) => match engine.get(raw_key)? {
                None => return Ok(None),
                Some(now) if now == *stored => return Ok(Some(Err(why))),
                // It was changed while its parts were read.
                Some(now) => stored = Cow::Owned(now),
            },
        }
    }
}

/// The tables with at least one record in parts. Needs one lookup per such table.
pub(crate) fn tables(engine: &dyn Engine) -> Result<BTreeSet<String>, EngineError> {
    let (space, end) = ([TABLE.as_bytes(), &[0]].concat(), [TABLE.as_bytes(), &[1]].concat());
    let (mut tables, mut after) = (BTreeSet::new(), space.clone());
    loop {
        let found = engine.range(Bound::Excluded(&after), Bound::Excluded(&end), false, 1)?;
        let Some((key, _)) = found.into_iter().next() else { return Ok(tables) };
        after = match owner(&key).and_then(|(owner, _)| value::table_of(owner)) {
            Some(table) => {
                tables.insert(table.to_owned());
                [&space, table.as_bytes(), &[1]].concat()
            }
            // Damaged; skipped.
            None => key,
        };
    }
}
