//! Store coupons: each use, and each void that gave one back.

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable, key},
};
use crate::database::{statement::statements, values};

statements! {
    /// Adds uses.
    INSERT = "coupon/insert" + postgres;
    /// Empties the table.
    CLEAR = "coupon/clear";
}

static USE: Table = Table { name: "coupon_use", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

/// The uses of coupons.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&USE], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Sale(sale) = told.body else { return Ok(Vec::new()) };
    if !told.is_first {
        return Ok(Vec::new());
    }
    let change = if sale.voids.is_some() { -1_i64 } else { 1 };
    let used = |coupon: &contract::sale::Coupon| {
        Ok(Effect::row(
            &USE,
            values![
                key("a class of coupons", &coupon.class)?,
                key("a coupon's code", &coupon.code)?,
                sale.sold_at_ms,
                told.stored.hub.as_str(),
                key("the sale's id", &sale.sale)?,
                change,
                sale.customer.as_deref(),
            ],
        ))
    };
    sale.coupons.iter().map(used).collect()
}
