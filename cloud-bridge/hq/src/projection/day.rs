//! Totals of each store and business day, and by tender.

use std::collections::BTreeMap;

use super::{
    Projection,
    sale::business_day,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable},
};
use crate::database::{statement::statements, values};

statements! {
    /// Days, by their keys.
    LOAD = "day/load" + postgres;
    /// Writes days.
    STORE = "day/store" + postgres;
    /// Empties the table.
    CLEAR = "day/clear";
    /// Tenders of days, by their keys.
    LOAD_TENDER = "day/load_tender" + postgres;
    /// Writes tenders of days.
    STORE_TENDER = "day/store_tender" + postgres;
    /// Empties the table.
    CLEAR_TENDERS = "day/clear_tenders";
}

/// The maximum amount: a day's sums are displayed as amounts.
const MOST: i64 = 1_000_000_000_000_000;

static DAY: Table = Table {
    name: "day",
    kind: TableKind::Sums {
        load: &LOAD,
        columns: &["sales", "lines", "regular", "discount", "net", "manufacturer_coupon", "owed", "voids", "voided"],
        most: MOST,
    },
    store: &STORE,
    clear: &CLEAR,
};

static TENDER: Table = Table {
    name: "day_tender",
    kind: TableKind::Sums { load: &LOAD_TENDER, columns: &["tenders", "amount"], most: MOST },
    store: &STORE_TENDER,
    clear: &CLEAR_TENDERS,
};

/// Totals by store, business day and currency.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&DAY, &TENDER], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Sale(sale) = told.body else { return Ok(Vec::new()) };
    if !told.is_first {
        return Ok(Vec::new());
    }
    let (day, totals) = (business_day(sale)?.to_string(), &sale.totals);
    let key = values![told.stored.hub.as_str(), day, sale.currency.code()];
    let lines = i64::try_from(sale.lines.len()).unwrap_or(i64::MAX);
    let mut tenders: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for tender in &sale.tenders {
        let [count, amount] = tenders.entry(&tender.kind).or_default();
        *count += 1;
        *amount = amount.saturating_add(tender.amount.get());
    }
    if totals.change.get() != 0 {
        let [_, amount] = tenders.entry("cash").or_default();
        *amount = amount.saturating_sub(totals.change.get());
    }
    let owed = totals.net + totals.charges + totals.added_tax + totals.cash_rounding;
    let by = vec![
        1,
        lines,
        totals.regular.get(),
        totals.discount.get(),
        totals.net.get(),
        totals.manufacturer_coupon.get(),
        owed.get(),
        i64::from(sale.voids.is_some()),
        if sale.voids.is_some() { totals.net.get() } else { 0 },
    ];
    let mut effects = vec![Effect::Change { table: &DAY, key: key.clone(), by }];
    effects.extend(tenders.into_iter().map(|(kind, by)| {
        let key = key.iter().cloned().chain(values![kind]).collect();
        Effect::Change { table: &TENDER, key, by: by.to_vec() }
    }));
    Ok(effects)
}
