//! Units with serial numbers: each time one was sold, or came back.

use commerce::returns::Way;

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable, key},
};
use crate::database::{statement::statements, values};

statements! {
    /// Adds events of units.
    INSERT = "unit/insert" + postgres;
    /// Empties the table.
    CLEAR = "unit/clear";
}

static EVENT: Table =
    Table { name: "unit_event", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

/// The units.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&EVENT], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Sale(sale) = told.body else { return Ok(Vec::new()) };
    if !told.is_first {
        return Ok(Vec::new());
    }
    let mut effects = Vec::new();
    for line in &sale.lines {
        let (Some(sku), Some(serial)) = (&line.sku, &line.serial) else { continue };
        let returned = line.returned.as_deref();
        let is_sold = returned.is_none_or(|returned| returned.way == Way::Exchange) && sale.voids.is_none();
        let warranty = line.warranty.filter(|_| is_sold);
        effects.push(Effect::row(
            &EVENT,
            values![
                key("a SKU", sku)?,
                key("a serial number", serial)?,
                sale.sold_at_ms,
                told.stored.hub.as_str(),
                key("the sale's id", &sale.sale)?,
                line.number,
                is_sold,
                sale.customer.as_deref(),
                warranty.map(|warranty| warranty.start.to_string()),
                warranty.map(|warranty| i64::from(warranty.months)),
                warranty.map(|warranty| warranty.ends.to_string()),
            ],
        ));
    }
    Ok(effects)
}
