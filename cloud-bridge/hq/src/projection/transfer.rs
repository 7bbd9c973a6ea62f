//! Movements of transfers, in the books of their two stores; [`crate::transfers`] compares them.

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable, key},
};
use crate::{
    database::{Value, statement::statements, values},
    transfers::{followed, kind_name},
};

statements! {
    /// Adds items of movements.
    INSERT = "transfer/insert" + postgres;
    /// Empties the table.
    CLEAR = "transfer/clear";
    /// The first movements of epochs, by their keys.
    LOAD_START = "transfer/load_start" + postgres;
    /// Writes first movements.
    STORE_START = "transfer/store_start" + postgres;
    /// Empties the table.
    CLEAR_STARTS = "transfer/clear_starts";
}

static HALF: Table =
    Table { name: "transfer_half", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

static START: Table = Table {
    name: "epoch_start",
    kind: TableKind::Lowest { load: &LOAD_START },
    store: &STORE_START,
    clear: &CLEAR_STARTS,
};

/// Halves of transfers, and where epochs begin.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&HALF, &START], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let (hub, epoch) = (&told.stored.hub, told.stored.epoch);
    let movement = match told.body {
        // Made in this epoch, not sent again in it.
        Body::Sale(sale) => {
            let is_of_it = sale.sale.strip_prefix(&epoch.to_string()).is_some_and(|rest| rest.starts_with('-'));
            sale.movement.filter(|_| is_of_it)
        }
        Body::Stock(moved) => Some(moved.movement),
        _ => None,
    };
    let Some(movement) = movement else { return Ok(Vec::new()) };
    let (epoch, number) = (Value::unsigned("epoch", epoch.0)?, Value::unsigned("movement", movement)?);
    let first = i64::try_from(movement).unwrap_or(i64::MAX);
    let mut effects =
        vec![Effect::Change { table: &START, key: values![hub.as_str(), epoch.clone()], by: vec![first] }];
    if let Body::Stock(moved) = told.body
        && let Some((sender, transfer)) = followed(hub, moved)
    {
        let (transfer, kind) = (key("the transfer", &transfer)?, kind_name(moved.kind));
        for (place, line) in (1_i64..).zip(&moved.lines) {
            let sku = key("an item's number", &line.sku)?;
            let (epoch, number) = (epoch.clone(), number.clone());
            effects.push(Effect::row(
                &HALF,
                values![
                    sender.as_str(),
                    transfer,
                    sku,
                    line.unit.name(),
                    hub.as_str(),
                    epoch,
                    number,
                    place,
                    kind,
                    moved.at_ms,
                    line.quantity_milli,
                ],
            ));
        }
    }
    Ok(effects)
}
