//! Parked baskets: a basket that waits, for any register of the store to recall.
//!
//! ```text
//! at its register --park--> parked --recall--> at the register that recalled it
//! ```
//!
//! A parked basket stays an open basket of the register that parked it, which may still sell or abandon it; then it is
//! no longer listed. The first recall moves it, so it is at one register at any time. Nothing may be paid: money stays
//! where it was taken. After a power failure it is listed as before.

use commerce::{BasketId, BasketState, Minor, RegisterName, line::checked_text, operator::Right};
use serde::{Deserialize, Serialize};
use store::{Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    Opened, SELL,
    records::{any_basket, own_basket, put_basket},
    refusals::{BASKET_NOT_OPEN, BASKET_NOT_PARKED, BASKET_PARTLY_PAID, PAYMENT_PENDING},
};
use crate::{By, Refusal, operators::allow};

/// Parked baskets by their number.
pub(super) static PARKED: Table<Number, ParkedBasket> = Table::new("parked_basket");

/// A parked basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedBasket {
    /// The basket.
    pub basket: BasketId,
    /// The register that parked it.
    pub register: RegisterName,
    /// When it was parked: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The number of its lines.
    pub lines: u32,
    /// What is due.
    pub due: Minor,
    /// By what it is found again, such as the customer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A request to park a basket.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParkRequest {
    /// By what it is found again, such as the customer's name.
    #[schema(min_length = 1, max_length = 120)]
    pub note: Option<String>,
}

/// Refuses a basket that can't change its register.
fn require_unpaid(basket: &commerce::Basket) -> Result<(), Refusal> {
    let id = basket.id;
    if basket.state != BasketState::Open {
        return Err(BASKET_NOT_OPEN.because(format!("basket {id} is completed or abandoned")));
    }
    if basket.reserved.is_some() {
        return Err(PAYMENT_PENDING.because(format!("a card payment of basket {id} is in progress")));
    }
    if basket.tenders.iter().any(|tender| !tender.voided) {
        return Err(BASKET_PARTLY_PAID.because(format!("basket {id} is partly paid; void its tenders first")));
    }
    Ok(())
}

/// Parks a basket of the register. Parking it again replaces the note.
///
/// # Errors
/// It is not open, or something is paid.
pub fn park(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    request: ParkRequest,
) -> Result<ParkedBasket, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    let basket = own_basket(transaction, by, id)?;
    require_unpaid(&basket)?;
    let lines = basket.lines.iter().filter(|line| !line.voided).count();
    let parked = ParkedBasket {
        basket: id,
        register: basket.register.clone(),
        at_ms: by.at_ms,
        lines: u32::try_from(lines).unwrap_or(u32::MAX),
        due: basket.due(),
        note: request.note.map(|note| checked_text("note", note)).transpose()?,
    };
    transaction.put(&PARKED, id.0, &parked)?;
    Ok(parked)
}

/// Moves a parked basket to the register.
///
/// # Errors
/// It is not parked, not open, or something is paid.
pub fn recall(transaction: &mut Transaction<'_>, by: &By, id: BasketId) -> Result<Opened, Refusal> {
    SELL.require(&by.actor)?;
    allow(transaction, by, Right::Sell, 0)?;
    if transaction.get(&PARKED, id.0)?.is_none() {
        return Err(BASKET_NOT_PARKED.because(format!("basket {id} is not parked; another register may have it")));
    }
    let mut basket = any_basket(transaction, id)?;
    require_unpaid(&basket)?;
    basket.register = by.register()?.clone();
    basket.operator.clone_from(&by.actor.operator);
    transaction.delete(&PARKED, id.0);
    put_basket(transaction, &basket)?;
    Ok(Opened { id })
}

/// All parked baskets, the oldest first. Damaged records are skipped; the check reports them.
///
/// # Errors
/// The engine fails.
pub fn parked(store: &Store) -> Result<Vec<ParkedBasket>, StoreError> {
    let mut all = Vec::new();
    store.each(&PARKED, |parked| all.extend(parked))?;
    all.sort_by_key(|parked: &ParkedBasket| (parked.at_ms, parked.basket.0));
    Ok(all)
}

#[cfg(test)]
mod tests;
