//! The stock of each store by item and epoch: the sum of the opening, the sales and the other movements, in any order.

use commerce::{Unit, stock::State};
use contract::stock::{Moved, Standing};

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable},
};
use crate::database::{Value, statement::statements, values};

statements! {
    /// Positions, by their keys.
    LOAD = "stock/load" + postgres;
    /// Writes positions.
    STORE = "stock/store" + postgres;
    /// Empties the table.
    CLEAR = "stock/clear";
}

static STOCK: Table = Table {
    name: "stock",
    kind: TableKind::Sums {
        load: &LOAD,
        // In the order of `State::ALL`.
        columns: &["on_hand", "reserved", "in_transit", "quarantined", "damaged"],
        most: i64::MAX,
    },
    store: &STORE,
    clear: &CLEAR,
};

/// Positions.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&STOCK], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let epoch = Value::unsigned("epoch", told.stored.epoch.0)?;
    let change = |sku: &str, unit: Unit, state: State, milli: i64| {
        let by = State::ALL.map(|other| if other == state { milli } else { 0 });
        let key = values![told.stored.hub.as_str(), epoch.clone(), sku, unit.name()];
        Effect::Change { table: &STOCK, key, by: by.to_vec() }
    };
    let moved = |lines: &[Moved]| -> Vec<Effect> {
        let sides = lines.iter().flat_map(|line| {
            let side = |state: Option<State>, milli: i64| state.map(|state| change(&line.sku, line.unit, state, milli));
            [side(line.from, line.quantity_milli.saturating_neg()), side(line.to, line.quantity_milli)]
        });
        sides.flatten().collect()
    };
    Ok(match told.body {
        // New to the stock of this epoch, even if the sale is known from an earlier one.
        Body::Sale(sale) => moved(&sale.moved),
        Body::Stock(stock) => moved(&stock.lines),
        Body::Opening(opened) => {
            let stands = |line: &Standing| change(&line.sku, line.unit, line.state, line.quantity_milli);
            opened.lines.iter().map(stands).collect()
        }
        _ => Vec::new(),
    })
}
