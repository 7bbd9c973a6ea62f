//! Parity: a sample of items and recorded sales, priced by the book that a store works by and by the newest one that HQ
//! published to it; differences are listed.
//!
//! A sale is priced at the time of its completion. What only a person decided (keyed amounts, keyed discounts) is taken
//! from its record. The lines of customers' orders have agreed prices, which are keyed amounts.

use commerce::{
    Minor, Price, Quantity, Sku,
    pricing::{
        Basket, Priced,
        basket::{BasketLine, Coupon, Keyed},
        price,
    },
};
use contract::{HubId, SaleCompleted, sale::Line};
use serde::Serialize;

use super::{Books, PriceError, StoreBook};
use crate::database::{Database, DatabaseError, statement::statements, value::values};

statements! {
    /// The latest sales of a store.
    RECENT_SALES = "price/recent_sales";
}

/// The origin of discounts that books grant.
const PROMOTION: &str = "promotion";

/// How much is compared.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The maximum number of items.
    pub items: usize,
    /// The maximum number of sales.
    pub sales: u32,
    /// The moment for which items are priced: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// What was compared, and the differences.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of items.
    pub items: usize,
    /// The number of sales.
    pub sales: usize,
    /// The number of sales that the store priced by another book or by its catalog; they are not compared.
    pub by_other_books: usize,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// An amount that differs. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `item` or `sale`.
    pub of: &'static str,
    /// The SKU, or the sale's id and the line's number.
    pub id: String,
    /// What differs: `price`, `net`, `tax`, or why it has no price.
    pub what: String,
    /// As recorded, for a sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<i64>,
    /// By the store's book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<i64>,
    /// By HQ's book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hq: Option<i64>,
}

/// Compares; `None` if no book is published to the store, or it works by none.
///
/// # Errors
/// The books or the sales can't be read.
pub async fn compare(
    database: &Database,
    books: &Books,
    store: &HubId,
    sample: Sample,
) -> Result<Option<Report>, PriceError> {
    let (applied, newest) = (books.at(store, None).await?, books.newest(store).await?);
    let Some((applied, newest)) = applied.zip(newest) else { return Ok(None) };
    let mut report = Report::default();
    items(&applied, &newest, sample, &mut report);
    for row in database.read(&RECENT_SALES, values![store.as_str(), i64::from(sample.sales)]).await? {
        let (body,): (String,) = row.read()?;
        let sale: SaleCompleted = serde_json::from_str(&body).map_err(|error| DatabaseError::Column {
            column: 0,
            expected: "a sale",
            found: error.to_string(),
        })?;
        of_sale(&applied, &newest, &sale, &mut report);
    }
    Ok(Some(report))
}

/// Compares the prices of items, evenly spread over both books.
fn items(applied: &StoreBook, newest: &StoreBook, sample: Sample, report: &mut Report) {
    let mut skus: Vec<&Sku> = applied.book.skus().chain(newest.book.skus()).collect();
    skus.sort_unstable();
    skus.dedup();
    let step = skus.len().div_ceil(sample.items.max(1)).max(1);
    for sku in skus.into_iter().step_by(step) {
        report.items += 1;
        let price = |book: &StoreBook| {
            let entry = book.book.price_at(sku, book.moment(sample.at_ms), &[]);
            entry.map(|entry| entry.price.minor.get())
        };
        let (store, hq) = (price(applied), price(newest));
        if store != hq {
            let what = "price".to_owned();
            report.differences.push(Difference { of: "item", id: sku.to_string(), what, recorded: None, store, hq });
        }
    }
}

/// Compares a sale as recorded with what both books make of it.
fn of_sale(applied: &StoreBook, newest: &StoreBook, sale: &SaleCompleted, report: &mut Report) {
    if sale.price_book.as_deref() != Some(applied.book.version()) {
        report.by_other_books += 1;
        return;
    }
    report.sales += 1;
    let priced = |book: &StoreBook| price(&book.book, &basket(sale, book));
    let (by_store, by_hq) = match (priced(applied), priced(newest)) {
        (Ok(store), Ok(hq)) => (store, hq),
        (store, hq) => {
            let why: Vec<String> = store.err().into_iter().chain(hq.err()).map(|why| why.to_string()).collect();
            let (id, what) = (sale.sale.clone(), why.join("; "));
            report.differences.push(Difference { of: "sale", id, what, recorded: None, store: None, hq: None });
            return;
        }
    };
    for line in &sale.lines {
        let of = |priced: &Priced| {
            let line = priced.lines.iter().find(|priced| priced.number == line.number)?;
            let tax: Minor = line.taxes.iter().map(|tax| tax.amount).sum();
            Some((line.net.get(), tax.get()))
        };
        let (Some(store), Some(hq)) = (of(&by_store), of(&by_hq)) else { continue };
        let tax: Minor = line.taxes.iter().map(|tax| tax.amount).sum();
        for (what, recorded, store, hq) in [("net", line.net.get(), store.0, hq.0), ("tax", tax.get(), store.1, hq.1)] {
            if recorded != store || recorded != hq {
                let (id, what) = (format!("{} line {}", sale.sale, line.number), what.to_owned());
                let (recorded, store, hq) = (Some(recorded), Some(store), Some(hq));
                report.differences.push(Difference { of: "sale", id, what, recorded, store, hq });
            }
        }
    }
}

/// What was entered for a sale.
fn basket(sale: &SaleCompleted, book: &StoreBook) -> Basket {
    let coupon = |coupon: &contract::sale::Coupon| Coupon { class: coupon.class.clone(), code: coupon.code.clone() };
    Basket {
        customers: sale.customer_groups.clone(),
        coupons: sale.coupons.iter().map(coupon).collect(),
        exemption: sale.exemption.clone(),
        lines: sale.lines.iter().filter_map(entered).collect(),
        ..Basket::new(book.moment(sale.sold_at_ms), "store")
    }
}

fn entered(line: &Line) -> Option<BasketLine> {
    let sku: Sku = line.sku.as_deref()?.parse().ok()?;
    let quantity = Quantity::new(line.quantity_milli, line.unit).ok().filter(|_| line.on_file)?;
    // An item that the book did not know had the catalog's price, which the event does not name.
    let catalog = || {
        let amount = line.regular.get().checked_mul(1000).filter(|amount| amount % line.quantity_milli.max(1) == 0)?;
        Some(Price { minor: Minor::new(amount / line.quantity_milli.max(1))?, per: line.unit })
    };
    let is_keyed = line.keyed_because.is_some();
    let price = if is_keyed || line.price_entry.is_some() { None } else { catalog() };
    let is_amount = is_keyed || line.price_entry.is_none() && price.is_none();
    let keyed = line.discounts.iter().filter(|discount| discount.origin != PROMOTION);
    Some(BasketLine {
        number: line.number,
        sku,
        quantity,
        groups: Vec::new(),
        amount: is_amount.then_some(line.regular),
        price,
        keyed: keyed.map(|discount| Keyed { reason: discount.reason.clone(), minor: discount.amount }).collect(),
    })
}
