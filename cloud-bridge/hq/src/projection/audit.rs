//! The audit trails of the stores.

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable},
};
use crate::database::{Value, statement::statements, values};

statements! {
    /// Adds entries.
    INSERT = "audit/insert" + postgres;
    /// Empties the table.
    CLEAR = "audit/clear";
}

static ENTRY: Table =
    Table { name: "audit_entry", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

/// The entries of every store.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&ENTRY], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Audit(recorded) = told.body else { return Ok(Vec::new()) };
    let details = serde_json::to_string(&recorded.details).unwrap_or_default();
    let row = values![
        told.stored.hub.as_str(),
        Value::unsigned("epoch", told.stored.epoch.0)?,
        Value::unsigned("sequence", told.stored.event.sequence.0)?,
        Value::unsigned("number", recorded.number)?,
        recorded.at_ms,
        &recorded.act,
        recorded.who.station.to_string(),
        recorded.who.operator.as_ref().map(ToString::to_string),
        details,
    ];
    Ok(vec![Effect::row(&ENTRY, row)])
}
