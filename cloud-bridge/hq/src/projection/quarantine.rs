//! Quarantined events, with reasons. The events themselves are in the event table.

use super::{
    table::{Effect, Table, TableKind},
    told::{Stored, Unusable},
};
use crate::database::{DatabaseError, Value, statement::statements, values};

statements! {
    /// Adds rows.
    INSERT = "quarantine/insert" + postgres;
    /// Empties the table.
    CLEAR = "quarantine/clear";
}

/// One row per event.
pub(crate) static QUARANTINE: Table =
    Table { name: "quarantine", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

/// The maximum length of a reason, in bytes.
const MAX_WHY: usize = 500;

/// Quarantines an event.
pub(crate) fn kept(stored: &Stored, why: &Unusable) -> Result<Effect, DatabaseError> {
    let mut why = why.to_string().replace('\0', " ");
    why.truncate(why.floor_char_boundary(MAX_WHY));
    let epoch = Value::unsigned("epoch", stored.epoch.0)?;
    let sequence = Value::unsigned("sequence", stored.event.sequence.0)?;
    Ok(Effect::row(&QUARANTINE, values![stored.hub.as_str(), epoch, stored.stream.as_str(), sequence, why]))
}
