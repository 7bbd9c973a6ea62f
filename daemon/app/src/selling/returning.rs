//! Goods that come back in a basket. [`returns`] decides; the money is given back by the steps of
//! [`payments`](crate::payments::refund_step).

use commerce::{
    BasketId, Sale, SaleId,
    returns::{
        Disposition, Reason, SoldIn,
        share::{self, Brought},
    },
};
use serde::Serialize;
use store::{Store, Transaction};
use utoipa::ToSchema;

use super::{
    SELL,
    basket::{BasketStatus, change},
    records::{find_sale, sale_at, sales_from},
    refusals::SALE_UNKNOWN,
    request::FoundLine,
    void::is_void,
};
use crate::{
    By, Refusal,
    pricing::Pricing,
    refusal::BAD_REQUEST,
    returns::{self, NOT_RETURNABLE, ReturnRequest, Returning},
};

/// A sale and what of it can come back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Returnable {
    /// The store, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The sale.
    pub sale: SaleId,
    /// When it was sold: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The lines with goods.
    pub lines: Vec<ReturnableLine>,
}

/// A line and what of it can come back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReturnableLine {
    /// The line.
    pub line: u32,
    /// The description.
    pub description: String,
    /// Thousandths of the unit that were sold.
    pub sold_milli: i64,
    /// Thousandths that can come back.
    pub left_milli: i64,
    /// What was paid for all of it: less discounts, with deposits, fees and taxes.
    pub paid: commerce::Minor,
}

/// What of a sale can come back, as far as this store knows and was told of others.
///
/// # Errors
/// The store fails.
pub fn returnable(
    store: &Store,
    sale: &Sale,
    other_store: Option<String>,
    elsewhere: &returns::Elsewhere,
) -> Result<Returnable, Refusal> {
    let of = returns::of_sale(store, &SoldIn { store: other_store.clone(), sale: sale.id })?;
    let line = |line: &commerce::Line| {
        let back = returns::back_of(&of, elsewhere, line.number).milli;
        ReturnableLine {
            line: line.number,
            description: line.description.clone(),
            sold_milli: line.quantity.milli(),
            left_milli: line.quantity.milli().saturating_sub(back).max(0),
            paid: share::paid(line),
        }
    };
    let goods = sale.lines.iter().filter(|line| share::returnable(sale, line.number).is_ok());
    let lines = goods.map(line).collect();
    Ok(Returnable { store: other_store, sale: sale.id, sold_at_ms: sale.sold_at_ms, lines })
}

/// Finds a sale of this store by the number on its receipt, in the fiscal year: the numbers of a register grow with the
/// sales, so that a search by halves reads few of them.
///
/// # Errors
/// No sale of the register has the number, or the store fails.
pub fn by_receipt(store: &Store, register: &str, fiscal_year: u16, receipt: u64) -> Result<Sale, Refusal> {
    let unknown = || {
        let detail = format!("register {register} has no receipt {receipt:06} in fiscal year {fiscal_year}");
        SALE_UNKNOWN.because(detail)
    };
    let wanted = (fiscal_year, receipt);
    let (mut low, mut high) = (super::given_up_to(store)? + 1, store.outbox_span("sales")?.last);
    while low <= high {
        let middle = low + (high - low) / 2;
        // The first sale of the register from the middle on.
        let mut from = middle;
        let found = loop {
            if from > high {
                break None;
            }
            let page = sales_from(store, from, PROBE)?;
            let Some(last) = page.last().map(|sale| sale.id.sequence) else { break None };
            let own = |sale: &&Sale| sale.register.as_str() == register && sale.receipt_prefix.is_none();
            if let Some(sale) = page.iter().find(own).filter(|sale| sale.id.sequence <= high) {
                break Some(sale.clone());
            }
            from = last + 1;
        };
        match found {
            Some(sale) if (sale.fiscal_year, sale.receipt.0) == wanted => return Ok(sale),
            Some(sale) if (sale.fiscal_year, sale.receipt.0) < wanted => low = sale.id.sequence + 1,
            _ => high = middle.saturating_sub(1),
        }
    }
    Err(unknown())
}

/// The number of sales read at once in the search.
const PROBE: usize = 16;

/// A sale of this store by its id or, alone, by its sequence number.
///
/// # Errors
/// No such sale, or the store fails.
pub fn by_code(store: &Store, code: &str) -> Result<Sale, Refusal> {
    match (code.parse::<SaleId>(), code.parse::<u64>()) {
        (Ok(id), _) => find_sale(store, id),
        (_, Ok(sequence)) => {
            sale_at(store, sequence)?.ok_or_else(|| SALE_UNKNOWN.because(format!("unknown sale {sequence}")))
        }
        _ => Err(BAD_REQUEST.because(format!("`sale`: expected a sale such as `1-7`, not `{}`", code.escape_debug()))),
    }
}

/// Takes goods of a sale back in a basket.
///
/// # Errors
/// The rules of the basket or of the return refuse it.
pub fn take_back(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    sale: &Sale,
    context: Returning<'_>,
    request: &ReturnRequest,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        if context.store.is_none() && is_void(transaction, sale.id)? {
            return Err(NOT_RETURNABLE.because(format!("sale {} is void; everything was given back already", sale.id)));
        }
        returns::open(transaction, by, basket, sale, context, request)?;
        Ok(basket.lines.last().map(|line| line.number))
    })
}

/// Takes an item back without a receipt, at the price at which it is sold now.
///
/// # Errors
/// The rules of the basket or of the return refuse it.
pub fn take_back_blind(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    (found, reason, disposition): (FoundLine, Reason, Disposition),
    now: Option<&Pricing>,
    context: Returning<'_>,
    request: &ReturnRequest,
) -> Result<BasketStatus, Refusal> {
    SELL.require(&by.actor)?;
    change(transaction, by, id, |transaction, basket| {
        let mut priced =
            commerce::Basket::open(id, basket.register.clone(), None, basket.currency, by.at_ms, None, None)?;
        found.add_to(&mut priced)?;
        Pricing::apply(now, &mut priced)?;
        let line = priced.lines.first().ok_or_else(|| BAD_REQUEST.because("the line has no item"))?;
        let brought = Brought { line: 0, quantity: line.quantity, reason, disposition };
        returns::without_receipt(transaction, by, basket, (line, brought), context, request)?;
        Ok(basket.lines.last().map(|line| line.number))
    })
}
