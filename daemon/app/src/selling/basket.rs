//! Baskets at the till: the commands they take.

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

/// A basket that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Opened {
    /// Its id.
    pub id: BasketId,
}

/// A basket after a command: its sums, and the line or tender that the command was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The line that was added or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The tender that was taken or given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<BasketTender>,
    /// The sums.
    pub totals: Totals,
    /// What is still to be paid; negative if there is change to give.
    pub due: Minor,
}

impl Standing {
    fn of(basket: &Basket, line: Option<u32>) -> Self {
        let line = line.and_then(|number| basket.lines.iter().find(|line| line.number == number).cloned());
        Self { line, tender: None, totals: basket.totals(), due: basket.due() }
    }
}

/// A tender was given back to the customer.
#[derive(Serialize)]
struct TenderVoided {
    /// Of which basket.
    basket: BasketId,
    /// Whose.
    register: RegisterName,
    /// Its number in the basket.
    tender: u32,
    /// What it was: `cash`.
    kind: &'static str,
    /// How much.
    amount: Minor,
}

impl Act for TenderVoided {
    const KIND: ActKind =
        ActKind { name: "tender_voided", doc: "Cash or a coupon was given back before its basket was completed" };
}

/// The unpaid basket of a register was given up by a person.
#[derive(Serialize)]
struct BasketAbandoned {
    /// Which.
    basket: BasketId,
    /// Whose.
    register: RegisterName,
}

impl Act for BasketAbandoned {
    const KIND: ActKind =
        ActKind { name: "basket_abandoned", doc: "The unpaid basket of a register was given up by a person" };
}

/// What the audit trail records of baskets.
pub(super) const ACTS: &[ActKind] = &[BasketAbandoned::KIND, TenderVoided::KIND];

/// The next basket's number.
pub(crate) fn new_basket_id(transaction: &mut Transaction<'_>) -> Result<BasketId, StoreError> {
    transaction.next_number("basket").map(BasketId)
}

/// Opens a basket. It takes the stock reservations that it names.
///
/// # Errors
/// A text is invalid, or a reservation can't be taken.
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

/// Changes a basket of the register that commands; `work` gives the line it is about.
fn change(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    work: impl FnOnce(&mut Transaction<'_>, &mut Basket) -> Result<Option<u32>, Refusal>,
) -> Result<Standing, Refusal> {
    SELL.require(&by.actor)?;
    let mut basket = own_basket(transaction, by, id)?;
    let line = work(transaction, &mut basket)?;
    put_basket(transaction, &basket)?;
    Ok(Standing::of(&basket, line))
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
) -> Result<Standing, Refusal> {
    change(transaction, by, id, |_, basket| line.add_to(basket).map(Some))
}

/// Takes a line back.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn void_line(transaction: &mut Transaction<'_>, by: &By, id: BasketId, line: u32) -> Result<Standing, Refusal> {
    change(transaction, by, id, |_, basket| Ok(basket.void_line(line).map(|()| Some(line))?))
}

/// Takes a discount off a line.
///
/// # Errors
/// The rules of the basket refuse it.
pub fn discount_line(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    line: u32,
    discount: Discount,
) -> Result<Standing, Refusal> {
    change(transaction, by, id, |_, basket| Ok(basket.discount(line, discount).map(|()| Some(line))?))
}

/// Takes cash or a coupon. The first tender fixes the lines, and holds their stock: from then on nothing about stock
/// refuses what is paid.
///
/// # Errors
/// The rules of the basket refuse it, or the stock is not there.
pub fn tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    tender: TenderRequest,
) -> Result<Standing, Refusal> {
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
    Ok(Standing { tender: taken, ..standing })
}

/// Gives cash or a coupon back. A register of its own baskets, a person of any; the audit trail has it. When all is
/// given back the lines may change again, and what was held for them is on hand.
///
/// # Errors
/// No such tender, it is a card's, or the basket is another register's.
pub fn void_tender(transaction: &mut Transaction<'_>, by: &By, id: BasketId, number: u32) -> Result<Standing, Refusal> {
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
    Ok(Standing { tender: Some(voided), ..Standing::of(&basket, None) })
}

/// A basket as somebody may end it: a register its own, a person any.
fn basket_of(transaction: &Transaction<'_>, by: &By, id: BasketId) -> Result<Basket, Refusal> {
    if ANY_BASKET.is_held_by(&by.actor) { any_basket(transaction, id) } else { own_basket(transaction, by, id) }
}

/// Gives up a basket of which nothing is paid; what was reserved for it is open again. A register its own, a person
/// any.
///
/// # Errors
/// Something is paid or being paid, or it is another register's.
pub fn abandon(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<Standing, Refusal> {
    ABANDON.require(&by.actor)?;
    let mut basket = basket_of(transaction, by, id)?;
    basket.abandon()?;
    stock::leave_reservations(transaction, &mut basket)?;
    put_basket(transaction, &basket)?;
    if by.actor.register_name().is_none() {
        audit::record(transaction, by, &BasketAbandoned { basket: id, register: basket.register.clone() })?;
    }
    Ok(Standing::of(&basket, None))
}
