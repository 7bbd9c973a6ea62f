//! An independent witness of HQ's ledger: the database itself computes every projection from the JSON of the events, by
//! SQL of the tests' own, and compares the rows.

use super::database::Database;

/// The projections and their columns.
const PROJECTIONS: [(&str, &str); 8] = [
    (
        "sale",
        "hub, sale, epoch, stream, sequence, reference, register, operator, receipt, fiscal_year, business_day, \
         sold_at_ms, customer, currency, regular, discount, net, manufacturer_coupon, tendered, change, movement",
    ),
    (
        "sale_line",
        "hub, business_day, sale, place, number, sku, gtin, on_file, description, quantity_milli, unit, regular, net",
    ),
    ("sale_tender", "hub, sale, place, kind, amount, scheme"),
    ("day", "hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon"),
    ("day_tender", "hub, business_day, currency, kind, tenders, amount"),
    ("stock", "hub, epoch, sku, unit, on_hand, reserved, in_transit, quarantined, damaged"),
    ("epoch_start", "hub, epoch, first_movement"),
    ("transfer_half", "sender, transfer, sku, unit, hub, epoch, movement, place, kind, at_ms, quantity_milli"),
];

/// Compares; gives the rows of each projection, and of the events as `order`.
///
/// # Errors
/// What differs, or the database can't be read.
pub fn compare(database: &Database) -> Result<Vec<(String, u64)>, String> {
    let mut sql = match database {
        Database::Sqlite(_) => include_str!("../../sql/told.sqlite.sql"),
        Database::Postgres(_) => include_str!("../../sql/told.postgres.sql"),
    }
    .to_owned();
    sql += include_str!("../../sql/witness.sql");
    for (table, columns) in PROJECTIONS {
        let [there, made] =
            [table.to_owned(), format!("made_{table}")].map(|table| format!("SELECT {columns} FROM {table}"));
        let count =
            |from: &str, without: &str| format!("(SELECT COUNT(*) FROM ({from} EXCEPT {without}) AS differing)");
        sql += &format!(
            "SELECT '{table}', (SELECT COUNT(*) FROM {table}), {}, {};\n",
            count(&there, &made),
            count(&made, &there)
        );
    }
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for row in database.rows(&sql)? {
        let [name, there, extra, missing] = row.as_slice() else {
            return Err(format!("the witness said {row:?}"));
        };
        if (extra.as_str(), missing.as_str()) != ("0", "0") {
            faults.push(format!("{name}: {there} rows, {extra} of them wrong, {missing} missing"));
        }
        rows.push((name.clone(), there.parse().map_err(|_| format!("the witness said {row:?}"))?));
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults.join("; ")) }
}
