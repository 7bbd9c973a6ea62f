//! Once: a command that is repeated gets its first answer, also after a restart.
//!
//! The answer is stored in the same batch as what the command did. So either both are there and a repeat finds them, or neither is and the
//! repeat does the work.

use serde::{Deserialize, Serialize};

use crate::{
    Transaction,
    error::StoreError,
    table::{NameName, Record, Table},
};

static ANSWERS: Table<NameName, Remembered> = Table::new("answer");

#[derive(Serialize, Deserialize)]
struct Remembered {
    /// What the command was, so that a key reused for another command is noticed.
    fingerprint: String,
    answered_at_ms: i64,
    answer: serde_json::Value,
}

/// What came of a command under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// Done now.
    First(T),
    /// Done before; this is what was answered then.
    Again(T),
    /// The key was used for another command.
    OtherCommand,
}

/// A command's key.
#[derive(Clone, Debug)]
pub struct CommandKey {
    /// Who asks; keys of different askers never meet.
    pub asker: String,
    /// The key itself.
    pub key: String,
    /// A digest of the command.
    pub fingerprint: String,
    /// Now.
    pub at_ms: i64,
}

impl Transaction<'_> {
    /// Does `work` unless it was done before under this key.
    ///
    /// # Errors
    /// What `work` refuses with; a refusal is not remembered.
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
