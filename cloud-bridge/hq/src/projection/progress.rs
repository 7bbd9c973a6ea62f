//! The stores' events of each part of an order. [`crate::orders`] derives the state of the part from them.

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable},
};
use crate::database::{Value, statement::statements, values};

statements! {
    /// Adds events of parts.
    INSERT = "order/insert_progress" + postgres;
    /// Empties the table.
    CLEAR = "order/clear_progress";
}

static PROGRESS: Table =
    Table { name: "order_progress", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

/// The events of each part.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&PROGRESS], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Part { order, part } = told.body else { return Ok(Vec::new()) };
    let stored = told.stored;
    let epoch = Value::unsigned("epoch", stored.epoch.0)?;
    let sequence = Value::unsigned("sequence", stored.event.sequence.0)?;
    let (order, hub, kind) = (order.to_string(), stored.hub.as_str(), stored.event.kind.as_str());
    let row = values![order, *part, hub, epoch, sequence, kind, stored.event.body.get()];
    Ok(vec![Effect::row(&PROGRESS, row)])
}
