//! What each terminal did, in one sequence: the store's side of a reconciliation.
//!
//! A payment is booked in the commit of the event that says what its terminal did. Each booking is the change since the
//! payment's last one, so a payment that is charged, doubted and found charged is booked once.

use commerce::{Minor, PaymentState, payment::Event, reconciliation::Booking};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};

use super::{PAYMENTS, Payment};
use crate::{Retention, lists};

/// The bookings of each terminal, by number.
static BOOKINGS: Table<NameNumber, Booking> = Table::new("terminal_booking");

/// The counter of bookings.
const BOOKING: &str = "terminal_booking";

/// The bookings read at once.
const AT_ONCE: usize = 1_000;

/// What the terminal has in its books for a payment; `None` while that is not known.
fn booked(payment: &Payment) -> Option<Minor> {
    let charged = if payment.refund_of.is_some() { -payment.charged() } else { payment.charged() };
    match payment.state {
        PaymentState::Approved | PaymentState::ApprovedOffline => Some(charged),
        PaymentState::RefundSubmitted if payment.refund_of.is_some() => Some(charged),
        PaymentState::RefundSubmitted
        | PaymentState::Reversed
        | PaymentState::Declined { .. }
        | PaymentState::NotCharged { .. } => Some(Minor::ZERO),
        PaymentState::Created
        | PaymentState::Sent
        | PaymentState::InProgress
        | PaymentState::Unknown { .. }
        | PaymentState::Reversing => None,
    }
}

/// Books what an event says of the terminal. The caller writes the payment.
pub(super) fn follow(
    transaction: &mut Transaction<'_>,
    payment: &mut Payment,
    event: &Event,
    at_ms: i64,
) -> Result<(), StoreError> {
    // The bank declined it, and the terminal has it in its books.
    if matches!(event, Event::DeclineLater { .. }) {
        return Ok(());
    }
    let Some(booked) = booked(payment) else { return Ok(()) };
    let amount = booked - payment.booked;
    let decided = matches!(event, Event::Decide { .. });
    if amount.is_zero() && !decided {
        return Ok(());
    }
    let number = match transaction.next_number(BOOKING) {
        Ok(number) => number,
        // What the terminal did must be stored all the same. The reconciliation then differs by this payment.
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, payment = %payment.id, "the counter of bookings is damaged; this one is missing");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    payment.booked = booked;
    let booking = Booking {
        number,
        terminal: payment.terminal.clone(),
        payment: payment.id,
        basket: payment.basket,
        register: payment.register.clone(),
        amount,
        requested: if payment.refund_of.is_some() { -payment.amount } else { payment.amount },
        decided,
        scheme: scheme(transaction, payment),
        masked_pan: payment.card.as_ref().and_then(|card| card.masked_pan.clone()),
        reference: payment.card.as_ref().map(|card| card.reference.clone()).unwrap_or_default(),
        at_ms,
    };
    transaction.put(&BOOKINGS, (&payment.terminal, number), &booking)
}

/// The scheme that the terminal named. Terminals name none when they refund an earlier payment: then that one's.
fn scheme(transaction: &Transaction<'_>, payment: &Payment) -> Option<String> {
    let of = |payment: &Payment| payment.card.as_ref().and_then(|card| card.scheme.clone());
    of(payment).or_else(|| match transaction.get(&PAYMENTS, payment.refund_of?.0) {
        Ok(original) => of(&original?),
        Err(error) => {
            tracing::warn!(%error, payment = %payment.id, "could not read the payment of a refund; its scheme is unknown");
            None
        }
    })
}

/// The number of the last booking of any terminal, in a commit.
pub(crate) fn last(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
    transaction.last_number(BOOKING)
}

/// The bookings of a terminal after one and through another. Blocks.
///
/// # Errors
/// The engine fails.
pub(crate) fn between(store: &Store, terminal: &str, after: u64, through: u64) -> Result<Vec<Booking>, StoreError> {
    let (mut found, mut next) = (Vec::new(), after + 1);
    loop {
        let page = lists::readable_page(store, &BOOKINGS, Some((terminal, next)), Order::Ascending, AT_ONCE)?;
        let is_last = page.len() < AT_ONCE;
        for booking in page {
            if booking.terminal != terminal || booking.number > through {
                return Ok(found);
            }
            next = booking.number + 1;
            found.push(booking);
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// Deletes bookings after the retention period of sales. Blocks.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<u64, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    store.forget(&BOOKINGS, move |booking| booking.at_ms < keep_from_ms)
}
