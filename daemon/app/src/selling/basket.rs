//! Basket commands.

use commerce::{Basket, BasketId, BasketTender, Currency, Discount, Line, Minor, RegisterName, Totals};
use serde::{Deserialize, Serialize};
use store::{StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    ABANDON, ANY_BASKET, SELL, VOID_TENDER,
    records::{any_basket, own_basket, put_basket},
    request::{FoundLine, OpenBasket, TenderRequest},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    stock,
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
}

impl BasketStatus {
    fn of(basket: &Basket, line: Option<u32>) -> Self {
        let line = line.and_then(|number| basket.lines.iter().find(|line| line.number == number).cloned());
        Self { line, tender: None, totals: basket.totals(), due: basket.due() }
    }
}

/// A tender was voided and the money given back.
#[derive(Serialize)]
struct TenderVoided {
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
struct BasketAbandoned {
    /// The basket.
    basket: BasketId,
    /// The register of the basket.
    register: RegisterName,
}

impl Act for BasketAbandoned {
    const KIND: ActKind =
        ActKind { name: "basket_abandoned", doc: "A person abandoned the unpaid basket of a register" };
}

/// The acts in the audit trail.
pub(super) const ACTS: &[ActKind] = &[BasketAbandoned::KIND, TenderVoided::KIND];

/// Assigns a basket id.
pub(crate) fn new_basket_id(transaction: &mut Transaction<'_>) -> Result<BasketId, StoreError> {
    transaction.next_number("basket").map(BasketId)
}

/// Opens a basket and claims the stock reservations that it names.
///
/// # Errors
/// A text is invalid, or a reservation is not available.
pub fn open(
    transaction: &mut Transaction<'_>,
    by: &By,
    currency: Currency,
    request: OpenBasket,
) -> Result<Opened, Refusal> {
    SELL.require(&by.actor)?;
    let OpenBasket { reference, customer, reservations } = request;
    let (id, register) = (new_basket_id(transaction)?, by.register()?.clone());
    let operator = by.actor.operator.clone();
    let mut basket = Basket::open(id, register, operator, currency, by.at_ms, reference, customer)?;
    basket.reservations = reservations;
    stock::claim(transaction, &basket)?;
    put_basket(transaction, &basket)?;
    Ok(Opened { id })
}

/// Changes a basket of the register; `work` returns the affected line.
fn change(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    work: impl FnOnce(&mut Transaction<'_>, &mut Basket) -> Result<Option<u32>, Refusal>,
) -> Result<BasketStatus, Refusal> {
    SELL.require(&by.actor)?;
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
    line: FoundLine,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |_, basket| line.add_to(basket).map(Some))
}

/// Voids a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn void_line(transaction: &mut Transaction<'_>, by: &By, id: BasketId, line: u32) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |_, basket| Ok(basket.void_line(line).map(|()| Some(line))?))
}

/// Applies a discount to a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn discount_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    line: u32,
    discount: Discount,
) -> Result<BasketStatus, Refusal> {
    change(transaction, by, id, |_, basket| Ok(basket.discount(line, discount).map(|()| Some(line))?))
}

/// Adds cash or a coupon. The first tender fixes the lines and reserves their stock, so that a paid sale is never
/// refused for lack of stock.
///
/// # Errors
/// The rules of the basket refuse it, or there is not enough stock.
pub fn tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    tender: TenderRequest,
) -> Result<BasketStatus, Refusal> {
    let mut taken = None;
    let standing = change(transaction, by, id, |transaction, basket| {
        let was_paid = basket.is_partly_paid();
        basket.tender(tender.into())?;
        taken = basket.tenders.last().cloned();
        if !was_paid {
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
    let mut basket = basket_of(transaction, by, id)?;
    let voided = basket.void_tender(number)?.clone();
    if !basket.is_partly_paid() {
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

/// Abandons an unpaid basket; its reservations are open again. A register may do so for its own baskets, a person for
/// any.
///
/// # Errors
/// Something is paid or being paid, or the basket belongs to another register.
pub fn abandon(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<BasketStatus, Refusal> {
    ABANDON.require(&by.actor)?;
    let mut basket = basket_of(transaction, by, id)?;
    basket.abandon()?;
    stock::leave_reservations(transaction, &mut basket)?;
    put_basket(transaction, &basket)?;
    if by.actor.register_name().is_none() {
        audit::record(transaction, by, &BasketAbandoned { basket: id, register: basket.register.clone() })?;
    }
    Ok(BasketStatus::of(&basket, None))
}
