//! Completing a paid basket as a sale: one atomic batch.

use commerce::{
    Actor, Basket, BasketId, BusinessDay, Currency, ReceiptNumber, ReceiptPrefix, Sale, SaleId, Stamp, Station, Totals,
    operator::Right,
};
use contract::sale::COMPLETED;
use serde::{Deserialize, Serialize};
use store::Transaction;
use tracing::{Span, field};
use utoipa::ToSchema;

use super::{
    SELL, allow_discounts, finding, new_basket_id, receipts,
    records::{SALES, own_basket, put_basket},
    request::{FoundLine, TenderRequest},
};
use crate::{
    By, Refusal,
    cash::{self, Moment},
    customers, gift_cards,
    operators::allow,
    orders,
    pricing::{self, BuyerRequest, Pricing},
    printing, recalls, returns, serials, stock,
};

/// The data of a sale besides its basket, determined before its commit.
#[derive(Clone, Debug)]
pub struct SaleContext {
    /// The store's epoch.
    pub epoch: u64,
    /// The time of the sale: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The date by the store's calendar. The open business day may have an earlier one.
    pub business_day: BusinessDay,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The printer of the receipt.
    pub printer: Option<String>,
}

/// The result of a sale for its register; the whole sale is at `/api/v1/sales/{sale}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SaleDone {
    /// The sale's id.
    pub sale: SaleId,
    /// The receipt number.
    pub receipt: ReceiptNumber,
    /// The prefix of the receipt number, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_prefix: Option<ReceiptPrefix>,
    /// The business day.
    pub business_day: BusinessDay,
    /// The totals, including the change due.
    pub totals: Totals,
}

impl From<&Sale> for SaleDone {
    fn from(sale: &Sale) -> Self {
        let Sale { id, receipt, receipt_prefix, business_day, totals, .. } = *sale;
        Self { sale: id, receipt, receipt_prefix, business_day, totals }
    }
}

/// A whole sale in one command, with its items looked up.
#[derive(Debug)]
pub struct WholeSale {
    /// The currency of all amounts.
    pub currency: Currency,
    /// The register's own reference.
    pub reference: Option<String>,
    /// The customer, if known.
    pub customer: Option<String>,
    /// What else is known about the customer.
    pub buyer: BuyerRequest,
    /// Stock reservations that the customer collects.
    pub reservations: Vec<u64>,
    /// The lines.
    pub lines: Vec<FoundLine>,
    /// Cash and coupons.
    pub tenders: Vec<TenderRequest>,
}

impl WholeSale {
    /// Builds the basket, without a number yet. Everything that can be refused before the commit is refused here.
    ///
    /// # Errors
    /// The rules of the basket refuse it.
    pub fn basket(self, by: &By, pricing: Option<&Pricing>) -> Result<Basket, Refusal> {
        let (register, operator) = (by.register()?.clone(), by.actor.operator.clone());
        let (reference, customer) = (self.reference, self.customer);
        let mut basket = Basket::open(BasketId(0), register, operator, self.currency, by.at_ms, reference, customer)?;
        let buyer = self.buyer.buyer(pricing, basket.customer.as_deref())?;
        basket.identify(buyer)?;
        basket.reservations = self.reservations;
        for line in self.lines {
            line.add_to(&mut basket)?;
        }
        Pricing::apply(pricing, &mut basket)?;
        for tender in self.tenders {
            basket.tender(tender.plain()?)?;
        }
        Ok(basket)
    }
}

/// Sells a whole basket at once. It is opened and completed by this command and not stored, because nobody will read
/// it.
///
/// # Errors
/// The rules of the basket or of the stock refuse it.
pub fn sell(
    transaction: &mut Transaction<'_>,
    by: &By,
    mut basket: Basket,
    context: &SaleContext,
) -> Result<SaleDone, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    for line in &basket.lines {
        allow_discounts(transaction, by, &basket, line.number)?;
    }
    basket.id = new_basket_id(transaction)?;
    recalls::refuse(transaction, &basket.lines)?;
    serials::refuse(transaction, &basket.lines)?;
    stock::claim(transaction, &basket)?;
    complete(transaction, &mut basket, context, false).map(|sale| SaleDone::from(&sale))
}

/// Completes a paid basket as a sale.
///
/// # Errors
/// It is not paid, belongs to another register, or there is not enough stock.
pub fn complete_basket(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    context: &SaleContext,
) -> Result<SaleDone, Refusal> {
    SELL.require(&by.actor)?;
    let mut basket = own_basket(transaction, by, id)?;
    let settled = basket.is_partly_paid();
    let sale = complete(transaction, &mut basket, context, settled)?;
    put_basket(transaction, &basket)?;
    Ok(SaleDone::from(&sale))
}

/// Makes the sale of a paid basket, with everything that belongs to it, in this commit. The caller writes the basket
/// itself, if it is stored. `settled` means that the basket's stock was reserved when its lines became fixed, so that
/// nothing can refuse it any more.
///
/// # Errors
/// The basket is not paid; or the sale is not settled, and there is not enough stock or the receipt numbers are
/// awaited.
pub fn complete(
    transaction: &mut Transaction<'_>,
    basket: &mut Basket,
    context: &SaleContext,
    settled: bool,
) -> Result<Sale, Refusal> {
    if !settled {
        receipts::require_numbers(transaction)?;
        pricing::fix(transaction, basket, context.at_ms)?;
    }
    let stream = COMPLETED.stream();
    let sequence = transaction.next_in_outbox(stream.as_str())?;
    let moment =
        Moment { epoch: context.epoch, at_ms: context.at_ms, date: context.business_day, currency: basket.currency };
    let shift = cash::shift_of_sale(transaction, &basket.register, &moment)?;
    let receipts = receipts::assign(transaction, &basket.register, context.fiscal_year)?;
    let mut sale = basket.complete(Stamp {
        id: SaleId { epoch: context.epoch, sequence },
        receipt: ReceiptNumber(receipts.last),
        receipt_prefix: receipts.prefix,
        fiscal_year: receipts.fiscal_year,
        sold_at_ms: context.at_ms,
        business_day: shift.business_day,
        shift: shift.id,
    })?;
    cash::book(transaction, shift, &sale)?;
    transaction.append_to_outbox(stream.as_str(), COMPLETED.name(), sale.sold_at_ms, &sale.id.to_string())?;
    sale.movement = stock::sell(transaction, basket, &sale, settled)?;
    let station = Station::Register(basket.register.clone());
    let by = By { actor: Actor { station, operator: basket.operator.clone() }, at_ms: context.at_ms };
    gift_cards::load_sold(transaction, &by, &mut sale)?;
    customers::earn(transaction, &by, &mut sale)?;
    customers::take_back(transaction, &by, &mut sale)?;
    if let Some(collected) = &basket.order {
        orders::sold(transaction, &by, (collected, basket.id, sale.id))?;
    }
    serials::begin_warranties(transaction, &mut sale)?;
    serials::book(transaction, &sale)?;
    if !sale.returns.is_empty() {
        stock::take_in(transaction, &sale)?;
        returns::taken(transaction, &sale, &basket.refund)?;
    }
    transaction.put(&SALES, sequence, &sale)?;
    finding::note(transaction, &sale, basket.order.is_some())?;
    if let Some(printer) = &context.printer {
        printing::receipts::queue(transaction, printer, sequence)?;
    }
    // They now belong to the sale.
    basket.lines.clear();
    basket.tenders.clear();
    Span::current().record("sale", field::display(sale.id));
    Ok(sale)
}
