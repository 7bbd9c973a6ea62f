//! Orders that registers place for other stores or the warehouse (endless aisle), or that a customer will collect
//! elsewhere. Each waits for HQ's answer; without one it is given up.

use commerce::{
    OrderId,
    order::{Customer, Kind, Order, Ordered, Payment, Terms},
};
use contract::order::{Destination, OrderPlaced, OrderTracked, OrderWithdrawn, Tracked, Withdrawal};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    PLACE,
    due::Due,
    events,
    records::{ALL, DUE, Part},
    refusals::{PLACED_OVER, PLACED_UNKNOWN},
};
use crate::{By, Refusal, catalog::Catalog, catalog::ITEM_UNKNOWN, lists, stock};

/// Orders placed here, by id.
static PLACED: Table<Name, Placed> = Table::new("order_placed");

/// The counter of placed orders.
const NUMBER: &str = "order_placed";

/// Without an answer an order is given up after a day.
pub const ANSWER_WITHIN_MS: i64 = 24 * 60 * 60 * 1000;

/// A request to place an order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// `endless_aisle` to have it sent, or `reserve` or `pickup` to have it collected at another store.
    pub kind: Kind,
    /// The destination.
    pub to: Destination,
    /// The customer.
    pub customer: Customer,
    /// How it is paid.
    pub payment: Payment,
    /// When it should be ready: milliseconds since 1970, UTC.
    pub due_ms: i64,
    /// The goods, at the prices that the customer agreed to.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<Ordered>,
}

/// An order that was placed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placed {
    /// The order, its destination, and who placed it.
    pub placed: OrderPlaced,
    /// What became of it.
    #[serde(flatten)]
    pub state: PlacedState,
}

/// The states of an order that was placed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PlacedState {
    /// To be confirmed: HQ has not answered.
    Waiting,
    /// HQ has taken it, or refused it.
    Answered {
        /// The answer, and the time from which it is.
        tracked: OrderTracked,
    },
    /// It was given up.
    Withdrawn {
        /// Why.
        why: Withdrawal,
        /// When: milliseconds since 1970, UTC.
        at_ms: i64,
    },
}

/// Places an order. It is "to be confirmed" until HQ answers.
///
/// # Errors
/// A rule of orders refuses it, or an item is not on file.
pub fn place(transaction: &mut Transaction<'_>, by: &By, catalog: &Catalog, asked: Place) -> Result<Placed, Refusal> {
    PLACE.require(&by.actor)?;
    let home = stock::home(transaction)?;
    let number = transaction.last_number(NUMBER)? + 1;
    let hub: String = home.hub.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(14).collect();
    let invalid = |error: commerce::InvalidId| crate::refusal::BAD_REQUEST.because(error.to_string());
    let order: OrderId = format!("{hub}-{:x}-{number}", home.epoch).parse().map_err(invalid)?;
    let Place { kind, to, customer, payment, due_ms, lines } = asked;
    let terms = Terms {
        order: order.clone(),
        kind,
        customer: Some(customer),
        receiver: None,
        currency: home.currency,
        payment,
        placed_at_ms: by.at_ms,
        due_ms,
        keep_until_ms: None,
    };
    let ordered = Order { terms, lines };
    ordered.check(by.at_ms, |sku| catalog.sku(sku).map(|item| item.price.per)).map_err(|refused| {
        match refused.rule {
            commerce::order::Rule::UnknownItem { ref sku } => ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}")),
            _ => refused.into(),
        }
    })?;
    transaction.next_number(NUMBER)?;
    let answer_by_ms = by.at_ms.saturating_add(ANSWER_WITHIN_MS);
    let placed = OrderPlaced { order: ordered, to, at_ms: by.at_ms, by: by.actor.clone(), answer_by_ms };
    let record = Placed { placed: placed.clone(), state: PlacedState::Waiting };
    let due = Due { at_ms: answer_by_ms, part: Part { order: order.clone(), part: 0 } };
    transaction.put(&DUE, (ALL, &due.part.at(answer_by_ms)), &due)?;
    transaction.put(&PLACED, order.as_str(), &record)?;
    events::placed(transaction, placed)?;
    Ok(record)
}

fn unknown(order: &OrderId) -> Refusal {
    PLACED_UNKNOWN.because(format!("no order {order} was placed here")).member("order", order.as_str())
}

fn read(transaction: &Transaction<'_>, order: &OrderId) -> Result<Placed, Refusal> {
    transaction.get(&PLACED, order.as_str())?.ok_or_else(|| unknown(order))
}

/// The customer does not want it any more. HQ cancels what it has.
///
/// # Errors
/// The order does not exist, was refused or withdrawn.
pub fn withdraw(transaction: &mut Transaction<'_>, by: &By, order: &OrderId) -> Result<Placed, Refusal> {
    PLACE.require(&by.actor)?;
    let placed = read(transaction, order)?;
    let is_over = match &placed.state {
        PlacedState::Withdrawn { .. } => true,
        PlacedState::Answered { tracked } => matches!(tracked.answer, Tracked::Refused { .. }),
        PlacedState::Waiting => false,
    };
    if is_over {
        let detail = format!("order {order} was refused or withdrawn already");
        return Err(PLACED_OVER.because(detail).member("order", order.as_str()));
    }
    give_up(transaction, by, order, placed, Withdrawal::Cancelled)
}

fn give_up(
    transaction: &mut Transaction<'_>,
    by: &By,
    order: &OrderId,
    mut placed: Placed,
    why: Withdrawal,
) -> Result<Placed, Refusal> {
    placed.state = PlacedState::Withdrawn { why, at_ms: by.at_ms };
    transaction.put(&PLACED, order.as_str(), &placed)?;
    events::withdrawn(transaction, OrderWithdrawn { order: order.clone(), at_ms: by.at_ms, why })?;
    Ok(placed)
}

/// Gives an order up that HQ has not answered in time.
pub(super) fn give_up_unanswered(transaction: &mut Transaction<'_>, by: &By, order: &OrderId) -> Result<(), Refusal> {
    let found = match transaction.get(&PLACED, order.as_str()) {
        Err(StoreError::Corrupt { .. }) => None,
        found => found?,
    };
    match found.filter(|placed| placed.state == PlacedState::Waiting) {
        Some(placed) => give_up(transaction, by, order, placed, Withdrawal::Unanswered).map(drop),
        None => Ok(()),
    }
}

/// HQ's answer. An order that was withdrawn stays so: HQ hears of it.
pub(super) fn tracked(transaction: &mut Transaction<'_>, _: &By, tracked: OrderTracked) -> Result<(), Refusal> {
    let mut placed = read(transaction, &tracked.order)?;
    let is_newer = match &placed.state {
        PlacedState::Waiting => true,
        PlacedState::Answered { tracked: earlier } => earlier.as_of_ms <= tracked.as_of_ms,
        PlacedState::Withdrawn { .. } => false,
    };
    if is_newer {
        let order = tracked.order.clone();
        placed.state = PlacedState::Answered { tracked };
        transaction.put(&PLACED, order.as_str(), &placed)?;
    }
    Ok(())
}

/// An order that was placed here.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn placed(store: &Store, order: &OrderId) -> Result<Placed, Refusal> {
    store.get(&PLACED, order.as_str())?.ok_or_else(|| unknown(order))
}

/// Orders that were placed here, by id, after one.
///
/// # Errors
/// The store fails.
pub fn placed_orders(store: &Store, after: Option<&str>, limit: usize) -> Result<Vec<Placed>, StoreError> {
    let page = lists::readable_page(store, &PLACED, after, store::Order::Ascending, limit + 1)?;
    let is_after = |placed: &Placed| after.is_none_or(|after| placed.placed.order.terms.order.as_str() > after);
    Ok(page.into_iter().filter(is_after).take(limit).collect())
}

/// Deletes orders that were placed before a time and wait for nothing; returns how many.
pub(super) fn forget(store: &Store, before_ms: i64) -> Result<u64, StoreError> {
    let is_over = |placed: &Placed| placed.state != PlacedState::Waiting && placed.placed.at_ms < before_ms;
    store.forget(&PLACED, is_over)
}
