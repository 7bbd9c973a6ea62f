//! A sale's trail in the log: from the request to HQ by one id.
//!
//! Every request, payment and receipt has a span. The commit it asks for runs in its span, and notes there what it is
//! about: `basket`, `payment`, `sale`. So every line that is logged from then on has them, and with
//! `STORE_HUB_LOG=debug` the log tells of each sale:
//!
//! | span | line | its ids |
//! | --- | --- | --- |
//! | `request`: id, method, route | `committed`, then `answered` | basket, payment, sale |
//! | `payment`: terminal; within its request, if it has one | `committed` | basket, payment, sale |
//! | `receipt`: printer | `receipt printed` | sale |
//! | | `event read for HQ`: stream, sequence | the sale is its `subject` |
//! | | `batch sent to HQ`: stream, first and last sequence; `HQ has events`: up to which | |
//!
//! A request is told by its route, not by its path: whatever a client writes into a path may be a card number.

use std::sync::atomic::{AtomicU64, Ordering};

use app::payments::Payment;
use axum::{extract::MatchedPath, http::Method};
use commerce::SaleId;
use tracing::{Span, field};

/// The span of a request.
pub(crate) fn request(method: &Method, route: Option<&MatchedPath>) -> Span {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    let route = route.map_or("none", MatchedPath::as_str);
    let (basket, payment, sale) = (field::Empty, field::Empty, field::Empty);
    tracing::info_span!("request", id, %method, route, basket, payment, sale)
}

/// The span of a payment that is driven.
pub(crate) fn payment(payment: &Payment) -> Span {
    let Payment { id, basket, terminal, .. } = payment;
    tracing::info_span!("payment", payment = %id, %basket, %terminal, sale = field::Empty)
}

/// The span of a terminal that closes its day.
pub(crate) fn reconciliation(terminal: &str) -> Span {
    tracing::info_span!("reconciliation", terminal)
}

/// The span of a receipt.
pub(crate) fn receipt(printer: &str) -> Span {
    tracing::info_span!("receipt", printer, sale = field::Empty)
}

/// Notes on the current span which sale it is about: a command that is repeated has no commit that does.
pub(crate) fn about(sale: SaleId) {
    Span::current().record("sale", field::display(sale));
}
