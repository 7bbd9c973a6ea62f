//! Basket commands.

use commerce::{
    Basket, BasketId, BasketTender, Currency, Discount, Line, Minor, PaymentId, RegisterName, Tender, Totals,
    customer::CustomerId, gift_card::CardNumber, operator::Right,
};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    ABANDON, ANY_BASKET, SELL, VOID_TENDER,
    receipts::require_numbers,
    records::{any_basket, own_basket, put_basket},
    request::{FoundLine, OpenBasket, TenderRequest},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    customers, gift_cards,
    operators::allow,
    orders,
    pricing::{self, BuyerRequest, Pricing},
    recalls, returns, serials, stock,
};

/// The result of opening a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Opened {
    /// The basket's id.
    pub id: BasketId,
}

/// A basket after a command: its totals, and the affected line or tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BasketStatus {
    /// The line that was added or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The tender that was added or voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<BasketTender>,
    /// The totals.
    pub totals: Totals,
    /// The amount still due; negative if change is due.
    pub due: Minor,
    /// The amount due if the rest is paid in cash, rounded to the smallest coin; absent if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_cash: Option<Minor>,
}

impl BasketStatus {
    /// A basket after a command about a line.
    pub(crate) fn of(basket: &Basket, line: Option<u32>) -> Self {
        let line = line.and_then(|number| basket.lines.iter().find(|line| line.number == number).cloned());
        let (due, in_cash) = (basket.due(), basket.due_in_cash());
        let due_in_cash = Some(in_cash).filter(|in_cash| *in_cash != due);
        Self { line, tender: None, totals: basket.totals(), due, due_in_cash }
    }
}

/// A tender was voided and the money given back.
#[derive(Serialize)]
pub(super) struct TenderVoided {
    /// The basket.
    basket: BasketId,
    /// The register of the basket.
    register: RegisterName,
    /// The number of the tender in the basket.
    tender: u32,
    /// The kind of tender, such as `cash`.
    kind: &'static str,
    /// The amount.
    amount: Minor,
}

impl Act for TenderVoided {
    const KIND: ActKind =
        ActKind { name: "tender_voided", doc: "Cash or a coupon was given back before its basket was completed" };
}

/// A person abandoned the unpaid basket of a register.
#[derive(Serialize)]
pub(super) struct BasketAbandoned {
    /// The basket.
    basket: BasketId,
    /// The register of the basket.
    register: RegisterName,
}

impl Act for BasketAbandoned {
    const KIND: ActKind =
        ActKind { name: "basket_abandoned", doc: "A person abandoned the unpaid basket of a register" };
}

/// The counter of baskets.
pub(super) const NUMBERS: &str = "basket";

/// Assigns a basket id.
pub(crate) fn new_basket_id(transaction: &mut Transaction<'_>) -> Result<BasketId, StoreError> {
    transaction.next_number(NUMBERS).map(BasketId)
}

/// Opens a basket and claims the stock reservations that it names.
///
/// # Errors
/// A text is invalid, a coupon is unknown, or a reservation is not available.
pub fn open(
    transaction: &mut Transaction<'_>,
    by: &By,
    currency: Currency,
    pricing: Option<&Pricing>,
    request: OpenBasket,
) -> Result<Opened, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    let OpenBasket { reference, customer, buyer, reservations } = request;
    let (id, register) = (new_basket_id(transaction)?, by.register()?.clone());
    let operator = by.actor.operator.clone();
    let mut basket = Basket::open(id, register, operator, currency, by.at_ms, reference, customer)?;
    let buyer = customers::known_buyer(transaction, pricing, buyer, basket.customer.as_deref(), by.at_ms)?;
    basket.identify(buyer)?;
    basket.reservations = reservations;
    stock::claim(transaction, &basket)?;
    put_basket(transaction, &basket)?;
    Ok(Opened { id })
}

/// Changes a basket of the register; `work` returns the affected line.
pub(super) fn change(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    work: impl FnOnce(&mut Transaction<'_>, &mut Basket) -> Result<Option<u32>, Refusal>,
) -> Result<BasketStatus, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    let mut basket = own_basket(transaction, by, id)?;
    let line = work(transaction, &mut basket)?;
    put_basket(transaction, &basket)?;
    Ok(BasketStatus::of(&basket, line))
}

/// Adds a line: scanned, keyed, weighed, or not on file.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn add_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: FoundLine,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        let number = line.add_to(basket)?;
        recalls::refuse(transaction, basket.lines.last())?;
        serials::refuse(transaction, &basket.lines)?;
        allow_discounts(transaction, by, basket, number)?;
        Pricing::apply(pricing, basket)?;
        Ok(Some(number))
    })
}

/// Adds a line that sells a gift card or tops it up. The card is loaded in the commit of the sale.
///
/// # Errors
/// The card is of another currency or blocked, or the rules of the basket refuse it.
pub fn add_gift_card(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    card: CardNumber,
    amount: Minor,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        gift_cards::may_load(transaction, &card, basket.currency)?;
        let number = basket.add_load(card, amount)?;
        Pricing::apply(pricing, basket)?;
        Ok(Some(number))
    })
}

/// Replaces what is known about the customer: groups, coupons, tax exemption, checked age.
///
/// # Errors
/// A coupon is unknown, or the rules of the basket refuse it.
pub fn identify(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    buyer: BuyerRequest,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        set_buyer(transaction, by, pricing, basket, buyer)?;
        Ok(None)
    })
}

/// Identifies the buyer of a basket and prices it again.
fn set_buyer(
    transaction: &Transaction<'_>,
    by: &By,
    pricing: Option<&Pricing>,
    basket: &mut Basket,
    request: BuyerRequest,
) -> Result<(), Refusal> {
    let buyer = customers::known_buyer(transaction, pricing, request, basket.customer.as_deref(), by.at_ms)?;
    basket.identify(buyer)?;
    Pricing::apply(pricing, basket)
}

/// Sets the customer of a basket; what was known about the one before is forgotten, except the checked age and the
/// coupons that were presented. Personal offers go with their customer.
///
/// # Errors
/// Something is paid, or the rules of the basket refuse it.
pub fn set_customer(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    customer: Option<CustomerId>,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        let personal = customers::offers(transaction, basket.customer.as_deref())?;
        let presented = basket.buyer.coupons.iter().map(|coupon| coupon.code.clone());
        let coupons = presented.filter(|code| !personal.contains(code)).collect();
        basket.set_customer(customer.map(String::from))?;
        let request = BuyerRequest { checked_age: basket.buyer.checked_age, coupons, ..BuyerRequest::default() };
        set_buyer(transaction, by, pricing, basket, request)?;
        Ok(None)
    })
}

/// Voids a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn void_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: u32,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        let returned = basket.returns.iter().find(|ticket| ticket.lines.contains(&line)).cloned();
        basket.void_line(line)?;
        if let Some(ticket) = returned {
            returns::release(transaction, &ticket, &basket.lines)?;
        }
        Pricing::apply(pricing, basket)?;
        Ok(Some(line))
    })
}

/// Applies a discount to a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn discount_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    pricing: Option<&Pricing>,
    line: u32,
    discount: Discount,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |transaction, basket| {
        basket.discount(line, discount)?;
        allow_discounts(transaction, by, basket, line)?;
        Pricing::apply(pricing, basket)?;
        Ok(Some(line))
    })
}

/// Requires that the operator may grant the discounts of a person on a line.
pub(crate) fn allow_discounts(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &Basket,
    number: u32,
) -> Result<(), Refusal> {
    let line = basket.lines.iter().find(|line| line.number == number);
    let permille = line.map_or(0, Line::granted_permille);
    if permille > 0 {
        allow(transaction, by, Right::Discount, permille)?;
    }
    Ok(())
}

/// Adds cash or a coupon. The first tender fixes the lines and reserves their stock, so that a paid sale is never
/// refused for lack of stock. Before that, the restrictions of the goods are checked, and coupons are spent.
///
/// # Errors
/// The rules of the basket refuse it, the goods may not be sold now or to this customer, a coupon is used up, or there
/// is not enough stock.
pub fn tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    tender: TenderRequest,
) -> Result<BasketStatus, Refusal> {
    let mut taken = None;
    let standing = change(transaction, by, id, |transaction, basket| {
        let was_paid = basket.is_partly_paid();
        let tender = match tender {
            TenderRequest::GiftCard { amount, presented } => {
                gift_cards::redeem(transaction, by, &presented, (amount, basket.currency), &id.to_string())?
            }
            plain => plain.plain()?,
        };
        basket.tender(tender)?;
        taken = basket.tenders.last().cloned();
        if !was_paid {
            require_numbers(transaction)?;
            recalls::refuse(transaction, &basket.lines)?;
            serials::refuse(transaction, &basket.lines)?;
            pricing::fix(transaction, basket, by.at_ms)?;
            stock::hold(transaction, basket, by.at_ms)?;
        }
        Ok(None)
    })?;
    Ok(BasketStatus { tender: taken, ..standing })
}

/// Voids a cash or coupon tender, which is given back. A register may do so for its own baskets, a person for any; the
/// audit trail records it. Once all tenders are voided, the lines may change again, and the stock reserved for them is
/// on hand.
///
/// # Errors
/// No such tender, it is a card tender, or the basket belongs to another register.
pub fn void_tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    number: u32,
) -> Result<BasketStatus, Refusal> {
    VOID_TENDER.require(&by.actor)?;
    allow(transaction, by, Right::VoidTender, 0)?;
    let mut basket = basket_of(transaction, by, id)?;
    let voided = basket.void_tender(number)?.clone();
    if let Tender::GiftCard { amount, movement, .. } = &voided.tender {
        gift_cards::give_back(transaction, by, *movement, *amount, &id.to_string())?;
    }
    if !basket.is_partly_paid() {
        pricing::release(transaction, &mut basket)?;
        stock::release_holds(transaction, &mut basket, by.at_ms)?;
    }
    put_basket(transaction, &basket)?;
    let (kind, amount) = (voided.tender.kind(), voided.tender.amount());
    let act = TenderVoided { basket: id, register: basket.register.clone(), tender: number, kind, amount };
    audit::record(transaction, by, &act)?;
    Ok(BasketStatus { tender: Some(voided), ..BasketStatus::of(&basket, None) })
}

/// A basket that the actor may abandon: a register's own, or any for a person.
fn basket_of(transaction: &Transaction<'_>, by: &By, id: BasketId) -> Result<Basket, Refusal> {
    if ANY_BASKET.is_held_by(&by.actor) { any_basket(transaction, id) } else { own_basket(transaction, by, id) }
}

/// A basket with one of its tenders.
///
/// # Errors
/// The basket does not exist, or the store fails.
pub fn status(store: &Store, id: BasketId, tender: u32) -> Result<BasketStatus, Refusal> {
    let unknown = || super::BASKET_UNKNOWN.because(format!("unknown basket {id}"));
    let basket = super::basket(store, id)?.ok_or_else(unknown)?;
    let tender = basket.tenders.iter().find(|taken| taken.number == tender).cloned();
    Ok(BasketStatus { tender, ..BasketStatus::of(&basket, None) })
}

/// The card payment of a tender, for whoever may void it; `None` if it is another kind of tender.
///
/// # Errors
/// No such tender, or the basket belongs to another register.
pub(crate) fn card_tender(
    transaction: &Transaction<'_>,
    by: &By,
    id: BasketId,
    number: u32,
) -> Result<Option<PaymentId>, Refusal> {
    VOID_TENDER.require(&by.actor)?;
    Ok(basket_of(transaction, by, id)?.card_tender(number)?)
}

/// Abandons a basket; its reservations are open again. A register may do so for its own baskets, a person for any.
/// Returns its card payments as well, approved or running, which nobody wants any more.
///
/// # Errors
/// Cash or a coupon must be given back first, or the basket belongs to another register.
pub(crate) fn abandon(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
) -> Result<(BasketStatus, Vec<PaymentId>), Refusal> {
    ABANDON.require(&by.actor)?;
    let mut basket = basket_of(transaction, by, id)?;
    let unwanted = basket.abandon()?;
    for ticket in &basket.returns {
        returns::release(transaction, ticket, &basket.lines)?;
    }
    pricing::release(transaction, &mut basket)?;
    stock::release_holds(transaction, &mut basket, by.at_ms)?;
    stock::leave_reservations(transaction, &mut basket)?;
    if let Some(collected) = &basket.order {
        orders::leave(transaction, by, collected, id)?;
    }
    put_basket(transaction, &basket)?;
    if by.actor.register_name().is_none() {
        audit::record(transaction, by, &BasketAbandoned { basket: id, register: basket.register.clone() })?;
    }
    Ok((BasketStatus::of(&basket, None), unwanted))
}
