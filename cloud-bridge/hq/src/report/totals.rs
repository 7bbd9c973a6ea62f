//! What was sold: by store, business day and currency, and by tender.

use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Transaction, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Days, after one.
    DAYS = "day/page";
    /// How a day was paid.
    TENDERS = "day/tenders";
    /// How many sales of each hub have a reference that an earlier one has.
    TWICE = "sale/twice";
    /// How many events are in quarantine.
    QUARANTINED = "quarantine/count";
}

/// Days that are read at once.
const AT_ONCE: i64 = 1_000;

/// What a store sold on a business day, in minor units of the currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayTotals {
    /// Which store.
    pub hub: String,
    /// Which day: `2026-11-24`.
    pub business_day: String,
    /// Of all amounts.
    pub currency: String,
    /// Sales.
    pub sales: i64,
    /// Their lines.
    pub lines: i64,
    /// At shelf prices.
    pub regular_minor: i64,
    /// Taken off by the store.
    pub discount_minor: i64,
    /// Owed by customers.
    pub net_minor: i64,
    /// Owed by makers.
    pub manufacturer_coupon_minor: i64,
    /// How it was paid.
    pub tenders: Vec<TenderTotals>,
}

/// What was paid in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenderTotals {
    /// `cash`, `card`, `manufacturer_coupon`.
    pub kind: String,
    /// How often.
    pub tenders: i64,
    /// How much; change is taken off cash.
    pub amount_minor: i64,
}

/// The sums of a ledger. What no number has room for stops at the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Sales.
    pub sales: u64,
    /// Lines of sales.
    pub lines: u64,
    /// At shelf prices, in minor units, whatever the currencies are.
    pub regular_minor: i64,
    /// Taken off by stores.
    pub discount_minor: i64,
    /// Owed by customers.
    pub net_minor: i64,
    /// Owed by makers.
    pub manufacturer_coupon_minor: i64,
    /// Sales that are in the ledger more than once under different ids: the same hub and reference. Should be 0.
    pub duplicate_sales: u64,
    /// Events that could not be read or did not add up.
    pub quarantined: u64,
}

impl Summary {
    fn add(&mut self, day: &DayTotals) {
        let count = |sum: &mut u64, more: i64| *sum = sum.saturating_add(more.unsigned_abs());
        count(&mut self.sales, day.sales);
        count(&mut self.lines, day.lines);
        let add = |sum: &mut i64, more: i64| *sum = sum.saturating_add(more);
        add(&mut self.regular_minor, day.regular_minor);
        add(&mut self.discount_minor, day.discount_minor);
        add(&mut self.net_minor, day.net_minor);
        add(&mut self.manufacturer_coupon_minor, day.manufacturer_coupon_minor);
    }
}

impl Ledger {
    /// The sums.
    ///
    /// # Errors
    /// The database fails.
    pub async fn summary(&self) -> Result<Summary, DatabaseError> {
        let mut snapshot = self.database().snapshot().await?;
        let mut summary = Summary::default();
        each_day(&mut snapshot, false, |day| {
            summary.add(&day);
            Ok::<_, DatabaseError>(())
        })
        .await?;
        for row in snapshot.query(&TWICE, values![]).await? {
            summary.duplicate_sales += row.read::<(u64,)>()?.0;
        }
        for row in snapshot.query(&QUARANTINED, values![]).await? {
            summary.quarantined = row.read::<(u64,)>()?.0;
        }
        snapshot.commit().await?;
        Ok(summary)
    }

    /// Gives each day of each store, in order.
    ///
    /// # Errors
    /// The database fails, or what takes them does.
    pub async fn days<E: From<DatabaseError>>(&self, take: impl FnMut(DayTotals) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        each_day(&mut snapshot, true, take).await?;
        Ok(snapshot.commit().await?)
    }
}

async fn each_day<E: From<DatabaseError>>(
    snapshot: &mut Transaction,
    with_tenders: bool,
    mut take: impl FnMut(DayTotals) -> Result<(), E>,
) -> Result<(), E> {
    let mut pages = Pages::after(values!["", "", ""], &DAYS, AT_ONCE);
    loop {
        let rows = pages.next(snapshot).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let key = row.0.iter().take(3).cloned().collect();
            let mut day = day(row)?;
            if with_tenders {
                let tenders = snapshot.query(&TENDERS, key).await?;
                day.tenders = tenders.into_iter().map(tender).collect::<Result<_, _>>()?;
            }
            take(day)?;
        }
    }
}

fn day(row: Row) -> Result<DayTotals, DatabaseError> {
    let (hub, business_day, currency, sales, lines, regular, discount, net, coupon) = row.read()?;
    Ok(DayTotals {
        hub,
        business_day,
        currency,
        sales,
        lines,
        regular_minor: regular,
        discount_minor: discount,
        net_minor: net,
        manufacturer_coupon_minor: coupon,
        tenders: Vec::new(),
    })
}

fn tender(row: Row) -> Result<TenderTotals, DatabaseError> {
    let (kind, tenders, amount_minor) = row.read()?;
    Ok(TenderTotals { kind, tenders, amount_minor })
}
