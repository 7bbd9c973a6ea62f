//! Refusals of orders and of their changes. A refusal changes nothing.

use commerce::{
    OrderId,
    order::{Refusal, Rule},
};
use contract::HubId;

use crate::{database::DatabaseError, down::QueueError};

/// The kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The order breaks a rule.
    Invalid,
    /// No store knows the item.
    UnknownItem,
    /// The promised time is in the past.
    PastSlot,
    /// The store is unknown.
    UnknownStore,
    /// The store is closed at the promised time.
    StoreClosed,
    /// The pickup slot is full.
    SlotFull,
    /// No store can promise the whole order.
    NotAvailable,
    /// The id belongs to another order.
    Reused,
    /// The order is unknown.
    UnknownOrder,
    /// Not possible any more.
    TooLate,
}

/// A refusal, with the order, the line and the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order {order}{}: {detail}", line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct Refused {
    /// Its kind.
    pub why: Why,
    /// The order.
    pub order: OrderId,
    /// The line, if it is about one.
    pub line: Option<u32>,
    /// The rule's name, for programs.
    pub rule: &'static str,
    /// What failed, with values, and what to do.
    pub detail: String,
}

impl Refused {
    pub(super) fn of(order: &OrderId, why: Why, rule: &'static str, detail: impl Into<String>) -> Self {
        Self { why, order: order.clone(), line: None, rule, detail: detail.into() }
    }

    /// The order is unknown.
    pub(crate) fn unknown(order: &OrderId) -> Self {
        Self::of(order, Why::UnknownOrder, "unknown_order", "unknown order")
    }

    pub(super) fn unknown_store(order: &OrderId, store: &HubId) -> Self {
        let detail = format!("unknown store {store}; add it with `store-hub-hq stores load`");
        Self::of(order, Why::UnknownStore, "unknown_store", detail)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let why = match refusal.rule {
            Rule::UnknownItem { .. } => Why::UnknownItem,
            Rule::PastSlot { .. } => Why::PastSlot,
            _ => Why::Invalid,
        };
        let (rule, detail) = (refusal.rule.name(), refusal.rule.to_string());
        Self { why, order: refusal.order, line: refusal.line, rule, detail }
    }
}

/// An error without effect.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// A refusal.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The ledger or a hub's queue failed.
    #[error(transparent)]
    Failed(#[from] QueueError),
}

impl From<DatabaseError> for OrderError {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refusal> for OrderError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}
