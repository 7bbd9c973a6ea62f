//! Sales, their lines and tenders: each sale once, however often and in how many epochs it is sent.

use commerce::BusinessDay;
use contract::{HubId, SaleCompleted};

use super::{
    Projection,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable, key},
};
use crate::database::{DatabaseError, Row, Value, statement::statements, values};

statements! {
    /// Adds sales.
    INSERT = "sale/insert" + postgres;
    /// Adds lines.
    INSERT_LINE = "sale/insert_line" + postgres;
    /// Adds tenders.
    INSERT_TENDER = "sale/insert_tender" + postgres;
    /// Adds cards of sales.
    INSERT_CARD = "sale/insert_card" + postgres;
    /// Creates the partition of a month's lines.
    MONTH = "sale/month" + postgres;
    /// The known sales by hub and id.
    KNOWN = "sale/known" + postgres;
    /// Empties the table.
    CLEAR = "sale/clear";
    /// Empties the table.
    CLEAR_LINES = "sale/clear_lines";
    /// Empties the table.
    CLEAR_TENDERS = "sale/clear_tenders";
    /// Empties the table.
    CLEAR_CARDS = "sale/clear_cards";
}

static SALE: Table = Table { name: "sale", kind: TableKind::Rows { month: None }, store: &INSERT, clear: &CLEAR };

static LINE: Table = Table {
    name: "sale_line",
    kind: TableKind::Rows { month: Some(&MONTH) },
    store: &INSERT_LINE,
    clear: &CLEAR_LINES,
};

static TENDER: Table =
    Table { name: "sale_tender", kind: TableKind::Rows { month: None }, store: &INSERT_TENDER, clear: &CLEAR_TENDERS };

static CARD: Table =
    Table { name: "sale_card", kind: TableKind::Rows { month: None }, store: &INSERT_CARD, clear: &CLEAR_CARDS };

/// The sales.
pub(crate) static PROJECTION: Projection = Projection { tables: &[&SALE, &LINE, &TENDER, &CARD], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let Body::Sale(sale) = told.body else { return Ok(Vec::new()) };
    if !told.is_first {
        return Ok(Vec::new());
    }
    let (hub, totals) = (told.stored.hub.as_str(), &sale.totals);
    let day = business_day(sale)?.to_string();
    let reference = key("the reference", sale.reference.as_deref().unwrap_or(&sale.sale))?;
    let mut effects = vec![Effect::row(
        &SALE,
        values![
            hub,
            key("the sale's id", &sale.sale)?,
            Value::unsigned("epoch", told.stored.epoch.0)?,
            told.stored.stream.as_str(),
            Value::unsigned("sequence", told.stored.event.sequence.0)?,
            reference,
            &sale.register,
            sale.operator.as_deref(),
            Value::unsigned("receipt", sale.receipt)?,
            sale.fiscal_year,
            &day,
            sale.sold_at_ms,
            sale.customer.as_deref(),
            sale.currency.code(),
            totals.regular.get(),
            totals.discount.get(),
            totals.net.get(),
            totals.manufacturer_coupon.get(),
            totals.tendered.get(),
            totals.change.get(),
            sale.movement.map(|movement| Value::unsigned("movement", movement)).transpose()?,
            sale.receipt_prefix.map(|prefix| prefix.to_string()),
        ],
    )];
    let month = month(&day, told.stored.received_at_ms);
    effects.extend((1_i64..).zip(&sale.lines).map(|(place, line)| Effect::Row {
        table: &LINE,
        month: month.clone(),
        row: values![
            hub,
            &day,
            &sale.sale,
            place,
            line.number,
            line.sku.as_deref(),
            line.gtin.as_deref(),
            line.on_file,
            &line.description,
            line.quantity_milli,
            line.unit.name(),
            line.regular.get(),
            line.net.get(),
        ],
    }));
    effects.extend((1_i64..).zip(&sale.tenders).map(|(place, tender)| {
        let scheme = tender.card.as_ref().and_then(|card| card.scheme.as_deref());
        Effect::row(&TENDER, values![hub, &sale.sale, place, &tender.kind, tender.amount.get(), scheme])
    }));
    for card in sale.tenders.iter().filter_map(|tender| tender.card.as_ref()?.identity.as_deref()) {
        effects.push(Effect::row(&CARD, values![key("the hash of a card", card)?, hub, &sale.sale]));
    }
    Ok(effects)
}

/// The day that a sale counts to.
pub(crate) fn business_day(sale: &SaleCompleted) -> Result<BusinessDay, Unusable> {
    sale.business_day.parse().map_err(|_| Unusable::Day(sale.business_day.chars().take(32).collect()))
}

/// Sales whose day is further than this from the moment of their arrival get no partition of their own, so that a hub
/// with a wrong clock creates no tables.
const FAR_DAYS: i64 = 400;

/// The month of a day, such as `2026-11`, if it is close to the moment of arrival.
fn month(day: &str, received_at_ms: i64) -> Option<String> {
    let (month, _) = day.rsplit_once('-')?;
    let (year, of_year) = month.split_once('-')?;
    let months = |year: i64, of_year: i64| year * 12 + of_year;
    let sold = months(year.parse().ok()?, of_year.parse().ok()?);
    // In years of 365.25 days: it need not be exact.
    let received = months(1970, 1) + received_at_ms / 86_400_000 * 4 * 12 / 1_461;
    ((sold - received).abs() <= FAR_DAYS / 30).then(|| month.to_owned())
}

/// Distinguishes sales with the same id, by fields that all versions of the hub write identically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    register: String,
    receipt: u64,
    sold_at_ms: i64,
    net: i64,
}

impl Mark {
    pub(crate) fn of(sale: &SaleCompleted) -> Self {
        Self {
            register: sale.register.clone(),
            receipt: sale.receipt,
            sold_at_ms: sale.sold_at_ms,
            net: sale.totals.net.get(),
        }
    }

    /// Reads a row of [`KNOWN`]: the hub, the sale, its mark.
    pub(crate) fn read(row: Row) -> Result<((String, String), Self), DatabaseError> {
        let (hub, sale, register, receipt, sold_at_ms, net) = row.read()?;
        Ok(((hub, sale), Self { register, receipt, sold_at_ms, net }))
    }
}

/// The key of a sale; none if it is invalid.
pub(crate) fn id(hub: &HubId, sale: &SaleCompleted) -> Option<(String, String)> {
    let is_key = key("", &sale.sale).is_ok() && !sale.sale.contains('\0');
    is_key.then(|| (hub.to_string(), sale.sale.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_created_for_days_near_the_arrival() {
        // 28 November 2026.
        let now = 1_795_824_000_000;
        for (day, expected) in [
            ("2026-11-24", Some("2026-11")),
            ("2026-12-31", Some("2026-12")),
            ("2025-11-30", Some("2025-11")),
            ("2024-11-30", None),
            ("9999-01-01", None),
            ("0001-01-01", None),
        ] {
            assert_eq!(month(day, now).as_deref(), expected, "{day}");
        }
    }
}
