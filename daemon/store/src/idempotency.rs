//! Idempotency: a repeated command gets its first answer, also after a restart.
//!
//! The answer is stored in the same batch as the changes of the command. So either both are stored and a repeat finds
//! the answer, or neither is and the repeat does the work.
//!
//! Answers are kept for [`REMEMBERED`], then deleted by an occasional walk over all of them; a second index would cost
//! more. There is one answer per command, so without this they would take more space than the sales.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, while answers are deleted | some old answers are gone; the rest are deleted the next time |
//! | the clock is wrong | callers of [`Store::forget_answers`] and of commands pass trusted times |

use std::{ops::Bound, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Store, Transaction,
    engine::Entry,
    error::StoreError,
    room::Purpose,
    table::{Key, NameName, Record, Table},
};

/// How long a repeat gets its first answer. A register that was away longer must look up the outcome of its commands
/// before it repeats them.
pub const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// Answers read per commit.
const PART: usize = 500;

static ANSWERS: Table<NameName, Remembered> = Table::new("answer");

/// The same table, reading only the age of the answers.
static AGES: Table<NameName, Age> = Table::new("answer");

#[derive(Serialize, Deserialize)]
struct Age {
    answered_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    /// Identifies the command, so that a key reused for another command is noticed.
    fingerprint: String,
    answered_at_ms: i64,
    answer: serde_json::Value,
}

/// The result of a command under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was executed now.
    First(T),
    /// It was executed before; this was the answer.
    Again(T),
    /// The key was used for another command.
    OtherCommand,
}

/// The key of a command.
#[derive(Clone, Debug)]
pub struct CommandKey {
    /// Who sent it; the keys of different callers are separate.
    pub asker: String,
    /// The key itself.
    pub key: String,
    /// A digest of the command.
    pub fingerprint: String,
    /// The current time.
    pub at_ms: i64,
}

impl Transaction<'_> {
    /// Runs `work` unless a command was already executed under this key.
    ///
    /// # Errors
    /// The error of `work`, which is not remembered.
    pub fn once<T, E>(
        &mut self,
        command: &CommandKey,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Once<T>, E>
    where
        T: Record,
        E: From<StoreError>,
    {
        let key = (command.asker.as_str(), command.key.as_str());
        if let Some(remembered) = self.get(&ANSWERS, key)? {
            if remembered.fingerprint != command.fingerprint {
                return Ok(Once::OtherCommand);
            }
            let corrupt = |error: serde_json::Error| StoreError::Corrupt {
                table: ANSWERS.name(),
                key: format!("{}/{}", command.asker, command.key),
                why: error.to_string(),
            };
            return Ok(Once::Again(serde_json::from_value(remembered.answer).map_err(corrupt)?));
        }
        let answer = work(self)?;
        let unwritable = |error: serde_json::Error| StoreError::Corrupt {
            table: ANSWERS.name(),
            key: command.key.clone(),
            why: error.to_string(),
        };
        let remembered = Remembered {
            fingerprint: command.fingerprint.clone(),
            answered_at_ms: command.at_ms,
            answer: serde_json::to_value(&answer).map_err(unwritable)?,
        };
        self.put(&ANSWERS, key, &remembered)?;
        Ok(Once::First(answer))
    }
}

impl Transaction<'_> {
    /// Forgets the answer under a key, so that a repeat tries again: the command's effect outside the store has failed.
    pub fn forget_answer(&mut self, command: &CommandKey) {
        self.delete(&ANSWERS, (command.asker.as_str(), command.key.as_str()));
    }
}

impl Store {
    /// Whether a command was executed under this key, so that a repeat only needs its answer.
    ///
    /// # Errors
    /// The engine fails or the answer can't be read.
    pub fn is_answered(&self, command: &CommandKey) -> Result<bool, StoreError> {
        Ok(self.get(&AGES, (command.asker.as_str(), command.key.as_str()))?.is_some())
    }

    /// Deletes answers older than [`REMEMBERED`]; returns how many.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget_answers(&self, now_ms: i64) -> Result<u64, StoreError> {
        let before = now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
        self.forget(&AGES, move |age| age.answered_at_ms < before)
    }

    /// Deletes the records of a table for which `is_over` is true, in small commits; returns how many. Blocks. Once
    /// `is_over` is true of a record, the record must not change any more. A damaged record stays, for [`Store::check`]
    /// to find.
    ///
    /// # Errors
    /// The store fails.
    pub fn forget<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        is_over: impl Fn(&V) -> bool,
    ) -> Result<u64, StoreError> {
        let (mut after, end) = table.span();
        let mut forgotten = 0;
        loop {
            let part = self.engine.range(Bound::Excluded(&after), Bound::Excluded(&end), false, PART)?;
            let Some((last, _)) = part.last() else { return Ok(forgotten) };
            after.clone_from(last);
            let is_over = |(key, stored): &Entry| {
                let record = table.decode_stored(&*self.engine, key, stored);
                record.is_ok_and(|record| record.is_some_and(|record| is_over(&record)))
            };
            let over: Vec<_> = part.into_iter().filter(is_over).map(|(key, _)| key).collect();
            if !over.is_empty() {
                forgotten += over.len() as u64;
                self.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
                    for key in over {
                        transaction.delete_raw(key);
                    }
                    Ok::<_, StoreError>(())
                })?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was first stored. More fixtures are added beside it; this one never changes.
    #[test]
    fn a_stored_answer_is_read() {
        let stored = r#"{"fingerprint":"8a91","answered_at_ms":1795535304998,"answer":{"id":"b237"}}"#;
        let remembered: Remembered = serde_json::from_str(stored).unwrap();
        assert_eq!((&*remembered.fingerprint, remembered.answered_at_ms), ("8a91", 1_795_535_304_998));
        assert_eq!(remembered.answer["id"], "b237");
        assert_eq!(serde_json::from_str::<Age>(stored).unwrap().answered_at_ms, 1_795_535_304_998);
    }
}
