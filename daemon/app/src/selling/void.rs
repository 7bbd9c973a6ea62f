//! Voiding a completed sale: the void, its stock and its event in one commit. [`commerce::void`] has the rules.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the register repeats the command, which returns its first answer or is executed now |
//! | a card can't be reversed | the sale is void; a person gives the money back otherwise and decides the payment |
//! | the position of an item is damaged | the void is recorded; the check reports the position |

use commerce::{ReceiptNumber, Sale, SaleId, Stamp, line::checked_text, operator::Right, void::GivenBack};
use contract::sale::COMPLETED;
use serde::{Deserialize, Serialize};
use store::{Number, Store, StoreError, Table, Transaction};

use super::{
    ANY_BASKET, VOID_SALE, receipts,
    records::{SALES, any_basket},
    refusals::{SALE_NOT_VOIDABLE, SALE_UNKNOWN},
    sale::SaleContext,
};
use crate::{
    By, Refusal, Retention, Tidied,
    audit::{self, Act, ActKind},
    cash::{self, Moment},
    customers, gift_cards,
    operators::allow,
    pricing, printing, returns, serials, stock,
};

/// The voided sales, by their sequence number.
static VOIDS: Table<Number, Voided> = Table::new("sale_void");

/// The void of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Voided {
    /// The sale with the opposite amounts.
    void: SaleId,
    /// When: milliseconds since 1970, UTC.
    at_ms: i64,
}

/// A completed sale was voided.
#[derive(Serialize)]
pub(super) struct SaleVoided {
    /// The sale.
    sale: SaleId,
    /// The sale with the opposite amounts.
    void: SaleId,
    /// The reason.
    reason: String,
}

impl Act for SaleVoided {
    const KIND: ActKind = ActKind { name: "sale_voided", doc: "A completed sale was voided on its business day" };
}

/// Voids a sale: makes the sale with the opposite amounts, takes the goods back and tells HQ. Returns the voided sale
/// and its void. Its card payments are the caller's affair.
///
/// # Errors
/// The sale is unknown, of another register, of another day, an order's, or void already, or the operator's role does
/// not allow it.
pub(crate) fn void(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: SaleId,
    reason: String,
    context: &SaleContext,
) -> Result<(Sale, Sale), Refusal> {
    VOID_SALE.require(&by.actor)?;
    let reason = checked_text("reason", reason)?;
    let unknown = || SALE_UNKNOWN.because(format!("unknown sale {id}, or it is in the archive"));
    let is_its = |sale: &Sale| {
        sale.id == id && (ANY_BASKET.is_held_by(&by.actor) || by.actor.register_name() == Some(&sale.register))
    };
    let sale = transaction.get(&SALES, id.sequence)?.filter(is_its).ok_or_else(unknown)?;
    let refused = |why: String| SALE_NOT_VOIDABLE.because(format!("sale {id} can't be voided: {why}"));
    if let Some(Voided { void, .. }) = transaction.get(&VOIDS, id.sequence)? {
        return Err(refused(format!("sale {void} voids it already")));
    }
    // A return that was abandoned leaves its lines at zero.
    if returns::of_sale_in(transaction, &returns::sold_key(id))?.lines.values().any(|back| back.milli > 0) {
        return Err(refused("goods of it came back already; take the rest back as a return".into()));
    }
    // A basket is kept for longer than the sale's day; one that hands over an order is always stored.
    if let Some(collected) = any_basket(transaction, sale.basket).ok().and_then(|basket| basket.order) {
        return Err(refused(format!("it hands over order {}; return the order", collected.order)));
    }
    let returned = sale.totals.net.get().unsigned_abs();
    allow(transaction, by, Right::Refund, returned)?;
    receipts::require_numbers(transaction)?;
    let stream = COMPLETED.stream();
    let sequence = transaction.next_in_outbox(stream.as_str())?;
    let moment =
        Moment { epoch: context.epoch, at_ms: context.at_ms, date: context.business_day, currency: sale.currency };
    let shift = cash::shift_of_sale(transaction, &sale.register, &moment)?;
    let numbers = receipts::assign(transaction, &sale.register, context.fiscal_year)?;
    let stamp = Stamp {
        id: SaleId { epoch: context.epoch, sequence },
        receipt: ReceiptNumber(numbers.last),
        receipt_prefix: numbers.prefix,
        fiscal_year: numbers.fiscal_year,
        sold_at_ms: context.at_ms,
        business_day: shift.business_day,
        shift: shift.id,
    };
    gift_cards::unload_sold(transaction, by, &sale)?;
    customers::unearn(transaction, by, &sale)?;
    pricing::unspend(transaction, &sale)?;
    let mut void = sale.void(stamp).map_err(|why| refused(why.to_string()))?;
    void.operator.clone_from(&by.actor.operator);
    cash::book(transaction, shift, &void)?;
    transaction.append_to_outbox(stream.as_str(), COMPLETED.name(), void.sold_at_ms, &void.id.to_string())?;
    stock::take_back(transaction, &sale, &void, by)?;
    for (movement, amount) in GivenBack::of(&sale).gift_cards {
        gift_cards::give_back(transaction, by, movement, amount, &void.id.to_string())?;
    }
    serials::book(transaction, &void)?;
    transaction.put(&SALES, sequence, &void)?;
    transaction.put(&VOIDS, id.sequence, &Voided { void: void.id, at_ms: by.at_ms })?;
    audit::record(transaction, by, &SaleVoided { sale: id, void: void.id, reason })?;
    if let Some(printer) = &context.printer {
        printing::receipts::queue(transaction, printer, sequence)?;
    }
    Ok((sale, void))
}

/// Whether a sale is void.
pub(super) fn is_void(transaction: &Transaction<'_>, id: SaleId) -> Result<bool, StoreError> {
    Ok(transaction.get(&VOIDS, id.sequence)?.is_some())
}

/// The same, outside a commit.
pub(super) fn was_voided(store: &Store, id: SaleId) -> Result<bool, StoreError> {
    Ok(store.get(&VOIDS, id.sequence)?.is_some())
}

/// Forgets the voids of sales that are deleted.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    Ok(vec![("voids", store.forget(&VOIDS, move |voided: &Voided| voided.at_ms < keep_from_ms)?)])
}
