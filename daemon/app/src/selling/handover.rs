//! Handing an order over: the checked goods become a basket, and that a sale.

use commerce::{Basket, BasketId, Minor, Tender, operator::Right, order};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;

use super::{
    SELL, complete, new_basket_id,
    receipts::require_numbers,
    records::put_basket,
    sale::{SaleContext, SaleDone},
};
use crate::{
    By, Refusal,
    operators::allow,
    orders::{self, Collect, Part},
};

/// What became of a handover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum HandedOver {
    /// Nothing is due: the goods are sold and gone.
    Sold {
        /// The sale.
        #[serde(flatten)]
        sale: SaleDone,
    },
    /// The customer pays now: the goods are handed over when this basket is completed.
    ToPay {
        /// The basket.
        basket: BasketId,
        /// What is due, in minor units.
        due: Minor,
    },
    /// A transfer left for its receiver, without a sale.
    Sent,
}

/// Takes goods of an order out of the store: to a customer or with a carrier. What is paid already is sold in this
/// commit; otherwise the order waits in a basket for its payment.
///
/// # Errors
/// A rule of the order refuses it, or it is in another basket.
pub fn hand_over(
    transaction: &mut Transaction<'_>,
    by: &By,
    context: &SaleContext,
    part: &Part,
    asked: Collect,
) -> Result<HandedOver, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    let terms = orders::terms(transaction, part)?;
    if let (order::Kind::Transfer, Collect::Ship { amounts, tracking }) = (terms.kind, &asked) {
        let ship = order::Command::Ship { amounts: amounts.clone(), tracking: tracking.clone() };
        orders::run(transaction, by, part, ship)?;
        return Ok(HandedOver::Sent);
    }
    require_numbers(transaction)?;
    let (id, register) = (new_basket_id(transaction)?, by.register()?.clone());
    let collected = orders::collect(transaction, by, part, id, asked)?;
    let (operator, reference) = (by.actor.operator.clone(), Some(part.order.to_string()));
    let customer = terms.customer.as_ref().and_then(|customer| customer.id.as_ref()).map(ToString::to_string);
    let mut basket = Basket::open(id, register, operator, terms.currency, by.at_ms, reference, customer)?;
    for line in collected.lines() {
        basket.add_line(line)?;
    }
    if let Some(reference) = collected.prepaid.filter(|_| basket.due().is_positive()) {
        basket.tender(Tender::Prepaid { amount: basket.due(), reference })?;
    }
    basket.order = Some(collected.order);
    if basket.due().is_positive() {
        put_basket(transaction, &basket)?;
        return Ok(HandedOver::ToPay { basket: id, due: basket.due() });
    }
    let sale = complete(transaction, &mut basket, context, true)?;
    Ok(HandedOver::Sold { sale: SaleDone::from(&sale) })
}
