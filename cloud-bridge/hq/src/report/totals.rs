//! Totals by store, business day and currency, and by tender.

use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Transaction, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Days after one.
    DAYS = "day/page";
    /// The tenders of a day.
    TENDERS = "day/tenders";
    /// The number of sales with the reference of an earlier one, by hub.
    TWICE = "sale/twice";
    /// The number of quarantined events.
    QUARANTINED = "quarantine/count";
}

/// The number of days read at once.
const AT_ONCE: i64 = 1_000;

/// The totals of a store and business day, in minor units of the currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayTotals {
    /// The store.
    pub hub: String,
    /// The day, such as `2026-11-24`.
    pub business_day: String,
    /// The currency of all amounts.
    pub currency: String,
    /// The number of sales.
    pub sales: i64,
    /// The number of lines.
    pub lines: i64,
    /// The sum of all lines at shelf prices.
    pub regular_minor: i64,
    /// The sum of all discounts.
    pub discount_minor: i64,
    /// The amount owed by customers.
    pub net_minor: i64,
    /// The sum of manufacturers' coupons.
    pub manufacturer_coupon_minor: i64,
    /// The amount owed with deposits, fees, added taxes and the rounding of cash.
    pub owed_minor: i64,
    /// The number of sales that void others; they are among the sales.
    pub voids: i64,
    /// Their amount owed for the goods, negative; it is in the net amount.
    pub voided_minor: i64,
    /// The totals by tender.
    pub tenders: Vec<TenderTotals>,
}

/// The total of a kind of tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenderTotals {
    /// The kind: `cash`, `card` or `manufacturer_coupon`.
    pub kind: String,
    /// The number of tenders.
    pub tenders: i64,
    /// The amount; for cash without the change.
    pub amount_minor: i64,
}

/// The sums of a ledger. They saturate on overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of sales.
    pub sales: u64,
    /// The number of lines.
    pub lines: u64,
    /// The sum of all lines at shelf prices, in minor units of any currency.
    pub regular_minor: i64,
    /// The sum of all discounts.
    pub discount_minor: i64,
    /// The amount owed by customers.
    pub net_minor: i64,
    /// The sum of manufacturers' coupons.
    pub manufacturer_coupon_minor: i64,
    /// Sales with the hub and reference of another sale. Should be 0.
    pub duplicate_sales: u64,
    /// Quarantined events.
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
    /// The sums of the ledger.
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

    /// Passes on the days of all stores, in order.
    ///
    /// # Errors
    /// The database or `take` failed.
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
    let (hub, business_day, currency, sales, lines, regular, discount, net, coupon, owed, voids, voided) =
        row.read()?;
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
        owed_minor: owed,
        voids,
        voided_minor: voided,
        tenders: Vec::new(),
    })
}

fn tender(row: Row) -> Result<TenderTotals, DatabaseError> {
    let (kind, tenders, amount_minor) = row.read()?;
    Ok(TenderTotals { kind, tenders, amount_minor })
}
