//! Baskets at the till: the commands they take.

use commerce::{Basket, BasketId, Currency, Discount, Line, Minor, RegisterName, Totals};
use serde::{Deserialize, Serialize};
use store::{StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    ABANDON, ABANDON_ANY, SELL,
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

/// A basket after a command: its sums, and the line that the command was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The line that was added or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// The sums.
    pub totals: Totals,
    /// What is still to be paid; negative if there is change to give.
    pub due: Minor,
}

impl Standing {
    fn of(basket: &Basket, line: Option<u32>) -> Self {
        let line = line.and_then(|number| basket.lines.iter().find(|line| line.number == number).cloned());
        Self { line, totals: basket.totals(), due: basket.due() }
    }
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
pub(super) const ACTS: &[ActKind] = &[BasketAbandoned::KIND];

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
    change(transaction, by, id, |transaction, basket| {
        basket.tender(tender.into())?;
        if basket.tenders.len() == 1 {
            stock::hold(transaction, basket, by.at_ms)?;
        }
        Ok(None)
    })
}

/// Gives a basket up of which nothing is paid; what was reserved for it is open again. A register its own, a person
/// any.
///
/// # Errors
/// Something is paid or being paid, or it is another register's.
pub fn abandon(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<Standing, Refusal> {
    ABANDON.require(&by.actor)?;
    let is_any = ABANDON_ANY.is_held_by(&by.actor);
    let mut basket = if is_any { any_basket(transaction, id)? } else { own_basket(transaction, by, id)? };
    basket.abandon()?;
    stock::leave_reservations(transaction, &mut basket)?;
    put_basket(transaction, &basket)?;
    if is_any {
        audit::record(transaction, by, &BasketAbandoned { basket: id, register: basket.register.clone() })?;
    }
    Ok(Standing::of(&basket, None))
}
