//! Selling: baskets at the till, and the sales they become.
//!
//! # What this capability promises
//!
//! - Every command is stored durably before it is answered, and a repeat under the same idempotency key gets the first answer.
//! - A sale is one atomic batch: the sale, its basket's end, its receipt number, its stock movement, its place in HQ's outbox, its print job. There is no moment at which one of
//!   them is there without the others, so receipt numbers have no gaps and HQ misses nothing.
//! - What follows a sale (paper, screens, HQ) is driven from what is stored, after the answer.
//! - A basket is its register's alone. Of one whose register is dead a person at the console can give up what is not paid; that is audited.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the answer | the register repeats the command: it finds its first answer, or does it for the first time |
//! | power after the answer | everything is there; the receipt is printed after the restart if it was not before |
//! | the register, for good | a person gives its unpaid basket up, and another sells what was reserved for it; what is partly paid waits for a register of that name |
//! | the printer | the job waits on disk; the sale is not disturbed |
//! | the WAN | the event waits in the outbox |

mod basket_routes;
mod check;
pub(crate) mod keeping;
pub mod receipt;
#[allow(unused_qualifications)] // in what a macro makes of `params(Which)`
mod sale_routes;

use std::sync::Arc;

use axum::Json;
pub use check::check;
use commerce::{
    Basket, BasketState, Discount, Gtin, Item, Minor, NewLine, Quantity, ReceiptNumber, Sale, Sku, Stamp, Totals, Unit,
    line::What,
};
use contract::{Stream, sale as wire};
pub use keeping::{Tidied, tidy};
use serde::{Deserialize, Serialize};
use store::{Name, Number, Order, Record, Store, StoreError, Table, Transaction, idempotency::Once};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    catalog::Catalog,
    events::HubEvent,
    hub::{Hub, now_ms},
    printing,
    problem::Problem,
    stock,
};

static BASKETS: Table<Name, Basket> = Table::new("basket");
/// Sales by their sequence in HQ's stream.
static SALES: Table<Number, Sale> = Table::linked("sale");
/// The receipts of each register.
static RECEIPTS: Table<Name, Receipts> = Table::new("receipt_number");

/// How far a register's receipts have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Receipts {
    fiscal_year: u16,
    /// The last number given out in it.
    last: u64,
}

impl Receipts {
    /// The next receipt, in a year. Numbers begin anew with a year. A clock that was set back to an earlier year changes nothing.
    fn next(self, fiscal_year: u16) -> Self {
        let begins = fiscal_year > self.fiscal_year;
        Self { fiscal_year: fiscal_year.max(self.fiscal_year), last: if begins { 1 } else { self.last + 1 } }
    }
}

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    basket_routes::router().merge(sale_routes::router())
}

/// A line as a register enters it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineRequest {
    /// The barcode, as scanned.
    #[serde(default)]
    gtin: Option<Gtin>,
    /// Or the retailer's number, as keyed.
    #[serde(default)]
    sku: Option<Sku>,
    /// How much; one piece without it.
    #[serde(default)]
    quantity: Option<Quantity>,
    /// An amount for the whole line, instead of the catalog's price.
    #[serde(default)]
    keyed: Option<Keyed>,
    /// Discounts known at entry.
    #[serde(default)]
    discounts: Vec<Discount>,
    /// What it is, in case the item is not on file: then it sells at the keyed amount.
    #[serde(default)]
    description: Option<String>,
}

/// An amount keyed by a person or a pump.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keyed {
    /// For the whole line, before discounts.
    amount: Minor,
    /// Why.
    reason: String,
}

/// A line request with its item found.
pub(crate) struct FoundLine {
    item: Option<Arc<Item>>,
    sku: Option<Sku>,
    description: String,
    quantity: Quantity,
    keyed: Option<Keyed>,
    discounts: Vec<Discount>,
}

impl LineRequest {
    /// Looks the item up.
    pub(crate) fn find(self, catalog: &Catalog) -> Result<FoundLine, Problem> {
        let item = match (self.gtin, &self.sku) {
            (Some(gtin), None) => catalog.gtin(gtin),
            (None, Some(sku)) => catalog.sku(sku),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(Problem::bad_request("send `gtin` or `sku`, not both")),
        }
        .cloned();
        let asked = match (&self.gtin, &self.sku) {
            (Some(gtin), _) => format!("the GTIN {gtin}"),
            (_, Some(sku)) => format!("the SKU {sku}"),
            _ => "no code".to_owned(),
        };
        if item.is_none() && (self.description.is_none() || self.keyed.is_none()) {
            return Err(Problem::not_found(
                "item",
                format!("no item has {asked}; to sell it though it is not on file, send `description` and `keyed`"),
            ));
        }
        let quantity = match self.quantity {
            Some(quantity) => quantity,
            None => Quantity::new(1000, Unit::Each).map_err(|error| Problem::bad_request(error.to_string()))?,
        };
        Ok(FoundLine {
            item,
            sku: self.sku,
            description: self.description.unwrap_or_default(),
            quantity,
            keyed: self.keyed,
            discounts: self.discounts,
        })
    }
}

impl FoundLine {
    /// Adds it to a basket; gives its number.
    pub(crate) fn add_to(self, basket: &mut Basket) -> Result<u32, Problem> {
        let what = match &self.item {
            Some(item) => What::Item(item),
            None => What::NotOnFile { sku: self.sku, description: self.description },
        };
        let keyed = self.keyed.map(|keyed| (keyed.amount, keyed.reason));
        Ok(basket.add_line(NewLine { what, quantity: self.quantity, keyed, discounts: self.discounts })?)
    }
}

/// A sale as its register hears of it; the whole is at `/api/v1/sales/{sale}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SaleDone {
    /// The sale's id.
    pub sale: String,
    /// Its receipt's number.
    pub receipt: ReceiptNumber,
    /// The day it counts to.
    pub business_day: String,
    /// The sums, with the change to give.
    pub totals: Totals,
}

impl From<&Sale> for SaleDone {
    fn from(sale: &Sale) -> Self {
        Self {
            sale: sale.id.clone(),
            receipt: sale.receipt,
            business_day: sale.business_day.clone(),
            totals: sale.totals,
        }
    }
}

/// What a sale needs to know besides its basket, gathered before its commit.
#[derive(Clone)]
pub(crate) struct Counter {
    epoch: u64,
    at_ms: i64,
    business_day: String,
    fiscal_year: u16,
    /// Where its receipt is printed.
    printer: Option<String>,
}

impl Counter {
    /// For a sale at a register now.
    pub(crate) fn of(hub: &Hub, register: &str) -> Self {
        let at_ms = now_ms();
        let lane = hub.config.register.iter().find(|lane| lane.name == register);
        Self {
            epoch: hub.store.epoch(),
            at_ms,
            business_day: hub.business_day(at_ms),
            fiscal_year: hub.fiscal_year(at_ms),
            printer: lane.and_then(|lane| lane.receipt_printer.clone()),
        }
    }

    /// When the sale is made.
    pub(crate) fn at_ms(&self) -> i64 {
        self.at_ms
    }
}

#[cfg(test)]
impl Counter {
    /// For a sale in a test, without a hub around it.
    pub(crate) fn at(epoch: u64, at_ms: i64) -> Self {
        Self { epoch, at_ms, business_day: "2026-11-24".into(), fiscal_year: 2026, printer: None }
    }
}

#[cfg(feature = "demo")]
impl Counter {
    /// For a sale that is made up, at some moment of a year; it is not printed.
    pub(crate) fn made_up(epoch: u64, at_ms: i64, business_day: String, fiscal_year: u16) -> Self {
        Self { epoch, at_ms, business_day, fiscal_year, printer: None }
    }
}

/// Shows every basket that is open. Reads all that are kept, those of a week; not where requests are answered.
pub(crate) fn each_open_basket(store: &Store, mut take: impl FnMut(Basket)) -> Result<(), StoreError> {
    // A damaged one is for the check to tell of.
    store.each(&BASKETS, |basket| {
        if let Ok(basket) = basket
            && basket.state == BasketState::Open
        {
            take(basket);
        }
    })
}

/// A basket of whatever register.
fn any_basket(transaction: &Transaction<'_>, id: &str) -> Result<Basket, Problem> {
    let unknown = || Problem::not_found("basket", format!("there is no basket `{}`", id.escape_debug()));
    transaction.get(&BASKETS, id)?.ok_or_else(unknown)
}

/// A basket of a register.
pub(crate) fn own_basket(transaction: &Transaction<'_>, id: &str, register: &str) -> Result<Basket, Problem> {
    let basket = transaction.get(&BASKETS, id).map_err(Problem::from)?;
    basket.filter(|basket| basket.register == register).ok_or_else(|| unknown_basket(id))
}

fn unknown_basket(id: &str) -> Problem {
    Problem::not_found("basket", format!("this register has no basket `{}`", id.escape_debug()))
}

/// Writes a basket.
pub(crate) fn put_basket(transaction: &mut Transaction<'_>, basket: &Basket) -> Result<(), StoreError> {
    transaction.put(&BASKETS, &basket.id, basket)
}

/// Makes the sale of a paid basket: everything that belongs to it, in this one commit. The basket itself is the caller's to write, if anybody knows it. `settled` if the basket's stock was held when its lines became
/// fixed: then nothing can refuse it any more.
pub(crate) fn complete(
    transaction: &mut Transaction<'_>,
    basket: &mut Basket,
    counter: &Counter,
    settled: bool,
) -> Result<Sale, Problem> {
    let stream = Stream::sales();
    let sequence = transaction.next_in_outbox(stream.as_str())?;
    let receipts = transaction.get(&RECEIPTS, &basket.register)?.unwrap_or_default().next(counter.fiscal_year);
    let mut sale = basket.complete(Stamp {
        id: format!("{}-{sequence}", counter.epoch),
        sequence,
        receipt: ReceiptNumber(receipts.last),
        fiscal_year: receipts.fiscal_year,
        sold_at_ms: counter.at_ms,
        business_day: counter.business_day.clone(),
    })?;
    transaction.put(&RECEIPTS, &basket.register, &receipts)?;
    transaction.append_to_outbox(stream.as_str(), wire::KIND, sale.sold_at_ms, &sale.id)?;
    sale.movement = stock::sell(transaction, basket, &sale, settled)?;
    transaction.put(&SALES, sequence, &sale)?;
    if let Some(printer) = &counter.printer {
        printing::queue(transaction, printer, sequence)?;
    }
    // The sale has them now.
    basket.lines.clear();
    basket.tenders.clear();
    Ok(sale)
}

/// Tells the house about a sale that is stored. The receipt follows by [`print`].
pub(crate) fn announce(hub: &Hub, sale: &Sale) {
    tracing::debug!(sale = %sale.id, register = %sale.register, receipt = %sale.receipt, net = sale.totals.net.get(), "sold");
    hub.today.count(sale);
    hub.tell(HubEvent::sale(sale));
}

/// Wakes the printer of a sale's receipt.
pub(crate) fn print(hub: &Hub, counter: &Counter) {
    if let Some(printer) = &counter.printer {
        hub.printing.wake(printer);
    }
}

/// Reads a sale by its id.
pub(crate) fn find_sale(store: &Store, id: &str) -> Result<Sale, Problem> {
    let unknown = || Problem::not_found("sale", format!("there is no sale `{}`", id.escape_debug()));
    let sequence = place_of(id).ok_or_else(unknown)?;
    // Its epoch may be an earlier one, if the store was restored.
    sale_at(store, sequence)?.filter(|sale| sale.id == id).ok_or_else(unknown)
}

/// The place in the stream that a sale's id names.
pub(crate) fn place_of(id: &str) -> Option<u64> {
    id.split_once('-')?.1.parse().ok()
}

/// Sales from a place in the stream on, in order.
pub(crate) fn sales_from(store: &Store, sequence: u64, limit: usize) -> Result<Vec<Sale>, StoreError> {
    store.page_kept(&SALES, Some(sequence), Order::Ascending, limit)
}

/// The last sale that was given up; 0 for none.
pub(crate) fn given_up_to(store: &Store) -> Result<u64, StoreError> {
    store.given_up_to(&SALES)
}

/// Reads a sale by its place in the stream.
pub(crate) fn sale_at(store: &Store, sequence: u64) -> Result<Option<Sale>, StoreError> {
    store.kept(&SALES, sequence)
}

/// Reads a record that is archived with a sale, wherever it is now.
pub(crate) fn kept_with_sale<V: Record>(
    store: &Store,
    sequence: u64,
    table: &Table<Name, V>,
    key: &str,
) -> Result<Option<V>, StoreError> {
    store.kept_with(&SALES, sequence, table, key)
}

/// The last sales, newest first, before a place in the stream.
pub(crate) fn last_sales(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Sale>, StoreError> {
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        Some(before) => store.page_kept(&SALES, Some(before - 1), Order::Descending, limit),
        None => store.page_kept(&SALES, None, Order::Descending, limit),
    }
}

/// An answer under an idempotency key, and whether it was given now.
pub(crate) fn answer<T>(once: Once<T>) -> Result<(T, bool), Problem> {
    match once {
        Once::First(answer) => Ok((answer, true)),
        Once::Again(answer) => Ok((answer, false)),
        Once::OtherCommand => Err(Problem::conflict(
            "idempotency-key-reused",
            "this Idempotency-Key was used for another command; draw a new key for each command",
        )),
    }
}

/// A basket and what it comes to.
#[derive(Serialize, ToSchema)]
pub(crate) struct BasketView {
    #[serde(flatten)]
    basket: Basket,
    /// The sums so far.
    totals: Totals,
    /// What is still to be paid; negative if there is change to give.
    due: Minor,
}

impl From<Basket> for BasketView {
    fn from(basket: Basket) -> Self {
        Self { totals: basket.totals(), due: basket.due(), basket }
    }
}

/// A basket as a register may see it.
pub(crate) fn read_basket(hub: &Hub, id: &str, register: &str) -> Result<Json<BasketView>, Problem> {
    let basket = hub.store.get(&BASKETS, id)?;
    let basket = basket.filter(|basket| basket.register == register).ok_or_else(|| unknown_basket(id))?;
    Ok(Json(basket.into()))
}
